package history

import (
	"cmp"
	"fmt"
	"slices"
)

// Fault is the kind of a breach.
type Fault string

// The faults that a history can show.
const (
	Lost      Fault = "acknowledged and missing"
	Twice     Fault = "there twice"
	Disorder  Fault = "out of order"
	Changed   Fault = "content differs"
	Strange   Fault = "nobody sent it"
	Undenied  Fault = "told as failed and there"
	Torn      Fault = "a part of a request is there"
	Undeleted Fault = "deleted and there"
	Unsaid    Fault = "the Status does not fit the request"
	Missed    Fault = "a follower missed it"
	Repeated  Fault = "a follower got it again"
	Denied    Fault = "a follower was refused"
	Unset     Fault = "a setting was lost"
)

// Breach is one thing that must not be, in words.
type Breach struct {
	Fault Fault
	Text  string
}

func (b Breach) String() string { return string(b.Fault) + ": " + b.Text }

// Check gives every breach of a history: none is what a good server leaves.
func Check(h History) []Breach {
	c := &checker{h: h}
	for _, e := range h.Ends {
		f := c.feed(e)
		f.content()
		f.manifest()
		f.adds()
		f.deletes()
		if !f.changing {
			f.order()
		}
		for _, w := range h.Followers {
			if w.Feed == e.Feed {
				f.follower(w)
			}
		}
	}
	c.settings()
	return c.found
}

type checker struct {
	h     History
	found []Breach
}

func (c *checker) breach(f Fault, format string, args ...any) {
	c.found = append(c.found, Breach{f, fmt.Sprintf(format, args...)})
}

// key is what tells versions apart: those without a version of their own differ
// by their content.
type key struct{ id, hash string }

func keyOf(o Object) key { return key{o.ID, o.Hash} }

// name is what may be there once: two contents of one name clash.
type name struct{ id, version string }

func nameOf(o Object) name { return name{o.ID, o.Version} }

// feed is the history of one feed.
type feed struct {
	*checker
	End
	writes   []*Request // Adds and Imports
	deleting []*Request
	at       map[key]int        // where it is in the end, from 0
	senders  map[key][]*Request // who sent it
	hashes   map[name][]string  // contents sent under one name that has a version
	gone     map[string][]*Request
	changing bool // there were deletions
}

func (c *checker) feed(e End) *feed {
	f := &feed{checker: c, End: e, at: map[key]int{}, senders: map[key][]*Request{}, hashes: map[name][]string{}, gone: map[string][]*Request{}}
	for i := range c.h.Requests {
		switch q := &c.h.Requests[i]; {
		case q.Feed != e.Feed:
		case q.Kind == Add, q.Kind == Import:
			f.sent(q)
		case q.Kind == Delete:
			f.deleting = append(f.deleting, q)
			f.gone[q.ID] = append(f.gone[q.ID], q)
		}
	}
	f.changing = len(f.deleting) > 0
	return f
}

func (f *feed) sent(q *Request) {
	f.writes = append(f.writes, q)
	for _, o := range q.Objects {
		f.senders[keyOf(o)] = append(f.senders[keyOf(o)], q)
		if n := nameOf(o); o.Version != "" && !slices.Contains(f.hashes[n], o.Hash) {
			f.hashes[n] = append(f.hashes[n], o.Hash)
		}
	}
}

// content looks at what is there in the end: each once, and as somebody sent it.
func (f *feed) content() {
	for i, o := range f.Objects {
		k := keyOf(o)
		if first, again := f.at[k]; again {
			f.breach(Twice, "%s: objects %d and %d are both %s", f.Feed, first+1, i+1, o)
			continue
		}
		f.at[k] = i
		switch senders := f.senders[k]; {
		case len(senders) == 0 && len(f.hashes[nameOf(o)]) > 0:
			f.breach(Changed, "%s: object %d, %s, has other bytes than were sent", f.Feed, i+1, o)
		case len(senders) == 0:
			f.breach(Strange, "%s: object %d is %s", f.Feed, i+1, o)
		case !slices.ContainsFunc(senders, func(q *Request) bool { return q.fate(o) != failed }):
			f.breach(Undenied, "%s: object %d, %s, was refused to %s at %s", f.Feed, i+1, o, senders[0].Client, clock(senders[0].End))
		}
	}
}

