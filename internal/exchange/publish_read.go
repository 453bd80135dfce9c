package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/taxii"
)

// Bounds of what a publication may hold: those of objects are the ones that a
// Collection has (stix.Peek), so that every Envelope can go on to one.
const (
	maxDrafts      = 1000
	maxObjectID    = 256
	maxObjectType  = 250
	maxSpecVersion = 16
)

// The flaws of an Envelope for which a body is refused whole.
const (
	noList    = "an envelope has a list of objects"
	emptyList = "the list of objects is empty"
)

// walk is one reading of JSON text. It looks at everything once: syntax, names
// that occur twice and what Selectors ask for come out of the same pass.
type walk struct {
	text      []byte
	decoder   *jsontext.Decoder
	permitted []string // types of objects; empty: all
}

// value is one JSON value as it was sent, and what it is as an Envelope.
type value struct {
	raw     []byte // aliases the text
	flaw    string // why it is no Envelope; "" where it is one
	marks   []byte // see feed.Message
	foreign string // the first type of its objects that is not permitted

	tlp   stix.TLP // the highest marking in it
	plain bool     // an object in it has none
}

// draftRead is a draft of a publication as it was sent. Members that are absent
// are empty.
type draftRead struct {
	id, typ, mediaType, origin, base64 jsontext.Value

	content *value
	broken  string // why it is no draft at all
}

// bodyRead is a whole body: an Envelope, or a list of drafts.
type bodyRead struct {
	value
	objects, messages bool // which members it has
	drafts            []draftRead
}

// read begins a walk. What I-JSON forbids and the decoder lets pass is looked for
// first.
func read(text []byte, permitted []string) (*walk, error) {
	if err := plainJSON(text); err != nil {
		return nil, err
	}
	return &walk{text: text, decoder: jsontext.NewDecoder(bytes.NewBuffer(text)), permitted: permitted}, nil
}

// readValue reads text that is one JSON value.
func readValue(text []byte, permitted []string) (value, error) {
	w, err := read(text, permitted)
	if err != nil {
		return value{}, err
	}
	v, err := w.value()
	if err == nil {
		v.raw, err = text, w.end() // with the white space around it: content is kept as it was sent
	}
	return v, err
}

// readBody reads the body of a publication in the media type of TAXII.
func readBody(text []byte, permitted []string) (*bodyRead, error) {
	w, err := read(text, permitted)
	if err != nil {
		return nil, err
	}
	if kind := w.decoder.PeekKind(); kind != jsontext.KindBeginObject {
		if err := w.skip(); err != nil {
			return nil, err
		}
		return nil, malformed("the body is no JSON object")
	}
	b := &bodyRead{}
	e := enveloping{walk: w, value: &b.value}
	if _, err := w.members(func(name []byte) error {
		switch string(name) {
		case "messages":
			b.messages = true
			return w.drafts(b)
		case "objects":
			b.objects = true
		}
		return e.member(name)
	}); err != nil {
		return nil, err
	}
	b.raw = text
	e.end()
	return b, w.end()
}

// end makes sure that nothing follows the value.
func (w *walk) end() error {
	at := w.decoder.InputOffset()
	if _, err := w.decoder.ReadToken(); errors.Is(err, io.EOF) {
		return nil
	}
	return malformed("something follows the JSON value, which ends at byte %d", at)
}

// members visits the members of the object that comes next, by their names, and
// gives where the object begins. visit reads the value.
func (w *walk) members(visit func(name []byte) error) (begin int64, err error) {
	if _, err := w.decoder.ReadToken(); err != nil {
		return 0, w.invalid(err)
	}
	begin = w.decoder.InputOffset() - 1
	for w.decoder.PeekKind() != jsontext.KindEndObject {
		name, err := w.decoder.ReadValue()
		if err != nil {
			return 0, w.invalid(err)
		}
		if err := visit(unquoted(name)); err != nil {
			return 0, err
		}
	}
	_, err = w.decoder.ReadToken()
	return begin, w.invalid(err)
}

// list visits the elements of the list that comes next; no list: false.
func (w *walk) list(visit func(i int) error) (isList bool, err error) {
	if w.decoder.PeekKind() != jsontext.KindBeginArray {
		return false, w.skip()
	}
	if _, err := w.decoder.ReadToken(); err != nil {
		return true, w.invalid(err)
	}
	for i := 0; w.decoder.PeekKind() != jsontext.KindEndArray; i++ {
		if err := visit(i); err != nil {
			return true, err
		}
	}
	_, err = w.decoder.ReadToken()
	return true, w.invalid(err)
}

func (w *walk) skip() error { return w.invalid(w.decoder.SkipValue()) }

// raw reads the value that comes next, as a slice of the text.
func (w *walk) raw() (jsontext.Value, error) {
	v, err := w.decoder.ReadValue()
	if err != nil {
		return nil, w.invalid(err)
	}
	end := w.decoder.InputOffset()
	return w.text[end-int64(len(v)) : end : end], nil
}

