package channels

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// Fault is a promise of Channels that was broken.
type Fault string

// The faults.
const (
	Lost     Fault = "lost"      // it was acknowledged or delivered, and is gone without having expired
	Missing  Fault = "missing"   // a follower was passed over in silence
	Twice    Fault = "twice"     // it came again to a follower whose way of following excludes that
	Disorder Fault = "disorder"  // it came in another order, or under another date or cursor, than elsewhere
	Altered  Fault = "altered"   // its content is not what was sent
	Strange  Fault = "strange"   // nobody sent it
	WrongGap Fault = "wrong gap" // what was reported as missed is there, or is of another number
	Refused  Fault = "refused"   // an answer that the protocol does not have
)

// Breach is one broken promise.
type Breach struct {
	Fault Fault
	Kind  Kind // of the follower; "": it is not about one
	Text  string
}

func (b Breach) String() string { return string(b.Fault) + ": " + b.Text }

// Judge tells which promises a history shows to be broken.
func Judge(h *History) []Breach {
	j := &judge{History: h, known: map[string]Seen{}, dates: map[taxii.Time]string{}, kept: map[string]bool{}}
	for _, text := range h.Wrong {
		j.breach(Refused, "a publisher: %s", text)
	}
	for _, s := range h.Told {
		j.learn("a publisher", s)
	}
	for _, s := range h.End {
		j.learn("the end", s)
		j.kept[s.ID] = true
	}
	for _, f := range h.Followers {
		for _, e := range f.list {
			if e.What == Came {
				j.learn(f.Name, e.Seen)
			}
		}
	}
	j.order()
	j.end()
	j.relayed("the channel", h.Relayed)
	j.relayed("the collection", h.Target)
	held := map[string]bool{}
	for _, id := range h.Source {
		held[id] = true
	}
	for _, id := range h.Added {
		if !held[id] {
			j.breach(Lost, "object %s, which was added", id)
		}
	}
	for _, f := range h.Followers {
		j.about = f.Kind
		j.follower(f)
	}
	return j.breaches
}

// judge is one judgement.
type judge struct {
	*History
	known    map[string]Seen // every Message that was stored, by id
	dates    map[taxii.Time]string
	all      []Seen // known, in the order of the Channel
	kept     map[string]bool
	about    Kind // the follower that is judged
	breaches []Breach
}

// mostBreaches is how many are told of; behind so many others nobody reads more.
const mostBreaches = 100

func (j *judge) breach(f Fault, format string, args ...any) {
	if len(j.breaches) < mostBreaches {
		j.breaches = append(j.breaches, Breach{f, j.about, fmt.Sprintf(format, args...)})
	}
}

// learn looks whether all say the same of a Message: one id, one date, one cursor,
// one content.
func (j *judge) learn(who string, s Seen) {
	sent, ok := j.Sent[s.ID]
	switch {
	case !ok:
		j.breach(Strange, "%s: message %s", who, s.ID)
	case s.Hash != "" && s.Hash != sent.Hash:
		j.breach(Altered, "%s: message %s", who, s.ID)
	}
	if was, again := j.known[s.ID]; again {
		if was.Published != s.Published || was.Cursor != s.Cursor {
			j.breach(Disorder, "%s: message %s of %s, elsewhere of %s (cursors %s and %s)", who, s.ID, s.Published, was.Published, s.Cursor, was.Cursor)
		}
		return
	}
	if other, taken := j.dates[s.Published]; taken {
		j.breach(Disorder, "%s: message %s has the date %s, which message %s has", who, s.ID, s.Published, other)
	}
	j.known[s.ID], j.dates[s.Published] = s, s.ID
}

func (j *judge) order() {
	for _, s := range j.known {
		j.all = append(j.all, s)
	}
	slices.SortFunc(j.all, func(a, b Seen) int { return cmp.Compare(a.Published, b.Published) })
}

// between gives the Messages strictly between two dates.
func (j *judge) between(after, before taxii.Time) []Seen {
	from, _ := slices.BinarySearchFunc(j.all, after+1, func(s Seen, t taxii.Time) int { return cmp.Compare(s.Published, t) })
	to, _ := slices.BinarySearchFunc(j.all, before, func(s Seen, t taxii.Time) int { return cmp.Compare(s.Published, t) })
	return j.all[min(from, to):to]
}

