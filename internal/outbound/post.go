package outbound

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Answer is what a host answered.
type Answer struct {
	Status     int           // as it came, redirects too: none is followed
	Body       []byte        // its first 4096 octets, or what came of them in time
	RetryAfter time.Duration // as the answer says; 0 where it says nothing
}

// Post sends one request and gives the answer. It resolves the host once, for
// this call; connects within 5 s and ends within 15 s. A call waits, outside that
// time, while 4 others to this host or 64 in all are under way. Header is sent as
// it is, with Content-Length and Host besides: no cookies, no credentials.
//
// The error is a *[Refused] where the URL or an address of its host may not be
// called; every other one means that no answer came. No error holds the URL.
func (c *Caller) Post(ctx context.Context, url string, header http.Header, body []byte) (Answer, error) {
	t, err := c.target(url)
	if err != nil {
		return Answer{}, err
	}
	free, err := c.slots.take(ctx, t.host)
	if err != nil {
		return Answer{}, err
	}
	defer free()
	until := time.Now().Add(c.times.call)
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url.String(), bytes.NewReader(body))
	if err != nil {
		return Answer{}, refuse("this is no URL")
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
		return Answer{}, err
	}
	defer a.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(a.Body, maxAnswer)) // the status says it; what came of the rest is enough
	return Answer{Status: a.StatusCode, Body: text, RetryAfter: retryAfter(a.Header.Get("Retry-After"), time.Now())}, nil
}

// retryAfter reads the header: seconds or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}
