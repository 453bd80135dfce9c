package history

// follower looks at what one follower got: its pages, each object once, in the
// order of the feed, and nothing left out.
func (f *feed) follower(w Follower) {
	f.pages(w)
	switch {
	case f.changing && w.Manifest:
		f.sameRecords(w, true)
	case f.changing:
		f.changed(w)
	case w.Manifest:
		f.sameRecords(w, false)
	default:
		f.sameObjects(w)
	}
}

// pages looks at the dates of the pages, which must rise from page to page.
func (f *feed) pages(w Follower) {
	reached := ""
	for i, p := range w.Pages {
		switch {
		case p.Problem != "":
			f.breach(Denied, "%s: answer %d: %s", w.Name, i+1, p.Problem)
			continue
		case len(p.Objects) == 0:
			continue
		case p.First <= reached || p.Last < p.First:
			f.breach(Disorder, "%s: page %d has the dates %s to %s, after %s", w.Name, i+1, p.First, p.Last, reached)
		case w.Manifest && (p.First != p.Objects[0].Date || p.Last != p.Objects[len(p.Objects)-1].Date):
			f.breach(Disorder, "%s: page %d has the dates %s to %s, its records have others", w.Name, i+1, p.First, p.Last)
		case !w.Manifest && !f.changing:
			f.pageDates(w, i)
		}
		reached = p.Last
	}
}

// pageDates compares the dates of a page of objects with the manifest.
func (f *feed) pageDates(w Follower, page int) {
	p := w.Pages[page]
	for _, end := range []struct {
		o    Object
		date string
	}{{p.Objects[0], p.First}, {p.Objects[len(p.Objects)-1], p.Last}} {
		at, there := f.at[keyOf(end.o)]
		if there && at < len(f.Records) && f.Records[at].Date != end.date {
			f.breach(Disorder, "%s: page %d says that %s was added at %s, the manifest at %s", w.Name, page+1, end.o, end.date, f.Records[at].Date)
		}
	}
}

func (w Follower) objects() (all []Object) {
	for _, p := range w.Pages {
		all = append(all, p.Objects...)
	}
	return all
}

// sameObjects: from a feed in which nothing is deleted a follower gets exactly
// what is there, in its order.
func (f *feed) sameObjects(w Follower) {
	seen, last := map[key]bool{}, -1
	for i, o := range w.objects() {
		at, there := f.at[keyOf(o)]
		switch {
		case seen[keyOf(o)]:
			f.breach(Repeated, "%s: object %d is %s", w.Name, i+1, o)
			continue
		case !there:
			f.breach(Lost, "%s: object %d was %s, which is not there in the end", w.Name, i+1, o)
		case at < last:
			f.breach(Disorder, "%s: object %d, %s, came after one that lies behind it", w.Name, i+1, o)
		}
		seen[keyOf(o)], last = true, max(last, at)
	}
	for i, o := range f.Objects {
		if !seen[keyOf(o)] {
			f.breach(Missed, "%s: %s, object %d of %s", w.Name, o, i+1, f.Feed)
		}
	}
}

// sameRecords: a record with its date comes once, and all that are there in the
// end came. In a feed in which something was deleted others may have come too.
func (f *feed) sameRecords(w Follower, others bool) {
	there, seen, last := map[Object]bool{}, map[Object]bool{}, ""
	for _, r := range f.Records {
		there[r] = true
	}
	for i, r := range w.objects() {
		switch {
		case seen[r]:
			f.breach(Repeated, "%s: record %d is of %s", w.Name, i+1, r)
			continue
		case r.Date <= last:
			f.breach(Disorder, "%s: record %d is of %s, after %s", w.Name, i+1, r, last)
		case !there[r] && (!others || !f.excused(r)):
			f.breach(Lost, "%s: record %d was of %s, which is not there in the end", w.Name, i+1, r)
		}
		seen[r], last = true, max(last, r.Date)
	}
	for i, r := range f.Records {
		if !seen[r] {
			f.breach(Missed, "%s: record %d of %s, of %s", w.Name, i+1, f.Feed, r)
		}
	}
}

// excused tells that a version may have gone, or have come again, because
// something of its object was deleted.
func (f *feed) excused(o Object) bool {
	for _, d := range f.gone[o.ID] {
		if d.Outcome != Refused {
			return true
		}
	}
	return false
}

// changed: where versions are deleted, and come back to view behind what was
// there, a follower may get an object that has gone, or one more than once; but
// what is there in the end it got, the last time in this order.
func (f *feed) changed(w Follower) {
	got, lastly := w.objects(), map[key]int{}
	for i, o := range got {
		k := keyOf(o)
		_, there := f.at[k]
		_, again := lastly[k]
		switch {
		case len(f.senders[k]) == 0:
			f.breach(Strange, "%s: object %d is %s", w.Name, i+1, o)
		case again && !f.excused(o):
			f.breach(Repeated, "%s: object %d is %s", w.Name, i+1, o)
		case !there && !f.excused(o):
			f.breach(Lost, "%s: object %d was %s, which is not there in the end", w.Name, i+1, o)
		}
		lastly[k] = i
	}
	before := -1
	for i, o := range f.Objects {
		at, came := lastly[keyOf(o)]
		switch {
		case !came:
			f.breach(Missed, "%s: %s, object %d of %s", w.Name, o, i+1, f.Feed)
			continue
		case at < before:
			f.breach(Disorder, "%s: object %d, %s, came before one that lies before it", w.Name, at+1, o)
		}
		before = max(before, at)
	}
}
