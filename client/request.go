package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// defaultMaxSize is what X-Max-Size is where it is not sent: no answer of a
	// Channel is larger.
	defaultMaxSize = 9437184
	// slack is what a bound of ours lets through beyond X-Max-Size, which bounds
	// content and not what is around it.
	slack = 1 << 20
	// maxErrorBody bounds an error: texts for people.
	maxErrorBody = 1 << 20
)

// request is what is asked of a server, as often as it takes.
type request struct {
	method, url string
	body        []byte // nil: none
	header      map[string]string
	wait        time.Duration // for which the server may say nothing, because that was asked for
	most        int64         // octets of the answer; 0: defaultMaxSize
}

// errIdle says that a server is dead.
var errIdle = errors.New("the server said nothing for too long")

// answer is an answer whose body is still to be read. Whoever gets it calls end.
type answer struct {
	*http.Response
	watch *watch
}

// Read reads the body; while it waits, the server must say something in time.
func (a *answer) Read(p []byte) (int, error) {
	a.watch.begin(a.watch.idle)
	n, err := a.Body.Read(p)
	a.watch.end()
	return n, a.watch.why(err)
}

// end gives the connection back, or ends it where the body was not read.
func (a *answer) end() {
	_ = a.Body.Close() // there is nothing more to be learnt from it
	a.watch.cancel(nil)
}

// watch ends a request when nothing comes. It counts only while somebody waits:
// a reader may take as long as it likes between two reads.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	idle   time.Duration

	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	waiting bool
}

func newWatch(ctx context.Context, idle time.Duration) *watch {
	w := &watch{idle: idle}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	return w
}

func (w *watch) begin(most time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = true
	if w.timer == nil {
		w.timer = time.AfterFunc(most, func() { w.cancel(errIdle) })
		return
	}
	w.timer.Reset(most)
}

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = false
	w.timer.Stop()
}

// alive begins anew, if somebody waits: the body of a request may still go out
// when its answer is there.
func (w *watch) alive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting {
		w.timer.Reset(w.idle)
	}
}

// why tells an error that the watch has made from others.
func (w *watch) why(err error) error {
	if err != nil && !errors.Is(err, io.EOF) && errors.Is(context.Cause(w.ctx), errIdle) {
		return fmt.Errorf("%w (%v)", errIdle, w.idle)
	}
	return err
}

// sending counts every octet that is sent as a sign of life.
type sending struct {
	*bytes.Reader
	alive func()
}

func (s sending) Read(p []byte) (int, error) {
	s.alive()
	return s.Reader.Read(p)
}

// send asks once. An answer of 400 or above, or a redirect, is a *taxii.Error.
func (c *Client) send(ctx context.Context, q request) (*answer, error) {
	w := newWatch(ctx, c.opt.Idle)
	r, err := http.NewRequestWithContext(w.ctx, q.method, q.url, nil)
	if err != nil {
		return nil, err
	}
	if len(q.body) > 0 {
		r.Body = io.NopCloser(sending{bytes.NewReader(q.body), w.alive})
		r.ContentLength = int64(len(q.body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(q.body)), nil }
	}
	c.sign(r, q)
	w.begin(c.opt.Idle + q.wait)
	resp, err := c.http.Do(r) //nolint:bodyclose // whoever gets the answer closes it
	w.end()
	if err != nil {
		err = w.why(err)
		w.cancel(nil)
		return nil, fmt.Errorf("%s %s: %w", q.method, q.url, bare(err))
	}
	a := &answer{resp, w}
	if resp.StatusCode >= http.StatusMultipleChoices {
		defer a.end()
		return nil, refusal(a)
	}
	return a, nil
}

// sign sets what every request of c has.
func (c *Client) sign(r *http.Request, q request) {
	r.Header.Set("Accept", taxii.MediaType)
	r.Header.Set("User-Agent", c.opt.UserAgent)
	if q.body != nil {
		r.Header.Set("Content-Type", taxii.MediaType)
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	switch {
	case c.opt.Token != "":
		r.Header.Set("Authorization", "Bearer "+c.opt.Token)
	case c.opt.Account != "":
		r.SetBasicAuth(c.opt.Account, c.opt.Password)
	}
}

// bare takes off what net/http puts around an error, which says the URL again.
func bare(err error) error {
	var around *url.Error
	if errors.As(err, &around) {
		return around.Err
	}
	return err
}

// ask asks until there is an answer, as often as c may, and reads it. into is
// filled from its JSON; nil: there is nothing to read.
func (c *Client) ask(ctx context.Context, q request, into any) error {
	var w waiting
	for {
		err := c.once(ctx, q, into)
		if err == nil || !passing(err) || w.tries >= c.opt.Retries || ctx.Err() != nil {
			return err
		}
		if err := c.pause(ctx, &w, err); err != nil {
			return err
		}
	}
}

func (c *Client) once(ctx context.Context, q request, into any) error {
	a, err := c.send(ctx, q)
	if err != nil {
		return err
	}
	defer a.end()
	if into == nil {
		_, _ = io.CopyN(io.Discard, a, maxErrorBody) // so that the connection can be used again
		return nil
	}
	most := q.most
	if most == 0 {
		most = defaultMaxSize
	}
	return decode(a, most, into)
}

// decode reads an answer of JSON, at most so many octets and the slack.
func decode(a *answer, most int64, into any) error {
	what := a.Request.Method + " " + a.Request.URL.Redacted()
	if kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type")); kind != "application/taxii+json" {
		return fmt.Errorf("%s: the answer is %q, not TAXII; is this the URL of a TAXII 2.1 server?", what, a.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(io.LimitReader(a, most+slack+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	case int64(len(body)) > most+slack:
		return forGood(fmt.Errorf("%s: the answer is larger than %d octets", what, most))
	}
	if err := json.Unmarshal(body, into); err != nil {
		return forGood(fmt.Errorf("%s: the answer cannot be read: %w", what, err))
	}
	return nil
}

// refusal makes the error of an answer that is none.
func refusal(a *answer) error {
	e := &taxii.Error{}
	body, _ := io.ReadAll(io.LimitReader(a, maxErrorBody))
	if json.Unmarshal(body, e) != nil || e.Title == "" {
		*e = taxii.Error{Title: fmt.Sprintf("the server answers %d %s", a.StatusCode, http.StatusText(a.StatusCode))}
	}
	if to := a.Header.Get("Location"); to != "" && a.StatusCode < http.StatusBadRequest {
		*e = taxii.Error{Title: "the server redirects to " + to + ": redirects are not followed; use that URL if it is the right one"}
	}
	e.HTTPStatus = strconv.Itoa(a.StatusCode)
	e.Kind, e.RetryAfter = taxii.KindOfStatus(a.StatusCode), retryAfter(a.Header.Get("Retry-After"))
	return e
}

// lasting is an error that comes again however often one asks.
type lasting struct{ error }

func (l lasting) Unwrap() error { return l.error }

func forGood(err error) error { return lasting{err} }

// passing tells whether an error may be gone when one asks again: the server has
// no time now, or there is none that could be reached.
func passing(err error) bool {
	var e *taxii.Error
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var last lasting
	switch {
	case errors.As(err, &e):
		return e.Kind == taxii.Unavailable || e.Kind == taxii.TooMany || e.Kind == taxii.TimedOut
	case errors.As(err, &certificate), errors.As(err, &plain), errors.As(err, &last), errors.Is(err, http.ErrSchemeMismatch):
		return false
	}
	return true
}
