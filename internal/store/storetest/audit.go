package storetest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func auditing() map[string]check {
	return map[string]check{
		"records get dense places in the order of the commits, whoever writes beside":   {"", recordsAreDense},
		"the records of an Add and of a deletion are in their commit, or neither is":    {"", recordsGoWithTheirAdd},
		"records are found from a date on, and from a place on":                         {"", recordsFromADateOn},
		"old records go from the front, in steps, and no place is used again":           {"", recordsArePurged},
		"records are there after a restart, and dates do not run back with the clock":   {"", recordsAfterARestart},
		"every place in which a version of an object stands or stood is told":           {"", staysAreTold},
		"a write that fails beside records takes none of them with it":                  {"", recordsBesideAFailure},
		"a record is kept though its place in a commit is after an Add that steps back": {"", recordBesideAnAddThatStepsBack},
	}
}

// kept gives all records with their places.
func (r *rig) kept(after int64, since taxii.Time) (lines []string) {
	r.Helper()
	r.must(r.Audit(r.Context(), after, since, 1000, func(b exchange.AuditBlock) bool {
		place := b.First
		for line := range strings.Lines(string(b.Records)) {
			lines = append(lines, fmt.Sprint(place, " ", strings.TrimSpace(line)))
			place++
		}
		return true
	}))
	return lines
}

// record records a line, and sees to it that it is a block of this moment.
func (r *rig) record(n int) {
	r.Helper()
	r.must(r.Record(line(n))())
	r.kept(0, 0)
}

func line(n int) []byte { return fmt.Appendf(nil, `{"n":%d}`, n) }

