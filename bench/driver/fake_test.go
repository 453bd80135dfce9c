package driver

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// fake is a small TAXII server in memory whose answers a test may spoil.
type fake struct {
	t *testing.T
	*httptest.Server

	mu      sync.Mutex // guards all below
	objects [][]byte
	spoil   func(r *http.Request, a *spoilable)
	store   func(raw []byte) []byte // what becomes of an object that is added; nil: as it is
	status  func(s *taxii.Status)
	facts   []facts // of objects, as far as they were needed
}

// spoilable is an answer before it is written.
type spoilable struct {
	status      int
	kind        string
	first, last string
	more        bool
	next        string
	objects     [][]byte
	cut         bool // the connection ends in the middle of the body
}

const fakeCollection = "/root/collections/c/"

func newFake(t *testing.T, n int) *fake {
	f := &fake{t: t}
	if n > 0 {
		o := NewObjects(uint64(n))
		for i := range uint64(n) {
			f.objects = append(f.objects, o.Append(nil, i))
		}
	}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) target() Target {
	pool := x509.NewCertPool()
	pool.AddCert(f.Certificate())
	return Target{Base: f.URL, Account: "alice", Password: "secret", TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
}

// wrong sets how answers are spoilt from now on.
func (f *fake) wrong(spoil func(r *http.Request, a *spoilable)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoil = spoil
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", taxii.MediaType)
	if name, word, ok := r.BasicAuth(); !ok || name != "alice" || word != "secret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	rest, inCollection := strings.CutPrefix(r.URL.Path, fakeCollection)
	switch {
	case r.URL.Path == "/taxii2/":
		fmt.Fprintf(w, `{"title":"fake","default":"%s/root/","api_roots":["%s/root/"]}`, f.URL, f.URL)
	case r.URL.Path == "/root/collections/":
		fmt.Fprint(w, `{"collections":[{"id":"hidden","can_read":false},{"id":"c","alias":"short","title":"All","can_read":true,"can_write":true}]}`)
	case r.URL.Path == "/root/status/s/":
		f.write(w, http.StatusOK, taxii.Status{ID: "s", Status: "complete", SuccessCount: 1, TotalCount: 1})
	case !inCollection:
		w.WriteHeader(http.StatusNotFound)
	case rest == "":
		fmt.Fprint(w, `{"id":"c"}`)
	case r.Method == http.MethodPost:
		f.add(w, r)
	default:
		f.answer(w, r, rest)
	}
}

func (f *fake) write(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		f.t.Error(err)
	}
}

func (f *fake) add(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	objects, err := taxii.SplitEnvelope(body)
	if err != nil {
		f.t.Error(err)
	}
	for _, raw := range objects {
		if f.store != nil {
			raw = f.store(raw)
		}
		if raw != nil {
			f.objects = append(f.objects, raw)
		}
	}
	s := taxii.Status{ID: "s", Status: "complete", TotalCount: len(objects), SuccessCount: len(objects)}
	if f.status != nil {
		f.status(&s)
	}
	f.write(w, http.StatusAccepted, s)
}

// date is when object i was added.
func date(i int) string {
	return taxii.TimeOf(time.Date(2024, 1, 1, 0, 0, i, 0, time.UTC)).String()
}

// factsOf gives the facts of object i. mu is held.
func (f *fake) factsOf(i int) facts {
	for len(f.facts) <= i {
		facts, err := peek(f.objects[len(f.facts)])
		if err != nil {
			f.t.Error(err)
		}
		f.facts = append(f.facts, facts)
	}
	return f.facts[i]
}

// answer serves objects, one object or the manifest.
func (f *fake) answer(w http.ResponseWriter, r *http.Request, rest string) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(cmp.Or(q.Get("limit"), "100"))
	if err != nil {
		f.t.Error(err)
	}
	from, _ := strconv.Atoi(q.Get("next"))
	var indexes []int
	_, id, single := strings.Cut(strings.Trim(rest, "/"), "/")
	for i := range f.objects {
		facts := f.factsOf(i)
		if i >= from && (q.Get("match[type]") == "" || q.Get("match[type]") == facts.kind) &&
			(q.Get("added_after") == "" || q.Get("added_after") < date(i)) && (!single || id == facts.id) {
			indexes = append(indexes, i)
		}
	}
	a := &spoilable{status: http.StatusOK, kind: taxii.MediaType}
	if len(indexes) > limit {
		a.more, a.next = true, strconv.Itoa(indexes[limit])
		indexes = indexes[:limit]
	}
	for _, i := range indexes {
		raw := f.objects[i]
		if rest == "manifest/" {
			facts := f.factsOf(i)
			raw = fmt.Appendf(nil, `{"id":%q,"date_added":%q,"version":%q}`, facts.id, date(i), facts.version)
		}
		a.objects = append(a.objects, raw)
	}
	if len(indexes) > 0 {
		a.first, a.last = date(indexes[0]), date(indexes[len(indexes)-1])
	}
	if f.spoil != nil {
		f.spoil(r, a)
	}
	a.write(w)
}

func (a *spoilable) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("X-TAXII-Date-Added-First", a.first)
	h.Set("X-TAXII-Date-Added-Last", a.last)
	body := fmt.Appendf(nil, `{"more":%v`, a.more)
	if a.next != "" {
		body = fmt.Appendf(body, `,"next":%q`, a.next)
	}
	body = append(append(append(body, `,"objects":[`...), bytes.Join(a.objects, []byte(","))...), `]}`...)
	if a.cut {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		body = body[:len(body)/2]
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // the driver hangs up when it has seen enough
}

// drop, repeat and swap spoil the objects of an answer.
func (a *spoilable) drop() {
	if len(a.objects) > 1 {
		a.objects = slices.Delete(slices.Clone(a.objects), 1, 2)
	}
}

func (a *spoilable) repeat() {
	if len(a.objects) > 1 {
		a.objects = slices.Clone(a.objects)
		a.objects[1] = a.objects[0]
	}
}

func (a *spoilable) swap() {
	if len(a.objects) > 1 {
		a.objects = slices.Clone(a.objects)
		a.objects[0], a.objects[1] = a.objects[1], a.objects[0]
	}
}
