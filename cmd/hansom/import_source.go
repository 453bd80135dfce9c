package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"
)

// source is a file, or standard input, that objects are imported from.
type source struct {
	io.Reader        // its content, decompressed
	name      string // as in messages
	size      int64  // octets on disk, or -1 where nobody knows
	read      func() int64
	io.Closer
}

// openSource opens a file, or standard input for "-". Content that begins like
// gzip is decompressed, whatever the name says.
func openSource(name string, stdin io.Reader) (*source, error) {
	s := &source{name: name, size: -1, Closer: io.NopCloser(nil)}
	raw := stdin
	if name == "-" {
		s.name = "standard input"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		raw, s.Closer = f, f
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			s.size = info.Size()
		}
	}
	counted := &counter{Reader: raw}
	s.read = func() int64 { return counted.n }
	content, err := decompressed(bufio.NewReaderSize(counted, 256<<10))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", s.name, err), s.Close())
	}
	s.Reader = content
	return s, nil
}

func decompressed(r *bufio.Reader) (io.Reader, error) {
	if magic, _ := r.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return gzip.NewReader(r)
	}
	return r, nil
}

// counter counts what is read through it.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// eachObject gives the exact bytes of every element of the objects of a STIX
// bundle or an envelope, one by one; they are good only until take returns.
// Objects that the server would refuse for their JSON are given all the same:
// one of them must not end the import of its neighbours.
func eachObject(r io.Reader, take func(raw []byte) error) error {
	d := jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if kind := d.PeekKind(); kind != jsontext.KindBeginObject {
		if kind == jsontext.KindInvalid {
			_, err := d.ReadToken()
			return notJSON(err)
		}
		return errNoObjects
	}
	if _, err := d.ReadToken(); err != nil {
		return notJSON(err)
	}
	found := false
	for d.PeekKind() == jsontext.KindString {
		name, err := d.ReadToken()
		if err != nil {
			return notJSON(err)
		}
		if name.String() != "objects" {
			found = found || name.String() == "more"
			if bundle, err := isBundle(d, name.String()); err != nil {
				return err
			} else if bundle {
				found = true // a bundle without objects is empty
			}
			continue
		}
		found = true
		if err := eachElement(d, take); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return notJSON(err)
	}
	if !found {
		return errNoObjects
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("the content goes on after the end of the bundle; import one bundle at a time")
	}
	return nil
}

var errNoObjects = errors.New(`it is neither a STIX bundle nor an envelope: what holds the objects must be {"type":"bundle","objects":[...]} or {"objects":[...]}`)

func notJSON(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("it is no JSON: %w", err)
}

// isBundle reads the value of a member that is not objects, and tells whether
// it says that this is a bundle.
func isBundle(d *jsontext.Decoder, name string) (bool, error) {
	if name != "type" || d.PeekKind() != jsontext.KindString {
		if err := d.SkipValue(); err != nil {
			return false, notJSON(err)
		}
		return false, nil
	}
	token, err := d.ReadToken()
	if err != nil {
		return false, notJSON(err)
	}
	return token.String() == "bundle", nil
}

func eachElement(d *jsontext.Decoder, take func(raw []byte) error) error {
	if d.PeekKind() != jsontext.KindBeginArray {
		return errNoObjects
	}
	if _, err := d.ReadToken(); err != nil {
		return notJSON(err)
	}
	for d.PeekKind() != jsontext.KindEndArray {
		raw, err := d.ReadValue()
		if err != nil {
			return notJSON(err)
		}
		if err := take(raw); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}
