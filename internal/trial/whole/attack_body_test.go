package whole_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// bomb compresses an Envelope of so many octets of white space: a thousandth is
// left of it.
func bomb(t *testing.T, octets int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = z.Write([]byte(`{"objects":[`)) // into memory
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range octets >> 20 {
		_, _ = z.Write(blank)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A body of a few hundred kilobytes that says it is hundreds of megabytes is read
// up to the bound of what was asked, wherever a body is taken, and by many at once.
func TestABodyThatGrowsAThousandfoldIsRefusedWhereverABodyIsTaken(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	trial.Covers(t, "R155", "K64")
	s := trial.Start(t, append(trial.Settings(t, "admin_https: true"), "--empty")...)
	c := s.NewChannel(t, "open", `"content_type":"*/*"`)
	large := bomb(t, 96<<20)
	_, before := trial.Memory(t, s.PID())
	var asked sync.WaitGroup
	for _, path := range []string{
		s.Collection(t, "indicators") + "/objects/", c.Path + "messages/", c.Path, "/trust/channels/", c.Path + "subscriptions/", c.Path + "invitations/",
		"/admin/accounts/", "/admin/apply/", "/admin/roots" + s.Collection(t, "indicators") + "/objects/", "/auth/tokens/", "/auth/password/", "/auth/token/",
	} {
		account := "admin"
		if strings.HasPrefix(path, c.Path) {
			account = "member"
		}
		asked.Go(func() {
			for _, media := range []string{"application/taxii+json;version=2.1", "application/x-www-form-urlencoded"} {
				a, err := s.Try(t, account, "POST", path, large, "Content-Encoding: gzip", "Content-Type: "+media)
				if err != nil && !strings.Contains(err.Error(), "connection") && !strings.Contains(err.Error(), "pipe") { // it was closed while the bomb was on its way
					t.Errorf("%s: %v", path, err)
				} else if err == nil && (a.Status < 400 || a.Status >= 500 && a.Status != http.StatusServiceUnavailable) {
					t.Errorf("%s: %d %.200s", path, a.Status, a.Body)
				}
			}
		})
	}
	asked.Wait()
	_, peak := trial.Memory(t, s.PID())
	t.Logf("at most %d MB resident, %d MB before", peak>>20, before>>20)
	if peak > 768<<20 {
		t.Errorf("the server held %d MB", peak>>20)
	}
	status(t, s.Get(t, "member", "/trust/"), http.StatusOK)
}

func TestACodingInACodingIsNotUndone(t *testing.T) {
	t.Parallel()
	s := attacked()
	path := s.Collection(t, "indicators") + "/objects/"
	inner := zipped(t, zipped(t, envelopeOf(identity(67, 1, 1))))
	for _, coding := range []string{"gzip, gzip", "gzip,identity,gzip", "zstd", "br", "deflate", "compress", "gzip;q=1", "exi", "aes128gcm", "gzip\t,x"} {
		if a := s.Request(t, "member", "POST", path, inner, "Content-Encoding: "+coding); a.Status != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %d %s", coding, a.Status, a.Body)
		}
	}
	if a := s.Request(t, "member", "POST", path, inner, "Content-Encoding: gzip"); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("gzip in gzip: %d %s", a.Status, a.Body)
	}
	status(t, s.Request(t, "member", "POST", path, zipped(t, envelopeOf(identity(67, 1, 1))), "Content-Encoding: gzip"), http.StatusAccepted)
}

// Where two of one header contradict each other neither is picked in silence: the
// request is refused, or one rule holds whatever their order.
func TestAHeaderThatIsThereTwiceIsNoWayAround(t *testing.T) {
	t.Parallel()
	s := attacked()
	path := s.Collection(t, "indicators") + "/objects/"
	const body = `{"objects":[]}`
	for _, try := range []struct{ method, one, other, want string }{
		{"GET", "Authorization: " + s.Basic(t, "reader"), "Authorization: " + s.Basic(t, "admin"), "401"},
		{"GET", "Authorization: " + s.Basic(t, "reader"), "Authorization: " + s.Basic(t, "reader"), "401"},
		{"GET", "Authorization: " + s.Basic(t, "reader"), "Authorization: ", "401"},
		{"GET", "Accept: text/html", "Accept: application/taxii+json;version=2.1", "200"},
		{"POST", "Content-Encoding: identity", "Content-Encoding: gzip", "415"},
		{"POST", "Content-Encoding: gzip", "Content-Encoding: gzip", "415"},
		{"POST", "Content-Length: 14", "Content-Length: 13", "400"},
		{"GET", "Host: " + s.Host(), "Host: evil.example", "400"},
	} {
		for _, order := range [][]string{{try.one, try.other}, {try.other, try.one}} {
			name, _, _ := strings.Cut(try.one, ":")
			var lines []string
			for line := range strings.SplitSeq(strings.TrimSuffix(s.Head(t, "member", try.method, path, lasts), "\r\n\r\n"), "\r\n") {
				if !strings.HasPrefix(line, name+":") {
					lines = append(lines, line)
				}
			}
			lines = append(lines, order...)
			sent := body
			if try.method == "POST" && name != "Content-Length" {
				lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
			} else if try.method == "GET" {
				sent = ""
			}
			outcome(t, fmt.Sprint(order), sends(t, s, strings.Join(lines, "\r\n")+"\r\n\r\n"+sent), try.want)
		}
	}
	for _, many := range []int{1000, 20_000} {
		want := "200"
		if many > 1000 {
			want = "431"
		}
		outcome(t, fmt.Sprint(many, " headers"), sends(t, s, s.Head(t, "member", "GET", "/trust/", append(slices.Repeat([]string{"X: y"}, many), lasts)...)), want)
	}
}
