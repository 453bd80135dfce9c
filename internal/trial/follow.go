package trial

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hansom-taxii/hansom/taxii"
)

// AllVersions is the filter under which every version of every object is read,
// each once.
const AllVersions = "match[version]=all&match[spec_version]=2.0,2.1"

// Page is one page of objects as a client received it.
type Page struct {
	Objects     [][]byte // each the exact bytes of one object, none where there are none
	More        bool
	Next        string
	First, Last string // X-TAXII-Date-Added-First and -Last
}

// Split takes an answer of objects apart and refuses what no client could page
// on with: a status other than 200, more without next or without an object, next
// without more, dates that are absent (K44, K50).
func Split(a Answer) (Page, error) {
	p := Page{First: a.Header.Get("X-TAXII-Date-Added-First"), Last: a.Header.Get("X-TAXII-Date-Added-Last")}
	if a.Status != http.StatusOK {
		return p, fmt.Errorf("the answer is a %d: %.300s", a.Status, a.Body)
	}
	var err error
	p.Objects, p.More, p.Next, err = SplitBody(a.Body)
	switch {
	case err != nil:
		return p, err
	case p.More && (p.Next == "" || len(p.Objects) == 0):
		return p, fmt.Errorf("more is true with next %q and %d objects", p.Next, len(p.Objects))
	case !p.More && p.Next != "":
		return p, fmt.Errorf("more is false with next %q", p.Next)
	case len(p.First) != len("2006-01-02T15:04:05.000000Z") || len(p.Last) != len(p.First) || p.First > p.Last:
		return p, fmt.Errorf("dates from %q to %q", p.First, p.Last)
	}
	return p, nil
}

// SplitBody takes an envelope apart into the exact bytes of its objects, its
// more and its next. It may have none of them; more and next stand before
// objects, as a server writes them so that a client can fetch ahead.
func SplitBody(body []byte) (objects [][]byte, more bool, next string, err error) {
	d := jsontext.NewDecoder(bytes.NewReader(body[:min(len(body), headMost)]))
	if _, err = d.ReadToken(); err != nil {
		return nil, false, "", fmt.Errorf("%w in the envelope %.300s", err, body)
	}
	for d.PeekKind() == jsontext.KindString {
		name, _ := d.ReadToken() // it has been looked at
		member := name.String()
		if member == "objects" {
			objects, err = taxii.SplitEnvelope(body)
			return objects, more, next, err
		}
		value, err := d.ReadValue()
		switch {
		case err != nil:
		case member == "more":
			err = json.Unmarshal(value, &more)
		case member == "next":
			err = json.Unmarshal(value, &next)
		}
		if err != nil {
			return nil, false, "", fmt.Errorf("%w in the envelope %.300s", err, body)
		}
	}
	return nil, more, next, nil
}

// headMost bounds what stands before the objects of an envelope: a cursor.
const headMost = 64 << 10

// A Follower reads a Collection page by page and keeps its place, as clients
// do: a run goes on with next while there is more, and the following run begins at the date
// that was reached. One that goes by date never sends next.
type Follower struct {
	Server  *Server
	Account string
	Path    string // of the Collection, without a final slash
	What    string // objects (also if it is ""), or manifest for its records
	Limit   int    // objects in a page at most; 0 leaves that to the server
	Query   string // filters of every request, such as AllVersions
	ByDate  bool

	Next  string // the cursor to go on with; "" between runs
	Since string // the date reached; "" before the first object
	Pages int    // how many were read with at least one object

	began string // added_after of the present run
}

// Page reads the next page. Its dates must lie after all that was read before.
func (f *Follower) Page(t testing.TB) (Page, error) {
	t.Helper()
	a, err := f.Server.Try(t, f.Account, http.MethodGet, f.url(), nil)
	if err != nil {
		return Page{}, err
	}
	p, err := Split(a)
	if err != nil {
		return p, err
	}
	if f.Limit > 0 && len(p.Objects) > f.Limit {
		return p, fmt.Errorf("%d objects in a page of at most %d", len(p.Objects), f.Limit)
	}
	if len(p.Objects) > 0 {
		if p.First <= f.Since {
			return p, fmt.Errorf("a page begins at %s, and %s had been reached", p.First, f.Since)
		}
		f.Since = p.Last
		f.Pages++
	} else if f.Since != "" && p.Last != f.Since {
		return p, fmt.Errorf("an empty page says that %s is reached, after %s", p.Last, f.Since)
	}
	f.Next = p.Next
	if f.ByDate {
		f.Next = ""
	}
	return p, nil
}

