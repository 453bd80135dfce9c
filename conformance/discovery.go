package conformance

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func discoveryChecks() []Check {
	return []Check{
		{ID: "discovery/resource", Title: "gives a discovery resource at /taxii2/", Rules: []string{"R171", "R026", "R283"},
			run: func(p *probe) { p.discovered() }},
		{ID: "discovery/at-host", Title: "is discovered at /taxii2/ of its host, wherever its API Roots are", Rules: []string{"R026", "K09"}, run: discoveryAtHost},
		{ID: "discovery/title", Title: "gives discovery a title", Rules: []string{"R173", "K08"},
			run: func(p *probe) { p.text(p.discovered(), "title", true) }},
		{ID: "discovery/texts", Title: "writes description and contact, if it does, as texts", Rules: []string{"R174"}, run: discoveryTexts},
		{ID: "discovery/no-null", Title: "leaves out what discovery does not have", Rules: []string{"R007", "K08"},
			run: func(p *probe) { p.withoutNull("discovery", p.discovered()) }},
		{ID: "discovery/i-json", Title: "writes discovery as I-JSON: UTF-8, and no name twice", Rules: []string{"R009"},
			run: func(p *probe) { p.iJSON(p.ok(p.discoveryURL())) }},
		{ID: "discovery/default", Title: "names as default, if it does, one of its API Roots, byte for byte", Rules: []string{"R175", "K03"}, run: discoveryDefault},
		{ID: "discovery/roots", Title: "lists its API Roots as texts, at least one", Rules: []string{"R176", "R027"},
			run: func(p *probe) { p.listedRoots() }},
		{ID: "discovery/roots-form", Title: "writes each API Root as an https URL or as a path with one leading slash", Rules: []string{"R177", "R178"}, run: discoveryForm},
		{ID: "discovery/roots-query", Title: "gives no API Root a query", Rules: []string{"R179"}, run: discoveryQuery},
		{ID: "discovery/roots-slash", Title: "ends the address of each API Root in a slash", Rules: []string{"K02"}, run: discoverySlash},
		{ID: "discovery/roots-differ", Title: "lists no API Root twice", Rules: []string{"R029"}, run: discoveryDiffer},
		{ID: "discovery/roots-answer", Title: "serves every API Root of its own that it lists, absolute or relative", Rules: []string{"R031", "K05"}, Interop: []string{"3.2.1"},
			run: func(p *probe) { p.rootsAnswer() }},
		{ID: "discovery/roots-for-other", Title: "lists to each account the API Roots that answer it", Rules: []string{"R180", "K05"}, run: discoveryOther},
		{ID: "discovery/roots-for-strangers", Title: "lists to strangers, if to them at all, the API Roots that answer them or ask who they are", Rules: []string{"R180", "R068"}, run: discoveryStrangers},
		{ID: "discovery/unknown-parameter", Title: "ignores a parameter of discovery that it does not know", Rules: []string{"R101", "K33"},
			run: func(p *probe) { p.text(p.object(p.ok(p.discoveryURL()+"?x_unknown=1")), "title", true) }},
		{ID: "discovery/accept", Title: "answers discovery to who accepts only what it does not have in TAXII, or 406", Rules: []string{"R172", "R053"},
			run: func(p *probe) {
				p.orError(p.get(p.discoveryURL(), header("Accept", "application/xml")), http.StatusOK, http.StatusNotAcceptable)
			}},
	}
}

func (p *probe) discovered() map[string]any { return p.object(p.ok(p.discoveryURL())) }

// listedRoots gives the API Roots as discovery writes them.
func (p *probe) listedRoots() []string {
	return p.texts(p.discovered(), "api_roots", true)
}

func discoveryAtHost(p *probe) {
	u, err := url.Parse(p.base())
	p.need(err == nil, "an address: %v", err)
	p.text(p.object(p.ok("https://"+u.Host+"/taxii2/")), "title", true)
}

func discoveryTexts(p *probe) {
	v := p.discovered()
	p.text(v, "description", false)
	p.text(v, "contact", false)
}

func discoveryDefault(p *probe) {
	v := p.discovered()
	if _, there := v["default"]; !there {
		return // there is none, as may be
	}
	name := p.text(v, "default", true)
	roots := p.texts(v, "api_roots", true)
	p.want(slices.Contains(roots, name), "a default among %q, not %q", roots, name)
}

func discoveryForm(p *probe) {
	for _, root := range p.listedRoots() {
		u, err := url.Parse(root)
		p.want(err == nil, "an API Root that is an address, not %q", root)
		if u.IsAbs() {
			p.want(strings.EqualFold(u.Scheme, "https") && u.Host != "", "an API Root at an https URL, not %q", root)
			continue
		}
		p.want(strings.HasPrefix(root, "/") && !strings.HasPrefix(root, "//"), "an API Root that begins with one slash, not %q", root)
	}
}

func discoveryQuery(p *probe) {
	for _, root := range p.listedRoots() {
		p.want(!strings.Contains(root, "?"), "an API Root without a query, not %q", root)
	}
}

func discoverySlash(p *probe) {
	for _, root := range p.listedRoots() {
		p.want(strings.HasSuffix(root, "/"), "an API Root that ends in a slash, not %q", root)
	}
}

func discoveryDiffer(p *probe) {
	seen := map[string]string{}
	for _, root := range p.listedRoots() {
		address := p.resolve(root)
		p.want(seen[address] == "", "API Roots that differ, not %q and %q", seen[address], root)
		seen[address] = root
	}
}

// own gives the addresses of the API Roots of this server that a discovery lists.
// Roots on other servers are none of this account's.
func (p *probe) own(v map[string]any) (addresses []string) {
	for _, root := range p.texts(v, "api_roots", false) {
		if address := p.resolve(root); strings.HasPrefix(address, p.base()+"/") {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

func (p *probe) rootsAnswer(options ...option) {
	own := p.own(p.object(p.ok(p.discoveryURL(), options...)))
	p.need(len(own) > 0, "discovery lists an API Root of this server")
	for _, address := range own {
		p.text(p.object(p.ok(address, options...)), "title", true)
	}
}

func discoveryOther(p *probe) {
	other := p.suite.target.Other
	if other.Name == "" {
		p.skip("no second account was given")
	}
	v := p.object(p.ok(p.discoveryURL(), as(other)))
	for _, address := range p.own(v) {
		p.text(p.object(p.ok(address, as(other))), "title", true)
	}
}

func discoveryStrangers(p *probe) {
	a := p.get(p.discoveryURL(), p.stranger())
	if a.status != http.StatusOK {
		p.challenged(a)
		return
	}
	for _, address := range p.own(p.object(a)) {
		p.openOr401(address)
	}
}
