package outbound

import (
	"context"
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
	a, err := c.call(ctx, http.MethodPost, url, header, body, maxAnswer)
	if a.status == 0 {
		return Answer{}, err
	}
	// The status says it; what came of the rest is enough.
	return Answer{Status: a.status, Body: a.body, RetryAfter: retryAfter(a.header.Get("Retry-After"), time.Now())}, nil
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
