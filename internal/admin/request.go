package admin

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// request is one request, as its operation sees it.
type request struct {
	*exchange.Session
	opt    *Options
	r      *http.Request
	w      http.ResponseWriter
	names  map[string]string // in the path
	params url.Values        // of the query, each known and there once
}

// answer is what goes out if nothing failed: value as JSON, or chunks of it.
type answer struct {
	code   int
	value  any
	chunks [][]byte
}

// ok answers with a resource that was there.
func ok(value any, err error) (answer, error) { return answer{code: http.StatusOK, value: value}, err }

// created answers with a resource that was made.
func created(value any, err error) (answer, error) {
	return answer{code: http.StatusCreated, value: value}, err
}

// done answers where there is nothing to say.
func done(err error) (answer, error) { return ok(struct{}{}, err) }

// encode turns the value into octets, while an error can still be answered.
func (a *answer) encode() error {
	if a.chunks != nil {
		return nil
	}
	var b bytes.Buffer
	encoder := stdjson.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(a.value); err != nil {
		return err
	}
	a.chunks = [][]byte{b.Bytes()}
	return nil
}

func (a *answer) write(w http.ResponseWriter, r *http.Request) {
	size := 0
	for _, chunk := range a.chunks {
		size += len(chunk)
	}
	h := w.Header()
	h.Set("Content-Type", mediaJSON)
	h.Set("Content-Length", strconv.Itoa(size))
	h.Set("Cache-Control", "no-store") // hashes of passwords are among the answers
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(a.code)
	if r.Method == http.MethodHead {
		return
	}
	for _, chunk := range a.chunks {
		if _, err := w.Write(chunk); err != nil {
			return // whoever asked is gone
		}
	}
}

// query reads the parameters of a query, each of them known and there once.
func query(u *url.URL, known []string) (url.Values, error) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, taxii.Errorf(taxii.Malformed, "the query cannot be read: %w", err)
	}
	for name, list := range values {
		switch {
		case !slices.Contains(known, name):
			return nil, taxii.Errorf(taxii.Malformed, "there is no parameter %.64q here", name)
		case len(list) > 1:
			return nil, taxii.Errorf(taxii.Malformed, "the parameter %s is there more than once", name)
		}
	}
	return values, nil
}

// yes reads a parameter that is true or false, or absent for false.
func (q *request) yes(name string) (bool, error) {
	switch q.params.Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, taxii.Errorf(taxii.Malformed, "%s must be true or false", name)
}

// settings takes the body and reads it into v.
func (q *request) settings(v any) error {
	text, release, err := q.opt.Body(q.w, q.r, maxSettings)
	if err != nil {
		return err
	}
	defer release()
	return decode(text, v)
}

// decode reads a JSON object of settings. A member that v does not know is an
// error that names it, as is a name that is there twice.
func decode(text []byte, v any) error {
	if jsontext.Value(text).Kind() != '{' {
		return taxii.Errorf(taxii.Unprocessable, "the body must be a JSON object")
	}
	err := json.Unmarshal(text, v, json.RejectUnknownMembers(true))
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic):
		return taxii.Errorf(taxii.Unprocessable, "there is no member %.100q here", pointed(semantic.JSONPointer)).Because(err)
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntactic):
		return taxii.Errorf(taxii.Unprocessable, "the member %.100q is there twice", pointed(syntactic.JSONPointer)).Because(err)
	case errors.As(err, &syntactic):
		return taxii.Errorf(taxii.Unprocessable, "the body is no JSON, at octet %d: %w", syntactic.ByteOffset, err)
	case errors.As(err, &semantic):
		return taxii.Errorf(taxii.Unprocessable, "%.100s cannot be %s", pointed(semantic.JSONPointer), kindWord(semantic.JSONKind)).Because(err)
	}
	return taxii.Errorf(taxii.Unprocessable, "the body cannot be read: %w", err)
}

// kindWord names a kind of JSON value.
func kindWord(kind jsontext.Kind) string {
	switch kind {
	case '{':
		return "a JSON object"
	case '[':
		return "a JSON array"
	case '"':
		return "this JSON string"
	case '0':
		return "this JSON number"
	case 'n':
		return "null"
	}
	return "a JSON boolean"
}

// pointed writes where in a body something is: roots/0/title.
func pointed(p jsontext.Pointer) string {
	if p == "" {
		return "the body"
	}
	return string(p[1:])
}

// patch reads the body as a merge patch (RFC 7396) of settings: what it names is
// changed, null means the default, and a list is replaced whole.
func patch[T any](q *request) (func(*T) error, error) {
	text, release, err := q.opt.Body(q.w, q.r, maxSettings)
	if err != nil {
		return nil, err
	}
	defer release()
	return merge[T](text)
}

func merge[T any](text []byte) (func(*T) error, error) {
	if err := decode(text, new(T)); err != nil {
		return nil, err // also where a member that nobody knows is null
	}
	var changes map[string]stdjson.RawMessage
	if err := stdjson.Unmarshal(text, &changes); err != nil {
		return nil, taxii.Errorf(taxii.Unprocessable, "the body cannot be read: %w", err)
	}
	return func(set *T) error {
		now, err := members(set)
		if err != nil {
			return err
		}
		for name, value := range changes {
			if now[name] = value; string(value) == "null" {
				delete(now, name)
			}
		}
		merged, err := stdjson.Marshal(now)
		if err != nil {
			return err
		}
		*set = *new(T)
		return decode(merged, set)
	}, nil
}

// members gives settings as the members of their JSON object.
func members(set any) (map[string]stdjson.RawMessage, error) {
	text, err := stdjson.Marshal(set)
	if err != nil {
		return nil, err
	}
	var all map[string]stdjson.RawMessage
	return all, stdjson.Unmarshal(text, &all)
}
