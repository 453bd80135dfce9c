package history_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial/history"
)

func TestWhatClientsRecordIsReadBackAsItWas(t *testing.T) {
	dir := t.TempDir()
	book := history.NewBook(dir)
	w := client(t, book, "writer")
	q := add(0, 0, "a1 b1")
	n := w.Send(history.Request{Kind: history.Add, Feed: indicators, Objects: q.Objects})
	lost := w.Send(history.Request{Kind: history.Import, Feed: indicators, Objects: objs("c1"), Batch: 7})
	w.Told(n, q.Answer)
	w.Told(lost, history.Answer{Outcome: history.Unknown})
	w.Send(history.Request{Kind: history.Delete, Feed: operations, ID: "tool--a", Version: "v1"})
	w.Send(history.Request{Kind: history.Set, ID: "account x", Value: "read"})
	w.Read("account x", "read")
	f := client(t, book, "reader")
	pages := []history.Page{{First: date(1), Last: date(2), Objects: records("a1 b1")}, {Problem: "500"}}
	for _, p := range pages {
		f.Page(indicators, true, p)
	}
	f.End(holds("a1 b1")[0])
	for _, r := range []*history.Recorder{w, f} {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	h, err := history.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Requests) != 4 || len(h.Readings) != 1 {
		t.Fatalf("%d requests and %d readings", len(h.Requests), len(h.Readings))
	}
	first := h.Requests[0]
	if first.Start <= 0 || first.End <= h.Requests[1].Start {
		t.Errorf("sent at %d, told at %d, after %d", first.Start, first.End, h.Requests[1].Start)
	}
	q.Client, q.Start, q.End = "writer", first.Start, first.End
	same(t, first, q)
	same(t, h.Requests[1].Answer, history.Answer{Outcome: history.Unknown})
	if h.Requests[1].End < 1<<62 || h.Requests[2].End < 1<<62 || h.Requests[1].Batch != 7 {
		t.Errorf("what has no answer has ended: %+v", h.Requests[1:3])
	}
	same(t, h.Followers, []history.Follower{{Name: "reader", Feed: indicators, Manifest: true, Pages: pages}})
	same(t, h.Ends, holds("a1 b1"))
}

func client(t *testing.T, b *history.Book, name string) *history.Recorder {
	t.Helper()
	r, err := b.Client(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestARecordThatMakesNoSenseIsRefused(t *testing.T) {
	for what, line := range map[string]string{
		"not sent":      `{"what":"told","request":3,"outcome":"done"}`,
		"unknown event": `{"what":"sang"}`,
		"unexpected":    `{"what":"add"`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "c.ndjson"), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := history.Load(dir); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestAnObjectIsNamedByItsIDItsVersionAndItsBytes(t *testing.T) {
	a := history.Of([]byte(`{"type":"tool","spec_version":"2.1","id":"tool--1","created":"2020-01-01T00:00:00Z","modified":"2021-01-01T00:00:00Z"}`))
	b := history.Of([]byte(`{"type":"tool","spec_version":"2.1","id":"tool--1","created":"2020-01-01T00:00:00Z","modified":"2021-01-01T00:00:00Z" }`))
	if a.ID != "tool--1" || a.Version != "2021-01-01T00:00:00Z" || len(a.Hash) != 32 || a.Hash == b.Hash {
		t.Errorf("%+v and %+v", a, b)
	}
	if o := history.Of([]byte(`{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--1","value":"192.0.2.1"}`)); o.ID != "ipv4-addr--1" || o.Version != "" {
		t.Errorf("%+v", o)
	}
}
