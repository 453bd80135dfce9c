package exchange_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// markings of the levels clear to red, by turns of TLP 1 and TLP 2.0.
func markings() []string {
	return []string{
		"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
		"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
		"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
	}
}

func levelNames() []string { return []string{"clear", "green", "amber", "amber+strict", "red"} }

// marked is a version of an object with a marking; level -1 is none.
func marked(id, version, level int) string {
	refs := ""
	if level >= 0 {
		refs = fmt.Sprintf(`,"object_marking_refs":[%q]`, markings()[level])
	}
	return fmt.Sprintf(`{"type":"tool","spec_version":"2.1","id":%q,"created":"2020-01-01T00:00:00Z","modified":%q,"name":"a"%s}`,
		toolID(id), toolVersion(version), refs)
}

func toolID(id int) string { return fmt.Sprintf("tool--%08d-0000-4000-8000-000000000000", id) }

func toolVersion(version int) string { return fmt.Sprintf("2020-01-%02dT00:00:00Z", version+1) }

// ward is a house with accounts that read and write up to each level; the last
// has no ceiling.
type ward struct {
	*house
	readers []*exchange.Session
}

func buildOn(t *testing.T, e trial.Engine) *house {
	t.Helper()
	if e == trial.SQLite {
		return build(t)
	}
	h := &house{path: trial.Postgres(t)}
	h.start(t)
	t.Cleanup(func() { h.stop(t) })
	return h
}

func warded(t *testing.T, h *house) *ward {
	t.Helper()
	w := &ward{house: h}
	h.root(t, "trust", "all")
	must[taxii.Channel](t)(h.op.AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "alerts"}))
	for _, level := range append(levelNames(), "") {
		name := "upto" + strings.ReplaceAll(level, "+", "-")
		h.account(t, name)
		for _, on := range []string{"trust/collection/all", "trust/channel/alerts"} {
			w.ceil(t, name, on, level, "read", "write")
		}
		w.readers = append(w.readers, h.signIn(t, name))
	}
	return w
}

func (w *ward) ceil(t *testing.T, name, on, level string, rights ...string) {
	t.Helper()
	if err := w.op.SetGrant(t.Context(), exchange.GrantSetting{Account: name, On: on, Rights: rights, Ceiling: level}); err != nil {
		t.Fatal(err)
	}
}

func (w *ward) add(t *testing.T, s *exchange.Session, objects ...string) taxii.Status {
	t.Helper()
	return must[taxii.Status](t)(s.Add(t.Context(), "trust", "all", []byte(`{"objects":[`+strings.Join(objects, ",")+`]}`)))
}

// walked gives what paging through gets: each item as JSON, in order.
func walked(t *testing.T, s *exchange.Session, target exchange.Target, f taxii.Filter) (items []json.RawMessage) {
	t.Helper()
	target.Root, target.Collection = "trust", "all"
	for {
		v, err := s.View(t.Context(), target, f)
		if err != nil {
			t.Fatal(err)
		}
		p, err := v.Page(t.Context())
		if taxii.KindOf(err) == taxii.NotFound && err != nil {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		var list []json.RawMessage
		if err := json.Unmarshal(slices.Concat([]byte("["), bytes.Join(p.Chunks, nil), []byte("]")), &list); err != nil {
			t.Fatal(err)
		}
		if items = append(items, list...); !p.More {
			return items
		}
		f.Next = p.Next
	}
}

// kept is one version in the model of a Collection.
type kept struct{ id, version, level int }

func (k kept) at(unmarked int) int {
	if k.level < 0 {
		return unmarked
	}
	return k.level
}

// visible gives what a ceiling sees, by the definition: every version at or below
// it, or of each object the last of those.
func visible(all []kept, unmarked, ceiling int, latest bool) (list []string) {
	for _, k := range all {
		superseded := slices.ContainsFunc(all, func(o kept) bool {
			return o.id == k.id && o.version > k.version && o.at(unmarked) <= ceiling
		})
		if k.at(unmarked) <= ceiling && (!latest || !superseded) {
			list = append(list, toolID(k.id)+" "+toolVersion(k.version))
		}
	}
	slices.Sort(list)
	return list
}

// named gives id and version of objects or records, in order of these.
func namedItems(t *testing.T, items []json.RawMessage) (list []string) {
	t.Helper()
	for _, item := range items {
		var o struct{ ID, Modified, Version string }
		if err := json.Unmarshal(item, &o); err != nil {
			t.Fatal(err)
		}
		list = append(list, o.ID+" "+o.Modified+o.Version)
	}
	slices.Sort(list)
	return list
}

func TestEachAccountPagesThroughWhatItsCeilingAllowsAndNothingElse(t *testing.T) {
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		w := warded(t, buildOn(t, e))
		random := rand.New(rand.NewPCG(7, 7))
		var model []kept
		unmarked := 0
		for step := range 60 {
			switch what := random.IntN(10); {
			case what == 0:
				unmarked = random.IntN(5)
				w.setUnmarked(t, levelNames()[unmarked])
			case what < 3:
				ceiling, id := random.IntN(6), random.IntN(5)
				model = w.deleteLatest(t, model, unmarked, ceiling, id)
			default:
				k := kept{random.IntN(5), random.IntN(6), random.IntN(6) - 1}
				w.add(t, w.op, marked(k.id, k.version, k.level))
				if !slices.ContainsFunc(model, func(o kept) bool { return o.id == k.id && o.version == k.version }) {
					model = append(model, k)
				}
			}
			w.compare(t, random, model, unmarked)
			if t.Failed() {
				t.Fatalf("after step %d", step)
			}
		}
	})
}

