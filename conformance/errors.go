package conformance

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func errorChecks() []Check {
	return slices.Concat([]Check{
		{ID: "errors/title", Title: "gives an error a title", Rules: []string{"R155"},
			run: func(p *probe) { p.text(p.failed(), "title", true) }},
		{ID: "errors/http-status", Title: "writes the http_status of an error, if it does, as a text, and the same as that of the answer", Rules: []string{"R159"}, run: errorsHTTPStatus},
		{ID: "errors/texts", Title: "writes description, error_id, error_code and external_details of an error, if it does, as texts", Rules: []string{"R156", "R157", "R158", "R160"},
			run: errorsTexts},
		{ID: "errors/details", Title: "writes the details of an error, if it does, as an object", Rules: []string{"R161"}, run: errorsDetails},
		{ID: "errors/no-null", Title: "leaves out what an error does not have", Rules: []string{"R156", "R007"},
			run: func(p *probe) { p.withoutNull("the error", p.failed()) }},
		{ID: "errors/i-json", Title: "writes an error as I-JSON: UTF-8, and no name twice", Rules: []string{"R009"}, run: errorsIJSON},
		{ID: "errors/browser", Title: "sends a browser its errors in TAXII, never in HTML", Rules: []string{"K17", "R154"}, run: errorsBrowser},
		{ID: "errors/no-inside", Title: "shows nothing of its inside in an error", Rules: []string{"R163"}, run: errorsNoInside},
		{ID: "errors/unknown-root", Title: "answers 404 to an API Root that is not there", Rules: []string{"R184"}, Interop: []string{"3.3.2"},
			run: func(p *probe) { p.failure(p.get(p.base()+"/"+taxii.NewID()+"/"), http.StatusNotFound) }},
		{ID: "errors/unknown-root-collections", Title: "answers 404 to the Collections of an API Root that is not there", Rules: []string{"R211"}, Interop: []string{"3.3.2"},
			run: func(p *probe) { p.failure(p.get(p.base()+"/"+taxii.NewID()+"/collections/"), http.StatusNotFound) }},
		{ID: "errors/malformed", Title: "answers 400 with a TAXII error to a query that is malformed", Rules: []string{"R093", "R154"},
			run: func(p *probe) { p.failure(p.get(p.objects("limit", "many")), http.StatusBadRequest) }},
		{ID: "errors/repeated", Title: "answers 400 with a TAXII error to a parameter that stands there twice", Rules: []string{"R104", "K32"}, Interop: []string{"3.13.1.10"},
			run: func(p *probe) {
				p.failure(p.get(p.objects("added_after", never, "added_after", seedTime)), http.StatusBadRequest)
			}},
	}, everyPlace("errors/unknown-collection", "answers 404 to {place} of a Collection that is not there", nil, []string{"3.5.3"}, func(p *probe, pl place) {
		p.failure(p.visit(pl, p.unknown()), http.StatusNotFound)
	}), oddChecks())
}

// failed gives the error of a Collection that is not there.
func (p *probe) failed() map[string]any { return p.failure(p.get(p.unknown()), http.StatusNotFound) }

func errorsHTTPStatus(p *probe) {
	for _, a := range []*answer{p.get(p.unknown()), p.get(p.objects("limit", "0"))} {
		said, there := p.failure(a, http.StatusNotFound, http.StatusBadRequest)["http_status"]
		p.want(!there || said == strconv.Itoa(a.status), "http_status %q", strconv.Itoa(a.status))
	}
}

func errorsTexts(p *probe) {
	v := p.failed()
	for _, name := range []string{"description", "error_id", "error_code", "external_details"} {
		p.text(v, name, false)
	}
}

func errorsDetails(p *probe) {
	details, there := p.failed()["details"]
	_, ok := details.(map[string]any)
	p.want(!there || ok, "details as an object, not %v", details)
}

