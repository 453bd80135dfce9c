package whole_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// sized is an envelope of exactly so many octets, whose objects nobody else
// sends, and the objects.
func sized(group, octets int) (body []byte, objects [][]byte) {
	const each = 200_000
	for n := 0; n < octets/each-1; n++ {
		objects = append(objects, blob(group*1000+n, each))
	}
	rest := octets - len(trial.Envelope(objects...)) - 1
	objects = append(objects, blob(group*1000+999, rest))
	return trial.Envelope(objects...), objects
}

// way is how a body goes to the server.
type way struct{ zipped, chunked, http2 bool }

func (w way) String() string {
	return fmt.Sprintf("gzip %t, in chunks %t, HTTP/2 %t", w.zipped, w.chunked, w.http2)
}

// send posts a body.
func (w way) send(t *testing.T, s *trial.Server, path string, body []byte) trial.Answer {
	t.Helper()
	if w.zipped {
		body = zipped(t, body)
	}
	var from io.Reader = bytes.NewReader(body)
	if w.chunked {
		from = struct{ io.Reader }{from} // of no known length
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path+"/objects/", from)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", taxii.MediaType)
	r.Header.Set("Content-Type", taxii.MediaType)
	r.Header.Set("Expect", "100-continue") // so that a refusal is read before the body has been sent
	if w.zipped {
		r.Header.Set("Content-Encoding", "gzip")
	}
	r.SetBasicAuth("admin", s.Password(t, "admin"))
	transport := s.HTTP.Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = w.http2
	transport.ExpectContinueTimeout = promptly
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatalf("%s: %v", w, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || (response.ProtoMajor == 2) != w.http2 {
		t.Fatalf("%s: %s %v", w, response.Proto, err)
	}
	return trial.Answer{Status: response.StatusCode, Header: response.Header, Body: text}
}

func zipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestABodyOfJustTheAnnouncedSizeIsTakenAndOneOctetMoreIs413(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	trial.Covers(t, "R155", "R159", "R190", "R236", "R238", "K17", "K64")
	t.Parallel()
	s := trial.Start(t, "--empty")
	path := s.Collection(t, "indicators")
	most := mostOctets(t, s)
	if most < 10_000_000 {
		t.Errorf("max_content_length is %d, want 10 MB at least", most)
	}
	var want [][]byte
	for n := range 8 {
		w := way{zipped: n&1 != 0, chunked: n&2 != 0, http2: n&4 != 0}
		body, objects := sized(n+1, most)
		if len(body) != most {
			t.Fatalf("a body of %d octets, want %d", len(body), most)
		}
		if err := trial.Stored(w.send(t, s, path, body)); err != nil {
			t.Errorf("%s, %d octets: %v", w, most, err)
		}
		want = append(want, objects...)
		refusal(t, w.String(), w.send(t, s, path, append(body, '\n')), most)
		larger, _ := sized(n+101, most+1)
		refusal(t, w.String(), w.send(t, s, path, larger), most)
	}
	got := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, Query: trial.AllVersions})
	trial.Same(t, "what was in bodies of the announced size", got, want)
	_, peak := trial.Memory(t, s.PID())
	t.Logf("resident at most: %d MB", peak/1_000_000)
	if peak > residentMost {
		t.Errorf("at its peak the server held %d MB, at most %d are allowed", peak/1_000_000, residentMost/1_000_000)
	}
}

// refusal fails the test unless an answer is a 413 that names the bound.
func refusal(t *testing.T, what string, a trial.Answer, most int) {
	t.Helper()
	var e taxii.Error
	if err := json.Unmarshal(a.Body, &e); err != nil || a.Status != http.StatusRequestEntityTooLarge || e.HTTPStatus != "413" || e.Title == "" {
		t.Errorf("%s, an octet more: %d %.300s, want a TAXII error 413", what, a.Status, a.Body)
	}
	if e.Details["max_content_length"] != float64(most) {
		t.Errorf("%s, an octet more: the details are %v, want the bound %d", what, e.Details, most)
	}
}

// levels is how deep the bodies nest.
const levels = 100_000