// url is what the next request asks. A cursor is sent with the parameters of
// its run, as most clients do (K40).
func (f *Follower) url() string {
	var parts []string
	if f.Query != "" {
		parts = append(parts, f.Query)
	}
	if f.Limit > 0 {
		parts = append(parts, "limit="+strconv.Itoa(f.Limit))
	}
	if f.Next == "" {
		f.began = f.Since
	} else {
		parts = append(parts, "next="+f.Next)
	}
	if f.began != "" {
		parts = append(parts, "added_after="+f.began)
	}
	return f.Path + "/" + cmp.Or(f.What, "objects") + "/?" + strings.Join(parts, "&")
}

// Rest reads on until there is no more, and gives all objects that came.
func (f *Follower) Rest(t testing.TB) (objects [][]byte, err error) {
	t.Helper()
	for {
		p, err := f.Page(t)
		objects = append(objects, p.Objects...)
		if err != nil || !p.More {
			return objects, err
		}
	}
}

// Walk reads all that a Follower has before it, and ends the test if it cannot.
func Walk(t testing.TB, f *Follower) [][]byte {
	t.Helper()
	objects, err := f.Rest(t)
	if err != nil {
		t.Fatalf("after %d objects and %d pages: %v", len(objects), f.Pages, err)
	}
	return objects
}

// Same compares what came with what should have come: object by object, in
// order, byte for byte.
func Same(t testing.TB, what string, got, want [][]byte) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("%s: object %d is\n%.300s\nwant\n%.300s", what, i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d objects, want %d", what, len(got), len(want))
	}
}

// Once tells whether each of want came exactly once, byte for byte, and nothing
// else did, in whatever order.
func Once(t testing.TB, what string, got, want [][]byte) {
	t.Helper()
	missing := make(map[string]int, len(want))
	for _, object := range want {
		missing[string(object)]++
	}
	for _, object := range got {
		missing[string(object)]--
	}
	for object, n := range missing {
		switch {
		case n > 0:
			t.Errorf("%s: %d times missed: %.200s", what, n, object)
		case n < 0:
			t.Errorf("%s: %d times more than once, or never sent: %.200s", what, -n, object)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}

// Envelopes joins objects, in order, to envelopes of at most so many octets
// each; an object that is larger has one of its own.
func Envelopes(most int, objects ...[]byte) (bodies [][]byte) {
	size := len(`{"objects":[]}`)
	for len(objects) > 0 {
		n, sum := 1, size+len(objects[0])
		for n < len(objects) && sum+1+len(objects[n]) <= most {
			sum += 1 + len(objects[n])
			n++
		}
		bodies = append(bodies, Envelope(objects[:n]...))
		objects = objects[n:]
	}
	return bodies
}

// Stored reads the answer to an Add and tells an error unless its Status is
// complete and every object a success (R236, K62, K63).
func Stored(a Answer) error {
	if a.Status != http.StatusAccepted {
		return fmt.Errorf("the answer is a %d: %.300s", a.Status, a.Body)
	}
	var s taxii.Status
	if err := json.Unmarshal(a.Body, &s); err != nil {
		return fmt.Errorf("%w in the Status %.300s", err, a.Body)
	}
	if s.Status != taxii.StatusComplete || s.FailureCount > 0 || s.SuccessCount != s.TotalCount || len(s.Successes) != s.TotalCount {
		return fmt.Errorf("the Status is %s: %d of %d stored, %d listed, failures %.300v", s.Status, s.SuccessCount, s.TotalCount, len(s.Successes), s.Failures)
	}
	return nil
}

// Load adds objects in order, in envelopes of at most so many octets, and ends
// the test unless every one is stored.
func (s *Server) Load(t testing.TB, account, collection string, most int, objects ...[]byte) {
	t.Helper()
	for i, body := range Envelopes(most, objects...) {
		if err := Stored(s.Post(t, account, collection, body)); err != nil {
			t.Fatalf("envelope %d: %v", i, err)
		}
	}
}
