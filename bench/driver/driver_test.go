package driver

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const moment = 30 * time.Millisecond

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAGoodServerIsMeasuredWithEveryWorkload(t *testing.T) {
	t.Parallel()
	f, seen := newFake(t, 130), map[string]int{}
	err := Bench(t.Context(), f.target(), Order{
		URL: f.URL, Collection: "All", Writable: "short", Connections: []int{1, 2}, For: moment,
	}, func(r Row) {
		seen[r.Workload]++
		if r.Requests == 0 || r.RequestsPerSecond <= 0 || r.P50 <= 0 || r.P99 < r.P50 || r.Octets == 0 {
			t.Errorf("got %+v", r)
		}
		if wants := r.Workload != Poll; wants != (r.Objects > 0) {
			t.Errorf("%d objects came of %s", r.Objects, r.Workload)
		}
	})
	must(t, err)
	if len(seen) != 6 || seen[Pages] != 4 || seen[Add] != 6 {
		t.Errorf("measured %v", seen)
	}
}

func TestAManifestWithoutNextIsWalkedByDates(t *testing.T) {
	t.Parallel()
	f := newFake(t, 0)
	for i := range 1100 {
		f.objects = append(f.objects, fmt.Appendf(nil, `{"type":"tool","id":"tool--%d","modified":"2024-01-01T00:00:00.%06dZ"}`, i, i))
	}
	f.wrong(func(r *http.Request, a *spoilable) {
		if strings.HasSuffix(r.URL.Path, "/manifest/") {
			a.next = ""
		}
	})
	target := f.target()
	content, err := Learn(t.Context(), &target, fakeCollection, nil)
	must(t, err)
	script, err := content.Script(t.Context(), &target, Manifest, 500)
	must(t, err)
	figures, err := script.Run(t.Context(), &target, Load{2, moment})
	must(t, err)
	if len(script.steps) != 3 || figures.Objects == 0 {
		t.Errorf("%d steps, %+v", len(script.steps), figures)
	}
}

func TestACollectionIsFoundByAnyOfItsNames(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	for _, path := range []string{"", "/", "/taxii2/", "/taxii2", "/root", "/root/"} {
		target := f.target()
		target.Base = f.URL
		found, err := find(t.Context(), &target, path)
		must(t, err)
		for _, name := range []string{"", "c", "short", "All"} {
			c, err := found.collection(name)
			if err != nil || found.path(c) != fakeCollection {
				t.Errorf("%q, %q: got %q, %v", path, name, found.path(c), err)
			}
		}
		if c, err := found.collection("other"); err == nil {
			t.Errorf("got %+v", c)
		}
		found.conn.close()
	}
}

// spoilt are the ways in which an answer can be wrong, and words of the error
// that must come of it.
var spoilt = map[string]struct {
	words string
	spoil func(a *spoilable)
}{
	"drops an object":         {"due", (*spoilable).drop},
	"repeats an object":       {"due", (*spoilable).repeat},
	"swaps two objects":       {"due", (*spoilable).swap},
	"changes an octet":        {"due", func(a *spoilable) { a.change() }},
	"answers 500":             {"status 500", func(a *spoilable) { a.status = http.StatusInternalServerError }},
	"answers 404":             {"status 404", func(a *spoilable) { a.status = http.StatusNotFound }},
	"answers an empty page":   {"due", func(a *spoilable) { a.objects = nil }},
	"says more without next":  {"more is true", func(a *spoilable) { a.more, a.next = true, "" }},
	"says more at the end":    {"more is true", func(a *spoilable) { a.more, a.next = true, "7" }},
	"sends another media":     {"media type", func(a *spoilable) { a.kind = "text/html" }},
	"sends other dates":       {"dates", func(a *spoilable) { a.first, a.last = date(1), date(2) }},
	"hangs up in the middle":  {"EOF", func(a *spoilable) { a.cut = true }},
	"goes on with an old one": {"due", func(a *spoilable) { a.objects = append(a.objects, a.objects[0]) }},
}

// change turns a letter of a description.
func (a *spoilable) change() {
	if len(a.objects) > 0 {
		a.objects[0] = bytes.Replace(a.objects[0], []byte(" the"), []byte(" thE"), 1)
	}
}

