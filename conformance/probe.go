package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// probe is one check under way.
type probe struct {
	ctx       context.Context //nolint:containedctx // a probe lives as long as its check
	suite     *Suite
	exchanges []Exchange
}

// ended is how want, need and skip end a check.
type ended struct {
	outcome Outcome
	why     string
}

// guarded runs a check to its end. A check that stumbles over something it did not
// expect has failed, and the others go on.
func (p *probe) guarded(run func(*probe)) (outcome Outcome, why string) {
	defer func() {
		switch end := recover().(type) {
		case nil:
		case ended:
			outcome, why = end.outcome, end.why
		default:
			outcome, why = Failed, fmt.Sprintf("an answer that the check can read; it stumbled: %v", end)
		}
	}()
	run(p)
	return Passed, ""
}

// recent gives the last exchanges, oldest first.
func (p *probe) recent() []Exchange {
	return p.exchanges[max(0, len(p.exchanges)-keptExchanges):]
}

// want fails the check unless ok. The text says what should have come.
func (p *probe) want(ok bool, format string, args ...any) {
	if !ok {
		panic(ended{Failed, fmt.Sprintf(format, args...)})
	}
}

// need fails the check unless a precondition holds without which it would show
// nothing.
func (p *probe) need(ok bool, format string, args ...any) {
	if !ok {
		panic(ended{Failed, "precondition: " + fmt.Sprintf(format, args...)})
	}
}

// skip ends a check about something that the server does not claim to have, or
// that the caller did not give.
func (p *probe) skip(format string, args ...any) {
	panic(ended{Skipped, fmt.Sprintf(format, args...)})
}

// do sends a request with the usual headers, changed by the options. A request
// without an answer fails the check.
func (p *probe) do(method, address string, body []byte, options ...option) *answer {
	r := usual(method, address, p.suite.target.Account, body)
	for _, o := range options {
		o(r)
	}
	a, err := p.suite.target.send(p.ctx, r)
	if a != nil {
		p.exchanges = append(p.recent(), a.Exchange)
	}
	p.want(err == nil, "an answer; there was none: %v", err)
	return a
}

func (p *probe) get(address string, options ...option) *answer {
	return p.do(http.MethodGet, address, nil, options...)
}

// ok is get where only a 200 with the TAXII media type will do.
func (p *probe) ok(address string, options ...option) *answer {
	a := p.get(address, options...)
	p.status(a, http.StatusOK)
	p.taxii(a)
	return a
}

// status wants one of the statuses.
func (p *probe) status(a *answer, codes ...int) {
	var names []string
	for _, code := range codes {
		if a.status == code {
			return
		}
		names = append(names, strconv.Itoa(code))
	}
	p.want(false, "status %s", strings.Join(names, " or "))
}

// taxii wants the TAXII 2.1 media type on an answer.
func (p *probe) taxii(a *answer) {
	kind, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	p.want(err == nil && kind == "application/taxii+json" && params["version"] == "2.1",
		"Content-Type %s, not %q", taxii.MediaType, a.header.Get("Content-Type"))
}

// failure wants an error: one of the statuses, the TAXII media type, and an error
// resource with a title and the same status.
func (p *probe) failure(a *answer, codes ...int) map[string]any {
	p.status(a, codes...)
	p.taxii(a)
	body := p.object(a)
	title, _ := body["title"].(string)
	p.want(title != "", "a TAXII error with a title")
	if said, there := body["http_status"]; there {
		p.want(said == strconv.Itoa(a.status), "http_status %q, the text of the status, or none", strconv.Itoa(a.status))
	}
	return body
}

// object reads the body as a JSON object.
func (p *probe) object(a *answer) map[string]any {
	var v map[string]any
	p.read(a, &v)
	p.want(v != nil, "a JSON object")
	return v
}

// read reads the body into v. Numbers that go into an any keep their digits.
func (p *probe) read(a *answer, v any) {
	text, err := a.unzipped()
	p.want(err == nil, "a body that can be unpacked: %v", err)
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(v)
	p.want(err == nil, "JSON that can be read: %v", err)
	p.want(!d.More(), "one JSON value and nothing after it")
}

// whole reads a JSON number without fraction or exponent.
func whole(v any) (int, bool) {
	number, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(number.String())
	return n, err == nil
}
