package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// headersMost bounds the request line and headers together: clients' are below
// 4 KiB, long lists of ids in match[id] need more, and nothing sane needs this
// much. net/http's own limit lies far above it.
const headersMost = 32 << 10

// requestLog is what is known of a request for its line in the log.
type requestLog struct {
	account string
	session *exchange.Session // nil: it is not known who asks
}

type logKey struct{}

// signedIn notes who asks.
func signedIn(r *http.Request, s *exchange.Session) {
	if l, ok := r.Context().Value(logKey{}).(*requestLog); ok {
		_, l.account = s.Account()
		l.session = s
	}
}

// observer is around every face: it gives each request an id, writes its line
// in the log, keeps the bounds that need no account, and turns a panic into an
// error of the protocol.
type observer struct {
	next  http.Handler
	fail  func(http.ResponseWriter, *http.Request, error)
	log   *slog.Logger
	stall time.Duration // a write that takes longer closes the connection
	body  time.Duration // a body that nobody reads is waited for no longer
	most  int64         // requests in work

	inWork atomic.Int64
}

func (o *observer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began, id, line := time.Now(), taxii.NewID(), &requestLog{}
	r = r.WithContext(context.WithValue(exchange.WithRequest(r.Context(), id), logKey{}, line))
	w.Header().Set("X-Request-Id", id)
	answer := &answer{ResponseWriter: w, control: http.NewResponseController(w), conn: connOf(r), stall: o.stall, observer: o, shared: r.ProtoMajor > 1}
	o.hurry(answer, r)
	parts(w, r)
	defer func() {
		o.line(r, line, answer, began)
		if line.session != nil && answer.status < http.StatusBadRequest {
			line.session.Finished()
		}
	}()
	defer o.recover(answer, r)
	defer o.inWork.Add(-1)
	switch n := o.inWork.Add(1); {
	case n > o.most && !ofHealth(r): // who looks after a busy server must not take it for a dead one
		e := taxii.Errorf(taxii.Unavailable, "the server has %d requests in work, which is as many as it takes; try again", o.most)
		e.RetryAfter = time.Second
		o.fail(answer, r, e)
	case headerSize(r) > headersMost:
		o.fail(answer, r, taxii.Errorf(taxii.HeadersTooLarge, "the request line and headers are larger than %d octets", headersMost))
	default:
		o.next.ServeHTTP(answer, r)
	}
}

// parts closes the connection after a request of HTTP/1.1 in chunks. Where a length
// stood beside them, as who smuggles requests past a proxy sends it, that is what RFC
// 9112 section 6.1 asks for, and net/http does not tell that there was one.
func parts(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
		w.Header().Set("Connection", "close")
	}
}

// hurry bounds the time for which net/http waits for a body that no handler has
// read, before it sends the answer. Who reads a body sets times of its own.
func (o *observer) hurry(w *answer, r *http.Request) {
	if r.ProtoMajor == 1 && r.ContentLength != 0 {
		_ = w.control.SetReadDeadline(time.Now().Add(o.body)) // a connection that is gone waits for nothing
	}
}

func headerSize(r *http.Request) int {
	size := len(r.Method) + len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + 4
		}
	}
	return size
}

// recover answers a request whose handler failed badly. An answer that was
// begun is cut off: half an answer must not look like a whole one.
func (o *observer) recover(w *answer, r *http.Request) {
	failed := recover()
	if failed == nil {
		return
	}
	if err, ok := failed.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	cause := fmt.Errorf("panic: %v\n%s", failed, debug.Stack())
	if w.status != 0 {
		o.log.LogAttrs(r.Context(), slog.LevelError, "answer cut off", slog.String("request_id", exchange.RequestOf(r.Context())),
			slog.Any("cause", cause))
		panic(http.ErrAbortHandler)
	}
	o.fail(w, r, cause)
}

// loggedMost bounds, in octets, what of a request's own words is logged.
const loggedMost = 512

func cut(text string) string {
	if len(text) > loggedMost {
		return text[:loggedMost] + "..."
	}
	return text
}

// line writes the access line: no query, since secrets may stand there by
// mistake, and no content.
func (o *observer) line(r *http.Request, l *requestLog, w *answer, began time.Time) {
	o.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("request_id", exchange.RequestOf(r.Context())), slog.String("method", r.Method), slog.String("path", cut(r.URL.EscapedPath())),
		slog.Int("status", w.status), slog.Int64("bytes", w.bytes), slog.Int64("took_us", time.Since(began).Microseconds()),
		slog.String("account", l.account), slog.String("remote", r.RemoteAddr), slog.String("user_agent", cut(r.UserAgent())))
}

// answer counts what goes out, and gives every write a time of its own: a
// connection that takes nothing for that long is closed (K71).
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	conn    *conn // nil where it is not known
	stall   time.Duration
	until   time.Time // what the connection has been given
	status  int
	bytes   int64

	observer *observer
	shared   bool // the connection is other requests', too (HTTP/2)
}

// Lasts counts a request that waits or streams out of those in work, until resumes
// is called.
func (a *answer) Lasts() (resumes func()) {
	a.observer.inWork.Add(-1)
	return func() { a.observer.inWork.Add(1) }
}

// Rests says that nothing is being written. Over HTTP/2 the time of a write would
// go on without one, and end the stream.
func (a *answer) Rests() {
	if a.shared {
		a.until = time.Time{}
		_ = a.control.SetWriteDeadline(time.Time{}) // a connection that is gone has no time
	}
}

// hurry gives the next write its time. What was given a moment ago will do: to
// set it anew costs as much as to write a little.
func (a *answer) hurry() error {
	now := time.Now()
	if a.until.Sub(now) > a.stall-a.stall/8 {
		return nil
	}
	a.until = now.Add(a.stall)
	return a.control.SetWriteDeadline(a.until)
}

// Written is how many octets of the body have gone out.
func (a *answer) Written() int64 { return a.bytes }

// Unwrap lets http.ResponseController find the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	_ = a.hurry() // for answers without a body; where it fails so will the write
	a.ResponseWriter.WriteHeader(status)
}

// SetWriteDeadline is how who waits for memory cuts off an answer that is not
// taken. Over HTTP/2 that resets the stream, and where not even that is taken,
// the connection is closed.
func (a *answer) SetWriteDeadline(t time.Time) error {
	if a.conn.blocked() >= blockedMost && !t.IsZero() && t.Before(time.Now()) {
		return a.conn.Close()
	}
	return a.control.SetWriteDeadline(t)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if err := a.hurry(); err != nil {
		return 0, err
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}