func (w *ward) setUnmarked(t *testing.T, level string) {
	t.Helper()
	_, err := w.op.SetCollection(t.Context(), "trust", "all", func(set *exchange.CollectionSetting) error { set.Unmarked = level; return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// deleteLatest lets an account delete the last version of an object that it sees.
func (w *ward) deleteLatest(t *testing.T, model []kept, unmarked, ceiling, id int) []kept {
	t.Helper()
	err := w.readers[ceiling].Delete(t.Context(), "trust", "all", toolID(id), taxii.Filter{Versions: []string{taxii.VersionLast}})
	seen := visible(model, unmarked, ceiling, true)
	gone := slices.IndexFunc(seen, func(name string) bool { return strings.HasPrefix(name, toolID(id)) })
	if (err == nil) != (gone >= 0) {
		t.Fatalf("delete: %v, and it sees %q", err, seen)
	}
	return slices.DeleteFunc(slices.Clone(model), func(k kept) bool {
		return gone >= 0 && toolID(k.id)+" "+toolVersion(k.version) == seen[gone]
	})
}

func (w *ward) compare(t *testing.T, random *rand.Rand, model []kept, unmarked int) {
	t.Helper()
	for ceiling, s := range w.readers {
		limit := 1 + random.IntN(4)
		for _, versions := range [][]string{nil, {taxii.VersionAll}} {
			want := visible(model, unmarked, ceiling, versions == nil)
			for _, at := range []exchange.Endpoint{exchange.Objects, exchange.Manifest} {
				got := namedItems(t, walked(t, s, exchange.Target{Endpoint: at}, taxii.Filter{Limit: limit, Versions: versions}))
				if !slices.Equal(got, want) {
					t.Errorf("%s %v below %d: got %q, want %q", at, versions, ceiling, got, want)
				}
			}
		}
		id := random.IntN(5)
		var versions []string
		for _, name := range visible(model, unmarked, ceiling, false) {
			if version, of := strings.CutPrefix(name, toolID(id)+" "); of {
				versions = append(versions, fmt.Sprintf("%q", version))
			}
		}
		var got []string
		for _, item := range walked(t, s, exchange.Target{Endpoint: exchange.Versions, Object: toolID(id)}, taxii.Filter{Limit: limit}) {
			got = append(got, string(item))
		}
		slices.Sort(got)
		if !slices.Equal(got, versions) {
			t.Errorf("versions of %d below %d: %q, want %q", id, ceiling, got, versions)
		}
	}
}

// While others add, raise, delete and bring back, who pages through gets what is
// there all the time, once or more, and nothing that it may not see.
func TestPagingBelowACeilingMissesNothingWhileOthersWrite(t *testing.T) {
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		w := warded(t, buildOn(t, e))
		var first []string
		for id := range 40 {
			first = append(first, marked(id, 0, id%5))
		}
		w.add(t, w.op, first...)
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := 100 + n%7
				_, err := w.op.Add(t.Context(), "trust", "all", []byte(`{"objects":[`+marked(id, n%20, n%5)+`,`+marked(n%40, 1+n%20, 4)+`]}`))
				if n%3 == 0 && err == nil {
					_ = w.op.Delete(t.Context(), "trust", "all", toolID(id), taxii.Filter{Versions: []string{taxii.VersionLast}})
				}
			}
		}()
		for range 3 {
			for ceiling, s := range w.readers[:4] { // a later version, which is red, hides none of the first from them
				got := namedItems(t, walked(t, s, exchange.Target{Endpoint: exchange.Objects}, taxii.Filter{Limit: 3}))
				for id := range 40 {
					name := toolID(id) + " " + toolVersion(0)
					if slices.Contains(got, name) != (id%5 <= ceiling) {
						t.Errorf("below %d: object %d of level %d is in %q", ceiling, id, id%5, got)
					}
				}
			}
		}
		close(stop)
		<-done
	})
}

