package whole_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// What smuggles hides a request in another, so that who stands before the server
// takes them for one. Here each octet belongs to one request, or to none: a head
// that can be read in two ways is refused and the connection closed. What follows
// it on the connection is a request of its own or is never read.
func TestARequestHiddenInAnotherIsNeverCarriedOut(t *testing.T) {
	t.Parallel()
	s := attacked()
	path := s.Collection(t, "indicators") + "/objects/"
	const body, octets = `{"objects":[]}`, "Content-Length: 14"
	const chunks, chunked, end = "Transfer-Encoding: chunked", "e\r\n" + body + "\r\n0\r\n\r\n", "0\r\n\r\n"
	post := func(headers ...string) string { return s.Head(t, "member", "POST", path, headers...) }
	get := func(headers ...string) string { return s.Head(t, "member", "GET", path, headers...) }
	next := s.Head(t, "reader", "GET", "/trust/", lasts)
	basic := "Authorization: " + s.Basic(t, "member")
	for what, try := range map[string]struct{ send, want string }{
		"a plain request and the next": {post(octets) + body + next, "422 200"},
		"a body that GET does not use": {get(octets) + body + next, "200 200"},
		"the same length twice":        {post(octets, octets) + body + next, "422 200"},

		// A server must take the chunks and close the connection (RFC 9112 section 6.1): what
		// followed used to be carried out.
		"a length beside chunks":              {post("Content-Length: 6", chunks) + end + "G" + next, "422"},
		"a length beside chunks of GET":       {get("Content-Length: 6", chunks) + end + "G" + next, "200"},
		"chunks in capitals":                  {post("transfer-encoding: CHUNKED") + chunked + next, "422"},
		"chunks after a tab":                  {post("Transfer-Encoding:\tchunked") + chunked + next, "422"},
		"chunks on a folded line":             {post("Transfer-Encoding:\r\n chunked") + chunked + next, "422"},
		"chunks of HTTP/1.0":                  {strings.Replace(post(chunks, octets), "/1.1", "/1.0", 1) + body + next, "422"},
		"a bare line feed before chunks":      {post("X: y\n"+chunks) + chunked + next, "422"},
		"two lengths":                         {post(octets, "Content-Length: 0") + body + next, "400"},
		"a list of lengths":                   {post("Content-Length: 14, 14") + body + next, "400"},
		"a length with a sign":                {post("Content-Length: +14") + body + next, "400"},
		"a length in hexadecimal":             {post("Content-Length: 0xe") + body + next, "400"},
		"a length in two words":               {post("Content-Length: 1 4") + body + next, "400"},
		"an empty length":                     {post("Content-Length: ") + body + next, "400"},
		"a length beyond all numbers":         {post("Content-Length: 99999999999999999999") + body + next, "400"},
		"chunks twice":                        {post(chunks, chunks) + chunked + next, "501"},
		"chunks in chunks":                    {post("Transfer-Encoding: chunked, chunked") + chunked + next, "501"},
		"chunks and something else":           {post(chunks, "Transfer-Encoding: identity") + chunked + next, "501"},
		"chunks of something else":            {post("Transfer-Encoding: x, chunked") + chunked + next, "501"},
		"a space before the colon":            {post("Transfer-Encoding : chunked", octets) + body + next, "400"},
		"a vertical tab before chunks":        {post("Transfer-Encoding:\x0bchunked", octets) + body + next, "400"},
		"a carriage return in a value":        {get("X: a\r"+chunks, lasts) + next, "400"},
		"a zero in a value":                   {get("X: a\x00b", lasts) + next, "400"},
		"a space in a name":                   {get("X Y: z", lasts) + next, "400"},
		"a folded line before the first":      {strings.Replace(get(lasts), "\r\n", "\r\n X: y\r\n", 1) + next, "400"},
		"a chunk of negative size":            {post(chunks) + "-1\r\n" + body + "\r\n" + end + next, "422"},
		"a chunk with a prefix":               {post(chunks) + "0xe\r\n" + body + "\r\n" + end + next, "422"},
		"a chunk beyond all numbers":          {post(chunks) + "1000000000000000e\r\n" + body + "\r\n" + end + next, "422"},
		"a chunk that ends in a line feed":    {post(chunks) + "e\r\n" + body + "\n" + end + next, "422"},
		"an extension that ends in one":       {post(chunks) + "e;a\n" + body + "\r\n" + end + next, "422"},
		"a chunk with an extension":           {post(chunks) + "e;a=b\r\n" + body + "\r\n" + end + next, "422"},
		"credentials behind the last chunk":   {strings.Replace(post(chunks), basic, "Trailer: Authorization", 1) + "e\r\n" + body + "\r\n0\r\n" + basic + "\r\n\r\n" + next, "401"},
		"a request as the body of a 401":      {strings.Replace(post("Content-Length: "+strconv.Itoa(len(next))), "Basic", "Basic x", 1) + next + next, "401 200"},
		"a space before the method":           {" " + get(lasts) + next, "400"},
		"two spaces behind the method":        {strings.Replace(get(lasts), " ", "  ", 1) + next, "400"},
		"HTTP/0.9":                            {"GET " + path + "\r\n\r\n" + next, "400"},
		"an upgrade to HTTP/2":                {get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__") + next, "200 200"},
		"an upgrade to a socket":              {get("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13") + next, "200 200"},
		"headers that Connection wants gone":  {get("Connection: close, Authorization"), "200"},
		"a second Authorization":              {get(lasts, "Authorization: "+s.Basic(t, "reader")), "401"},
		"Authorization of two":                {strings.Replace(get(lasts), basic, basic+", "+s.Basic(t, "reader"), 1), "401"},
		"a good Authorization behind a wrong": {strings.Replace(get(lasts), basic, "Authorization: Basic eDp5\r\n"+basic, 1), "401"},
	} {
		outcome(t, what, sends(t, s, try.send), try.want)
	}
}

// oddHTTP2 are heads that HTTP/2 does not have, and that a gateway to HTTP/1.1
// would turn into several requests, by what they are.
func oddHTTP2(s *trial.Server, path, credentials string) map[string][][2]string {
	head := func(method, authority, path string, more ...[2]string) [][2]string {
		return append([][2]string{
			{":method", method}, {":scheme", "https"}, {":authority", authority}, {":path", path}, {"authorization", credentials},
		}, more...)
	}
	const split = " HTTP/1.1\r\nHost: x\r\n\r\nDELETE /"
	return map[string][][2]string{
		"a method with a request in it": head("GET /"+split, s.Host(), path),
		"a path with a request in it":   head("GET", s.Host(), path+split),
		"a host with a request in it":   head("GET", s.Host()+split, path),
		"a value with a line in it":     head("GET", s.Host(), path, [2]string{"x", "y\r\nTransfer-Encoding: chunked"}),
		"a value with a zero in it":     head("GET", s.Host(), path, [2]string{"x", "y\x00"}),
		"a name with a line in it":      head("GET", s.Host(), path, [2]string{"x: y\r\nz", "y"}),
		"a name with a colon":           head("GET", s.Host(), path, [2]string{"x:", "y"}),
		"a name in capitals":            head("GET", s.Host(), path, [2]string{"Accept", "*/*"}),
		"chunks":                        head("POST", s.Host(), path, [2]string{"transfer-encoding", "chunked"}),
		"a connection":                  head("GET", s.Host(), path, [2]string{"connection", "close"}),
		"two methods":                   head("GET", s.Host(), path)[:5:5],
		"a path without a slash":        head("GET", s.Host(), path[1:]),
		"an empty path":                 head("GET", s.Host(), ""),
		"a pseudo-header at the end":    head("GET", s.Host(), path, [2]string{":path", "/"}),
		"an unknown pseudo-header":      append([][2]string{{":protocol", "websocket"}}, head("CONNECT", s.Host(), path)...),
		"no method":                     head("GET", s.Host(), path)[1:],
	}
}

func TestHeadsThatHTTP2DoesNotHaveAreRefusedAndHarmNoOtherStream(t *testing.T) {
	t.Parallel()
	s := attacked()
	odd := oddHTTP2(s, "/trust/", s.Basic(t, "admin"))
	odd["two methods"] = append(odd["two methods"][:1:1], odd["two methods"]...)
	for what, fields := range odd {
		h := beginHTTP2(t, s)
		stream, err := h.Open(fields, false)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := h.Status(stream); err == nil && got != "400" {
			t.Errorf("%s: answered %s", what, got)
		}
	}
	h := beginHTTP2(t, s)
	if _, err := h.Open(odd["a value with a zero in it"], false); err != nil {
		t.Fatal(err)
	}
	if stream, err := h.Ask(t, s, "reader", "GET", "/trust/", false); err != nil {
		t.Fatal(err)
	} else if got, err := h.Status(stream); got != "200" {
		t.Errorf("the next stream of a connection: %s %v", got, err)
	}
}

// beginHTTP2 opens a connection of HTTP/2, which ends with the test.
func beginHTTP2(t *testing.T, s *trial.Server) *trial.HTTP2 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), answeredWithin)
	defer cancel()
	c, err := s.Dial(ctx, trial.Line{HTTP2: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(answeredWithin))
	h, err := trial.BeginHTTP2(c, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A client may take each request back as soon as it has sent it, or never end a
// head: that costs it its connection, and others nothing.
func TestStreamsTakenBackAndHeadsWithoutEndCostOnlyTheirConnection(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	s := trial.Start(t, "--empty")
	const streams, frames = 5000, 4000
	back := beginHTTP2(t, s)
	for range streams {
		stream, err := back.Ask(t, s, "member", "GET", "/trust/collections/", false)
		if err == nil {
			err = back.WriteRSTStream(stream, http2.ErrCodeCancel)
		}
		if err != nil {
			break // the server has had enough
		}
	}
	endless := beginHTTP2(t, s)
	stream, err := endless.Open([][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", s.Host()}, {":path", "/"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	block := []byte(strings.Repeat("\x00\x01x\x7f\x80\x01"+strings.Repeat("y", 255), 60)) // a field x with 255 octets, 60 times
	if err := endless.WriteHeaders(http2.HeadersFrameParam{StreamID: stream + 2, BlockFragment: block, EndStream: true}); err != nil {
		t.Fatal(err)
	}
	ended := false
	for range frames { // 60 MB of heads
		if endless.WriteContinuation(stream+2, false, block) != nil {
			ended = true
			break
		}
	}
	if !ended {
		t.Error("a head without end was read on and on")
	}
	status(t, s.Get(t, "member", "/trust/"), http.StatusOK)
	if now, _ := trial.Memory(t, s.PID()); now > 500<<20 {
		t.Errorf("the server holds %d MB", now>>20)
	}
}
