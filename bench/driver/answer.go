package driver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// framing says how the end of a body is found.
type framing struct {
	length  int64 // -1: unknown
	chunked bool
}

// read reads one answer, past any 1xx before it.
func (c *conn) read() (a answer, err error) {
	for a.status < http.StatusOK {
		if a.status, err = c.status(); err != nil {
			return a, fmt.Errorf("read an answer: %w", err)
		}
		f, err := c.header(&c.seen)
		if err != nil {
			return a, fmt.Errorf("read the headers of an answer: %w", err)
		}
		if a.status < http.StatusOK {
			continue
		}
		c.body = c.body[:0]
		if err := c.content(a.status, f); err != nil {
			return a, fmt.Errorf("read the body of an answer: %w", err)
		}
		a.header, a.body = c.seen, c.body
	}
	return a, nil
}

// line reads a line, without its end.
func (c *conn) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

func (c *conn) status() (int, error) {
	line, err := c.line()
	if err != nil {
		return 0, err
	}
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, fmt.Errorf("%.40q is no HTTP/1.1", line)
	}
	c.closing = line[len("HTTP/1.")] == '0'
	return strconv.Atoi(string(line[len("HTTP/1.1 "):len("HTTP/1.1 200")]))
}

// header reads the headers of an answer. A value that is as it was in the last
// answer is not made anew: most are.
func (c *conn) header(h *Header) (framing, error) {
	f, found := framing{length: -1}, Header{}
	for {
		line, err := c.line()
		if err != nil || len(line) == 0 {
			*h = found
			return f, err
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return f, fmt.Errorf("%.40q is no header", line)
		}
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "content-length"):
			if f.length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return f, err
			}
		case is(name, "transfer-encoding"):
			f.chunked = is(value, "chunked")
		case is(name, "connection"):
			c.closing = c.closing || is(value, "close")
		case is(name, "content-type"):
			found.ContentType = same(h.ContentType, value)
		case is(name, "x-taxii-date-added-first"):
			found.First = same(h.First, value)
		case is(name, "x-taxii-date-added-last"):
			found.Last = same(h.Last, value)
		}
	}
}

// same gives value as a string: old, if it is that.
func same(old string, value []byte) string {
	if old == string(value) {
		return old
	}
	return string(value)
}

func is(name []byte, lower string) bool {
	return len(name) == len(lower) && strings.EqualFold(string(name), lower)
}

func (c *conn) content(status int, f framing) error {
	switch {
	case status == http.StatusNoContent || status == http.StatusNotModified:
		return nil
	case f.chunked:
		return c.chunks()
	case f.length >= 0:
		return c.whole(f.length)
	}
	c.closing = true
	rest, err := io.ReadAll(io.LimitReader(c.in, mostBody))
	c.body = append(c.body, rest...)
	return err
}

func (c *conn) chunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, _, _ := strings.Cut(string(line), ";")
		n, err := strconv.ParseInt(strings.TrimSpace(size), 16, 64)
		if err != nil {
			return fmt.Errorf("%.20q is no size of a chunk", line)
		}
		if n == 0 {
			return c.trailers()
		}
		if err := c.whole(n); err != nil {
			return err
		}
		if end, err := c.line(); err != nil || len(end) > 0 {
			return errors.Join(errors.New("a chunk is longer than it says"), err)
		}
	}
}

func (c *conn) trailers() error {
	for {
		if line, err := c.line(); err != nil || len(line) == 0 {
			return err
		}
	}
}
