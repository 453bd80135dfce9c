package driver

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
)

// mediaStream is the media type of event streams.
const mediaStream = "text/event-stream"

// followerBuffer is the buffer of a follower: there may be many thousands.
const followerBuffer = 4 << 10

// follower reads one event stream. It is used by one goroutine.
type follower struct {
	*conn
	keeps bool // the text of events
	event func(e event) error

	at event // the one that is being read
	nl bool  // its last octet so far is a line end
}

// event is one event of a stream, with the blank line that ends it.
type event struct {
	first byte // of its octets
	size  int
	sum   uint32 // of all its octets
	text  []byte // all its octets, where they are kept; good until the next
}

// message tells that an event is a Message, and no comment and no delay. Any other
// is an error.
func (e *event) message() (bool, error) {
	switch e.first {
	case 'i': // id: begins each
		return true, nil
	case ':', 'r':
		return false, nil
	}
	return false, fmt.Errorf("the stream says %.200q", e.text)
}

// data gives what is behind the one data: of an event.
func (e *event) data() ([]byte, error) {
	_, data, ok := bytes.Cut(e.text, []byte("\ndata: "))
	if !ok || !bytes.HasPrefix(e.text, []byte("id: ")) || !bytes.Contains(e.text[:len(e.text)-len(data)], []byte("\nevent: message\n")) {
		return nil, fmt.Errorf("the event %.200q is no message", e.text)
	}
	return bytes.TrimSuffix(data, []byte("\n\n")), nil
}

// follow opens an event stream: what is published from when it returns on is read.
func (t *Target) follow(ctx context.Context, uri string) (*follower, error) {
	c := &conn{target: t, headers: t.headers(mediaStream), buffer: followerBuffer}
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	if err := c.begin(uri); err != nil {
		c.close()
		return nil, fault(uri, "%w", err)
	}
	return &follower{conn: c}, nil
}

// begin asks for a stream and reads up to its first event.
func (c *conn) begin(uri string) error {
	if _, err := c.raw.Write([]byte("GET " + uri + " HTTP/1.1\r\n" + c.headers + "\r\n")); err != nil {
		return err
	}
	status, err := c.status()
	if err != nil {
		return err
	}
	f, err := c.header(&c.seen)
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return fmt.Errorf("status %d", status)
	case !strings.HasPrefix(c.seen.ContentType, mediaStream):
		return fmt.Errorf("the media type is %q", c.seen.ContentType)
	case !f.chunked:
		return fmt.Errorf("the stream does not come in chunks")
	}
	return nil
}

// read reads until the stream ends, which it never does well, or an event is
// refused.
func (f *follower) read() error {
	for {
		line, err := f.line()
		if err != nil {
			return fmt.Errorf("the stream ended: %w", err)
		}
		n, err := strconv.ParseInt(string(line), 16, 64)
		if err != nil || n <= 0 {
			return fmt.Errorf("the stream ended with %.20q", line)
		}
		if err := f.chunk(int(n)); err != nil {
			return err
		}
		if end, err := f.line(); err != nil || len(end) > 0 {
			return fmt.Errorf("a chunk of %d octets goes on with %.20q (%w)", n, end, err)
		}
	}
}

// chunk takes the octets of a chunk as they come.
func (f *follower) chunk(n int) error {
	for n > 0 {
		if _, err := f.in.Peek(1); err != nil {
			return fmt.Errorf("the stream ended: %w", err)
		}
		part, err := f.in.Peek(min(n, f.in.Buffered()))
		if err == nil {
			err = f.take(part)
		}
		if err != nil {
			return err
		}
		n -= len(part)
		if _, err := f.in.Discard(len(part)); err != nil {
			return err
		}
	}
	return nil
}

// take takes octets, and tells each event that ends with them.
func (f *follower) take(b []byte) error {
	table := castagnoli()
	for len(b) > 0 {
		part, ends := b, false
		if end := f.end(b); end > 0 {
			part, ends = b[:end], true
		}
		b = b[len(part):]
		e := &f.at
		if e.size == 0 {
			e.first = part[0]
		}
		if f.keeps || e.first == 'e' {
			e.text = append(e.text, part...)
		}
		e.size, e.sum, f.nl = e.size+len(part), crc32.Update(e.sum, table, part), part[len(part)-1] == '\n'
		if !ends {
			return nil
		}
		if err := f.event(*e); err != nil {
			return err
		}
		*e, f.nl = event{text: e.text[:0]}, false
	}
	return nil
}

// end is how many octets there are up to the end of the event, or 0.
func (f *follower) end(b []byte) int {
	if f.nl && b[0] == '\n' {
		return 1
	}
	if at := bytes.Index(b, []byte("\n\n")); at >= 0 {
		return at + len("\n\n")
	}
	return 0
}

// accepted judges the answer to a publication of n Messages.
func accepted(a answer, n int) error {
	if a.status != http.StatusAccepted {
		return fmt.Errorf("status %d: %.200s", a.status, a.body)
	}
	s, err := readStatus(a.body)
	switch {
	case err != nil:
		return fmt.Errorf("the Status: %w", err)
	case !s.complete || s.good != n || s.bad > 0:
		return fmt.Errorf("%d of %d messages were accepted, %d failed", s.good, n, s.bad)
	}
	return nil
}
