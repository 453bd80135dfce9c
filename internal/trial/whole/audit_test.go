package whole_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// audited gives the records of a server as `hansom audit` tells them, by request.
func audited(t *testing.T, s *trial.Server, args ...string) map[string][]map[string]any {
	t.Helper()
	args = append([]string{"audit", "--ndjson", "--data", s.Dir}, args...)
	cmd := exec.CommandContext(t.Context(), trial.Binary(t), args...)
	cmd.Env = trial.Environ()
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	records := map[string][]map[string]any{}
	place := 0.0
	for line := range bytes.Lines(text) {
		var r map[string]any
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if at := r["place"].(float64); at <= place {
			t.Errorf("place %v comes after %v", at, place)
		} else {
			place = at
		}
		id, _ := r["request"].(string)
		records[id] = append(records[id], r)
	}
	return records
}

// onRecord is a request that was answered, and the event that is to be on record.
type onRecord struct{ id, event, outcome, account string }

func TestWhatWasAnsweredIsOnRecordAfterACrash(t *testing.T) {
	t.Parallel()
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		s := e.Start(t, "--empty")
		path := s.Collection(t, "indicators")
		var all []onRecord
		for round := range 3 {
			ask := func(account, event, outcome, method, path string, body []byte) {
				t.Helper()
				a := s.Request(t, account, method, path, body)
				id := a.Header.Get("X-Request-Id")
				if id == "" {
					t.Fatalf("%s %s: %d without X-Request-Id", method, path, a.Status)
				}
				if account == "" {
					account = "anonymous"
				}
				all = append(all, onRecord{id, event, outcome, account})
			}
			objects := blobs(1000*round, 3, 200)
			ask("admin", "add", "done", http.MethodPost, path+"/objects/", trial.Envelope(objects...))
			ask("reader", "delivery", "done", http.MethodGet, path+"/objects/?limit=2", nil)
			ask("reader", "delivery", "done", http.MethodGet, path+"/manifest/", nil)
			ask("", "refusal", "refused", http.MethodGet, path+"/objects/", nil)
			ask("reader", "refusal", "refused", http.MethodPost, path+"/objects/", trial.Envelope(objects...))
			ask("admin", "delete", "done", http.MethodDelete, path+"/objects/"+idOf(t, objects[0])+"/", nil)
			ask("member", "channel.add", "done", http.MethodPost, s.DefaultRoot+"channels/", fmt.Appendf(nil, `{"name":"news-%d"}`, round))
			ask("member", "publish", "done", http.MethodPost, fmt.Sprintf("%schannels/news-%d/messages/", s.DefaultRoot, round), trial.Envelope(objects...))
			ask("member", "subscription.add", "done", http.MethodPost, fmt.Sprintf("%schannels/news-%d/subscriptions/", s.DefaultRoot, round), []byte(`{"name":"mine"}`))
			ask("member", "delivery", "done", http.MethodGet, fmt.Sprintf("%schannels/news-%d/messages/", s.DefaultRoot, round), nil)
			s.Kill(t)
			s.Run(t)
		}
		records := audited(t, s)
		for _, want := range all {
			found := false
			for _, r := range records[want.id] {
				found = found || r["event"] == want.event && r["outcome"] == want.outcome && r["account"] == want.account && r["from"] == "127.0.0.1"
			}
			if !found {
				t.Errorf("the request %+v is not on record: %v", want, records[want.id])
			}
		}
		for _, account := range []string{"admin", "member", "reader"} {
			if password := s.Password(t, account); strings.Contains(fmt.Sprint(records), password) {
				t.Errorf("the password of %s is on record", account)
			}
		}
		signIns := 0
		for _, list := range records {
			for _, r := range list {
				if r["event"] == "sign-in" && r["outcome"] == "done" {
					signIns++
				}
			}
		}
		if signIns != 9 { // three accounts, after each start
			t.Errorf("%d sign-ins are on record, want 9", signIns)
		}
	})
}

func idOf(t *testing.T, object []byte) string {
	t.Helper()
	var o struct{ ID string }
	if err := json.Unmarshal(object, &o); err != nil {
		t.Fatal(err)
	}
	return o.ID
}

func typeOf(t *testing.T, object []byte) string {
	t.Helper()
	typ, _, _ := strings.Cut(idOf(t, object), "--")
	return typ
}

func TestRecordsHaveRoomWhereNothingElseHasAndThenNothingIsRead(t *testing.T) {
	t.Parallel()
	const disk = 96 << 20 // an eighth of it is kept
	s := trial.StartIn(t, trial.SmallDisk(t, disk), "--empty")
	f := &filling{s: s, path: s.Collection(t, "indicators")}
	status(t, s.Post(t, "admin", f.path, trial.Envelope(blobs(1, 10, 1000)...)), 202)
	release := f.ballast(t, int(trial.FreeOctets(t, s.Dir))-disk/16)
	if err := isFull(s.Post(t, "admin", f.path, trial.Envelope(blobs(100, 1, 1000)...))); err != nil {
		t.Fatalf("with what is kept for records left: %v", err)
	}
	read := s.Get(t, "reader", f.path+"/objects/?limit=1")
	status(t, read, 200)
	// An operator can shut somebody out all the same.
	cmd := exec.CommandContext(t.Context(), trial.Binary(t), "account", "remove", "member", "--data", s.Dir)
	cmd.Env = trial.Environ()
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	release()

	release = f.ballast(t, int(trial.FreeOctets(t, s.Dir))-1<<20)
	long := "&match[type]=" + strings.Repeat("x,", 5000) + typeOf(t, blobs(1, 1, 1000)[0])
	refused := false
	for end := time.Now().Add(time.Minute); !refused && time.Now().Before(end); {
		a := s.Get(t, "reader", f.path+"/objects/?limit=1"+strings.ReplaceAll(long, "identity", "artifact"))
		if refused = a.Status == http.StatusInsufficientStorage; !refused {
			status(t, a, 200)
		} else if err := isFull(a); err != nil {
			t.Error(err)
		}
	}
	if !refused {
		t.Error("it is still read when what is kept for records is used up")
	}
	release()
	for end := time.Now().Add(30 * time.Second); s.Get(t, "reader", f.path+"/objects/?limit=1").Status != http.StatusOK; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is not read again when there is room")
		}
	}
}
