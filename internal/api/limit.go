package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// counting is what the ResponseWriter of a node tells of an answer.
type counting interface {
	// Written is how many octets of the body have gone out, as they are on the wire.
	Written() int64
}

// Admit counts a request, to whatever face, against the limits of its account,
// and says in the headers of the answer what is left of them. An error is its
// answer: see Session.Admit.
func (a *Server) Admit(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	asked := exchange.Request{
		Reads:  r.Method == http.MethodGet || r.Method == http.MethodHead,
		Cursor: func() string { return cursorIn(r) },
	}
	if l, ok := w.(lasting); ok {
		asked.Waits = l.Lasts
	}
	left, err := s.Admit(r.Context(), asked)
	if err != nil {
		gone(r)
		return err
	}
	var list [3]*taxii.Allowance
	n := 0
	for _, allowance := range [...]*taxii.Allowance{&left.Requests, &left.Objects, &left.Octets} {
		if allowance.Quota > 0 {
			list[n] = allowance
			n++
		}
	}
	rateLimit(w.Header(), list[:n])
	return nil
}

// cursorIn gives the cursor with which a request goes on, or "".
func cursorIn(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	q, err := queryOf(r)
	if err != nil {
		return ""
	}
	return or(q.values.Get(paramNext), q.values.Get(paramAfter))
}

// answered counts what went out to an account. That it has had what it may have
// of this day is the answer to its next request.
func answered(s *exchange.Session, w http.ResponseWriter) {
	if c, ok := w.(counting); ok {
		_ = s.Sent(c.Written())
	}
}

// rateLimit tells how much an account may do, and what is left of that, in the
// words of draft-ietf-httpapi-ratelimit-headers.
func rateLimit(head http.Header, list []*taxii.Allowance) {
	if len(list) == 0 {
		return
	}
	var room [512]byte
	text := room[:0]
	for i, a := range list {
		text = appendPolicy(appendComma(text, i), a)
	}
	n := len(text)
	for i, a := range list {
		text = appendLeft(appendComma(text, i), a)
	}
	both := string(text)
	values := []string{both[:n], both[n:]}
	head[policyHeader], head[leftHeader] = values[:1:1], values[1:]
}

// The headers, as http.Header spells them: they stand on every answer to an account
// with limits, and to spell them anew costs as much as to write them.
const policyHeader, leftHeader = "Ratelimit-Policy", "Ratelimit"

func appendComma(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ", "...)
}

// appendPolicy writes a policy: its name, its quota and, in seconds, its window.
func appendPolicy(b []byte, a *taxii.Allowance) []byte {
	b = append(append(append(b, '"'), a.Name...), `";q=`...)
	b = strconv.AppendInt(b, a.Quota, 10)
	if a.Unit != "" {
		b = append(append(append(b, `;qu="`...), a.Unit...), '"')
	}
	if a.Window > 0 {
		b = strconv.AppendInt(append(b, ";w="...), seconds(a.Window), 10)
	}
	return b
}

// appendLeft writes what is left of a policy and, in seconds, when all of it is
// there again.
func appendLeft(b []byte, a *taxii.Allowance) []byte {
	b = append(append(append(b, '"'), a.Name...), `";r=`...)
	b = strconv.AppendInt(b, a.Left, 10)
	if a.Resets > 0 {
		b = strconv.AppendInt(append(b, ";t="...), seconds(a.Resets), 10)
	}
	return b
}

// seconds rounds up, so that nobody comes again too early.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// fits tells whether an answer has no more octets than its request allows
// (X-Max-Size): what is no page cannot be cut.
func fits(r *http.Request, size int) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil
	}
	most, err := maxSize(r)
	if err != nil || most == 0 || int64(size) <= most {
		return nil //nolint:nilerr // where the header counts it was looked at before
	}
	e := taxii.Errorf(taxii.Malformed, "the answer has %d octets, more than X-Max-Size", size).
		Describe("It has no pages: ask for it without X-Max-Size.")
	e.Details = map[string]any{"size": size, "max_size": most}
	return e
}

// writeStatus answers with a Status. Where it is larger than the request allows
// its lists are left out, that of the successes first: the counts stay, and say all
// of what was sent that was not refused.
func (a *Server) writeStatus(w http.ResponseWriter, r *http.Request, code int, st taxii.Status) error {
	most, err := maxSize(r)
	if err == nil && most > 0 {
		for _, list := range []*[]taxii.StatusDetail{&st.Successes, &st.Pendings, &st.Failures} {
			if size := len(appendJSON(nil, st)); int64(size) <= most {
				break
			}
			*list = nil
		}
	}
	return a.writeJSON(w, r, code, st)
}