// manifest compares the records with the objects, and looks at their dates.
func (f *feed) manifest() {
	if len(f.Records) != len(f.Objects) {
		f.breach(Disorder, "%s: the manifest has %d records of %d objects", f.Feed, len(f.Records), len(f.Objects))
		return
	}
	names := map[name]int{}
	for i, r := range f.Records {
		o := f.Objects[i]
		if r.ID != o.ID || o.Version != "" && r.Version != o.Version {
			f.breach(Disorder, "%s: record %d is of %s, object %d is %s", f.Feed, i+1, r, i+1, o)
		}
		if first, again := names[nameOf(r)]; again {
			f.breach(Twice, "%s: records %d and %d are both of %s", f.Feed, first+1, i+1, r)
		}
		names[nameOf(r)] = i
		if i > 0 && r.Date <= f.Records[i-1].Date {
			f.breach(Disorder, "%s: record %d was added at %s, the one before it at %s", f.Feed, i+1, r.Date, f.Records[i-1].Date)
		}
	}
}

// adds looks whether what was acknowledged is there, and of what was not all or
// nothing.
func (f *feed) adds() {
	for _, q := range f.writes {
		for i, o := range q.Objects {
			_, there := f.at[keyOf(o)]
			switch {
			case q.fate(o) == unsaid:
				f.breach(Unsaid, "%s: the answer to the request of %s at %s does not say what became of object %d, %s", f.Feed, q.Client, clock(q.Start), i+1, o)
			case q.fate(o) == stored && !there && !f.mayBeGone(o, q):
				f.breach(Lost, "%s: %s sent %s at %s, was told at %s that it is stored, and it is not there", f.Feed, q.Client, o, clock(q.Start), clock(q.End))
			}
		}
		if q.Outcome == Done && q.Kind == Add && len(q.Successes)+len(q.Failures) != len(q.Objects) {
			f.breach(Unsaid, "%s: %s sent %d objects at %s and was told of %d", f.Feed, q.Client, len(q.Objects), clock(q.Start), len(q.Successes)+len(q.Failures))
		}
		f.whole(q)
	}
}

// mayBeGone tells that a deletion may have come after an Add.
func (f *feed) mayBeGone(o Object, q *Request) bool {
	return slices.ContainsFunc(f.gone[o.ID], func(d *Request) bool {
		return d.Outcome != Refused && (d.Version == "" || d.Version == o.Version) && d.End > q.Start
	})
}

// own tells that only this request sent an object, that no other content goes
// by its name, and that nobody deletes it: it is there if the request was
// carried out.
func (f *feed) own(o Object) bool {
	return len(f.senders[keyOf(o)]) == 1 && len(f.hashes[nameOf(o)]) <= 1 && len(f.gone[o.ID]) == 0
}

// whole looks, batch by batch, whether a part of a request is there, and whether
// a batch is there without the one before it.
func (f *feed) whole(q *Request) {
	ended := false
	for batch := range slices.Chunk(q.Objects, cmp.Or(q.Batch, len(q.Objects), 1)) {
		own, there := 0, 0
		for _, o := range batch {
			if f.own(o) {
				own++
				if _, ok := f.at[keyOf(o)]; ok {
					there++
				}
			}
		}
		if there > 0 && (there < own || ended) {
			f.breach(Torn, "%s: of the %s of %s at %s (%s) %d objects of %d are there, from %s on", f.Feed, q.Kind, q.Client, clock(q.Start), q.Outcome, there, own, batch[0])
		}
		ended = ended || own > 0 && there == 0
	}
}