// value reads the value that comes next, and what it is as an Envelope.
func (w *walk) value() (v value, err error) {
	if w.decoder.PeekKind() != jsontext.KindBeginObject {
		v.flaw = "an envelope is a JSON object"
		v.raw, err = w.raw()
		return v, err
	}
	e := enveloping{walk: w, value: &v}
	begin, err := w.members(e.member)
	if err != nil {
		return v, err
	}
	end := w.decoder.InputOffset()
	v.raw = w.text[begin:end:end]
	e.end()
	return v, nil
}

// drafts reads the list of messages.
func (w *walk) drafts(b *bodyRead) error {
	isList, err := w.list(func(i int) error {
		if i == maxDrafts {
			return malformed("messages has more than %d drafts; send them in several requests", maxDrafts)
		}
		d, err := w.draft()
		b.drafts = append(b.drafts, d)
		return err
	})
	if err == nil && !isList {
		return malformed("messages is no list")
	}
	return err
}

func (w *walk) draft() (d draftRead, err error) {
	if w.decoder.PeekKind() != jsontext.KindBeginObject {
		d.broken = "a draft is a JSON object"
		return d, w.skip()
	}
	_, err = w.members(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			d.id, err = w.raw()
		case "type":
			d.typ, err = w.raw()
		case "media_type":
			d.mediaType, err = w.raw()
		case "origin":
			d.origin, err = w.raw()
		case "content_base64":
			d.base64, err = w.raw()
		case "content":
			var v value
			v, err = w.value()
			d.content = &v
		default:
			err = w.skip()
		}
		return err
	})
	return d, err
}

// enveloping reads an object as an Envelope. What makes it none is noted; the
// reading goes on, since it may be other content.
type enveloping struct {
	*walk
	value *value
	count int // of objects
	list  bool
}

func (e *enveloping) flawed(format string, args ...any) {
	if e.value.flaw == "" {
		e.value.flaw = fmt.Sprintf(format, args...)
	}
}

func (e *enveloping) member(name []byte) error {
	switch string(name) {
	case "objects":
		isList, err := e.walk.list(e.object)
		e.list = isList
		return err
	case "object_marking_refs", "granular_markings":
		v, err := e.raw()
		e.value.tlp = max(e.value.tlp, stix.Markings(v))
		return err
	case "type":
		v, err := e.raw()
		if v.Kind() == '"' && string(unquoted(v)) == "bundle" {
			e.flawed("a STIX bundle is no envelope: send its objects")
		}
		return err
	}
	return e.skip()
}

func (e *enveloping) end() {
	switch {
	case !e.list:
		e.flawed(noList)
	case e.count == 0:
		e.flawed(emptyList)
	case e.count > taxii.MaxObjects:
		e.flawed("an envelope may have at most %d objects", taxii.MaxObjects)
	}
	if e.value.flaw != "" {
		e.value.marks = nil
	}
}

// object reads one object of the list.
func (e *enveloping) object(i int) error {
	if e.count++; e.count > taxii.MaxObjects {
		e.value.tlp = stix.Red // what is not looked at may be anything
		return e.skip()
	}
	if e.decoder.PeekKind() != jsontext.KindBeginObject {
		e.value.plain = true
		e.flawed("objects/%d is no JSON object", i)
		return e.skip()
	}
	var id, typ, spec jsontext.Value
	created, tlp := false, stix.Unmarked
	_, err := e.members(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			id, err = e.raw()
		case "type":
			typ, err = e.raw()
		case "spec_version":
			spec, err = e.raw()
		case "object_marking_refs", "granular_markings":
			var v jsontext.Value
			v, err = e.raw()
			tlp = max(tlp, stix.Markings(v))
		default:
			created = created || string(name) == "created"
			err = e.skip()
		}
		return err
	})
	if err == nil {
		e.mark(i, id, typ, spec, created)
		e.level(id, typ, tlp)
	}
	return err
}

// level notes how an object is marked.
func (e *enveloping) level(rawID, rawType jsontext.Value, highest stix.TLP) {
	id, _ := nameIn(rawID, maxObjectID)
	typ, _ := nameIn(rawType, maxObjectType)
	tlp := stix.MarkingOf(string(typ), string(id), highest)
	e.value.tlp = max(e.value.tlp, tlp)
	e.value.plain = e.value.plain || tlp == stix.Unmarked
}

// level is that of a Message with this content: the highest in it, of whatever
// media type as long as it is JSON.
func (v *value) level() (level Level, unmarked bool) {
	level, unmarked = levelOf(v.tlp)
	return level, unmarked || v.plain
}

