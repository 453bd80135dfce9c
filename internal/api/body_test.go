package api

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// counter is a server that takes a body and answers with its digest.
type counter struct {
	*httptest.Server
	face *Server
}

const bodyBound = 100_000

func count(t *testing.T, budget int64, timeout time.Duration) *counter {
	t.Helper()
	c := &counter{face: &Server{opt: Options{BodyTimeout: timeout}, bodies: newGate(budget, nil)}}
	fail := Failing(slog.New(slog.DiscardHandler), func(*http.Request) []string { return []string{"Basic"} })
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, release, err := c.face.Body(w, r, 1, bodyBound)
		if err != nil {
			fail(w, r, err)
			return
		}
		defer release()
		_, _ = fmt.Fprintf(w, "%x", sha256.Sum256(body))
	}))
	t.Cleanup(func() {
		c.Close()
		if free := c.face.bodies.free; free != budget {
			t.Errorf("%d of %d octets are free at the end", free, budget)
		}
	})
	return c
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// post sends a body with a coding; what is no *bytes.Reader goes out in chunks.
func (c *counter) post(t *testing.T, coding string, body io.Reader) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	if coding != "" {
		r.Header.Set("Content-Encoding", coding)
	}
	answer, err := c.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK && (answer.Header.Get("Content-Type") != taxii.MediaType || !strings.Contains(string(text), `"http_status":"`)) {
		t.Errorf("%d is no TAXII error: %q", answer.StatusCode, text)
	}
	return answer.StatusCode, string(text)
}

func zipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// chunked hides the size of a body, so that it goes out in chunks.
type chunked struct{ io.Reader }

// A compressed body was refused where it was larger than the bound, although
// what it held was not.
func TestABodyIsTakenUpToItsBoundAndNotAnOctetMore(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R190", "R238", "K64")
	c := count(t, 1<<20, time.Minute)
	for _, size := range []int{0, 1, 1000, firstBody - 1, firstBody, firstBody + 1, bodyBound - 1, bodyBound, bodyBound + 1, 3 * bodyBound} {
		for _, text := range [][]byte{noise(size), make([]byte, size)} {
			small := zipped(t, text)
			for way, try := range map[string]func() (int, string){
				"identity":         func() (int, string) { return c.post(t, "", bytes.NewReader(text)) },
				"named identity":   func() (int, string) { return c.post(t, "identity", bytes.NewReader(text)) },
				"chunked":          func() (int, string) { return c.post(t, "", chunked{bytes.NewReader(text)}) },
				"gzip":             func() (int, string) { return c.post(t, "gzip", bytes.NewReader(small)) },
				"gzip in chunks":   func() (int, string) { return c.post(t, "X-GZip ", chunked{bytes.NewReader(small)}) },
				"gzip in two cuts": func() (int, string) { return c.post(t, "gzip", halves(t, text)) },
			} {
				status, got := try()
				want := http.StatusOK
				if size > bodyBound {
					want = http.StatusRequestEntityTooLarge
				}
				if status != want || want == http.StatusOK && got != digest(text) {
					t.Errorf("%s of %d octets: %d %s, want %d", way, size, status, got, want)
				}
				if want != http.StatusOK && !strings.Contains(got, `"max_content_length":100000`) {
					t.Errorf("%s of %d octets: %s does not name the bound", way, size, got)
				}
			}
		}
	}
}

// halves is a body as two gzip members, which together are one (RFC 1952).
func halves(t *testing.T, text []byte) io.Reader {
	t.Helper()
	return bytes.NewReader(append(zipped(t, text[:len(text)/2]), zipped(t, text[len(text)/2:])...))
}

func TestAnotherCodingThanGzipIs415(t *testing.T) {
	t.Parallel()
	c := count(t, 1<<20, time.Minute)
	for _, coding := range []string{"deflate", "br", "zstd", "compress", "gzip, gzip", "gzip, br", "chunked", "x", "gzip;q=1"} {
		if status, text := c.post(t, coding, strings.NewReader("{}")); status != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %d %s", coding, status, text)
		}
	}
}

func TestAGzipBodyThatIsNotGoodIs422(t *testing.T) {
	t.Parallel()
	c := count(t, 1<<20, time.Minute)
	good := zipped(t, noise(50_000))
	broken := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 0xff
		return b
	}
	for what, body := range map[string][]byte{
		"empty":           {},
		"no gzip":         []byte(`{"objects":[]}`),
		"a cut header":    good[:5],
		"a cut body":      good[:len(good)/2],
		"a cut checksum":  good[:len(good)-3],
		"another content": broken(100),
		"no deflate":      append(bytes.Clone(good[:10]), 0xff, 0xff, 0xff, 0xff),
		"a bad checksum":  broken(len(good) - 6),
		"a bad length":    broken(len(good) - 1),
		"text after it":   append(bytes.Clone(good), "and more"...),
	} {
		if status, text := c.post(t, "gzip", bytes.NewReader(body)); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", what, status, text)
		}
	}
}

