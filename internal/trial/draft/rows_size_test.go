package draft

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// large is an envelope of n octets.
func large(n int) []byte {
	text := `{"objects":[{"type":"note","id":"note--1","content":"`
	return []byte(text + strings.Repeat("x", n-len(text)-len(`"}]}`)) + `"}]}`)
}

// Every answer that the client of the draft takes is held to this; here those of
// each kind are asked for with the header.
func maxSizeInRequestsOnly(t *testing.T, w *world) {
	name := w.channel(t, "")
	c := w.as(t, "member")
	c.MaxSize = MinMaxSize
	a, _, err := c.List(t.Context())
	want(t, a, err, 200)
	a, _, err = c.Info(t.Context(), name)
	want(t, a, err, 200)
	a, _, err = c.Read(t.Context(), name, query(t, ""))
	want(t, a, err, 204)
	a, err = c.Post(t.Context(), name, envelope("tool", 1))
	want(t, a, err, 202)
	a, _, err = c.Read(t.Context(), name, query(t, ""))
	want(t, a, err, 200)
	a, err = c.CreateRaw(t.Context(), []byte("[]"))
	want(t, a, err, 400)
	a, err = c.Get(t.Context(), w.URL+"/taxii2/api-bases/")
	want(t, a, err, 200)
}

// withMaxSize asks with any text as X-Max-Size.
func (w *world) withMaxSize(t *testing.T, channel, text string) (Answer, error) {
	t.Helper()
	c := w.as(t, "member")
	c.Headers = http.Header{"X-Max-Size": {text}}
	a, _, err := c.Read(t.Context(), channel, query(t, ""))
	return a, err
}

func maxSizeInDecimalOctets(t *testing.T, w *world) {
	name := w.channel(t, "")
	for _, text := range []string{"9437184", "10000000", "4294967296", "99999999999999999999999"} { // there is no maximum
		a, err := w.withMaxSize(t, name, text)
		want(t, a, err, 204)
	}
	for _, text := range []string{"0x900000", "9mb", "9437184.0", "-9437184", "1e9", "all"} {
		a, err := w.withMaxSize(t, name, text)
		want(t, a, err, 400)
	}
}

func maxSizeAtLeast(t *testing.T, w *world) {
	name := w.channel(t, "")
	for text, status := range map[string]int{"0": 400, "1": 400, "9437183": 400, "9437184": 204} {
		a, err := w.withMaxSize(t, name, text)
		want(t, a, err, status)
	}
	w.post(t, "member", name, large(5<<20))
	w.post(t, "member", name, large(5<<20+1))
	a, messages, err := w.as(t, "member").Read(t.Context(), name, query(t, "")) // the client holds it to the default
	want(t, a, err, 200)
	if len(messages) != 1 {
		t.Errorf("%d messages without X-Max-Size, want 1", len(messages))
	}
}

// The client holds each answer to the value in force.
func maxSizeBoundsAnswers(t *testing.T, w *world) {
	name := w.channel(t, "")
	w.open(t, "member", name, "")
	for n := range 3 {
		w.post(t, "member", name, large(4<<20+n))
	}
	c := w.as(t, "member")
	for i, m := range drain(t, c, name, 3) {
		if size := readMessage(t, m).Size; size != int64(4<<20+i) {
			t.Errorf("message %d has %d octets", i, size)
		}
	}
	pcap, _ := w.publishCapture(t)
	c.MaxSize = 16 << 20 // now there is room for it
	if m := readMessage(t, drain(t, c, pcap, 3)[1]); !bytes.Equal(m.ContentBase64, capture()) || m.ContentURL != "" {
		t.Errorf("with a larger X-Max-Size: %d octets and content_url %q", len(m.ContentBase64), m.ContentURL)
	}
}

// drain reads until it has n Messages: how many come in one answer is the
// server's affair.
func drain(t *testing.T, c *Client, channel string, n int) (all [][]byte) {
	t.Helper()
	for len(all) < n {
		a, messages, err := c.Read(t.Context(), channel, query(t, ""))
		want(t, a, err, 200)
		all = append(all, messages...)
	}
	if len(all) != n {
		t.Fatalf("%d messages, want %d", len(all), n)
	}
	return all
}

// capture is content that is no JSON: written in an answer it takes a third more
// than its octets, and so more than X-Max-Size allows.
func capture() []byte { return bytes.Repeat([]byte("\xd4\xc3\xb2\xa1\x00\x01"), 8_000_000/6) }

// publishCapture publishes one too large for an answer between two small ones
// and gives the answer.
func (w *world) publishCapture(t *testing.T) (name string, told Answer) {
	t.Helper()
	name = w.channel(t, `"content_type":"application/vnd.tcpdump.pcap"`)
	w.open(t, "member", name, "")
	c := w.as(t, "member")
	for i, body := range [][]byte{[]byte("first"), capture(), []byte("last")} {
		a, err := c.PostRaw(t.Context(), name, body, "application/vnd.tcpdump.pcap")
		want(t, a, err, 202)
		if i == 1 {
			told = a
		}
	}
	return name, told
}

func largeContent(t *testing.T, w *world) {
	name, _ := w.publishCapture(t)
	messages := drain(t, w.as(t, "member"), name, 3)
	m, body := readMessage(t, messages[1]), capture()
	if m.ContentURL == "" {
		t.Fatalf("no content_url: %.300s", messages[1])
	}
	path := w.DefaultRoot + strings.TrimPrefix(m.ContentURL, w.DefaultRoot)
	part := w.status(t, 206, "member", "GET", path, "", "Accept: */*", "Range: bytes=4000000-5999999")
	if !bytes.Equal(part.Body, body[4000000:6000000]) || part.Header.Get("Content-Range") != fmt.Sprintf("bytes 4000000-5999999/%d", len(body)) {
		t.Errorf("a part: %d octets, %q", len(part.Body), part.Header.Get("Content-Range"))
	}
	whole := w.status(t, 200, "member", "GET", path, "", "Accept: */*")
	if !bytes.Equal(whole.Body, body) || whole.Header.Get("Content-Type") != "application/vnd.tcpdump.pcap" {
		t.Errorf("the whole: %d octets of %s", len(whole.Body), whole.Header.Get("Content-Type"))
	}
}

func oneTooLarge(t *testing.T, w *world) {
	name, told := w.publishCapture(t)
	if !strings.Contains(string(told.Body), "content_url") {
		t.Errorf("the publisher is not told: %s", told.Body)
	}
	messages := drain(t, w.as(t, "member"), name, 3)
	first, second, last := readMessage(t, messages[0]), readMessage(t, messages[1]), readMessage(t, messages[2])
	if string(first.ContentBase64) != "first" || string(last.ContentBase64) != "last" {
		t.Errorf("around the large one are %q and %q", first.ContentBase64, last.ContentBase64)
	}
	if second.Size != int64(len(capture())) || second.Content != nil || second.ContentBase64 != nil {
		t.Errorf("the large one: size %d, %d octets", second.Size, len(second.ContentBase64))
	}
}
