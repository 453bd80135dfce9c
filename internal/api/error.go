package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// statusOf is the only table from Kind to HTTP status.
func statusOf(k taxii.Kind) int {
	switch k {
	case taxii.Malformed:
		return http.StatusBadRequest
	case taxii.Unauthenticated:
		return http.StatusUnauthorized
	case taxii.Forbidden:
		return http.StatusForbidden
	case taxii.NotFound:
		return http.StatusNotFound
	case taxii.MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case taxii.NotAcceptable:
		return http.StatusNotAcceptable
	case taxii.TimedOut:
		return http.StatusRequestTimeout
	case taxii.Conflict:
		return http.StatusConflict
	case taxii.Gone:
		return http.StatusGone
	case taxii.PreconditionFailed:
		return http.StatusPreconditionFailed
	case taxii.TooLarge:
		return http.StatusRequestEntityTooLarge
	case taxii.UnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case taxii.BadRange:
		return http.StatusRequestedRangeNotSatisfiable
	case taxii.Unprocessable:
		return http.StatusUnprocessableEntity
	case taxii.TooMany:
		return http.StatusTooManyRequests
	case taxii.HeadersTooLarge:
		return http.StatusRequestHeaderFieldsTooLarge
	case taxii.Unsupported:
		return http.StatusNotImplemented
	case taxii.Unavailable:
		return http.StatusServiceUnavailable
	case taxii.Full:
		return http.StatusInsufficientStorage
	}
	return http.StatusInternalServerError
}

// retryAfter is what Retry-After says where an error does not (K70).
const retryAfter = 5 * time.Second

// Failing gives the one place where an error meets the wire: every face answers
// through it. What no room named is a 500 with an error_id, under which the
// cause is in the log, once. A failure of the server's own, 500 or above, is
// logged with its cause; that it does not offer something is none. Why credentials
// are refused is in the log at level debug, where there is more to say than the peer
// is told. challenge gives the values of WWW-Authenticate, what may be sent to sign in.
func Failing(log *slog.Logger, challenge func(*http.Request) []string) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		e := resource(err)
		status := statusOf(e.Kind)
		if status >= http.StatusInternalServerError && e.Kind != taxii.Unsupported { // any client can bring that about
			e.ID = taxii.NewID()
			log.LogAttrs(r.Context(), levelOf(e.Kind), "request failed", slog.String("error_id", e.ID),
				slog.String("request_id", exchange.RequestOf(r.Context())), slog.Int("status", status),
				slog.String("error", e.Error()), slog.Any("cause", errors.Unwrap(e)))
		}
		e.HTTPStatus = strconv.Itoa(status)
		head := w.Header()
		if status == http.StatusUnauthorized {
			head["Www-Authenticate"] = challenge(r)
			if why := origin(e); why != nil {
				log.LogAttrs(r.Context(), slog.LevelDebug, "credentials refused",
					slog.String("request_id", exchange.RequestOf(r.Context())), slog.String("why", why.Error()))
			}
		}
		if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
			wait := strconv.Itoa(int((or(e.RetryAfter, retryAfter) + time.Second - 1) / time.Second))
			head.Set("Retry-After", wait)
			allowance(head, e.Allowed)
		}
		body, err := json.Marshal(e)
		if err != nil {
			body = []byte(`{"title":"internal error","http_status":"500"}`)
			status = http.StatusInternalServerError
		}
		for _, name := range []string{"Content-Encoding", "X-TAXII-Date-Added-First", "X-TAXII-Date-Added-Last", "ETag", "Location", "Preference-Applied"} {
			head.Del(name)
		}
		head.Set("Content-Type", taxii.MediaType)
		head.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body) // who hung up needs no answer
	}
}

// origin is the cause at the end of a chain of causes; nil: there is none.
func origin(e *taxii.Error) (cause error) {
	for next := errors.Unwrap(e); next != nil; next = errors.Unwrap(next) {
		cause = next
	}
	return cause
}

// allowance tells what was used up: in the words of the first draft of TAXII 2
// (S13), and in those of draft-ietf-httpapi-ratelimit-headers.
func allowance(head http.Header, a *taxii.Allowance) {
	if a == nil {
		return
	}
	if a.PerMinute > 0 {
		head.Set("X-Rate-Limit", strconv.Itoa(a.PerMinute))
	}
	rateLimit(head, []*taxii.Allowance{a})
}

// levelOf is how loud the log is: what clients can bring about is no failure of
// the server's.
func levelOf(k taxii.Kind) slog.Level {
	if k == taxii.Unavailable || k == taxii.Full {
		return slog.LevelWarn
	}
	return slog.LevelError
}

// resource gives the error resource of an error, as a copy.
func resource(err error) *taxii.Error {
	var e *taxii.Error
	if !errors.As(err, &e) && errors.Is(err, context.Canceled) { // no failure of the server's: nobody waits for the answer
		return taxii.Errorf(taxii.Unavailable, "the request was given up").Because(err)
	}
	if !errors.As(err, &e) {
		return taxii.Errorf(taxii.Internal, "internal error").
			Describe("The server failed. Tell its operator the error_id.").Because(err)
	}
	c := *e
	return &c
}

// eventError writes an error that is no failure, for the end of a stream.
func eventError(e *taxii.Error) []byte {
	c := *e
	c.HTTPStatus = strconv.Itoa(statusOf(c.Kind))
	return appendJSON(nil, &c)
}
