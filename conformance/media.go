package conformance

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func mediaChecks() []Check {
	return slices.Concat(acceptChecks(), refusedTypes(), bodyTypes(), []Check{
		{ID: "media/exact", Title: "names the media type of its answers exactly, without a space or a charset", Rules: []string{"R048", "K16"}, run: mediaExact},
		{ID: "media/exact-error", Title: "names the media type of its errors exactly, without a space or a charset", Rules: []string{"R154", "K16"}, run: mediaExactError},
		{ID: "media/accept-absent", Title: "answers a request without Accept", Rules: []string{"K11"},
			run: func(p *probe) { p.ok(p.small(), header("Accept")) }},
		{ID: "media/accept-lines", Title: "reads several Accept lines as one list", Rules: []string{"R055", "K11"},
			run: func(p *probe) { p.ok(p.small(), header("Accept", "text/html", taxii.MediaType)) }},
		{ID: "media/manifest-stix", Title: "serves a manifest to who accepts the TAXII and the STIX media type", Rules: []string{"R051"},
			run: func(p *probe) {
				p.ok(p.manifest("limit", "1"), header("Accept", taxii.MediaType+", application/stix+json;version=2.1"))
			}},
		{ID: "media/get-content-type", Title: "ignores the Content-Type of a GET", Rules: []string{"K15"},
			run: func(p *probe) { p.ok(p.small(), header("Content-Type", taxii.MediaType)) }},
		{ID: "media/get-other-content-type", Title: "ignores any Content-Type of a GET, also one that it could not take", Rules: []string{"K15"},
			run: func(p *probe) { p.ok(p.small(), header("Content-Type", "text/plain")) }},
	})
}

// small is an address whose answer is short.
func (p *probe) small() string { return p.world().root + "collections/" }

// acceptChecks are about the ways in which clients ask for TAXII 2.1.
func acceptChecks() (list []Check) {
	for _, c := range []struct {
		name, title, accept string
		rules               []string
	}{
		{"plain", "answers who accepts application/taxii+json;version=2.1", "application/taxii+json;version=2.1", []string{"R050", "R048"}},
		{"no-version", "answers who accepts application/taxii+json in the highest version", "application/taxii+json", []string{"R049", "R050", "R047"}},
		{"space", "answers where a space stands behind the semicolon of Accept", "application/taxii+json; version=2.1", []string{"R055", "K10"}},
		{"spaces", "answers where spaces stand on both sides of the semicolon of Accept", "application/taxii+json ; version=2.1", []string{"R055", "K10"}},
		{"case", "reads Accept without regard to case", "Application/TAXII+JSON;Version=2.1", []string{"R055", "K10"}},
		{"quoted", "answers where the version in Accept is quoted", `application/taxii+json;version="2.1"`, []string{"R055", "K10"}},
		{"list", "answers where its type stands in a list", "text/html, application/taxii+json;version=2.1", []string{"R050", "R055", "K11"}},
		{"list-tight", "answers where its type stands in a list without spaces", "application/xml,application/taxii+json;version=2.1,text/html", []string{"R050", "R055", "K11"}},
		{"old-and-new", "answers who accepts TAXII 2.0 and 2.1 in one of them", "application/vnd.oasis.taxii+json;version=2.0;q=0.1, application/taxii+json;version=2.1", []string{"R050"}},
		{"q", "answers where its type has a weight", "application/taxii+json;version=2.1;q=0.5, text/html;q=0.9", []string{"R050", "R055", "K11"}},
		{"any", "answers who accepts */*", "*/*", []string{"K11"}},
		{"any-application", "answers who accepts application/*", "application/*", []string{"K11"}},
		{"json", "answers who accepts application/json, with its own type", "application/json", []string{"K12"}},
		{"browser", "answers a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", []string{"K11"}},
	} {
		list = append(list, Check{ID: "media/accept-" + c.name, Title: c.title, Rules: c.rules, run: func(p *probe) {
			p.object(p.ok(p.small(), header("Accept", c.accept)))
		}})
	}
	return list
}

// refusedTypes are about what a server need not have: it answers with content of
// the type that was asked for, or 406 (R053).
func refusedTypes() []Check {
	return []Check{
		{ID: "media/taxii20", Title: "answers who accepts only TAXII 2.0 in TAXII 2.0, or 406", Rules: []string{"K13", "R053"},
			run: func(p *probe) { p.old("application/vnd.oasis.taxii+json;version=2.0") }},
		{ID: "media/taxii20-no-version", Title: "answers who accepts only the media type of TAXII 2.0 in TAXII 2.0, or 406", Rules: []string{"K13", "R053"},
			run: func(p *probe) { p.old("application/vnd.oasis.taxii+json") }},
		{ID: "media/unknown-version", Title: "answers who accepts only a version that it does not have in one that it has, or 406", Rules: []string{"R053"},
			run: func(p *probe) { p.suited("application/taxii+json;version=9.9") }},
		{ID: "media/html", Title: "answers who accepts only HTML in TAXII, or 406", Rules: []string{"R053", "K17"},
			run: func(p *probe) { p.suited("text/html") }},
		{ID: "media/refused", Title: "answers who refuses its type with q=0 in TAXII, or 406", Rules: []string{"R055", "R053"},
			run: func(p *probe) { p.suited("application/taxii+json;version=2.1;q=0") }},
		{ID: "media/unreadable", Title: "answers an Accept that cannot be read in TAXII, or 406", Rules: []string{"R053", "K17"},
			run: func(p *probe) { p.suited("taxii;;=,/") }},
	}
}