func errorsIJSON(p *probe) {
	for _, a := range []*answer{p.get(p.unknown()), p.get(p.objects("limit", "\xff"))} {
		p.failure(a, http.StatusNotFound, http.StatusBadRequest)
		p.iJSON(a)
	}
}

func errorsBrowser(p *probe) {
	browser := header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	p.failure(p.get(p.unknown(), browser), http.StatusNotFound)
	p.failure(p.get(p.unknown(), header("Accept", "text/html")), http.StatusNotFound, http.StatusNotAcceptable)
}

// inside is what errors of programs show by mistake. It is never written to.
var inside = regexp.MustCompile(`(?i)traceback \(|goroutine \d|\bat [a-z.]+\(\w+\.java|\.(go|py|java|php|rb):\d|file "[^"]+", line|\bselect .+ from\b|\binsert into\b|panic:|exception:|syntax error at|/usr/|/home/`)

func errorsNoInside(p *probe) {
	for _, a := range []*answer{
		p.get(p.unknown()), p.get(p.objects("added_after", "'")), p.get(p.objects("limit", "99999999999999999999")),
		p.get(p.objects("next", "'\"--")), p.get(p.object1("'--" + taxii.NewID())), p.get(p.statusURL("'")),
	} {
		text, err := a.unzipped()
		p.want(err == nil, "a body that can be unpacked: %v", err)
		p.want(a.status < http.StatusInternalServerError, "no failure of the server's own")
		p.want(!inside.Match(text), "an error that shows nothing of the program, not %q", inside.Find(text))
	}
}

// oddChecks are about what no client sends that means well: a server has an error
// for it, and goes on.
func oddChecks() []Check {
	gone := []int{http.StatusNotFound, http.StatusBadRequest}
	ok := []int{http.StatusOK, http.StatusBadRequest}
	return []Check{
		{ID: "errors/odd-collection-id", Title: "answers 404 or 400 to a Collection whose id is none", Rules: []string{"R211"},
			run: func(p *probe) { p.failure(p.get(p.collection("no-"+taxii.NewID())), gone...) }},
		{ID: "errors/odd-path", Title: "answers 404 or 400 to a path that climbs out of its place", Rules: []string{"R211", "K17"},
			run: func(p *probe) { p.failure(p.get(p.world().root+"collections/..%2f..%2f..%2fetc%2fpasswd/"), gone...) }},
		{ID: "errors/odd-zero", Title: "answers 404 or 400 to a path with a zero octet in it", Rules: []string{"R211", "K17"},
			run: func(p *probe) { p.failure(p.get(p.world().root+"collections/%00/"), gone...) }},
		{ID: "errors/odd-long", Title: "answers 404, 400 or 414 to an id of two thousand characters", Rules: []string{"R211", "K17"},
			run: func(p *probe) {
				p.failure(p.get(p.collection(strings.Repeat("x", 2000))), http.StatusNotFound, http.StatusBadRequest, http.StatusRequestURITooLong)
			}},
		{ID: "errors/odd-octets", Title: "answers a query that is no UTF-8 400, or as one that nothing matches", Rules: []string{"R093", "K17"},
			run: func(p *probe) { p.orError(p.get(p.objects("limit", "1")+"&match[type]=%ff%fe"), ok...) }},
		{ID: "errors/odd-match", Title: "answers a match without its closing bracket 400, or as if it were not there", Rules: []string{"R118", "R093", "K17"},
			run: func(p *probe) { p.orError(p.get(p.objects("limit", "1")+"&match[type=indicator"), ok...) }},
		{ID: "errors/extra-parameter", Title: "ignores a parameter that it does not know", Rules: []string{"K33"},
			run: func(p *probe) { p.ok(p.world().root + "collections/?x_unknown=1") }},
	}
}

// orError wants a TAXII resource, or an error of one of the statuses.
func (p *probe) orError(a *answer, codes ...int) {
	p.status(a, codes...)
	if a.status == http.StatusOK {
		p.taxii(a)
		p.object(a)
		return
	}
	p.failure(a, codes...)
}
