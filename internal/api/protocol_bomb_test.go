package api_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// bomb is a body that begins well and is a gigabyte of spaces once it is decoded,
// in members of a megabyte each.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	member := func(text []byte) {
		z := gzip.NewWriter(&b)
		if _, err := z.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	member([]byte(`{"objects":[{"type":"x-thing","id":"x-thing--1"},`))
	begun := b.Len()
	member(bytes.Repeat([]byte(" "), 1<<20))
	megabyte := bytes.Clone(b.Bytes()[begun:])
	for range 1023 {
		b.Write(megabyte)
	}
	return b.Bytes()
}

// peak is the most memory that a process has had, in octets.
func peak(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		t.Fatalf("no peak in %s", text)
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

func TestABodyThatBecomesAGigabyteEndsAtItsBoundOnEveryFace(t *testing.T) {
	t.Parallel()
	_, err := os.Stat("/proc/self/status")
	trial.Need(t, err == nil, "/proc")
	w := open(t, trial.Start(t, append([]string{"--empty"}, trial.Settings(t, "admin_https: true")...)...))
	admin, collection := w.as(t, "admin"), w.collection(t)
	w.grant(t, "admin", "server", "read", "write", "manage", "create")
	good(t, admin.ask(t, "POST", "/trust/channels/", `{"name":"bombed","content_type":"*/*"}`), http.StatusCreated)
	body, was := string(bomb(t)), peak(t, w.PID())
	for _, row := range []struct{ method, path, media string }{
		{"POST", collection + "/objects/", "application/taxii+json;version=2.1"},
		{"POST", "/trust/channels/bombed/messages/", "application/taxii+json;version=2.1"},
		{"POST", "/trust/channels/bombed/messages/", "application/octet-stream"},
		{"POST", "/trust/channels/bombed/", "text/plain"},
		{"POST", "/trust/channels/", "application/taxii+json;version=2.1"},
		{"PUT", "/trust/channels/bombed/", "application/taxii+json;version=2.1"},
		{"POST", "/trust/channels/bombed/subscriptions/", "application/taxii+json;version=2.1"},
		{"POST", "/admin/" + strings.Replace(strings.TrimPrefix(collection, "/"), "trust/", "roots/trust/", 1) + "/objects/", "application/json"},
		{"PUT", "/admin/grants/", "application/json"},
	} {
		a := admin.ask(t, row.method, row.path, body, "Content-Type: "+row.media, "Content-Encoding: gzip")
		if a.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s %s: %d %.200s", row.method, row.path, a.Status, a.Body)
		}
	}
	// An import may have 64 MiB, and its buffer is copied as it grows.
	if grew := peak(t, w.PID()) - was; grew > 300<<20 {
		t.Errorf("the process grew by %d MiB", grew>>20)
	}
	good(t, admin.get(t, collection+"/objects/"), http.StatusOK)
}