// It is not parallel, so that nothing else takes memory while it counts.
func TestASmallBodyDoesNotBecomeALargeOne(t *testing.T) {
	c := count(t, 1<<20, time.Minute)
	member := zipped(t, make([]byte, 16<<20))
	var bomb []io.Reader
	for range 64 { // 1 GiB of zeros
		bomb = append(bomb, bytes.NewReader(member))
	}
	oneMember := zipped(t, make([]byte, 64<<20))
	for what, body := range map[string]io.Reader{"many members": io.MultiReader(bomb...), "one": bytes.NewReader(oneMember)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if status, text := c.post(t, "gzip", body); status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s", what, status, text)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
			t.Errorf("%s: %d octets of memory for a body of at most %d", what, took, bodyBound)
		}
	}
}

// raw sends the head of a POST and gives the connection for its body.
func (c *counter) raw(t *testing.T, headers ...string) (*net.TCPConn, func() (int, string)) {
	t.Helper()
	conn, err := net.Dial("tcp", c.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: test\r\n%s\r\n\r\n", strings.Join(headers, "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn), func() (int, string) {
		t.Helper()
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text)
	}
}

func TestABodyThatIsCutShortIs422(t *testing.T) {
	t.Parallel()
	c := count(t, 1<<20, time.Minute)
	for what, try := range map[string][]string{
		"identity": {"Content-Length: 100", "0123456789"},
		"chunked":  {"Transfer-Encoding: chunked", "a\r\n0123456789\r\n"},
		"no chunk": {"Transfer-Encoding: chunked", "what is this\r\n"},
	} {
		conn, answer := c.raw(t, try[0])
		_, _ = io.WriteString(conn, try[1])
		_ = conn.CloseWrite()
		if status, text := answer(); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", what, status, text)
		}
	}
}

// The answer was kept back until the body came, which it never did.
func TestABodyOfWhichNothingComesIs408(t *testing.T) {
	t.Parallel()
	c := count(t, 1<<20, 100*time.Millisecond)
	for what, begun := range map[string]string{"nothing at all": "", "a beginning": "0123456789"} {
		conn, answer := c.raw(t, "Content-Length: 100")
		_, _ = io.WriteString(conn, begun)
		if status, text := answer(); status != http.StatusRequestTimeout {
			t.Errorf("%s: %d %s", what, status, text)
		}
	}
}

func TestABodyThatTricklesIsTaken(t *testing.T) {
	t.Parallel()
	const timeout = 400 * time.Millisecond
	c := count(t, 1<<20, timeout)
	conn, answer := c.raw(t, "Content-Length: 40")
	pace := time.NewTicker(timeout / 10)
	defer pace.Stop()
	for range 40 { // four times as long as it may bring nothing
		<-pace.C
		_, _ = io.WriteString(conn, "x")
	}
	if status, text := answer(); status != http.StatusOK || text != digest(bytes.Repeat([]byte("x"), 40)) {
		t.Errorf("%d %s", status, text)
	}
}

func TestWhoAnnouncesMuchAndSendsNothingHoldsLittle(t *testing.T) {
	t.Parallel()
	c := count(t, 1<<20, time.Minute)
	var all []func() (int, string)
	var conns []*net.TCPConn
	for range 10 {
		conn, answer := c.raw(t, fmt.Sprintf("Content-Length: %d", bodyBound))
		conns, all = append(conns, conn), append(all, answer)
	}
	await(t, "ten bodies to begin", func() bool {
		c.face.bodies.mu.Lock()
		defer c.face.bodies.mu.Unlock()
		return c.face.bodies.size-c.face.bodies.free == 10*firstBody
	})
	for i, answer := range all {
		_ = conns[i].CloseWrite()
		if status, _ := answer(); status != http.StatusUnprocessableEntity {
			t.Errorf("%d", status)
		}
	}
}

// Each held a part of the budget and waited for more, until the time of all was up.
func TestBodiesDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	const budget = 4 * bodyBound // less than what six of them take at first and need in the end
	c := count(t, budget, time.Minute)
	text := noise(bodyBound)
	done := make(chan int, 32)
	for range cap(done) {
		go func() {
			status, got := c.post(t, "", chunked{bytes.NewReader(text)})
			if got != digest(text) {
				status = -status
			}
			done <- status
		}()
	}
	for range cap(done) {
		if status := <-done; status != http.StatusOK {
			t.Errorf("%d", status)
		}
	}
}
