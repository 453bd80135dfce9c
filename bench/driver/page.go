package driver

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/maphash"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/taxii"
)

// page is an envelope, a manifest or a page of Messages, read.
type page struct {
	more    bool
	next    string
	at, end int      // where the value of next lies, with its quotes; 0, 0 for none
	objects [][]byte // the bytes of each, in the body
}

// readPage reads a body.
func readPage(body []byte) (p page, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	if d.PeekKind() != jsontext.KindBeginObject {
		return p, errors.New("the answer is no JSON object")
	}
	if _, err := d.ReadToken(); err != nil {
		return p, err
	}
	for d.PeekKind() == jsontext.KindString {
		name, err := d.ReadToken()
		if err != nil {
			return p, err
		}
		if err := p.member(d, body, name.String()); err != nil {
			return p, err
		}
	}
	_, err = d.ReadToken()
	return p, err
}

func (p *page) member(d *jsontext.Decoder, body []byte, name string) error {
	kind, list := d.PeekKind(), name == "objects" || name == "messages"
	switch {
	case list && kind == jsontext.KindBeginArray:
		return p.list(d, body)
	case list:
		return errors.New(name + " is no list")
	case name == "more":
		p.more = kind == jsontext.KindTrue
	case name == "next" && kind == jsontext.KindString:
		token, err := d.ReadToken()
		if err != nil {
			return err
		}
		p.next, p.end = token.String(), int(d.InputOffset())
		p.at = bytes.LastIndexByte(body[:p.end-1], '"')
		return nil
	}
	return d.SkipValue()
}

func (p *page) list(d *jsontext.Decoder, body []byte) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != jsontext.KindEndArray {
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		end := int(d.InputOffset())
		p.objects = append(p.objects, body[end-len(value):end])
	}
	_, err := d.ReadToken()
	return err
}

// castagnoli is what processors have an instruction for.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// Sum is the check sum of the bytes of one object, by which it is recognised.
func Sum(raw []byte) uint32 { return crc32.Checksum(raw, castagnoli()) }

// facts are what is looked at of one object, or of one record of a manifest.
type facts struct {
	id, kind, version string
	recorded, added   string // version and date_added of a record
}

// peek reads the facts of an object: its version is modified or else created.
func peek(raw []byte) (f facts, err error) {
	var created string
	into := map[string]*string{
		"id": &f.id, "type": &f.kind, "modified": &f.version, "created": &created, "version": &f.recorded, "date_added": &f.added,
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if d.PeekKind() != jsontext.KindBeginObject {
		return f, fmt.Errorf("%.40q is no object", raw)
	}
	if _, err := d.ReadToken(); err != nil {
		return f, err
	}
	for d.PeekKind() == jsontext.KindString {
		name, err := d.ReadToken()
		if err != nil {
			return f, err
		}
		at, wanted := into[name.String()]
		if !wanted || d.PeekKind() != jsontext.KindString {
			if err := d.SkipValue(); err != nil {
				return f, err
			}
			continue
		}
		value, err := d.ReadToken()
		if err != nil {
			return f, err
		}
		*at = value.String()
	}
	if f.version == "" {
		f.version = created
	}
	return f, nil
}

// key stands for an id and a version. A time is the same in whatever form it is
// written.
func key(seed maphash.Seed, id, version string) uint64 {
	if at, err := taxii.ParseTime(version); err == nil {
		version = strconv.FormatInt(int64(at), 10)
	}
	return maphash.String(seed, id+" "+version)
}
