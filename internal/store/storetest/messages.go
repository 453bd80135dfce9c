package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func publishing() map[string]check {
	return map[string]check{
		"a Message keeps its bytes, its facts and the octets up to it":                       {"", messageKept},
		"a lean read gives all that goes out of a Message, in order and dense":               {"", leanRead},
		"a Message is found by its id with nothing else said":                                {"", messageByID},
		"the same id and octets are there once, whoever publishes them, with the first date": {"", messageAgain},
		"another's id with other octets is refused and counted on the Channel":               {"", messageClash},
		"the record of a publication is in the order of the request":                         {"", publicationRecord},
		"an Add that would pass a bound of the Channel is refused as a whole":                {"", messageBounds},
		"copies in one publication are judged as if the first were stored":                   {"", copiesInside},
		"who listens for a feed is woken by each commit to it and by no other":               {"", bellRings},
		"publishers at once leave a dense feed whose octets add up":                          {"", publishersAtOnce},
		"an effect and the cursor of its Worker are one commit":                              {"", workerMoves},
		"a Worker that is not where it was changes nothing, also beside others":              {"", workerBeaten},
		"a Worker's cursor is set, kept and found":                                           {"", workerSet},
		"what was added is read once and in order, whatever a deletion moves":                {"", freshReads},
		"what was added is read once in pages, with deletions in between":                    {"", freshPages},
		"a restored store begins a new incarnation of every feed at its head":                {"", reincarnated},
	}
}

// leanRead compares a lean read with a whole one, from every place on.
func leanRead(r *rig) {
	c, other := r.channel("lean"), r.channel("beside")
	relayed := message("r", "relayed", 2)
	relayed.Message.Origin = "https://a.example/"
	for range 2 { // places of two feeds take turns
		r.publish(other.Feed, message(taxii.NewID(), "beside", 0))
		r.publish(c.Feed, message(taxii.NewID(), "", 0), message(taxii.NewID(), strings.Repeat("x", 5000), 1))
	}
	r.publish(c.Feed, relayed)
	read := func(after feed.Place, lean bool) (list []string) {
		q := feed.Query{After: after, Upto: 5, Limit: 3, Ceiling: feed.NoCeiling, Messages: true, Content: true, Lean: lean}
		r.must(r.Read(r.Context(), c.Feed, q, func(e *feed.Entry) bool {
			list = append(list, fmt.Sprint(e.Place, e.Added, e.ID, e.Type, e.Account, e.Size, e.Message.MediaType, e.Message.Origin, string(e.Content)))
			return true
		}))
		return list
	}
	for after := range feed.Place(6) {
		want := min(3, int(5-after))
		if whole, lean := read(after, false), read(after, true); len(whole) != want || !slices.Equal(whole, lean) {
			r.Errorf("after %d: got %q, want %q", after, lean, whole)
		}
	}
}

// channel makes a Channel and gives it.
func (r *rig) channel(name string) exchange.Channel {
	r.Helper()
	c := exchange.Channel{
		ID: taxii.NewID(), Root: r.root, Name: name, Title: "Title of " + name, ContentType: "*/*", TTL: 600, Mode: taxii.ModeBoth,
		MaxMessageSize: 1 << 20, Created: r.clock.taxii(),
	}
	r.must(r.PutChannel(r.Context(), c))
	return r.channelNow(c.ID)
}

// channelNow gives a Channel as it is in the catalogue.
func (r *rig) channelNow(id string) exchange.Channel {
	r.Helper()
	for _, c := range r.catalog().Channels {
		if c.ID == id {
			return c
		}
	}
	r.Fatalf("the Channel %s is not in the catalogue", id)
	return exchange.Channel{}
}

// message is a draft; index is its place in the request.
func message(id, content string, index int) feed.Draft {
	return feed.Draft{
		ID: id, Type: "chat", Version: fmt.Sprint(index), VersionKey: feed.MessageKey, Content: []byte(content),
		Message: &feed.Message{MediaType: "text/plain", Marks: "2.1\ttool\ttool--" + id + "\n"},
	}
}

