package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/history"
	"github.com/hansom-taxii/hansom/taxii"
)

// writer adds objects: new ones, further versions, the same again, other
// contents under names that are taken; and where it deletes, it deletes its own.
type writer struct {
	*history.Recorder
	account, feed string
	number        int
	deletes       bool
	random        *rand.Rand
	shared        *pool
	made          int        // ids
	own           []sentOnce // what it may make versions of, or delete
}

// sentOnce is an object of a writer.
type sentOnce struct{ number, versions int }

// pool is what any writer sent, to be sent again by any.
type pool struct {
	mu    sync.Mutex // guards lists
	lists map[string][][][]byte
}

// poolMost bounds the requests that are kept to be sent again.
const poolMost = 64

func (p *pool) put(random *rand.Rand, feed string, objects [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lists == nil {
		p.lists = map[string][][][]byte{}
	}
	if len(p.lists[feed]) < poolMost {
		p.lists[feed] = append(p.lists[feed], objects)
		return
	}
	p.lists[feed][random.IntN(poolMost)] = objects
}

func (p *pool) any(random *rand.Rand, feed string) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.lists[feed]
	if len(list) == 0 {
		return nil
	}
	return list[random.IntN(len(list))]
}

func (w *writer) name() string {
	if w.deletes {
		return fmt.Sprintf("deleter %d", w.number)
	}
	return fmt.Sprintf("writer %d", w.number)
}

func (w *writer) during(t testing.TB, r *round) {
	for !r.over() {
		var err error
		if w.deletes && len(w.own) > 0 && w.random.IntN(4) == 0 {
			err = w.delete(t, r.s)
		} else {
			err = w.add(t, r.s, w.objects())
			r.adds.Add(1)
		}
		if err != nil {
			r.gone(t, w.name(), err)
			return
		}
	}
}

// objects makes the objects of one request.
func (w *writer) objects() [][]byte {
	if kept := w.shared.any(w.random, w.feed); kept != nil && !w.deletes && w.random.IntN(8) == 0 {
		return kept
	}
	n := []int{1, 1, 1, 5, 20, 60, 200}[w.random.IntN(7)]
	if w.deletes {
		n = min(n, 20)
	}
	list, chosen := make([][]byte, 0, n), map[int]bool{}
	for range n {
		list = append(list, w.object(chosen))
	}
	if !w.deletes && len(w.own) > n && w.random.IntN(8) == 0 { // this one the server must refuse, and no other
		if o := w.own[w.random.IntN(len(w.own)-n)]; !chosen[o.number] {
			list = append(list, identity(w.number, o.number, o.versions, "other content"))
		}
	}
	w.shared.put(w.random, w.feed, list)
	return list
}

// object makes a new object, or another version of one of its own, each at most
// once in a request.
func (w *writer) object(chosen map[int]bool) []byte {
	if w.random.IntN(10) == 0 { // without a version of its own
		w.made++
		return fmt.Appendf(nil, `{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--%08x-0000-4000-8000-%012x","value":"192.0.2.%d"}`,
			w.number, w.made, w.made%256)
	}
	if len(w.own) > 0 && w.random.IntN(4) == 0 {
		if o := &w.own[w.random.IntN(len(w.own))]; !chosen[o.number] {
			chosen[o.number] = true
			o.versions++
			return identity(w.number, o.number, o.versions, strings.Repeat("another ", w.random.IntN(30)))
		}
	}
	w.made++
	chosen[w.made] = true
	w.own = append(w.own, sentOnce{w.made, 1})
	return identity(w.number, w.made, 1, strings.Repeat("a name ", w.random.IntN(100)))
}

// identity is an object in one of its versions.
func identity(writer, number, version int, name string) []byte {
	return fmt.Appendf(nil, `{"type": "identity", "spec_version": "2.1", "id": "%s", "created": "2020-01-01T00:00:00.000Z", "modified": "%s", "name": "n\u00e9 %s"}`,
		identityID(writer, number), identityVersion(version), name)
}

func identityID(writer, number int) string {
	return fmt.Sprintf("identity--%08x-0000-4000-8000-%012x", writer, number)
}

func identityVersion(version int) string {
	return fmt.Sprintf("2021-01-01T%02d:%02d:%02d.000Z", version/3600, version/60%60, version%60)
}

// add sends one request, records what it is told, and gives an error where it is
// told nothing.
func (w *writer) add(t testing.TB, s *trial.Server, objects [][]byte) error {
	q := history.Request{Kind: history.Add, Feed: w.feed}
	for _, raw := range objects {
		q.Objects = append(q.Objects, history.Of(raw))
	}
	n := w.Send(q)
	a, err := s.Try(t, w.account, http.MethodPost, w.feed+"/objects/", trial.Envelope(objects...))
	told := outcome(a, err, http.StatusAccepted)
	if told.Outcome == history.Done {
		var st taxii.Status
		if err := json.Unmarshal(a.Body, &st); err != nil || st.Status != taxii.StatusComplete {
			t.Errorf("%s was answered %.300s", w.name(), a.Body)
		}
		told.Successes, told.Failures = named(st.Successes), named(st.Failures)
	}
	w.Told(n, told)
	return err
}

func named(details []taxii.StatusDetail) (list []history.Object) {
	for _, d := range details {
		list = append(list, history.Object{ID: d.ID, Version: d.Version})
	}
	return list
}

// delete deletes a version of one of its own objects, or all of them. It does
// not know whether any is there: its requests may have had no answer.
func (w *writer) delete(t testing.TB, s *trial.Server) error {
	i := w.random.IntN(len(w.own))
	o := w.own[i]
	q := history.Request{Kind: history.Delete, Feed: w.feed, ID: identityID(w.number, o.number)}
	query := ""
	if w.random.IntN(3) > 0 {
		q.Version = identityVersion(1 + w.random.IntN(o.versions))
		query = "?match[version]=" + q.Version
	}
	n := w.Send(q)
	a, err := s.Try(t, w.account, http.MethodDelete, w.feed+"/objects/"+q.ID+"/"+query, nil)
	w.Told(n, outcome(a, err, http.StatusOK))
	return err
}
