package api_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// client is how one program in the field reads a Collection: literally its
// headers and parameters (docs/spec/client-compat.md, section 2). What it says
// before and after stands in testdata/clients.
type client struct {
	name    string
	headers []string // beside Authorization
	scheme  string   // of Authorization
	path    string   // after the Collection
	first   string   // the query of its first page
	next    string   // of the further pages; <NEXT> and <LAST> stand for what the page before said; "" if it knows none
}

var clients = []client{
	{"taxii2-client", []string{"Accept: application/taxii+json;version=2.1", "User-Agent: taxii2-client/2.3.0", "Accept-Encoding: gzip, deflate", "Connection: keep-alive"},
		"Basic", "/objects/", "match%5Bversion%5D=all&limit=20", "match%5Bversion%5D=all&limit=20&next=<NEXT>"},
	{"an older python-stix2", []string{"Accept: application/taxii+json;version=2.1", "User-Agent: taxii2-client/2.3.0"},
		"Basic", "/objects/", "match%5Bversion%5D=all", ""},
	{"python-stix2", []string{"Accept: application/taxii+json;version=2.1", "User-Agent: taxii2-client/2.3.0"},
		"Basic", "/objects/", "limit=5000&match%5Bversion%5D=all", "limit=5000&next=<NEXT>&match%5Bversion%5D=all"},
	{"XSOAR", []string{"Accept: application/taxii+json;version=2.1"},
		"Basic", "/objects/", "limit=100&added_after=2000-01-01T00%3A00%3A00.000000Z&match%5Bversion%5D=all", "limit=100&added_after=2000-01-01T00%3A00%3A00.000000Z&match%5Bversion%5D=all&next=<NEXT>"},
	{"OpenCTI ingestion", []string{"Accept: application/taxii+json;version=2.1"},
		"Basic", "/objects", "added_after=2000-01-01T00:00:00.000Z&next=&match[version]=all&limit=40", "added_after=2000-01-01T00:00:00.000Z&next=<NEXT>&match[version]=all&limit=40"},
	{"OpenCTI connector", []string{"Accept: application/taxii+json;version=2.1"},
		"Basic", "/objects/", "added_after=2000-01-01T00%3A00%3A00.000000Z&match%5Bversion%5D=all&limit=33", "next=<NEXT>&limit=33"},
	{"MISP", []string{"Accept: application/taxii+json;version=2.1", "Content-Type: application/taxii+json;version=2.1"},
		"basic", "/objects/", "limit=50&next=&match[version]=all", "limit=50&next=<NEXT>"},
	{"Elastic", []string{"Accept: application/taxii+json;version=2.1", "Content-Type: application/taxii+json;version=2.1", "User-Agent: Elastic-Filebeat/8"},
		"Basic", "/objects", "added_after=2000-01-01T00:00:00+01:00&limit=40&match[version]=all", "limit=40&next=<NEXT>"},
	{"cytaxii2", []string{"Accept: application/taxii+json;version=2.1", "Content-Type: application/taxii+json;version=2.1", "User-Agent: cyware.taxii2client"},
		"Basic", "/objects/", "limit=60&match%5Bversion%5D=all", "limit=60&match%5Bversion%5D=all&next=<NEXT>"},
	{"SOCRadar", []string{"Accept: application/taxii+json;version=2.1"},
		"Basic", "/objects/", "limit=100&added_after=2000-01-01T00:00:00Z&match[version]=all", "limit=100&next=<NEXT>"},
	{"misp-modules", []string{"Accept: application/taxii+json;version=2.1", "User-Agent: taxii2-client/2.3.0"},
		"Basic", "/objects/", "match%5Bversion%5D=all&match%5Btype%5D=indicator%2Cmalware&limit=100", "match%5Bversion%5D=all&match%5Btype%5D=indicator%2Cmalware&limit=100&next=<NEXT>"},
	{"intelmq", []string{"Accept: application/taxii+json;version=2.1", "User-Agent: taxii2-client/2.3.0"},
		"Basic", "/objects/", "match%5Btype%5D=indicator&added_after=2000-01-01T00%3A00%3A00Z", ""},
	{"TAXII2Sharp", []string{"Accept: application/taxii+json;version=2.1"},
		"Basic", "/objects/", "added_after=2000-01-01T00:00:00.0000000Z&limit=70", "added_after=2000-01-01T00:00:00.0000000Z&limit=70&next=<NEXT>"},
	{"attackcti", []string{"Accept: application/taxii+json;version=2.1", "User-Agent: taxii2-client/2.3.0"},
		"Basic", "/manifest/", "limit=7&match%5Bversion%5D=all", "limit=7&match%5Bversion%5D=all&next=<NEXT>"},
	{"curl", []string{"Accept: */*", "User-Agent: curl/8.5.0"}, "Basic", "/objects", "match[version]=all&limit=50", "match[version]=all&limit=50&added_after=<LAST>"},
	{"a collector of JSON", []string{"Accept: application/json", "Content-Type: application/json"}, "Basic", "/objects", "match[version]=all&limit=50&confidence=80", "next=<NEXT>"},
}

