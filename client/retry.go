package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	firstWait   = time.Second
	longestWait = time.Minute
	// longestRetryAfter bounds what a server may ask for: one that says a year has
	// a wrong clock.
	longestRetryAfter = time.Hour
)

// waiting is how long to wait after a failure: 1 s, doubling to 60 s, of which a
// random half may be missing, so that those who lost a server together do not
// come back together. The zero value begins anew.
type waiting struct {
	tries int           // that failed
	first time.Duration // what the server would like at first; 0: 1 s
}

// next gives the next wait, which is never shorter than what the server asked for.
func (w *waiting) next(asked time.Duration) time.Duration {
	d := min(max(w.first, firstWait), longestWait)
	for range min(w.tries, 6) {
		d = min(d*2, longestWait)
	}
	w.tries++
	d -= rand.N(d / 2) //nolint:gosec // nobody gains by guessing it
	if asked > 0 {
		asked = min(asked, longestRetryAfter)
		d = max(d, asked+rand.N(asked/10+time.Millisecond)) //nolint:gosec // as above
	}
	return d
}

// again begins anew after a success.
func (w *waiting) again() { w.tries = 0 }

// pause waits after err, and tells who wants to hear of it.
func (c *Client) pause(ctx context.Context, w *waiting, err error) error {
	var e *taxii.Error
	asked := time.Duration(0)
	if errors.As(err, &e) {
		asked = e.RetryAfter
	}
	d := w.next(asked)
	if c.opt.Waiting != nil {
		c.opt.Waiting(err, d)
	}
	return c.sleep(ctx, d)
}

// sleep waits, or ends with the context.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// retryAfter reads the header Retry-After: seconds, or a date of HTTP. 0: there
// is none, or it says nothing.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