func recordsAreDense(r *rig) {
	const writers, each = 8, 25
	var all sync.WaitGroup
	errs := make(chan error, 2*writers*each)
	for w := range writers {
		all.Go(func() {
			for i := range each {
				written := r.Record(line(w*each+i), line(-1))
				if w%2 == 0 {
					_, err := r.Append(r.Context(), []feed.Add{r.add(draft(fmt.Sprintf("indicator--%d-%d", w, i), 1))})
					errs <- err
				}
				errs <- written()
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		r.must(err)
	}
	lines, seen := r.kept(0, 0), map[string]bool{}
	for i, text := range lines {
		place, record, _ := strings.Cut(text, " ")
		if place != fmt.Sprint(i+1) {
			r.Fatalf("record %d has the place %s", i+1, place)
		}
		if i%2 == 1 && record != `{"n":-1}` || i%2 == 0 && seen[record] {
			r.Fatalf("%s at place %s: two that were given together are not one after the other, or one is there twice", record, place)
		}
		seen[record] = true
	}
	r.same("records", len(lines), 2*writers*each)
}

func recordsGoWithTheirAdd(r *rig) {
	a := r.add(draft("indicator--1", 1), draft("indicator--2", 1))
	a.Record = func(got *feed.Result) []byte {
		return fmt.Appendf(nil, `{"added":%d,"last":%d}`, len(got.Outcomes), got.Status.Last)
	}
	_, err := r.Append(r.Context(), []feed.Add{a})
	r.must(err)
	bad := a
	bad.Feed = 999
	if _, err := r.Append(r.Context(), []feed.Add{bad}); err == nil {
		r.Fatal("an Add to a feed that is not there was taken")
	}
	why := feed.Tombstone{Record: func(removed int, place feed.Place) []byte {
		return fmt.Appendf(nil, `{"removed":%d,"place":%d}`, removed, place)
	}}
	for _, id := range []string{"indicator--1", "indicator--none"} {
		_, err := r.Withdraw(r.Context(), r.feed, feed.Which{ID: id, Ceiling: feed.NoCeiling}, why)
		r.must(err)
	}
	r.same("records", r.kept(0, 0), []string{`1 {"added":2,"last":2}`, `2 {"removed":1,"place":3}`})
}

func recordsFromADateOn(r *rig) {
	for i := range 5 {
		r.record(i)
		r.clock.add(time.Minute)
	}
	third := noon + 2*60_000_000
	r.same("from a date on", r.kept(0, third), []string{`3 {"n":2}`, `4 {"n":3}`, `5 {"n":4}`})
	r.same("from a later place on", r.kept(4, third), []string{`5 {"n":4}`})
	r.same("from a place on", r.kept(3, 0), []string{`4 {"n":3}`, `5 {"n":4}`})
	r.same("from the future on", r.kept(0, r.clock.taxii()+1), []string(nil))
	stopped := 0
	r.must(r.Audit(r.Context(), 0, 0, 1000, func(exchange.AuditBlock) bool { stopped++; return stopped < 2 }))
	r.same("visits", stopped, 2)
}

func recordsArePurged(r *rig) {
	for i := range 4 {
		r.record(i)
		r.clock.add(time.Minute)
	}
	more, err := r.PurgeAudit(r.Context(), noon+2*60_000_000)
	r.must(err)
	r.same("more", more, false)
	r.same("what is left", r.kept(0, 0), []string{`3 {"n":2}`, `4 {"n":3}`})
	_, err = r.PurgeAudit(r.Context(), r.clock.taxii())
	r.must(err)
	r.same("what is left", r.kept(0, 0), []string{`4 {"n":3}`}) // which says what comes next
	r.same("what is left from a date on", r.kept(0, noon), []string{`4 {"n":3}`})
	r.restart()
	r.must(r.Record(line(4))())
	r.same("what comes then", r.kept(4, 0), []string{`5 {"n":4}`})
}

func recordsAfterARestart(r *rig) {
	r.record(0)
	r.clock.add(-time.Hour)
	r.restart()
	r.record(1)
	r.same("records since the first", r.kept(0, noon), []string{`1 {"n":0}`, `2 {"n":1}`})
}

func staysAreTold(r *rig) {
	r.put(draft("indicator--1", 1), draft("indicator--1", 2), draft("indicator--2", 1))
	r.drop(feed.Which{ID: "indicator--1", Versions: feed.Versions{Last: true}, Ceiling: feed.NoCeiling}) // the first comes back to view
	got, err := r.Stays(r.Context(), r.feed, "indicator--1")
	r.must(err)
	var told []string
	for _, s := range got {
		told = append(told, fmt.Sprint(s.Place, " ", s.Gone, " ", s.Version == version(1), " ", s.Type, " ", s.SpecVersion))
	}
	r.same("stays", told, []string{"1 4 true indicator 2.1", "2 4 false indicator 2.1", "5 0 true indicator 2.1"})
	none, err := r.Stays(r.Context(), r.feed, "indicator--none")
	r.must(err)
	r.same("of what was never here", len(none), 0)
}

func recordsBesideAFailure(r *rig) {
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			bad := r.add(draft("indicator--1", i))
			bad.Feed, bad.Record = 999, func(*feed.Result) []byte { return line(-1) }
			_, _ = r.Append(r.Context(), []feed.Add{bad})
		})
		all.Go(func() {
			if err := r.Record(line(i))(); err != nil {
				r.Error(err)
			}
		})
	}
	all.Wait()
	lines := r.kept(0, 0)
	r.same("records", len(lines), 50)
	if strings.Contains(strings.Join(lines, "\n"), "-1") {
		r.Error("there is a record of an Add that failed")
	}
}

func recordBesideAnAddThatStepsBack(r *rig) {
	d := draft("indicator--1", 1)
	r.put(d)
	a := r.add(spaced(d), draft("indicator--1", 2))
	a.Record = func(got *feed.Result) []byte {
		return fmt.Appendf(nil, `{"duplicates":%d}`, len(got.Status.Duplicates))
	}
	_, err := r.Append(r.Context(), []feed.Add{a})
	r.must(err)
	r.same("records", r.kept(0, 0), []string{`1 {"duplicates":1}`})
}
