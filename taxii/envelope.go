package taxii

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxLevels is how deep arrays and objects of a body may lie in each other,
	// counted from the envelope (1), its list of objects (2), an object (3). STIX needs
	// fewer than ten; every reader behind us that recurses is safe.
	MaxLevels = 64

	// MaxObjects is how many objects one envelope may hold. Each needs memory and a
	// line in a Status, however few octets it has. Ordinary objects of the default
	// max_content_length are fewer (K64).
	MaxObjects = 100_000
)

// wrapAdvice says how content is sent.
const wrapAdvice = `send {"objects":[...]} with one or more STIX objects`

// SplitEnvelope takes the objects out of the body of an Add: an envelope, or a
// STIX bundle, of which only objects is looked at (K60); other members may be there and
// are ignored (R272). Each result is the exact bytes of one element of objects,
// without the white space around it. It aliases body (its capacity ends where it
// ends) and may be any JSON value: the caller judges each on its own.
//
// A body is refused whole, with an error of Kind [Unprocessable] that says what to
// do, if it is empty, begins with a byte order mark, is no JSON, has bad UTF-8 or a name twice in
// one object (I-JSON, R009), nests deeper than [MaxLevels], goes on after its end, is no
// object, has no objects or an empty list of them, has more than [MaxObjects],
// or is a STIX object that nothing wraps.
func SplitEnvelope(body []byte) ([][]byte, error) {
	if bytes.HasPrefix(body, []byte("\ufeff")) {
		return nil, Errorf(Unprocessable, "the body begins with a byte order mark; send plain UTF-8 without one")
	}
	s := splitter{body: body, decoder: jsontext.NewDecoder(bytes.NewBuffer(body))}
	if err := s.envelope(); err != nil {
		return nil, err
	}
	return s.objects, s.judge()
}

// splitter is one walk over a body.
type splitter struct {
	body    []byte
	decoder *jsontext.Decoder
	objects [][]byte

	hasObjects, hasID, hasType, isBundle bool // which members the top object has
}

// envelope reads the whole body.
func (s *splitter) envelope() error {
	if err := s.begin(jsontext.KindBeginObject, "the body", 0); err != nil {
		return err
	}
	for {
		name, err := s.decoder.ReadToken()
		if err != nil {
			return s.invalid(err)
		}
		if name.Kind() == jsontext.KindEndObject {
			return s.end()
		}
		if err := s.member(name.String()); err != nil {
			return err
		}
	}
}

// member reads the value of one member of the top object.
func (s *splitter) member(name string) error {
	if name == "objects" {
		s.hasObjects = true
		return s.list()
	}
	value, err := s.value(1)
	if err != nil {
		return err
	}
	switch name {
	case "id":
		s.hasID = true
	case "type":
		s.hasType = true
		s.isBundle = string(value) == `"bundle"`
	}
	return nil
}

// list reads the value of objects.
func (s *splitter) list() error {
	if err := s.begin(jsontext.KindBeginArray, "objects", 1); err != nil {
		return err
	}
	for s.decoder.PeekKind() != jsontext.KindEndArray {
		if len(s.objects) == MaxObjects {
			return Errorf(Unprocessable, "the envelope has more than %d objects; send them in several requests", MaxObjects)
		}
		object, err := s.value(2)
		if err != nil {
			return err
		}
		s.objects = append(s.objects, object)
	}
	if _, err := s.decoder.ReadToken(); err != nil {
		return s.invalid(err)
	}
	return nil
}

// begin reads the bracket that opens the body or its objects, which lie inside so
// many levels. A whole value of another kind in its place is named for the sender.
func (s *splitter) begin(kind jsontext.Kind, what string, inside int) error {
	if found := s.decoder.PeekKind(); found != kind {
		if _, err := s.value(inside); err != nil {
			return err
		}
		return Errorf(Unprocessable, "%s is a JSON %s, not an %s; %s", what, kindWord(found), kindWord(kind), wrapAdvice)
	}
	if _, err := s.decoder.ReadToken(); err != nil {
		return s.invalid(err)
	}
	return nil
}

// value reads one value that lies inside so many levels, as a slice of the body.
func (s *splitter) value(inside int) ([]byte, error) {
	v, err := s.decoder.ReadValue()
	if err != nil {
		return nil, s.invalid(err)
	}
	end := int(s.decoder.InputOffset())
	start := end - len(v)
	if deeperThan(s.body[start:end], MaxLevels-inside) {
		return nil, s.tooDeep()
	}
	return s.body[start:end:end], nil
}

