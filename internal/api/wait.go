package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// lasting is what the ResponseWriter of a node offers to requests that last.
type lasting interface {
	// Lasts counts the request out of those in work until resumes is called.
	Lasts() (resumes func())
	// Rests says that no write is going on, so that none can take too long.
	Rests()
}

// lasts counts a wait or a stream in, and out of the requests in work: it takes
// little but its connection. ended, to be called once, undoes that.
func (a *Server) lasts(s *exchange.Session, w http.ResponseWriter) (ended func(), err error) {
	leave, err := a.lasting.enter(s)
	if err != nil {
		return nil, err
	}
	resumes := func() {}
	if l, ok := w.(lasting); ok {
		resumes = l.Lasts()
	}
	resume := a.load.pause(s)
	return func() {
		resume()
		resumes()
		leave()
	}, nil
}

// Lasting tells how many waits and streams are open.
func (a *Server) Lasting() int { return a.lasting.open() }

// gone ends a request whose client has hung up: nobody waits for its answer.
func gone(r *http.Request) {
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
}

// idle tells a request that must not create or move anything: a HEAD, or one that
// a browser sends in advance.
func idle(r *http.Request) bool {
	if r.Method == http.MethodHead {
		return true
	}
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		if strings.Contains(strings.ToLower(r.Header.Get(name)), "prefetch") {
			return true
		}
	}
	return false
}

// view opens a View. Who prefers to wait (RFC 7240) for objects or records is
// answered as soon as there are some.
func (a *Server) view(s *exchange.Session, w http.ResponseWriter, r *http.Request, t exchange.Target, f taxii.Filter) (*exchange.View, error) {
	wait, ok := preferredWait(r.Header.Values("Prefer"))
	if !ok || idle(r) || t.Endpoint != exchange.Objects && t.Endpoint != exchange.Manifest {
		return s.View(r.Context(), t, f)
	}
	w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	if wait == 0 {
		return s.View(r.Context(), t, f)
	}
	ended, err := a.lasts(s, w)
	if err != nil {
		return nil, err
	}
	defer ended()
	v, err := s.ViewLive(r.Context(), t, f, wait)
	gone(r)
	return v, err
}

// preferredWait reads wait=SECONDS of Prefer (RFC 7240 section 4.3), lowered to
// the most that is waited. What cannot be read is not preferred; of several the
// first counts.
func preferredWait(values []string) (wait time.Duration, ok bool) {
	for preference := range strings.SplitSeq(strings.Join(values, ","), ",") {
		preference, _, _ = strings.Cut(preference, ";")
		name, value, _ := strings.Cut(preference, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		value = strings.Trim(strings.TrimSpace(value), `"`)
		if value == "" || strings.Trim(value, "0123456789") != "" {
			return 0, false
		}
		seconds, err := strconv.Atoi(value)
		if err != nil || seconds > int(maxWait/time.Second) {
			return maxWait, true
		}
		return time.Duration(seconds) * time.Second, true
	}
	return 0, false
}
