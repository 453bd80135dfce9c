package store

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Messages are appended as everything else is (append.go); what is besides is
// here.

// newMessage is what the table of Messages gets beside an entry.
type newMessage struct {
	*feed.Message
	place  feed.Place
	octets int64 // of all Messages up to and including it
}

// messages tells that an Add is of Messages.
func (a *appending) messages() bool { return len(a.add.Drafts) > 0 && a.add.Drafts[0].Message != nil }

// fits tells that what is new stays within what the account may add, and the
// Channel keep.
func (a *appending) fits() error {
	b := a.add.Bounds
	if len(a.fresh) == 0 {
		return nil
	}
	if a.add.Admits != nil {
		if err := a.add.Admits(a.fresh); err != nil {
			return err
		}
	}
	if most := b.Messages; most > 0 && int64(a.head.Place-a.head.Floor)+int64(len(a.fresh)) > most {
		return taxii.Errorf(taxii.Full, "the channel is full: it keeps at most %d messages; nothing of this request was stored", most)
	}
	if most := b.Octets; most > 0 && a.head.Octets-a.head.FloorOctets+a.freshOctets() > most {
		return taxii.Errorf(taxii.Full, "the channel is full: it keeps at most %d octets; nothing of this request was stored", most)
	}
	return nil
}

func (a *appending) freshOctets() (sum int64) {
	for _, i := range a.fresh {
		sum += int64(len(a.add.Drafts[i].Content))
	}
	return sum
}

// insertMessages writes what is kept of the new entries besides, and counts
// their octets into the head.
func (a *appending) insertMessages() error {
	list := make([]newMessage, len(a.fresh))
	for k, i := range a.fresh {
		d := &a.add.Drafts[i]
		a.head.Octets += int64(len(d.Content))
		list[k] = newMessage{Message: d.Message, place: a.outcomes[i].Place, octets: a.head.Octets}
	}
	return a.engine.insertMessages(a.tx, a.add.Feed, list)
}

// countClashes counts on the Channel the Messages that were refused because
// another's has their id.
func (a *appending) countClashes() error {
	n := 0
	for i := range a.outcomes {
		if a.foreign[i] && a.outcomes[i].Fate == feed.Clash {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return a.exec(`update channels set clashes = clashes + $2 where feed = $1`, a.add.Feed, n)
}

const messageClash = "other content is published here under this id"

// take fills the lists of the record of a publication: its successes in the order
// of the request, and its failures, whose version is the index of their draft,
// likewise.
func (a *appending) take() {
	st := &a.status
	for i := range a.outcomes {
		d, o := &a.add.Drafts[i], &a.outcomes[i]
		if o.Fate == feed.Clash {
			st.Failures = append(st.Failures, feed.Failure{ID: d.ID, Version: d.Version, Message: messageClash})
			continue
		}
		st.Taken = append(st.Taken, feed.Taken{ID: d.ID, Place: o.Place, Published: o.Added, Before: o.Fate == feed.Duplicate, Message: d.Note})
	}
	slices.SortStableFunc(st.Failures, func(a, b feed.Failure) int { return cmp.Compare(index(a), index(b)) })
}

// index gives the index of the draft that failed; what is none comes first.
func index(f feed.Failure) int {
	n, err := strconv.Atoi(f.Version)
	if err != nil {
		return -1
	}
	return n
}
