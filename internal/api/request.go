package api

import (
	"errors"
	"math"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// maxRequest bounds, in octets, a request that is no publication: the longest
	// are grants, one for each account.
	maxRequest = 1 << 20
	// leastMaxSize is the least that X-Max-Size may say, and what holds without it.
	leastMaxSize = 9437184
	// maxLimit bounds the limit of a page of Messages and of a list.
	maxLimit = 1000
	// maxWait is how long a request may wait at most: proxies and clients give up
	// after a minute.
	maxWait = 55 * time.Second
)

// object takes the body of a request as a JSON object and reads it into v.
func (a *Server) object(s *exchange.Session, w http.ResponseWriter, r *http.Request, v any) error {
	body, release, err := a.text(s, w, r)
	if err != nil {
		return err
	}
	defer release()
	return decode(body, v)
}

// text takes the body of a request that is to be a JSON object.
func (a *Server) text(s *exchange.Session, w http.ResponseWriter, r *http.Request) (body []byte, release func(), err error) {
	if err := jsonAccepted(r.Header.Get("Content-Type")); err != nil {
		return nil, nil, err
	}
	account, _ := s.Account()
	return a.Body(w, r, account, min(maxRequest, a.x.MaxContentLength()))
}

// jsonAccepted refuses a media type in which no request is read. The first draft
// of TAXII 2 names none, so that its clients send plain JSON.
func jsonAccepted(value string) error {
	err := taxii.ContentTypeAccepted(value)
	if err == nil {
		return nil
	}
	name, parameters, wrong := mime.ParseMediaType(value)
	if charset, said := parameters["charset"]; wrong == nil && name == "application/json" && (!said || strings.EqualFold(charset, "utf-8")) {
		return nil
	}
	return err
}

// decode reads a JSON object. Members that v does not know are ignored; a name that
// is there twice is refused. A value that a member cannot have is Unprocessable, as
// null is for those that are not among nullable.
func decode(body []byte, v any, nullable ...string) error {
	if jsontext.Value(body).Kind() != '{' {
		return taxii.Errorf(taxii.Malformed, "the body must be a JSON object")
	}
	err := json.Unmarshal(body, v)
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case err == nil:
		return nulls(body, v, nullable)
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntactic):
		return taxii.Errorf(taxii.Malformed, "the member %.100q is there twice", member(syntactic.JSONPointer)).Because(err)
	case errors.As(err, &syntactic):
		return taxii.Errorf(taxii.Malformed, "the body is no JSON, at octet %d", syntactic.ByteOffset).Because(err)
	case errors.As(err, &semantic):
		return taxii.Errorf(taxii.Unprocessable, "the member %.100q has a value that it cannot have", member(semantic.JSONPointer)).Because(err)
	}
	return taxii.Errorf(taxii.Malformed, "the body cannot be read").Because(err)
}

// nulls refuses null for the members that v, a pointer to a struct, knows: who
// writes it may mean that there is no bound, or that the member is to stay.
func nulls(body []byte, v any, nullable []string) error {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(body, &members); err != nil {
		return err // it was read before
	}
	fields := reflect.TypeOf(v).Elem()
	for i := range fields.NumField() {
		name, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
		if members[name].Kind() == 'n' && !slices.Contains(nullable, name) {
			return taxii.Errorf(taxii.Unprocessable, "%s is null; leave it out", name)
		}
	}
	return nil
}

// member writes where in a body something is: grants/0/account.
func member(p jsontext.Pointer) string { return strings.TrimPrefix(string(p), "/") }

// ifMatch gives the condition of a request, or nil.
func ifMatch(r *http.Request) exchange.Condition {
	values := r.Header.Values("If-Match")
	if len(values) == 0 {
		return nil
	}
	return func(tag string) error {
		for element := range strings.SplitSeq(strings.Join(values, ","), ",") {
			if e := strings.TrimSpace(element); e == "*" || e == tag {
				return nil
			}
		}
		return taxii.Errorf(taxii.PreconditionFailed, "If-Match names another version: this was changed meanwhile").
			Describe("Get it anew, and decide again.")
	}
}

// query is the parameters of a request. An empty one counts as absent.
type query struct{ values url.Values }

func queryOf(r *http.Request) (query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return query{}, taxii.Errorf(taxii.Malformed, "the query cannot be read").Because(err)
	}
	return query{values}, nil
}

// one gives a parameter, which may be there once.
func (q query) one(name string) (string, error) {
	if len(q.values[name]) > 1 {
		return "", taxii.Errorf(taxii.Malformed, "%s is given more than once", name)
	}
	return q.values.Get(name), nil
}

// number reads a parameter that is a whole number within bounds; absent is
// otherwise.
func (q query) number(name string, least, most, otherwise int) (int, error) {
	text, err := q.one(name)
	if err != nil || text == "" {
		return otherwise, err
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || int(n) < least || int(n) > most {
		return 0, taxii.Errorf(taxii.Malformed, "%s must be a whole number from %d to %d", name, least, most)
	}
	return int(n), nil
}

// listing reads limit and next, of a list.
func listing(r *http.Request) (limit int, next string, err error) {
	q, err := queryOf(r)
	if err != nil {
		return 0, "", err
	}
	if limit, err = q.number("limit", 1, maxLimit, 0); err != nil {
		return 0, "", err
	}
	next, err = q.one("next")
	return limit, next, err
}

// maxSize reads X-Max-Size: how many octets an answer may have. 0: it was not
// sent.
func maxSize(r *http.Request) (int64, error) {
	values := r.Header.Values("X-Max-Size")
	if len(values) == 0 {
		return 0, nil
	}
	text := strings.TrimSpace(values[0])
	digits := text != "" && strings.Trim(text, "0123456789") == ""
	size, err := strconv.ParseInt(text, 10, 64)
	if digits && errors.Is(err, strconv.ErrRange) {
		size, err = math.MaxInt64, nil
	}
	if len(values) > 1 || !digits || err != nil || size < leastMaxSize {
		return 0, taxii.Errorf(taxii.Malformed, "X-Max-Size must be a number of octets, at least %d", leastMaxSize)
	}
	return size, nil
}