// deletes looks whether what was deleted is gone, and whether what must have
// been there was found.
func (f *feed) deletes() {
	for _, d := range f.deleting {
		switch {
		case d.Outcome == Done:
			f.deleted(d)
		case d.Status == 404 && f.mustHave(d):
			f.breach(Lost, "%s: %s deletes %s %s at %s, and it is not there", f.Feed, d.Client, d.ID, d.Version, clock(d.Start))
		}
	}
}

func (f *feed) deleted(d *Request) {
	for _, o := range f.Objects {
		if o.ID != d.ID || d.Version != "" && d.Version != o.Version {
			continue
		}
		again := slices.ContainsFunc(f.senders[keyOf(o)], func(q *Request) bool { return q.fate(o) != failed && q.End > d.Start })
		if !again {
			f.breach(Undeleted, "%s: %s deleted %s at %s, nobody sent it after that, and it is there", f.Feed, d.Client, o, clock(d.End))
		}
	}
}

// mustHave tells that a deletion must have found something: it had been stored
// before, and nobody else may have deleted it.
func (f *feed) mustHave(d *Request) bool {
	for _, q := range f.writes {
		for _, o := range q.Objects {
			if o.ID == d.ID && (d.Version == "" || d.Version == o.Version) && q.End < d.Start && q.fate(o) == stored && !f.mayBeGone(o, q) {
				return true
			}
		}
	}
	return false
}

// order looks whether each request lies in one piece and in its order, and
// behind all that had been acknowledged before it was sent.
func (f *feed) order() {
	var spans []span
	for _, q := range f.writes {
		if s := f.span(q); s.last >= 0 {
			spans = append(spans, s)
		}
	}
	acknowledged := slices.DeleteFunc(slices.Clone(spans), func(s span) bool { return s.Outcome != Done })
	slices.SortFunc(acknowledged, func(a, b span) int { return cmp.Compare(a.End, b.End) })
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.Start, b.Start) })
	before := span{last: -1}
	for _, s := range spans {
		for len(acknowledged) > 0 && acknowledged[0].End < s.Start {
			if acknowledged[0].last > before.last {
				before = acknowledged[0]
			}
			acknowledged = acknowledged[1:]
		}
		if s.first <= before.last {
			f.breach(Disorder, "%s: what %s sent at %s begins at object %d, before object %d of %s, which was acknowledged at %s",
				f.Feed, s.Client, clock(s.Start), s.first+1, before.last+1, before.Client, clock(before.End))
		}
	}
}

// span is where the objects of a request are that nobody else sent.
type span struct {
	*Request
	first, last int
}

func (f *feed) span(q *Request) span {
	s, all := span{q, 0, -1}, map[key]bool{}
	for _, o := range q.Objects {
		all[keyOf(o)] = true
	}
	for batch := range slices.Chunk(q.Objects, cmp.Or(q.Batch, len(q.Objects), 1)) {
		begun := false // others may lie between two batches, not within one
		for _, o := range batch {
			at, there := f.at[keyOf(o)]
			if !there || !f.own(o) {
				continue
			}
			if s.last >= 0 {
				f.piece(q, all, s.last, at, begun)
			}
			if s.last < 0 {
				s.first = at
			}
			begun, s.last = true, at
		}
	}
	return s
}

// piece looks at two of its objects that a request sent one after the other.
func (f *feed) piece(q *Request, all map[key]bool, from, to int, within bool) {
	if to < from {
		f.breach(Disorder, "%s: what %s sent at %s is not in its order: object %d came before object %d", f.Feed, q.Client, clock(q.Start), to+1, from+1)
		return
	}
	for at := from + 1; within && at < to; at++ {
		if !all[keyOf(f.Objects[at])] {
			f.breach(Disorder, "%s: within what %s sent at %s lies object %d, which is not of it", f.Feed, q.Client, clock(q.Start), at+1)
			return
		}
	}
}
