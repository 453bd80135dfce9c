package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strconv"

	"github.com/hansom-taxii/hansom/taxii"
)

// mostSilent is how many streams in a row may give not one octet until we wait
// for pages instead: something on the way collects answers until they end.
const mostSilent = 2

// accepting asks for a stream, and takes a page where there is none.
const accepting = "text/event-stream, " + taxii.MediaType + ";q=0.5"

// endError says why the server ended a stream that it had begun.
type endError struct{ why *taxii.Error }

func (e *endError) Error() string { return "the server ended the stream: " + e.why.Error() }
func (e *endError) Unwrap() error { return e.why }

// stream reads an event stream until it breaks.
func (f *follower) stream(ctx context.Context) error {
	a, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer a.end()
	most := f.o.MaxSize
	if most == 0 {
		most = defaultMaxSize
	}
	sign := &signOfLife{Reader: a}
	in := newEvents(sign, most+slack)
	for {
		e, err := in.next()
		f.wait.first = in.retry
		if sign.seen {
			f.silent = 0
		}
		if err != nil {
			return f.broken(err, sign.seen)
		}
		if err := f.take(e); err != nil {
			return err
		}
		f.wait.again()
	}
}

// signOfLife notes whether anything came at all.
type signOfLife struct {
	io.Reader
	seen bool
}

func (s *signOfLife) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.seen = s.seen || n > 0
	return n, err
}

// open asks for the stream.
func (f *follower) open(ctx context.Context) (*answer, error) {
	address := f.url
	q := f.request("")
	q.header["Accept"] = accepting
	switch f.cursor {
	case "":
	case taxii.Earliest:
		address += "?after=" + taxii.Earliest + f.query
	default:
		q.header["Last-Event-ID"] = f.cursor
	}
	if address == f.url && f.query != "" {
		address += "?" + f.query[1:]
	}
	q.url = address
	a, err := f.c.send(ctx, q)
	var e *taxii.Error
	switch {
	case errors.As(err, &e) && (e.HTTPStatus == "406" || e.HTTPStatus == "501"):
		return nil, errNoStream // or there is nothing to read at all: a page will say
	case err != nil:
		return nil, f.lost(err)
	}
	f.connected = true
	if kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type")); kind != "text/event-stream" {
		a.end()
		return nil, errNoStream
	}
	return a, nil
}

// broken says what to do about a stream that ended without a word.
func (f *follower) broken(err error, seen bool) error {
	if errors.Is(err, io.EOF) {
		return errClosed
	}
	if !seen && errors.Is(err, errIdle) {
		if f.silent++; f.silent >= mostSilent {
			return errNoStream
		}
	}
	return fmt.Errorf("the stream broke: %w", err)
}

// take takes one event. Events of other names say nothing to us, but their id does.
func (f *follower) take(e event) error {
	switch e.name {
	case "", "message":
		if e.hasData {
			return f.message(e)
		}
	case "gap":
		var gap taxii.Gap
		if err := json.Unmarshal(e.data, &gap); err != nil {
			return forGood(fmt.Errorf("the server sent a gap that cannot be read: %w", err))
		}
		return f.tell(gapOf(&gap))
	case "end":
		return ended(e.data)
	}
	if e.id != "" {
		f.progress(e.id)
	}
	return nil
}

func (f *follower) message(e event) error {
	var m taxii.Message
	if err := json.Unmarshal(e.data, &m); err != nil {
		return forGood(fmt.Errorf("the server sent a message that cannot be read: %w", err))
	}
	if m.Cursor == "" {
		m.Cursor = e.id
	}
	return f.give(m)
}

func ended(data []byte) error {
	e := &taxii.Error{}
	if json.Unmarshal(data, e) != nil || e.Title == "" {
		*e = taxii.Error{Title: "it does not say why"}
	}
	status, _ := strconv.Atoi(e.HTTPStatus)
	e.Kind = taxii.KindOfStatus(status)
	return &endError{e}
}