func TestAServerThatGoesWrongWhileItIsMeasuredFails(t *testing.T) {
	t.Parallel()
	for name, fault := range spoilt {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, 40)
			target := f.target()
			content, err := Learn(t.Context(), &target, fakeCollection, nil)
			must(t, err)
			script, err := content.Script(t.Context(), &target, Pages, 1000)
			must(t, err)
			if _, err := script.Run(t.Context(), &target, Load{2, moment}); err != nil {
				t.Fatalf("before: %v", err)
			}
			n := 0
			f.wrong(func(_ *http.Request, a *spoilable) {
				if n++; n > 5 { // past the warming up
					fault.spoil(a)
				}
			})
			if _, err = script.Run(t.Context(), &target, Load{2, 20 * time.Second}); err == nil || !strings.Contains(err.Error(), fault.words) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAServerThatWalksWronglyIsNotMeasured(t *testing.T) {
	t.Parallel()
	objects := func(r *http.Request) bool {
		return strings.HasSuffix(r.URL.Path, "/objects/") && r.URL.Query().Get("limit") != ""
	}
	first := func(r *http.Request) bool { return objects(r) && len(r.URL.Query()) == 1 }
	second := func(r *http.Request) bool { return objects(r) && r.URL.Query().Get("next") == "1000" }
	for name, c := range map[string]struct {
		words string
		spoil func(r *http.Request, a *spoilable)
	}{
		"an object is missing": {"where the objects have", func(r *http.Request, a *spoilable) {
			if first(r) { // always the same one
				a.drop()
			}
		}},
		"an object comes twice": {"came twice", func(r *http.Request, a *spoilable) {
			if objects(r) {
				a.repeat()
			}
		}},
		"a page comes again": {"came twice", func(r *http.Request, a *spoilable) {
			if first(r) || objects(r) && r.URL.Query().Get("next") == "0" {
				a.next, a.first, a.last = "0", date(999), date(999)
			}
		}},
		"the last page is missing": {"0 are due", func(r *http.Request, a *spoilable) {
			if objects(r) && a.last == date(999) {
				a.more, a.next = false, ""
			}
		}},
		"the order is wrong": {"where the objects have", func(r *http.Request, a *spoilable) {
			if first(r) {
				a.swap()
			}
		}},
		"the dates run backwards": {"before the end of the one before", func(r *http.Request, a *spoilable) {
			if second(r) {
				a.first = date(0)
			}
		}},
		"a page is too long": {"were asked for", func(r *http.Request, a *spoilable) {
			if !second(r) {
				a.objects = append(a.objects, a.objects[0])
			}
		}},
		"a page is short": {"a short page", func(r *http.Request, a *spoilable) {
			if second(r) {
				a.more, a.objects, a.next = true, a.objects[:40], "1040"
			}
		}},
		"more without next":     {"next is missing", func(_ *http.Request, a *spoilable) { a.next = "" }},
		"more on an empty page": {"empty page", func(_ *http.Request, a *spoilable) { a.objects = nil }},
		"no media type":         {"media type", func(_ *http.Request, a *spoilable) { a.kind = "" }},
		"a status":              {"status 206", func(_ *http.Request, a *spoilable) { a.status = http.StatusPartialContent }},
		"an object without id": {"without id", func(_ *http.Request, a *spoilable) {
			if len(a.objects) > 0 {
				a.objects[0] = []byte(`{"type":"tool"}`)
			}
		}},
		"another object by id": {"due", func(r *http.Request, a *spoilable) {
			if strings.Contains(r.URL.Path, "--") && len(a.objects) == 1 {
				a.change()
				a.objects[0] = append([]byte(" "), a.objects[0]...)
				a.objects[0] = bytes.Replace(a.objects[0], []byte(`"2.1"`), []byte(`"2.0"`), 1)
			}
		}},
		"a poll brings something": {"due", func(r *http.Request, a *spoilable) {
			if r.URL.Query().Get("added_after") != "" {
				a.objects = [][]byte{[]byte(`{"id":"tool--1","type":"tool"}`)}
			}
		}},
		"a filter lets others through": {"due", func(r *http.Request, a *spoilable) {
			if r.URL.Query().Get("match[type]") != "" {
				a.objects = append(a.objects, []byte(`{"id":"tool--1","type":"tool"}`))
			}
		}},
		"a record has another version": {"where the objects have", func(r *http.Request, a *spoilable) {
			if strings.HasSuffix(r.URL.Path, "/manifest/") {
				a.objects[0] = bytes.Replace(a.objects[0], []byte(`"version":"`), []byte(`"version":"1`), 1)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, 0) // of small objects, so that no page is bound by its octets
			for i := range 1100 {
				f.objects = append(f.objects, fmt.Appendf(nil, `{"type":%q,"spec_version":"2.1","id":"x--%d","modified":"2024-01-01T00:00:00.%06dZ","name":"in the"}`,
					[]string{"tool", "malware"}[i%2], i, i))
			}
			f.wrong(c.spoil)
			err := Bench(t.Context(), f.target(), Order{URL: f.URL, Connections: []int{1}, For: time.Millisecond}, func(Row) {})
			if err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestContentIsComparedWithWhatMustBeThere(t *testing.T) {
	t.Parallel()
	f := newFake(t, 50)
	var want []uint32
	for _, raw := range f.objects {
		want = append(want, Sum(raw))
	}
	target := f.target()
	if _, err := Learn(t.Context(), &target, fakeCollection, want); err != nil {
		t.Error(err)
	}
	f.objects[7] = bytes.Replace(f.objects[7], []byte("2.1"), []byte("2.0"), 1)
	if _, err := Learn(t.Context(), &target, fakeCollection, want); err == nil || !strings.Contains(err.Error(), "object 7 of 50") {
		t.Errorf("got %v", err)
	}
	if _, err := Learn(t.Context(), &target, fakeCollection, want[:49]); err == nil {
		t.Error("one object too many was not seen")
	}
}

func TestAServerThatDoesNotKeepWhatItAcknowledgesFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		words  string
		store  func(raw []byte) []byte
		status func(s *taxii.Status)
	}{
		"loses objects":       {"0 are there", func([]byte) []byte { return nil }, nil},
		"changes objects":     {"not as it was sent", func(raw []byte) []byte { return bytes.Replace(raw, []byte("false"), []byte("true "), 1) }, nil},
		"adds others":         {"came twice", func(raw []byte) []byte { return []byte(`{"id":"tool--1","type":"tool"}`) }, nil},
		"says that one fails": {"1 failed", nil, func(s *taxii.Status) { s.SuccessCount--; s.FailureCount++ }},
		"counts too few":      {"0 of 1 objects were stored", nil, func(s *taxii.Status) { s.SuccessCount-- }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, 3)
			target := f.target()
			adding, err := NewAdding(t.Context(), &target, "/root/", fakeCollection)
			must(t, err)
			f.store, f.status = c.store, c.status
			if _, err = adding.Run(t.Context(), &target, 1, Load{2, moment}); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAStatusThatIsPendingIsAskedForAgain(t *testing.T) {
	t.Parallel()
	f := newFake(t, 3)
	target := f.target()
	adding, err := NewAdding(t.Context(), &target, "/root/", fakeCollection)
	must(t, err)
	f.status = func(s *taxii.Status) { s.Status, s.SuccessCount, s.PendingCount = "pending", 0, 1 }
	figures, err := adding.Run(t.Context(), &target, 1, Load{1, moment})
	must(t, err)
	if got := len(f.objects) - 3; got != figures.Objects {
		t.Errorf("%d objects were added, %d counted", got, figures.Objects)
	}
}

func TestAPageInAnotherFormIsTheSamePage(t *testing.T) {
	t.Parallel()
	body := []byte(`{"more":true,"next":"abc","objects":[{"id":"a"},{"id":"b"}]}`)
	p, err := readPage(body)
	must(t, err)
	s := stepOf("/x", answer{body: body}, p)
	for _, other := range []string{
		`{"more":true,"next":"another","objects":[{"id":"a"},{"id":"b"}]}`,
		`{"objects":[{"id":"a"}, {"id":"b"}],"next":"another","more":true}`,
		`{ "more" : true, "next" : "\u0061nother", "objects" : [ {"id":"a"} , {"id":"b"} ], "x": [1] }`,
	} {
		next, err := s.check(answer{status: http.StatusOK, header: Header{ContentType: taxii.MediaType}, body: []byte(other)})
		if err != nil || next != "another" {
			t.Errorf("%s: got %q, %v", other, next, err)
		}
	}
	for _, other := range []string{
		`{"more":true,"next":"another","objects":[{"id":"b"},{"id":"a"}]}`, `{"more":true,"next":"another","objects":[{"id":"a"}]}`,
		`{"more":false,"objects":[{"id":"a"},{"id":"b"}]}`, `{"more":true,"objects":[{"id":"a"},{"id":"b"}]}`, `[]`, ``, `{"objects":7}`,
		`{"more":true,"next":"abc","objects":[{"id":"a"},{"id":"b"}`,
	} {
		if _, err := s.check(answer{status: http.StatusOK, header: Header{ContentType: taxii.MediaType}, body: []byte(other)}); err == nil {
			t.Errorf("%s is taken for the same page", other)
		}
	}
}