// old asks for TAXII 2.0. Clients that do so first go on to 2.1 only after a 406.
func (p *probe) old(accept string) {
	a := p.get(p.small(), header("Accept", accept))
	if a.status == http.StatusOK {
		kind := strings.ToLower(strings.ReplaceAll(a.header.Get("Content-Type"), " ", ""))
		p.want(strings.HasPrefix(kind, "application/vnd.oasis.taxii+json"), "406, or TAXII 2.0 as it was asked for, not %q", kind)
		return
	}
	p.failure(a, http.StatusNotAcceptable)
}

// suited wants TAXII 2.1, or 406.
func (p *probe) suited(accept string) {
	a := p.get(p.small(), header("Accept", accept))
	if a.status == http.StatusOK {
		p.taxii(a)
		p.object(a)
		return
	}
	p.failure(a, http.StatusNotAcceptable)
}

// bodyTypes are about the Content-Type of an Add. What is added is there already.
func bodyTypes() (list []Check) {
	taken := []int{http.StatusAccepted}
	may := []int{http.StatusAccepted, http.StatusUnsupportedMediaType}
	for _, c := range []struct {
		name, title, kind string
		codes             []int
		rules             []string
	}{
		{"plain", "takes an Add of application/taxii+json;version=2.1", taxii.MediaType, taken, []string{"R052"}},
		{"no-version", "takes an Add of application/taxii+json", "application/taxii+json", taken, []string{"R052", "R047", "K14"}},
		{"space", "takes an Add where a space stands before the version", "application/taxii+json; version=2.1", taken, []string{"R055", "K10"}},
		{"case", "reads the Content-Type of an Add without regard to case", "Application/TAXII+JSON;Version=2.1", taken, []string{"R055", "K10"}},
		{"quoted", "takes an Add where the version is quoted", `application/taxii+json;version="2.1"`, taken, []string{"R055", "K10"}},
		{"charset", "takes an Add that names its charset, UTF-8", "application/taxii+json;version=2.1;charset=utf-8", taken, []string{"K14"}},
		{"stix", "takes an Add of application/stix+json;version=2.1", "application/stix+json;version=2.1", taken, []string{"K14"}},
		{"json", "takes an Add of application/json, or answers 415", "application/json", may, []string{"R054"}},
		{"form", "takes an Add of a form's media type, or answers 415", "application/x-www-form-urlencoded", may, []string{"R054", "R239"}},
		{"other-version", "takes an Add of a version that it does not have, or answers 415", "application/taxii+json;version=9.9", may, []string{"R054", "R239"}},
		{"absent", "takes an Add without Content-Type, or answers 415 or 400", "", append(may, http.StatusBadRequest), []string{"R054", "R046"}},
		{"unreadable", "takes an Add whose Content-Type cannot be read, or answers 415 or 400", "taxii;;=", append(may, http.StatusBadRequest), []string{"R054"}},
	} {
		list = append(list, Check{ID: "media/post-" + c.name, Title: c.title, Rules: c.rules, run: func(p *probe) { p.posted(c.kind, c.codes) }})
	}
	return append(list, Check{ID: "media/post-xml", Title: "answers an Add of XML 415, 422 or 400", Rules: []string{"R239", "R240"}, run: func(p *probe) {
		a := p.do(http.MethodPost, p.objects(), []byte("<objects/>"), header("Content-Type", "application/xml"))
		p.failure(a, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusBadRequest)
	}})
}

func (p *probe) posted(kind string, codes []int) {
	kinds := []string{kind}
	if kind == "" {
		kinds = nil // not sent at all
	}
	a := p.do(http.MethodPost, p.objects(), envelope(p.seed().one("indicator0")), header("Content-Type", kinds...))
	p.status(a, codes...)
	if a.status != http.StatusAccepted {
		p.failure(a, codes...)
		return
	}
	p.want(p.settled(a).SuccessCount == 1, "success_count 1 for an object that is there already (R243)")
}

func mediaExact(p *probe) {
	o := p.seed().one("indicator0")
	for _, address := range []string{p.discoveryURL(), p.world().root, p.small(), p.collection(p.world().writable.ID),
		p.objects("limit", "1"), p.manifest("limit", "1"), p.object1(o.id), p.versions(o.id)} {
		p.exactType(p.ok(address))
	}
}

func mediaExactError(p *probe) {
	for _, a := range []*answer{p.get(p.unknown()), p.get(p.objects("limit", "0"))} {
		p.failure(a, http.StatusNotFound, http.StatusBadRequest)
		p.exactType(a)
	}
}

// exactType wants the one Content-Type that the standard writes.
func (p *probe) exactType(a *answer) {
	kinds := a.header.Values("Content-Type")
	p.want(len(kinds) == 1 && kinds[0] == taxii.MediaType, "Content-Type exactly %s, not %q", taxii.MediaType, kinds)
}
