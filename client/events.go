package client

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"
)

// event is one event of an event stream (WHATWG HTML, 9.2): what stood between
// two blank lines. One without data is not dispatched by browsers; here it is
// given if it moved the id, since that is progress.
type event struct {
	id      string // the last event id that the stream has set so far, by this event or before it
	name    string // "": message
	data    []byte // lines joined by LF; good until the next event is read
	hasData bool
}

// events reads an event stream.
type events struct {
	r    *bufio.Reader
	most int // octets of one line, and of the data of one event

	begun   bool // past the byte order mark
	afterCR bool // a line ended with CR, so that LF right after it is part of that end
	buf     []byte

	id    string        // as of the lines that were read
	told  string        // as of the last blank line
	retry time.Duration // what the server last asked for between two connections; 0: nothing
}

// newEvents reads from r; a line or an event beyond so many octets is an error.
func newEvents(r io.Reader, most int64) *events {
	return &events{r: bufio.NewReader(r), most: int(most)}
}

// next gives the next event. What stands before the end of the stream without a
// blank line after it is lost, id included: it may be half of something.
func (s *events) next() (event, error) {
	var e event
	e.data = []byte{}
	for {
		line, err := s.line()
		if err != nil {
			return event{}, err
		}
		if len(line) == 0 {
			moved := s.id != s.told
			s.told = s.id
			if e.hasData || moved {
				e.id = s.id
				e.data = bytes.TrimSuffix(e.data, []byte("\n"))
				return e, nil
			}
			e.name = ""
			continue
		}
		if err := s.field(line, &e); err != nil {
			return event{}, err
		}
	}
}

// field reads one line that is not blank.
func (s *events) field(line []byte, e *event) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) { // "": a comment
	case "event":
		e.name = string(value)
	case "data":
		if len(e.data)+len(value) > s.most {
			return s.tooLarge("an event")
		}
		e.data, e.hasData = append(append(e.data, value...), '\n'), true
	case "id":
		if bytes.IndexByte(value, 0) < 0 && utf8.Valid(value) {
			s.id = string(value)
		}
	case "retry":
		if n, ok := digits(value); ok {
			s.retry = n
		}
	}
	return nil
}

// digits reads milliseconds, which are decimal digits and nothing else. More than
// an int64 of nanoseconds can hold counts as nothing.
func digits(value []byte) (time.Duration, bool) {
	for _, c := range value {
		if c < '0' || '9' < c {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	return time.Duration(n) * time.Millisecond, err == nil && n <= int64(24*time.Hour/time.Millisecond)
}

func (s *events) tooLarge(what string) error {
	return forGood(fmt.Errorf("%s of the stream is larger than %d octets", what, s.most))
}

// line gives the next line without its end, which is CR LF, LF or CR; it is good
// until the next call. A CR ends a line at once: whether LF follows is looked at
// when something follows. A line that the stream's end cuts is io.EOF.
func (s *events) line() ([]byte, error) {
	s.buf = s.buf[:0]
	for {
		if _, err := s.r.Peek(1); err != nil {
			return nil, err
		}
		chunk, _ := s.r.Peek(s.r.Buffered())
		if s.afterCR {
			s.afterCR = false
			if chunk[0] == '\n' {
				_, _ = s.r.Discard(1) // it is there
				continue
			}
		}
		end := bytes.IndexAny(chunk, "\r\n")
		if end < 0 {
			if err := s.keep(chunk); err != nil {
				return nil, err
			}
			continue
		}
		s.afterCR = chunk[end] == '\r'
		err := s.keep(chunk[:end])
		_, _ = s.r.Discard(1) // the end of the line
		return s.first(s.buf), err
	}
}

// keep takes a part of a line.
func (s *events) keep(part []byte) error {
	if len(s.buf)+len(part) > s.most+len("data: ") {
		return s.tooLarge("a line")
	}
	s.buf = append(s.buf, part...)
	_, _ = s.r.Discard(len(part)) // it is there
	return nil
}

// first takes the byte order mark off the first line.
func (s *events) first(line []byte) []byte {
	if s.begun {
		return line
	}
	s.begun = true
	return bytes.TrimPrefix(line, []byte("\ufeff"))
}
