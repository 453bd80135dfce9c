package taxii

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind is what went wrong, in the words of the protocol. Which HTTP status a
// Kind becomes is the server's matter.
type Kind uint8

// The kinds of error. The zero Kind is Internal: what nobody named.
const (
	Internal           Kind = iota // the server failed; the peer learns nothing but an error_id
	Malformed                      // the URL, its query or a header cannot be understood
	Unauthenticated                // who asks must prove who they are
	Forbidden                      // they are known, see it, and may not
	NotFound                       // it does not exist, or must seem so
	MethodNotAllowed               // the resource exists, the method does not
	NotAcceptable                  // none of the media types asked for can be sent
	TimedOut                       // the request took too long to arrive
	Conflict                       // it contradicts what already stands
	Gone                           // it was there and is not any more
	PreconditionFailed             // a condition of the request does not hold
	TooLarge                       // the body is larger than max_content_length
	UnsupportedMedia               // the body's media type or coding is not taken
	BadRange                       // the content has nothing in the range that is asked for
	Unprocessable                  // the body is understood and cannot be used
	TooMany                        // this account asks too often
	HeadersTooLarge                // the headers are larger than is taken
	Unsupported                    // the server does not offer this at all
	Unavailable                    // the server cannot answer now
	Full                           // there is no room to store it
)

// kindWords are the words for each Kind, in its order; never written to.
var kindWords = [...]string{
	"internal error", "malformed request", "not authenticated", "forbidden", "not found", "method not allowed",
	"not acceptable", "timed out", "conflict", "gone", "precondition failed", "too large", "unsupported media type",
	"range not satisfiable", "unprocessable content", "too many requests", "headers too large", "not supported", "unavailable", "storage full",
}

// Kinds gives every Kind, in order, so that a table over them can be checked
// for holes.
func Kinds() []Kind {
	kinds := make([]Kind, len(kindWords))
	for i := range kinds {
		kinds[i] = Kind(i)
	}
	return kinds
}

// String gives the Kind in words fit for a stranger, such as "not found".
func (k Kind) String() string {
	if int(k) >= len(kindWords) {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kindWords[k]
}

// Error is the standard's error resource (section 3.6.1, R155 to R161) and, on
// both sides of the wire, the one type of error. Everything that has a JSON name
// is for the peer; Kind, RetryAfter and the cause never go out with it.
type Error struct {
	Title           string         `json:"title"`
	Description     string         `json:"description,omitempty"`
	ID              string         `json:"error_id,omitempty"`    // this occurrence, as in the log
	Code            string         `json:"error_code,omitempty"`  // this kind of error
	HTTPStatus      string         `json:"http_status,omitempty"` // the status of the response, in digits
	ExternalDetails string         `json:"external_details,omitempty"`
	Details         map[string]any `json:"details,omitempty"`

	Kind       Kind          `json:"-"`
	RetryAfter time.Duration `json:"-"` // for the Retry-After header; 0 says nothing
	Allowed    *Allowance    `json:"-"` // with TooMany: what was used up; nil says nothing

	cause error // for the log, never for the peer
}

// Allowance is how much of something may be used, and what of it is left (section
// 10 of docs/channels.md, and draft-ietf-httpapi-ratelimit-headers). Without a
// Quota there is no bound.
type Allowance struct {
	Name      string        // of what is counted, a token such as join
	Unit      string        // in which it is counted, such as content-bytes; "": requests
	PerMinute int           // how many there may be in a minute; 0 where that tells nothing
	Quota     int64         // how many there may be at once, or in a Window
	Window    time.Duration // 0: at any one time
	Left      int64
	Resets    time.Duration // until all of it is there again; 0 where nobody knows
}

// Errorf makes an Error whose Title is the text that format and args give, fit
// for a stranger. An operand of %w, at the end of the format, becomes the cause: it can be
// unwrapped and logged and does not show in the Title, nor does the colon before
// it. A Title that would be empty says the Kind, since the standard requires one (R155).
func Errorf(kind Kind, format string, args ...any) *Error {
	// Through fmt.Errorf the vet command checks our callers as it checks its callers.
	e := &Error{Kind: kind, cause: errors.Unwrap(fmt.Errorf(format, args...))}
	e.Title = fmt.Sprintf(strings.ReplaceAll(format, "%w", "%.0v"), args...)
	if strings.Contains(format, "%w") {
		e.Title = strings.TrimRight(e.Title, ": ")
	}
	if e.Title == "" {
		e.Title = kind.String()
	}
	return e
}

// Because gives a copy of e with this cause, which is unwrapped and logged and
// never shown to the peer.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Describe gives a copy of e with this Description, which the peer sees.
func (e *Error) Describe(text string) *Error {
	c := *e
	c.Description = text
	return &c
}

// Error gives Title and, after a colon, Description: what a peer may read.
func (e *Error) Error() string {
	if e.Description == "" {
		return e.Title
	}
	return e.Title + ": " + e.Description
}

// Unwrap gives the cause, or nil.
func (e *Error) Unwrap() error {
	return e.cause
}

// KindOf gives the Kind of the first [Error] in err's chain, and [Internal] for
// an error that nobody named.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// maxExcerpt is how many octets of a peer's text a message repeats: enough to
// recognise it, too few to make the answer large.
const maxExcerpt = 64

// excerpt quotes the beginning of a peer's text, with everything unprintable escaped.
func excerpt(s string) string {
	if len(s) <= maxExcerpt {
		return fmt.Sprintf("%q", s)
	}
	end := maxExcerpt
	for end > maxExcerpt-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return fmt.Sprintf("%q...", s[:end])
}