// publication is an Add of Messages.
func (r *rig) publication(f feed.ID, drafts ...feed.Draft) feed.Add {
	add := r.add(drafts...)
	add.Feed, add.Form = f, nil
	return add
}

func (r *rig) publish(f feed.ID, drafts ...feed.Draft) feed.Result {
	r.Helper()
	results, err := r.Append(r.Context(), []feed.Add{r.publication(f, drafts...)})
	r.must(err)
	return results[0]
}

// flow publishes so many Messages, m1, m2, ..., of so many octets each.
func (r *rig) flow(f feed.ID, from, n, octets int) {
	r.Helper()
	drafts := make([]feed.Draft, n)
	for i := range drafts {
		drafts[i] = message(fmt.Sprintf("m%d", from+i), strings.Repeat("x", octets), i)
	}
	r.publish(f, drafts...)
}

func (r *rig) headOf(f feed.ID) feed.Head {
	r.Helper()
	h, err := r.Head(r.Context(), f)
	r.must(err)
	return h
}

// told is a Message as a Read shows it.
type told struct {
	Place         feed.Place
	Published     taxii.Time
	ID, Type      string
	Account, Size int64
	Message       feed.Message
	Content       string
}

func (r *rig) messages(f feed.ID, q feed.Query) (list []told) {
	r.Helper()
	q.Messages = true
	r.must(r.Read(r.Context(), f, q, func(e *feed.Entry) bool {
		list = append(list, told{e.Place, e.Added, e.ID, e.Type, e.Account, e.Size, *e.Message, string(e.Content)})
		return true
	}))
	return list
}

func messageKept(r *rig) {
	f := r.channel("alerts").Feed
	a := message("a", "{ \"x\" :\t\"\\u00e9 é \x7f\" }", 0)
	b := message("b", "", 1)
	b.Message.Origin, b.Message.Marks = "https://taxii.example/r/channels/c/", ""
	got := r.publish(f, a, b)
	want := []told{
		{1, noon, "a", "chat", 7, 23, feed.Message{MediaType: "text/plain", Marks: "2.1\ttool\ttool--a\n", Octets: 23}, string(a.Content)},
		{2, noon + 1, "b", "chat", 7, 0, feed.Message{MediaType: "text/plain", Origin: b.Message.Origin, Octets: 23}, ""},
	}
	want[0].Published, want[1].Published = got.Outcomes[0].Added, got.Outcomes[1].Added
	for range 2 {
		r.same("Messages", r.messages(f, feed.Query{Upto: 9, Limit: 9, Content: true}), want)
		h := r.headOf(f)
		r.same("head", []any{h.Place, h.Floor, h.Octets, h.FloorOctets}, []any{2, 0, 23, 0})
		r.restart()
	}
	want[0].Content = ""
	r.same("Messages without content", r.messages(f, feed.Query{Upto: 9, Limit: 9}), want)
	r.same("the second alone", r.messages(f, feed.Query{After: 1, Upto: 9, Limit: 9}), want[1:])
	at, err := r.OctetsUpto(r.Context(), f, 1)
	r.must(err)
	r.same("octets up to the first", at, 23)
}

func messageByID(r *rig) {
	f := r.channel("alerts").Feed
	r.flow(f, 1, 5, 3)
	got := r.messages(f, feed.Query{IDs: []string{"m3"}, Content: true})
	r.same("found", []any{len(got), got[0].Place, got[0].Content, got[0].Message.Octets}, []any{1, 3, "xxx", 9})
	r.same("an id that is not there", len(r.messages(f, feed.Query{IDs: []string{"m9"}, Content: true})), 0)
	r.same("two", len(r.messages(f, feed.Query{IDs: []string{"m5", "m1"}})), 2)
}