func TestEveryClientOfTheListReadsACollectionToItsEnd(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R047", "R145", "R146", "R148", "K01", "K10", "K11", "K12", "K15", "K16", "K20", "K24", "K30", "K31", "K32", "K33", "K35", "K40", "K43",
		"K44", "K45", "K46", "K50", "K51", "K72")
	w := writable()
	c := w.collection(t)
	member := w.as(t, "member")
	var want []string
	for n := range 210 {
		want = append(want, object("indicator", n, day(1+n%20)))
	}
	member.add(t, c, want...)
	for _, client := range clients {
		t.Run(client.name, func(t *testing.T) {
			client.reads(t, w, c, want)
		})
	}
}

// reads has a client read everything, look again, and read on where it left off.
func (c client) reads(t *testing.T, w *world, collection string, want []string) {
	headers := append([]string{"Authorization: " + c.scheme + strings.TrimPrefix(basic("member", w.Password(t, "member")), "Basic")}, c.headers...)
	ask := func(query string) page {
		t.Helper()
		a := w.Request(t, "", http.MethodGet, collection+c.path+"?"+query, nil, headers...)
		if a.Header.Get("Content-Encoding") == "gzip" {
			a.Body = unpacked(t, a.Body)
		}
		p := readPage(t, a)
		p.check(t, query)
		return p
	}
	p := ask(c.first)
	got := p.Items
	pages := 1
	for p.More && c.next != "" {
		p = ask(strings.NewReplacer("<NEXT>", p.Next, "<LAST>", p.Last).Replace(c.next))
		got = append(got, p.Items...)
		pages++
	}
	if c.next == "" {
		want = want[:100] // it sees one page, and asks for no limit
	}
	if c.path != "/manifest/" && !slices.Equal(got, want) || len(got) != len(want) {
		t.Errorf("it read %d of %d", len(got), len(want))
	}
	if small := !strings.Contains(c.first, "limit=5000"); c.next != "" && small && pages < 3 {
		t.Errorf("%d pages", pages)
	}
	refused := w.Request(t, "", http.MethodGet, collection+c.path+"?limit=none", nil, append(headers, "Accept-Encoding:")...)
	refusal(t, refused, http.StatusBadRequest)
	if p.More {
		return // there is no end that it could look again from
	}
	cut := p.Last[:len(p.Last)-4] + "Z" // as OpenCTI does
	for _, last := range []string{p.Last, cut} {
		if again := ask("added_after=" + url.QueryEscape(last)); len(again.Items) != 0 || again.Last != strings.Replace(last, cut, p.Last, 1) {
			t.Errorf("looking again from %s gives %d, up to %s", last, len(again.Items), again.Last)
		}
	}
}

func TestProbesForTAXII20AreToldToGoOn(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R050", "R053", "K13", "K17")
	w := withContent()
	for _, path := range []string{"/taxii2/", "/trust/", w.Collection(t, "indicators") + "/objects/"} {
		for _, accept := range []string{"application/vnd.oasis.taxii+json; version=2.0", "application/vnd.oasis.taxii+json;version=2.0", "application/vnd.oasis.taxii+json",
			"application/vnd.oasis.stix+json; version=2.0"} {
			refusal(t, w.as(t, "member").get(t, path, "Accept: "+accept), http.StatusNotAcceptable)
		}
		good(t, w.as(t, "member").get(t, path, "Accept: application/taxii+json; version=2.1"), http.StatusOK)
	}
}

func TestProgramsThatPushAreTaken(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R052", "K01", "K10", "K14", "K60", "K62", "K63", "K65")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	bundle := func(n int) string {
		return `{"type":"bundle","id":"` + id("bundle", n) + `","spec_version":"2.1","objects":[` + observable(n) + `]}`
	}
	for n, headers := range [][]string{
		{"Accept: application/taxii+json; version=2.1", "Content-Type: application/stix+json; version=2.1"},               // OpenCTI taxii-post
		{"Accept: application/taxii+json; version=2.1", "Content-Type: application/vnd.oasis.stix+json; version=2.1"},     // an older one
		{"Accept: application/taxii+json;version=2.1", "Content-Type: application/taxii+json;version=2.1"},                // taxii2-client: python-stix2, MISP, Splunk CTIS
		{"Accept: application/taxii+json;version=2.1", "Content-Type: application/taxii+json;version=2.1; charset=utf-8"}, // stacks that add a charset
	} {
		st := status(t, member.ask(t, "POST", c+[]string{"/objects/", "/objects"}[n%2], bundle(n), headers...), http.StatusAccepted)
		if st.SuccessCount != 1 || st.Successes[0].ID != id("domain-name", n) {
			t.Errorf("%v: %+v", headers, st)
		}
		status(t, member.get(t, "/trust/status/"+st.ID, headers...), http.StatusOK) // taxii2-client leaves the slash out
	}
}
