package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

const (
	// firstBody is what is taken for a body before any of it is here, so that
	// who announces much and sends nothing holds little.
	firstBody = 64 << 10
	// bodyMost bounds the time of one body, however steadily it trickles.
	bodyMost = 10 * time.Minute
)

// Body reads the body of a request, decoded, whole, and within the budget of
// all bodies; release gives its memory back. The bound is on the decoded octets
// (413), so that a small body cannot become a large one.
func (a *Server) Body(w http.ResponseWriter, r *http.Request, account, most int64) (body []byte, release func(), err error) {
	codings := r.Header.Values("Content-Encoding")
	if len(codings) == 0 && r.ContentLength > most { // what is compressed may be larger than what it holds
		return nil, nil, tooLarge(most)
	}
	control := http.NewResponseController(w)
	in := &intake{gate: a.bodies, ctx: r.Context(), account: account, most: most}
	paced := &pacedReader{from: r.Body, deadline: control.SetReadDeadline, idle: a.opt.BodyTimeout, until: time.Now().Add(bodyMost)}
	from, err := decoded(paced, codings)
	if err == nil {
		body, err = in.readAll(from, r.ContentLength)
	}
	if err == nil { // after an error net/http waits no longer for the rest, either
		err = control.SetReadDeadline(time.Time{}) // else the connection would be lost while the answer is made
	}
	if err != nil {
		in.release()
		return nil, nil, bodyError(err)
	}
	return body, in.release, nil
}

// BodiesHeld tells how many octets all bodies hold that are being taken.
func (a *Server) BodiesHeld() int64 { return a.bodies.held() }

func tooLarge(most int64) error {
	e := taxii.Errorf(taxii.TooLarge, "the body is larger than %d octets", most).
		Describe("Send the objects in several requests, each below max_content_length, which counts decoded octets.")
	e.Details = map[string]any{"max_content_length": most}
	return e
}

// bodyError names what can go wrong while a body comes in.
func bodyError(err error) error {
	switch named := (*taxii.Error)(nil); {
	case errors.As(err, &named):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return taxii.Errorf(taxii.TimedOut, "the body came too slowly").Because(err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, new(flate.CorruptInputError)):
		return taxii.Errorf(taxii.Unprocessable, "the body is not good gzip").Because(err)
	}
	return taxii.Errorf(taxii.Unprocessable, "the body was cut short").Because(err)
}

// decoded undoes the coding of a body.
func decoded(from io.Reader, codings []string) (io.Reader, error) {
	switch coding := strings.ToLower(strings.TrimSpace(strings.Join(codings, ","))); coding {
	case "", "identity":
		return from, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(from)
	default:
		return nil, taxii.Errorf(taxii.UnsupportedMedia, "Content-Encoding may be gzip or absent")
	}
}

// intake reads a body into memory that it takes from the gate as it grows.
type intake struct {
	gate    *gate
	ctx     context.Context
	account int64
	most    int64
	held    int64
}

func (in *intake) release() {
	in.gate.end(in, in.held)
	in.held = 0
}

func (in *intake) take(octets int64) error {
	more := in
	if in.held == 0 {
		more = nil
	}
	if err := in.gate.enterFor(in.ctx, in.account, octets, more); err != nil {
		return err
	}
	in.held += octets
	return nil
}

func (in *intake) readAll(from io.Reader, announced int64) ([]byte, error) {
	size := int64(firstBody)
	if announced >= 0 {
		size = min(size, announced+1) // one more tells that it is whole
	}
	if err := in.take(size); err != nil {
		return nil, err
	}
	body := make([]byte, 0, size)
	for {
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > in.most {
			return nil, tooLarge(in.most)
		}
		if errors.Is(err, io.EOF) {
			return body, nil
		}
		if err != nil {
			return nil, err
		}
		if len(body) == cap(body) {
			if body, err = in.grow(body); err != nil {
				return nil, err
			}
		}
	}
}

// grow doubles the room of a body; while it is copied both count.
func (in *intake) grow(body []byte) ([]byte, error) {
	old := int64(cap(body))
	size := min(2*old, in.most+1)
	if err := in.take(size); err != nil {
		return nil, err
	}
	larger := append(make([]byte, 0, size), body...)
	in.gate.leave(old)
	in.held -= old
	return larger, nil
}

// pacedReader gives up a body of which no byte comes for a while.
type pacedReader struct {
	from     io.Reader
	deadline func(time.Time) error
	idle     time.Duration
	until    time.Time
}

func (p *pacedReader) Read(b []byte) (int, error) {
	by := time.Now().Add(p.idle)
	if by.After(p.until) {
		by = p.until
	}
	if err := p.deadline(by); err != nil {
		return 0, err
	}
	return p.from.Read(b)
}