// nested puts brackets around brackets, closed again or not.
func nested(open, inner, end string, closed bool) string {
	text := strings.Repeat(open, levels) + inner
	if closed {
		text += strings.Repeat(end, levels)
	}
	return text
}

func TestBodiesThatNestAHundredThousandLevelsAreRefusedAndHarmNobody(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	trial.Covers(t, "R155", "R159", "R237", "K17")
	t.Parallel()
	s := trial.Start(t, "--empty")
	path := s.Collection(t, "indicators")
	good := string(identity(1, 1, 1))
	deep := func(value string) string {
		return strings.TrimSuffix(string(identity(2, 2, 2)), "}") + `, "x_deep": ` + value + `}`
	}
	before, _ := trial.Memory(t, s.PID())
	for _, closed := range []bool{true, false} {
		lists, objects := nested("[", "", "]", closed), nested(`{"a":`, "1", "}", closed)
		mixed := nested(`[{"a":`, "1", "}]", closed)
		for where, body := range map[string]string{
			"lists instead of an envelope":      lists,
			"objects instead of an envelope":    objects,
			"lists as objects":                  `{"objects":` + lists + `}`,
			"objects in objects":                `{"objects":[` + good + `,` + objects + `]}`,
			"lists in a property":               `{"objects":[` + deep(lists) + `]}`,
			"objects in a property":             `{"objects":[` + deep(objects) + `,` + good + `]}`,
			"both in a property":                `{"objects":[` + deep(mixed) + `]}`,
			"lists beside objects":              `{"x_more":` + lists + `,"objects":[` + good + `]}`,
			"objects after objects":             `{"objects":[` + good + `],"x_more":` + objects + `}`,
			"envelopes in each other":           nested(`{"objects":[`, good, `]}`, closed),
			"the id of an object":               `{"objects":[{"type":"identity","id":` + lists + `}]}`,
			"the objects of a bundle in bundle": nested(`{"type":"bundle","id":"bundle--1","objects":[`, good, `]}`, closed),
		} {
			for _, w := range []way{{}, {zipped: true}} {
				unprocessable(t, fmt.Sprintf("%s, closed %t, %s", where, closed, w), w.send(t, s, path, []byte(body)))
			}
		}
	}
	whole := way{}.send(t, s, path, bytes.Repeat([]byte("["), mostOctets(t, s)))
	unprocessable(t, "as many levels as a body has octets", whole)
	imported := importOf(t, s, `{"type":"bundle","id":"bundle--1","objects":[`+deep(nested("[", "", "]", true))+`]}`)
	t.Logf("import says: %.300s", imported)

	if got := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, Query: trial.AllVersions}); len(got) > 0 {
		t.Errorf("%d objects are there", len(got))
	}
	if err := trial.Stored(s.Post(t, "admin", path, trial.Envelope([]byte(good)))); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	_, peak := trial.Memory(t, s.PID())
	t.Logf("resident: %d MB before, %d MB at most", before/1_000_000, peak/1_000_000)
	if peak > residentMost {
		t.Errorf("at its peak the server held %d MB, at most %d are allowed", peak/1_000_000, residentMost/1_000_000)
	}
}

// unprocessable fails the test unless an answer is a TAXII error 422.
func unprocessable(t *testing.T, what string, a trial.Answer) {
	t.Helper()
	var e taxii.Error
	if err := json.Unmarshal(a.Body, &e); err != nil || a.Status != http.StatusUnprocessableEntity || e.HTTPStatus != "422" || e.Title == "" {
		t.Errorf("%s: %d %.300s, want a TAXII error 422", what, a.Status, a.Body)
	}
}

// importOf imports a text that cannot be imported, and gives what is said of it.
func importOf(t *testing.T, s *trial.Server, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "deep.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := tryHansom(t, s.Dir, "import", file, "--to", "trust/indicators")
	if err == nil {
		t.Errorf("what nests too deep is imported: %s", said)
	}
	return said
}

// tryHansom is hansom for what may fail; both outputs are given together.
func tryHansom(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, trial.Binary(t), append(args, "--data", dir)...)
	cmd.Env = trial.Environ()
	text, err := cmd.CombinedOutput()
	return string(text), err
}