func TestNoEndpointTellsOfWhatIsAboveTheCeiling(t *testing.T) {
	w := warded(t, build(t))
	w.add(t, w.op, marked(1, 0, 1), marked(2, 0, 1), marked(1, 1, 4), marked(3, 0, 4))
	green, ctx := w.readers[1], t.Context()
	red := walked(t, w.op, exchange.Target{Endpoint: exchange.Manifest}, taxii.Filter{Versions: []string{taxii.VersionAll}})
	if len(red) != 4 {
		t.Fatalf("the operator sees %q", red)
	}
	for name, c := range map[string]struct {
		target exchange.Target
		filter taxii.Filter
	}{
		"by id":             {exchange.Target{Endpoint: exchange.Objects}, taxii.Filter{IDs: []string{toolID(3)}}},
		"by version":        {exchange.Target{Endpoint: exchange.Objects}, taxii.Filter{Versions: []string{toolVersion(1)}}},
		"by id and version": {exchange.Target{Endpoint: exchange.Manifest}, taxii.Filter{IDs: []string{toolID(1)}, Versions: []string{toolVersion(1)}}},
		"one object":        {exchange.Target{Endpoint: exchange.Object, Object: toolID(3)}, taxii.Filter{}},
		"a version of one":  {exchange.Target{Endpoint: exchange.Object, Object: toolID(1)}, taxii.Filter{Versions: []string{toolVersion(1)}}},
		"versions of one":   {exchange.Target{Endpoint: exchange.Versions, Object: toolID(3)}, taxii.Filter{}},
	} {
		if got := walked(t, green, c.target, c.filter); len(got) != 0 {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := namedItems(t, walked(t, green, exchange.Target{Endpoint: exchange.Object, Object: toolID(1)}, taxii.Filter{})); !slices.Equal(got, []string{toolID(1) + " " + toolVersion(0)}) {
		t.Errorf("the last version below the ceiling is %q", got)
	}
	p := must[*exchange.Page](t)(page(t, green, exchange.Objects, "trust", "all", taxii.Filter{Limit: 2}))
	if p.More || p.Next != "" || p.Count != 2 || p.Last >= p.First+2 {
		t.Errorf("the page is %d of more %v, from %s to %s", p.Count, p.More, p.First, p.Last)
	}
	wantKind(t, "delete of what is hidden", green.Delete(ctx, "trust", "all", toolID(3), taxii.Filter{}), taxii.NotFound)
	if err := green.Delete(ctx, "trust", "all", toolID(1), taxii.Filter{}); err != nil {
		t.Error(err)
	}
	if left := namedItems(t, walked(t, w.op, exchange.Target{Endpoint: exchange.Objects}, taxii.Filter{Versions: []string{taxii.VersionAll}})); len(left) != 3 || !slices.Contains(left, toolID(1)+" "+toolVersion(1)) {
		t.Errorf("after the deletions there are %q", left)
	}
	v1, err1 := green.View(ctx, exchange.Target{Endpoint: exchange.Objects, Root: "trust", Collection: "all"}, taxii.Filter{})
	v2, err2 := w.readers[4].View(ctx, exchange.Target{Endpoint: exchange.Objects, Root: "trust", Collection: "all"}, taxii.Filter{})
	if err1 != nil || err2 != nil || v1.Key() == v2.Key() {
		t.Errorf("pages of two ceilings are kept under one key (%v, %v)", err1, err2)
	}
}

// Whether what an account adds was there above its ceiling it does not learn from
// successes; that other content stands there it must be told.
func TestAnAddDoesNotTellWhatWasThereAboveTheCeiling(t *testing.T) {
	w := warded(t, build(t))
	const hidden, fresh = `{"type":"ipv4-addr","id":"ipv4-addr--1","value":"192.0.2.1","object_marking_refs":["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]}`,
		`{"type":"ipv4-addr","id":"ipv4-addr--2","value":"192.0.2.2","object_marking_refs":["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]}`
	if _, err := w.op.SetCollection(t.Context(), "trust", "all", func(set *exchange.CollectionSetting) error { set.Validation = "off"; return nil }); err != nil {
		t.Fatal(err)
	}
	w.add(t, w.op, hidden, marked(1, 0, 4), marked(2, 0, 1), marked(3, 0, 4))
	st := w.add(t, w.readers[1], fresh, hidden, marked(4, 0, 4), marked(1, 0, 4), marked(2, 0, 1), marked(3, 0, 0))
	var got []string
	versions := map[string]string{}
	for _, d := range st.Successes {
		got = append(got, d.ID+" "+d.Message)
		versions[d.ID] = d.Version
	}
	want := []string{"ipv4-addr--1 ", "ipv4-addr--2 ", toolID(1) + " ", toolID(2) + " " + exchange.AlreadyHere, toolID(4) + " "}
	if !slices.Equal(got, want) {
		t.Errorf("successes %q, want %q", got, want)
	}
	if at := st.RequestTimestamp.String(); versions["ipv4-addr--1"] != at || versions["ipv4-addr--2"] != at {
		t.Errorf("versions %q, want those without one under %s", versions, at)
	}
	if len(st.Failures) != 1 || st.Failures[0].ID != toolID(3) {
		t.Errorf("failures %+v", st.Failures)
	}
	again := must[taxii.Status](t)(w.readers[1].Status(t.Context(), "trust", st.ID))
	if fmt.Sprint(again) != fmt.Sprint(st) {
		t.Errorf("asked for later the Status is %+v, was %+v", again, st)
	}
	w.ceil(t, "uptogreen", "trust/collection/all", "green", "read", "write", "manage")
	theirs := w.add(t, w.op, marked(9, 0, 4))
	wantKind(t, "another's Status below a ceiling", second(w.readers[1].Status(t.Context(), "trust", theirs.ID)), taxii.NotFound)
	if _, n, err := w.readers[1].CollectionSetting(t.Context(), "trust", "all"); err != nil || n != 1 {
		t.Errorf("%d object versions are counted, %v", n, err)
	}
	exported := walked(t, w.readers[1], exchange.Target{Endpoint: exchange.Export}, taxii.Filter{})
	if len(exported) != 1 {
		t.Errorf("exported %s", exported)
	}
}

func TestAPreviewCountsWhatAnAccountSeesAndDoesNot(t *testing.T) {
	w := warded(t, build(t))
	w.add(t, w.op, marked(1, 0, 1), marked(2, 0, -1), marked(1, 1, 4))
	got := must[[]exchange.Preview](t)(w.op.Preview(t.Context(), "uptogreen", "trust/collection/all", 1))
	want := `[{trust/collection/all true green map[clear:1 green:1] map[red:1] [{` + toolID(1) + ` tool ` + toolVersion(0) + ` green}]}]`
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	w.account(t, "stranger")
	all := must[[]exchange.Preview](t)(w.op.Preview(t.Context(), "stranger", "", 5))
	if len(all) != 1 || all[0].Reads || all[0].Objects != nil || len(all[0].Visible) != 0 || all[0].Hidden["red"] != 1 {
		t.Errorf("a stranger sees %v", all)
	}
	if err := second(w.op.Preview(t.Context(), "nobody", "", 5)); taxii.KindOf(err) != taxii.NotFound || err == nil {
		t.Error(err)
	}
	wantKind(t, "a reader's preview", second(w.readers[4].Preview(t.Context(), "stranger", "", 5)), taxii.NotFound)
}
