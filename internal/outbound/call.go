package outbound

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// response is an answer as it came, its body as far as it was read. Its status is 0
// where none came.
type response struct {
	status int
	header http.Header
	body   []byte
}

// call sends one request and reads at most so many octets of the answer. Where the
// body broke off there is an answer, what came of the body, and an error.
func (c *Caller) call(ctx context.Context, method, url string, header http.Header, body []byte, most int64) (response, error) {
	t, err := c.target(url)
	if err != nil {
		return response{}, err
	}
	free, err := c.slots.take(ctx, t.host)
	if err != nil {
		return response{}, err
	}
	defer free()
	until := time.Now().Add(c.times.call)
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, t.url.String(), bytes.NewReader(body))
	if err != nil {
		return response{}, refuse("this is no URL")
	}
	r.Header = header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header["User-Agent"] = []string{c.opt.Agent} // an empty one is not sent
	r.GetBody = nil                                // it is sent once
	// A round trip alone: no client, so no redirects and no cookies.
	a, err := c.transport(t, until).RoundTrip(r)
	if err != nil {
		return response{}, err
	}
	defer a.Body.Close()
	text, err := io.ReadAll(io.LimitReader(a.Body, most))
	return response{a.StatusCode, a.Header, text}, err
}