func messageAgain(r *rig) {
	f := r.channel("alerts").Feed
	first := r.publish(f, message("a", "one", 0)).Outcomes[0]
	r.clock.add(time.Hour)
	add := r.publication(f, message("a", "one", 0), message("b", "two", 1))
	add.Account = 8
	results, err := r.Append(r.Context(), []feed.Add{add})
	r.must(err)
	got := results[0].Outcomes
	r.same("the duplicate", got[0], feed.Outcome{Place: 1, Added: first.Added, Version: first.Added.String(), Fate: feed.Duplicate})
	r.same("the new one", []any{got[1].Place, got[1].Fate}, []any{2, feed.Appended})
	r.same("clashes", r.channelNow(r.catalog().Channels[0].ID).Clashes, 0)
	r.same("octets", r.headOf(f).Octets, 6)
}

func messageClash(r *rig) {
	c := r.channel("alerts")
	r.publish(c.Feed, message("a", "one", 0))
	own := r.publish(c.Feed, message("a", " one", 0)) // to the octet: no form makes them equal
	r.same("fate", fates(own), []feed.Fate{feed.Clash})
	r.same("failure", own.Status.Failures, []feed.Failure{{ID: "a", Version: "0", Message: "other content is published here under this id"}})
	r.same("clashes after one's own", r.channelNow(c.ID).Clashes, 0)
	add := r.publication(c.Feed, message("b", "two", 0), message("a", "two", 1))
	add.Account, add.Status.ID = 8, ""
	_, err := r.Append(r.Context(), []feed.Add{add})
	r.must(err)
	r.same("clashes after another's", r.channelNow(c.ID).Clashes, 1)
	r.same("Messages", r.headOf(c.Feed).Place, 2)
	r.must(r.PutChannel(r.Context(), c)) // a change of settings does not forget them
	r.same("clashes after a change", r.channelNow(c.ID).Clashes, 1)
}

func publicationRecord(r *rig) {
	f := r.channel("alerts").Feed
	old := r.publish(f, message("old", "old", 0)).Outcomes[0]
	noted := message("new", "new", 3)
	noted.Note = "large"
	add := r.publication(f, message("old", "old", 0), message("old", "changed", 2), noted, message("last", "last", 10))
	add.Status.Failures = []feed.Failure{{ID: "x", Version: "1", Message: "type x is not permitted here"}, {ID: "y", Version: "9", Message: "too large"}}
	results, err := r.Append(r.Context(), []feed.Add{add})
	r.must(err)
	o := results[0].Outcomes
	taken := []feed.Taken{
		{ID: "old", Place: 1, Published: old.Added, Before: true},
		{ID: "new", Place: 2, Published: o[2].Added, Message: "large"},
		{ID: "last", Place: 3, Published: o[3].Added},
	}
	failures := []string{"x 1", "old 2", "y 9"}
	kept, err := r.Status(r.Context(), add.Status.ID)
	r.must(err)
	for name, st := range map[string]feed.Status{"given": results[0].Status, "kept": kept} {
		r.same(name+": taken", st.Taken, taken)
		var got []string
		for _, f := range st.Failures {
			got = append(got, f.ID+" "+f.Version)
		}
		r.same(name+": failures", got, failures)
		r.same(name+": places", []feed.Place{st.First, st.Last}, []feed.Place{2, 3})
		r.same(name+": the lists of Collections", len(st.Duplicates)+len(st.Notes), 0)
	}
	st, err := r.StatusHead(r.Context(), add.Status.ID)
	r.must(err)
	if st.Octets < 3*feed.DetailOctets/2 {
		r.Errorf("its document is said to take %d octets", st.Octets)
	}
	r.same("the draft of the record", len(add.Status.Failures), 2)
}