// mark notes what Selectors ask of an object.
func (e *enveloping) mark(i int, rawID, rawType, rawSpec jsontext.Value, created bool) {
	id, ok := nameIn(rawID, maxObjectID)
	if !ok {
		e.flawed("objects/%d: id must be a string of 1 to %d octets without control characters", i, maxObjectID)
		return
	}
	typ, ok := nameIn(rawType, maxObjectType)
	if !ok {
		e.flawed("objects/%d: type must be a string of 1 to %d octets without control characters", i, maxObjectType)
		return
	}
	if string(typ) == "bundle" {
		e.flawed("objects/%d is a bundle: an envelope holds objects", i)
	}
	if e.value.foreign == "" && len(e.permitted) > 0 && !listed(e.permitted, typ) {
		e.value.foreign = string(typ)
	}
	b := e.value.marks
	if b == nil {
		b = make([]byte, 0, len(id)+len(typ)+maxSpecVersion)
	}
	b = append(append(b, specVersion(rawSpec, typ, created)...), '\t')
	b = append(append(b, typ...), '\t')
	e.value.marks = append(append(b, id...), '\n')
}

// specVersion is the spec_version of an object, said or not (R277). One that is no
// short string is that of no Selector.
func specVersion(raw jsontext.Value, typ []byte, created bool) string {
	switch {
	case string(raw) == `"2.1"`:
		return "2.1"
	case len(raw) > 0:
		if text, ok := nameIn(raw, maxSpecVersion); ok { // another could feign marks
			return string(text)
		}
		return ""
	case created && !stix.IsSCO(string(typ)):
		return "2.0"
	}
	return "2.1"
}

// listed tells whether a text is in a list.
func listed(list []string, text []byte) bool {
	for _, one := range list {
		if one == string(text) {
			return true
		}
	}
	return false
}

// nameIn gives the text of a JSON string of 1 to most octets without control
// characters.
func nameIn(raw jsontext.Value, most int) (text []byte, ok bool) {
	if raw.Kind() != '"' {
		return nil, false
	}
	text = unquoted(raw)
	return text, len(text) > 0 && len(text) <= most && bytes.IndexFunc(text, unicode.IsControl) < 0
}

// unquoted gives the text of a JSON string; it aliases it where it can.
func unquoted(quoted []byte) []byte {
	if len(quoted) < 2 || bytes.IndexByte(quoted, '\\') >= 0 {
		text, _ := jsontext.AppendUnquote(nil, quoted) // it has been read as a string
		return text
	}
	return quoted[1 : len(quoted)-1]
}

func malformed(format string, args ...any) error {
	return taxii.Errorf(taxii.Malformed, format, args...)
}

// invalid puts what the decoder met into words for the sender; nil: nil.
func (w *walk) invalid(err error) error {
	if err == nil {
		return nil
	}
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.EOF):
		return malformed("the body is empty")
	case !errors.As(err, &syntax):
		return malformed("this is not valid JSON: %w", err)
	case errors.Is(syntax.Err, jsontext.ErrDuplicateName):
		return malformed("a name occurs twice in one object, at byte %d; names must be unique: %w", syntax.ByteOffset, err)
	}
	return malformed("this is not valid JSON: %v at byte %d: %w", syntax.Err, syntax.ByteOffset, err)
}

// plainJSON looks for what the decoder lets pass: more than taxii.MaxLevels of
// objects and lists in each other, a byte order mark, and noncharacters in
// strings (RFC 7493, 2.1). The text may be broken.
func plainJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte("\ufeff")) {
		return malformed("the body begins with a byte order mark; send plain UTF-8 without one")
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if depth++; depth > taxii.MaxLevels {
				return malformed("the body nests deeper than %d levels of objects and lists", taxii.MaxLevels)
			}
		case '}', ']':
			depth--
		case '"':
			end, clean := stringEnd(text, i+1)
			if !clean && noncharacter(text[i:min(end+1, len(text))]) {
				return malformed("the string at byte %d has a noncharacter, which I-JSON does not allow", i)
			}
			i = end
		}
	}
	return nil
}

// stringEnd gives the place of the quote that ends a JSON string whose text
// begins at a place, or the text's length; clean tells that it has neither
// escapes nor octets of which a noncharacter could be made.
func stringEnd(text []byte, at int) (end int, clean bool) {
	clean = true
	for ; at < len(text); at++ {
		switch c := text[at]; {
		case c == '"':
			return at, clean
		case c == '\\':
			at++
			clean = false
		case c >= 0xEF: // U+F000 and above
			clean = false
		}
	}
	return len(text), clean
}

// noncharacter tells whether a JSON string has one: U+FDD0 to U+FDEF, and the
// last two of each plane.
func noncharacter(quoted []byte) bool {
	text := unquoted(quoted)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r >= 0xFDD0 && (r <= 0xFDEF || r&0xFFFE == 0xFFFE) {
			return true
		}
		text = text[size:]
	}
	return false
}