// end makes sure that nothing follows the envelope.
func (s *splitter) end() error {
	end := s.decoder.InputOffset()
	if _, err := s.decoder.ReadToken(); errors.Is(err, io.EOF) {
		return nil
	}
	return Errorf(Unprocessable, "something follows the envelope, which ends at byte %d; send one envelope alone", end)
}

// judge tells what an envelope without objects lacks.
func (s *splitter) judge() error {
	switch {
	case len(s.objects) > 0:
		return nil
	case s.hasObjects:
		return Errorf(Unprocessable, "objects is empty; %s", wrapAdvice)
	case s.isBundle:
		return Errorf(Unprocessable, "the bundle has no objects; %s", wrapAdvice)
	case s.hasType && s.hasID:
		return Errorf(Unprocessable, `the body is a bare STIX object; wrap it: {"objects":[...]}`)
	}
	return Errorf(Unprocessable, "the envelope has no objects; %s", wrapAdvice)
}

func (s *splitter) tooDeep() error {
	return Errorf(Unprocessable, "the body nests deeper than %d levels of objects and arrays", MaxLevels)
}

// invalid puts what the decoder met into words for the sender.
func (s *splitter) invalid(err error) error {
	if errors.Is(err, io.EOF) {
		return Errorf(Unprocessable, "the body is empty; %s", wrapAdvice)
	}
	if deeperThan(s.body, MaxLevels) {
		return s.tooDeep() // the decoder stops at a depth of its own
	}
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return Errorf(Unprocessable, "the body is not valid JSON: %w", err)
	}
	if errors.Is(syntax.Err, jsontext.ErrDuplicateName) {
		return Errorf(Unprocessable, "the name %s occurs twice in one object, at byte %d; names must be unique: %w",
			excerpt(syntax.JSONPointer.LastToken()), syntax.ByteOffset, err)
	}
	return Errorf(Unprocessable, "the body is not valid JSON: %v at byte %d: %w", syntax.Err, syntax.ByteOffset, err)
}

// deeperThan tells whether arrays and objects of some JSON text lie in each
// other more than most deep. The text may be broken: then what comes first counts.
func deeperThan(text []byte, most int) bool {
	if bytes.Count(text, []byte{'{'})+bytes.Count(text, []byte{'['}) <= most {
		return false // by far the usual case, and the fastest to see
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			if depth++; depth > most {
				return true
			}
		case '}', ']':
			depth--
		case '"':
			i = stringEnd(text, i)
		}
	}
	return false
}

// stringEnd gives the place of the quote that ends the JSON string which begins
// at start, or the text's length.
func stringEnd(text []byte, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(text)
}

// kindWord names a kind of JSON value.
func kindWord(kind jsontext.Kind) string {
	switch kind {
	case jsontext.KindBeginObject:
		return "object"
	case jsontext.KindBeginArray:
		return "array"
	case jsontext.KindString:
		return "string"
	case jsontext.KindNumber:
		return "number"
	}
	return kind.String()
}

// EmptyEnvelope and EmptyList are whole answers without objects: the
// standard's (R169, K52), and the one for an account whose client needs the list
// even if it is empty (K52). Both serve for a manifest, too.
const (
	EmptyEnvelope = `{"more":false}`
	EmptyList     = `{"more":false,"objects":[]}`
)

// EnvelopeTail ends what [AppendEnvelopeHead] began.
const EnvelopeTail = `]}`

// AppendEnvelopeHead appends the beginning of an envelope with at least one
// object to b: more (always, K44), next (only with more), and objects as far as
// the bracket, so that a client can fetch ahead. What follows are the objects' own bytes with commas
// between them, then [EnvelopeTail]. An envelope without objects is
// [EmptyEnvelope] or [EmptyList].
func AppendEnvelopeHead(b []byte, more bool, next string) []byte {
	return AppendListHead(b, more, next, "objects")
}

// AppendListHead does the same for a resource whose list has another name, as
// the versions of an object have (section 5.8.1).
func AppendListHead(b []byte, more bool, next, list string) []byte {
	if more {
		b = append(b, `{"more":true,`...)
	} else {
		b = append(b, `{"more":false,`...)
	}
	if more && next != "" {
		b = append(b, `"next":`...)
		b, _ = jsontext.AppendQuote(b, next) // its only error, bad UTF-8, is mended
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, list...)
	return append(b, `":[`...)
}
