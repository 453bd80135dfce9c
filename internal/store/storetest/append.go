package storetest

import (
	"fmt"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func appending() map[string]check {
	return map[string]check{
		"an entry keeps its bytes and its facts":                                     {"R090 K55", entryKeepsItsBytes},
		"the same content again is stored once and is a success":                     {"R243 R245 K61", sameContentAgain},
		"equal content in other bytes is a duplicate, and the first bytes stay":      {"R243 K61", equalContentAgain},
		"other content under the same id and version is refused":                     {"R246", otherContent},
		"the same id and version may stand under another spec_version":               {"", anotherSpecVersion},
		"content without a version is shown under the date it first got":             {"R134 R207 R230", undatedContent},
		"undated content seen before is never a new version, even after other":       {"R134 K61", undatedContentAgain},
		"an older version that comes later is not the latest":                        {"R136", olderVersionLater},
		"many versions of one object in one Add leave one latest":                    {"R126 R136", manyVersionsAtOnce},
		"several feeds take drafts in one commit":                                    {"", severalFeeds},
		"an Add without drafts keeps its Status and moves nothing":                   {"", noDrafts},
		"an Add to a feed that is not there is NotFound and changes nothing":         {"", noFeed},
		"ids with quotes, brackets, wide letters and spaces are found as they are":   {"", oddNames},
		"feeds do not see each other":                                                {"", feedsApart},
		"content of any bytes from one octet to half a million is kept byte by byte": {"K55", anyBytes},
	}
}

func entryKeepsItsBytes(r *rig) {
	d := draft("indicator--1", 1)
	d.Content = []byte("{ \"id\" :\t\"indicator--1\" , \"x\":\"\\u00e9 é \x7f\" }")
	got := r.put(d)
	r.same("outcome", got.Outcomes, []feed.Outcome{{Place: 1, Added: noon, Version: version(1)}})
	r.same("head", got.Head.Place, 1)
	r.same("known head", r.head(), got.Head)
	want := seen{1, noon, "indicator--1", "indicator", "2.1", version(1), string(d.Content), 7, "request", 0}
	r.same("entry", r.find(feed.Query{Versions: every, Content: true, Records: true}), []seen{want})
	want.Account, want.Request = 0, ""
	r.same("entry without its record", r.find(feed.Query{Versions: every, Content: true}), []seen{want})
	want.Content = ""
	r.same("entry without its content", r.find(feed.Query{Versions: last}), []seen{want})
}

func sameContentAgain(r *rig) {
	a, b := draft("indicator--1", 1), draft("indicator--2", 1)
	r.put(a)
	r.clock.add(1e9)
	got := r.put(a, b, b)
	r.same("outcomes", got.Outcomes, []feed.Outcome{
		{Place: 1, Version: version(1), Fate: feed.Duplicate},
		{Place: 2, Added: noon + 1_000_000, Version: version(1)},
		{Place: 2, Version: version(1), Fate: feed.Duplicate, Existing: true},
	})
	r.same("duplicates", got.Status.Duplicates, []feed.Place{1, 2})
	r.same("entries", len(r.tables().Entries), 2)
	before := r.head()
	r.put(a, b)
	r.same("head after duplicates alone", r.head(), before)
}

func equalContentAgain(r *rig) {
	a := draft("indicator--1", 1)
	r.put(a)
	b := draft("indicator--2", 1)
	got := r.put(spaced(a), b, spaced(b))
	r.same("fates", fates(got), []feed.Fate{feed.Duplicate, feed.Appended, feed.Duplicate})
	for _, s := range r.find(feed.Query{Versions: every, Content: true}) {
		if s.Content != string(a.Content) && s.Content != string(b.Content) {
			r.Errorf("the bytes became %s", s.Content)
		}
	}
}

func fates(result feed.Result) (list []feed.Fate) {
	for _, o := range result.Outcomes {
		list = append(list, o.Fate)
	}
	return list
}

func otherContent(r *rig) {
	a, b := draft("indicator--1", 1), draft("indicator--2", 1)
	r.put(a)
	got := r.put(other(a), b, other(b), draft("indicator--3", 1))
	r.same("fates", fates(got), []feed.Fate{feed.Clash, feed.Appended, feed.Clash, feed.Appended})
	r.same("the other place of a refused one", got.Outcomes[0].Place, 1)
	r.same("number of failures", len(got.Status.Failures), 2)
	for i, f := range got.Status.Failures {
		if f.ID != fmt.Sprintf("indicator--%d", i+1) || f.Version != version(1) || f.Message == "" {
			r.Errorf("failure %+v", f)
		}
	}
	r.same("places", r.places(feed.Query{Versions: every}), []feed.Place{1, 2, 3})
}

func anotherSpecVersion(r *rig) {
	got := r.put(draftOf("2.0", "tool--1", 1), draftOf("2.1", "tool--1", 1))
	r.same("fates", fates(got), []feed.Fate{feed.Appended, feed.Appended})
	r.same("default", r.places(feed.Query{Versions: last}), []feed.Place{2})
	r.same("2.0", r.places(feed.Query{Versions: last, SpecVersions: []string{"2.0"}}), []feed.Place{1})
	r.same("both", r.places(feed.Query{Versions: last, SpecVersions: []string{"2.0", "2.1"}}), []feed.Place{1, 2})
	r.same("all, of the highest", r.places(feed.Query{Versions: every}), []feed.Place{2})
}

func undatedContent(r *rig) {
	r.clock.add(1234567)
	d := undated("ipv4-addr--1", "a")
	got := r.put(d, draft("tool--1", 1), spaced(d))
	date := got.Outcomes[0].Added.String()
	r.same("version of the outcome", got.Outcomes[0].Version, date)
	r.same("version of its copy in the same Add", got.Outcomes[2].Version, date)
	r.same("version of the entry", r.find(feed.Query{IDs: []string{d.ID}, Versions: last})[0].Version, date)
	versions, err := r.StatusVersions(r.Context(), got.Status)
	r.must(err)
	r.same("versions of the Status", versions, []feed.Version{{ID: d.ID, Version: date, Undated: true}, {ID: "tool--1", Version: version(1)}, {ID: d.ID, Version: date, Undated: true}})
	r.same("match[version]", r.places(feed.Query{Versions: named(shown(date))}), []feed.Place{1})
	r.clock.add(5e9)
	r.same("version of a duplicate", r.put(d).Outcomes[0].Version, date)
}

func undatedContentAgain(r *rig) {
	a, b := undated("ipv4-addr--1", "a"), undated("ipv4-addr--1", "b")
	r.put(a)
	r.clock.add(1e9)
	r.put(b)
	r.clock.add(1e9)
	got := r.put(spaced(a))
	r.same("outcome", got.Outcomes, []feed.Outcome{{Place: 1, Version: noon.String(), Fate: feed.Duplicate}})
	r.same("latest", r.places(feed.Query{Versions: last}), []feed.Place{2})
	r.same("first", r.places(feed.Query{Versions: first}), []feed.Place{1})
	r.put(draft("ipv4-addr--1", -1_000_000_000))
	r.same("what has a time is later than what has none", r.places(feed.Query{Versions: last}), []feed.Place{3})
}

func olderVersionLater(r *rig) {
	r.put(draft("tool--1", 5))
	r.put(draft("tool--1", 3))
	r.put(draft("tool--1", 4))
	r.same("latest", r.places(feed.Query{Versions: last}), []feed.Place{1})
	r.same("first", r.places(feed.Query{Versions: first}), []feed.Place{2})
	r.same("first and last", r.places(feed.Query{Versions: feed.Versions{First: true, Last: true}}), []feed.Place{1, 2})
	r.same("all", r.places(feed.Query{Versions: every}), []feed.Place{1, 2, 3})
	r.put(draft("tool--1", 6))
	r.same("a later one", r.places(feed.Query{Versions: last}), []feed.Place{4})
}

func manyVersionsAtOnce(r *rig) {
	var drafts []feed.Draft
	for i := range 50 {
		drafts = append(drafts, draft("tool--1", (i*31)%50))
	}
	r.put(drafts...)
	found := r.find(feed.Query{Versions: last})
	r.same("number of latest", len(found), 1)
	r.same("latest", found[0].Version, version(49))
	r.same("number of live", len(r.tables().Live), 1)
}

func severalFeeds(r *rig) {
	_, second := r.collection("second")
	a, b := r.add(draft("tool--1", 1)), r.add(draft("tool--1", 1), draft("tool--2", 1))
	b.Feed = second
	again := b
	again.Status.ID = taxii.NewID()
	results, err := r.Append(r.Context(), []feed.Add{b, a, again})
	r.must(err)
	r.same("fates", []any{fates(results[0]), fates(results[1]), fates(results[2])}, []any{[]feed.Fate{0, 0}, []feed.Fate{0}, []feed.Fate{1, 1}})
	r.same("head of the first", results[1].Head.Place, 1)
	r.same("head of the second", results[2].Head.Place, 2)
}

func noDrafts(r *rig) {
	before := r.head()
	add := r.add()
	add.Status.Failures = []feed.Failure{{ID: "objects/0", Version: "v", Message: "no id"}}
	_, err := r.Append(r.Context(), []feed.Add{add})
	r.must(err)
	r.same("head", r.head(), before)
	st, err := r.Status(r.Context(), add.Status.ID)
	r.must(err)
	r.same("failures", st.Failures, add.Status.Failures)
	r.same("places", []feed.Place{st.First, st.Last}, []feed.Place{0, 0})
}

func noFeed(r *rig) {
	good, bad := r.add(draft("tool--1", 1)), r.add(draft("tool--2", 1))
	bad.Feed = r.feed + 1000
	_, err := r.Append(r.Context(), []feed.Add{good, bad})
	r.fails(err, taxii.NotFound)
	r.same("head", r.head().Place, 0)
	r.same("entries", len(r.tables().Entries), 0)
	_, err = r.Status(r.Context(), good.Status.ID)
	r.fails(err, taxii.NotFound)
	_, err = r.Head(r.Context(), bad.Feed)
	r.fails(err, taxii.NotFound)
	_, err = r.Withdraw(r.Context(), bad.Feed, feed.Which{ID: "tool--1"}, feed.Tombstone{})
	r.fails(err, taxii.NotFound)
}

func oddNames(r *rig) {
	for i, id := range []string{`x-a--"'`, `x-b--[1,"2"]`, "x-c--é漢😀\u2028", `x-d--<&>\u0041`, `x-e--%_*?`, "x-f-- 1 ", "1", "1.0", "null"} {
		d := draft(id, 1)
		d.Version, d.VersionKey = "v"+id, "v"+id
		place := feed.Place(i + 1)
		r.same("place of "+id, r.put(d).Outcomes[0].Place, place)
		r.same("duplicate of "+id, r.put(d).Outcomes[0].Fate, feed.Duplicate)
		r.same("by id", r.places(feed.Query{IDs: []string{id}, Versions: every}), []feed.Place{place})
		r.same("by version", r.places(feed.Query{Versions: named(feed.VersionKey{Key: d.VersionKey})}), []feed.Place{place})
		r.same("by type", r.places(feed.Query{Types: []string{d.Type}, Versions: last}), []feed.Place{place})
		seen, err := r.Exists(r.Context(), r.feed, id, 0)
		r.must(err)
		r.same("exists", seen, true)
	}
}

func feedsApart(r *rig) {
	_, second := r.collection("second")
	r.put(draft("tool--1", 1), draft("tool--1", 2))
	add := r.add(draft("tool--1", 1))
	add.Feed = second
	results, err := r.Append(r.Context(), []feed.Add{add})
	r.must(err)
	r.same("fate in the other feed", fates(results[0]), []feed.Fate{feed.Appended})
	r.drop(feed.Which{ID: "tool--1"})
	list, err := r.findIn(second, feed.Query{Versions: last})
	r.must(err)
	r.same("what is left in the other feed", len(list), 1)
	n, err := r.Count(r.Context(), second)
	r.must(err)
	r.same("count", n, 1)
	n, err = r.Count(r.Context(), r.feed)
	r.must(err)
	r.same("count of what was emptied", n, 0)
}

func anyBytes(r *rig) {
	for i, size := range []int{1, 4000, 8000, 8192, 20_000, 500_000} {
		d := draft(fmt.Sprintf("tool--%d", i), 1)
		d.Content = make([]byte, size)
		for k := range d.Content {
			d.Content[k] = byte(k*7 + k/251)
		}
		r.put(d)
		list := r.find(feed.Query{IDs: []string{d.ID}, Versions: last, Content: true})
		if len(list) != 1 || list[0].Content != string(d.Content) {
			r.Fatalf("content of %d octets came back otherwise", size)
		}
	}
}