func messageBounds(r *rig) {
	f := r.channel("alerts").Feed
	put := func(b feed.Bounds, drafts ...feed.Draft) error {
		add := r.publication(f, drafts...)
		add.Bounds = b
		_, err := r.Append(r.Context(), []feed.Add{add})
		return err
	}
	two := feed.Bounds{Messages: 2}
	r.must(put(two, message("a", "aa", 0), message("b", "bb", 1)))
	r.must(put(two, message("a", "aa", 0), message("b", "bb", 1))) // nothing of it is new
	r.fails(put(two, message("a", "aa", 0), message("c", "cc", 1)), taxii.Full)
	r.fails(put(feed.Bounds{Octets: 6}, message("c", "cc", 0), message("d", "d", 1)), taxii.Full)
	r.same("Messages after what was refused", r.headOf(f).Place, 2)
	r.must(put(feed.Bounds{Octets: 6, Messages: 3}, message("c", "cc", 0)))
	more, err := r.Expire(r.Context(), f, 1)
	r.must(err)
	r.same("more to expire", more, false)
	r.must(put(feed.Bounds{Octets: 6, Messages: 3}, message("d", "dd", 0))) // what has expired counts no more
	r.fails(put(feed.Bounds{Octets: 6}, message("e", "e", 0)), taxii.Full)
	r.same("head", []any{r.headOf(f).Place, r.headOf(f).Floor, r.headOf(f).Octets}, []any{4, 1, 8})
}

func copiesInside(r *rig) {
	c := r.channel("alerts")
	got := r.publish(c.Feed, message("z", "z", 0), message("a", "one", 1), message("a", "one", 2), message("a", "two", 3))
	r.same("fates", fates(got), []feed.Fate{feed.Appended, feed.Appended, feed.Duplicate, feed.Clash})
	r.same("date of the copy", []any{got.Outcomes[2].Added, got.Outcomes[2].Version}, []any{got.Outcomes[1].Added, got.Outcomes[1].Added.String()})
	r.same("taken", got.Status.Taken[2], feed.Taken{ID: "a", Place: 2, Published: got.Outcomes[1].Added, Before: true})
	r.same("clashes", r.channelNow(c.ID).Clashes, 0)
}

func bellRings(r *rig) {
	a, b := r.channel("a").Feed, r.channel("b").Feed
	rung := func(bell <-chan struct{}) bool {
		select {
		case <-bell:
			return true
		default:
			return false
		}
	}
	for i := range 3 {
		atA, atB := r.Grew(a), r.Grew(b)
		r.flow(a, i, 1, 1)
		r.same("rung", []bool{rung(atA), rung(atB)}, []bool{true, false})
	}
	bell := r.Grew(a)
	r.flow(a, 0, 1, 1) // a duplicate
	r.same("rung by a duplicate", rung(bell), false)
	r.expire(a, 1)
	r.same("rung by an expiry", rung(bell), false)
	r.must(r.Reincarnate(r.Context()))
	r.same("rung by a restore", rung(bell), true)
	bell = r.Grew(r.feed)
	r.put(draft("tool--1", 1))
	r.same("rung by an Add", rung(bell), true)
	bell = r.Grew(r.feed)
	r.drop(feed.Which{ID: "tool--1"})
	r.same("rung by a deletion", rung(bell), true)
}

func publishersAtOnce(r *rig) {
	f := r.channel("alerts").Feed
	var wait sync.WaitGroup
	for w := range 8 {
		wait.Go(func() {
			for i := range 10 {
				_, err := r.Append(r.Context(), []feed.Add{r.publication(f, message(fmt.Sprintf("%d-%d", w, i), strings.Repeat("y", w), 0), message("all", "same", 1))})
				if err != nil {
					r.Error(err)
				}
			}
		})
	}
	wait.Wait()
	sum, place := int64(0), feed.Place(0)
	for _, m := range r.messages(f, feed.Query{Upto: 1000, Limit: 1000, Content: true}) {
		sum, place = sum+int64(len(m.Content)), place+1
		r.same("place and octets", []any{m.Place, m.Message.Octets, m.Size}, []any{place, sum, len(m.Content)})
	}
	r.same("head", []any{r.headOf(f).Place, r.headOf(f).Octets}, []any{81, sum})
}
