package storetest

import (
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func statuses() map[string]check {
	return map[string]check{
		"a Status is kept in the transaction of its Add, with places, duplicates, failures and notes": {"R194 R242 K62", statusIsKept},
		"a Status still names its versions after they were moved and deleted":                         {"R206 R207", statusAfterDeletes},
		"an Add without a Status id keeps none":                                                       {"", statusWithoutID},
		"an unknown Status is NotFound":                                                               {"R193", statusUnknown},
		"a Status is there after a restart":                                                           {"R194", statusAfterRestart},
		"a Status whose id is taken fails its Add whole":                                              {"", statusTwice},
	}
}

func statusIsKept(r *rig) {
	a, b, c := draft("tool--1", 1), draft("tool--2", 1), draft("tool--3", 1)
	a.Note, b.Note, c.Note = "note a", "note b", "note c"
	r.put(a)
	r.clock.add(1e9)
	add := r.add(b, a, other(a), c, b)
	add.Drafts[2].Note = "never shown: this one is refused"
	add.Status.Failures = append(make([]feed.Failure, 0, 9), feed.Failure{ID: "objects/4", Version: "v", Message: "no <id> & \"type\""})
	results, err := r.Append(r.Context(), []feed.Add{add})
	r.must(err)
	st, err := r.Status(r.Context(), add.Status.ID)
	r.must(err)
	r.same("kept and answered", st, results[0].Status)
	message := st.Failures[1].Message
	want := feed.Status{
		ID: add.Status.ID, Root: r.root, Feed: r.feed, Account: 7, Request: "request", At: noon + 1_000_000, First: 2, Last: 3,
		Duplicates: []feed.Place{1, 2},
		Failures:   []feed.Failure{add.Status.Failures[0], {ID: "tool--1", Version: version(1), Message: message}},
		Notes:      []feed.Note{{Index: 0, Message: "note b"}, {Index: 1, Message: "note c"}, {Index: 2, Message: "note a"}, {Index: 3, Message: "note b"}},
	}
	r.same("Status", st, want)
	versions, err := r.StatusVersions(r.Context(), st)
	r.must(err)
	v := func(id string) feed.Version { return feed.Version{ID: id, Version: version(1)} }
	r.same("versions", versions, []feed.Version{v("tool--2"), v("tool--3"), v("tool--1"), v("tool--2")})
	r.same("what the caller gave is as it was", len(add.Status.Failures), 1)
}

func statusAfterDeletes(r *rig) {
	social := undated("ipv4-addr--1", "a")
	first := r.add(draft("tool--1", 1), social, draft("tool--2", 1))
	_, err := r.Append(r.Context(), []feed.Add{first})
	r.must(err)
	second := r.add(draft("tool--1", 2), draft("tool--1", 1))
	_, err = r.Append(r.Context(), []feed.Add{second})
	r.must(err)
	before := r.versions(first, second)
	r.drop(feed.Which{ID: "tool--1", Versions: last}) // moves version 1
	r.same("after a move", r.versions(first, second), before)
	r.drop(feed.Which{ID: "tool--1"})
	r.drop(feed.Which{ID: "ipv4-addr--1"})
	r.same("after deletions", r.versions(first, second), before)
	r.put(draft("tool--1", 1), social)
	r.same("after they were added again", r.versions(first, second), before)
	r.restart()
	r.same("after a restart", r.versions(first, second), before)
}

// versions names what the Statuses of Adds tell.
func (r *rig) versions(adds ...feed.Add) (all []feed.Version) {
	r.Helper()
	for _, add := range adds {
		st, err := r.Status(r.Context(), add.Status.ID)
		r.must(err)
		list, err := r.StatusVersions(r.Context(), st)
		r.must(err)
		for _, v := range list {
			if v.ID == "" || v.Version == "" {
				r.Errorf("Status with a nameless version: %+v", list)
			}
		}
		all = append(all, list...)
	}
	return all
}

func statusWithoutID(r *rig) {
	add := r.add(draft("tool--1", 1))
	add.Status = feed.Status{}
	_, err := r.Append(r.Context(), []feed.Add{add, add})
	r.must(err)
	_, err = r.Status(r.Context(), "")
	r.fails(err, taxii.NotFound)
}

func statusUnknown(r *rig) {
	_, err := r.Status(r.Context(), taxii.NewID())
	r.fails(err, taxii.NotFound)
}

func statusAfterRestart(r *rig) {
	add := r.add(draft("tool--1", 1))
	_, err := r.Append(r.Context(), []feed.Add{add})
	r.must(err)
	before, err := r.Status(r.Context(), add.Status.ID)
	r.must(err)
	r.restart()
	after, err := r.Status(r.Context(), add.Status.ID)
	r.must(err)
	r.same("Status", after, before)
}

func statusTwice(r *rig) {
	add := r.add(draft("tool--1", 1))
	_, err := r.Append(r.Context(), []feed.Add{add})
	r.must(err)
	add.Drafts = []feed.Draft{draft("tool--2", 1)}
	if _, err = r.Append(r.Context(), []feed.Add{add}); err == nil {
		r.Error("a second Add under one Status id was taken")
	}
	r.same("entries", len(r.tables().Entries), 1)
	r.same("head", r.head().Place, 1)
	r.same("the next place", r.put(draft("tool--2", 1)).Outcomes[0].Place, 2)
}