const forever = taxii.Time(1) << 62

// end looks at what is there at last: a Channel loses its beginning and nothing
// else, and its order is that of the dates.
func (j *judge) end() {
	if len(j.End) == 0 {
		return
	}
	for i := range j.End[1:] {
		if j.End[i+1].Published <= j.End[i].Published {
			j.breach(Disorder, "the end: message %s after %s", j.End[i+1].ID, j.End[i].ID)
		}
	}
	for _, s := range j.between(j.End[0].Published, forever) {
		if !j.kept[s.ID] {
			j.breach(Lost, "message %s of %s", s.ID, s.Published)
		}
	}
}

// relayed looks whether all that a Collection held came out elsewhere, each once
// and in its order.
func (j *judge) relayed(where string, list []string) {
	place, times := map[string]int{}, map[string]int{}
	for i, id := range j.Source {
		place[id] = i
	}
	last := -1
	for _, id := range list {
		at, ok := place[id]
		if times[id]++; times[id] > 1 {
			j.breach(Twice, "%s that is relayed to: object %s", where, id)
			continue
		}
		switch {
		case !ok:
			j.breach(Strange, "%s that is relayed to: object %s", where, id)
		case at < last:
			j.breach(Disorder, "%s that is relayed to: object %s", where, id)
		}
		last = max(last, at)
	}
	for _, id := range j.Source {
		if times[id] == 0 {
			j.breach(Lost, "%s that is relayed to: object %s", where, id)
		}
	}
}

// follower looks at what one follower got: everything in its order, or a gap in
// its place.
func (j *judge) follower(f *Follower) {
	seen, last, excused := map[string]bool{}, taxii.Time(0), false
	var gap *Entry
	for i := range f.list {
		switch e := &f.list[i]; {
		case e.What == Denied:
			j.breach(Refused, "%s: %s", f.Name, e.Why)
		case e.What == Gap:
			gap = gap.and(e)
		case e.What == Failed:
			excused = excused || f.Kind == ByDraft // an answer may be lost that was written whole: the draft's window
		case e.Seen.Published > last:
			j.passed(f, gap, excused, j.between(last, e.Seen.Published), seen)
			seen[e.Seen.ID], last, gap, excused = true, e.Seen.Published, nil, false
		case !seen[e.Seen.ID]:
			j.breach(Disorder, "%s: message %s came after later ones", f.Name, e.Seen.ID)
			seen[e.Seen.ID] = true
		case f.Kind == ByCursor || f.Kind == ByStream:
			j.breach(Twice, "%s: message %s", f.Name, e.Seen.ID)
		}
	}
	j.passed(f, gap, excused, j.between(last, forever), seen)
}

// and joins gaps with nothing between them: what follows one may expire before it
// is read.
func (e *Entry) and(next *Entry) *Entry {
	if e == nil || e.Missed < 0 || next.Missed < 0 {
		return next
	}
	return &Entry{What: Gap, Missed: e.Missed + next.Missed}
}

// passed looks at the Messages that a follower was not given.
func (j *judge) passed(f *Follower, gap *Entry, excused bool, list []Seen, seen map[string]bool) {
	var missing, there []Seen
	for _, s := range list {
		if seen[s.ID] {
			continue
		}
		missing = append(missing, s)
		if j.kept[s.ID] {
			there = append(there, s)
		}
	}
	switch {
	case len(missing) == 0 || excused:
	case gap == nil:
		j.breach(Missing, "%s: %d messages, the first of them %s of %s", f.Name, len(missing), missing[0].ID, missing[0].Published)
	case len(there) > 0:
		j.breach(WrongGap, "%s: %d messages that are there, the first of them %s", f.Name, len(there), there[0].ID)
	case gap.Missed >= 0 && int64(len(missing)) > gap.Missed:
		j.breach(WrongGap, "%s: %d messages, where %d were said", f.Name, len(missing), gap.Missed)
	}
}
