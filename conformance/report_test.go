package conformance_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/conformance"
)

const secret = "a password that nobody may see"

// odd starts a server that answers everything in one way, and a run against it.
func odd(t *testing.T, status int, kind, body string) *conformance.Suite {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("X-Echo", r.Header.Get("Authorization")) // as some that look for faults do
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	suite, err := conformance.New(conformance.Target{
		URL: s.URL, TLS: s.Client().Transport.(*http.Transport).TLSClientConfig, Writable: "any", Hidden: "other",
		Account: conformance.Account{Name: "alice", Password: secret}, Other: conformance.Account{Name: "bob", Password: secret},
		Pause: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return suite
}

const taxiiType = "application/taxii+json;version=2.1"

func TestNoAnswerHoweverOddMakesACheckStumble(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		status     int
		kind, body string
	}{
		"HTML":       {500, "text/html", "<h1>Internal Server Error</h1>"},
		"nothing":    {200, taxiiType, ""},
		"null":       {200, taxiiType, "null"},
		"a list":     {200, taxiiType, `[]`},
		"an empty":   {200, taxiiType, `{}`},
		"odd types":  {200, taxiiType, `{"api_roots":{"a":1},"title":[],"objects":"x","more":"true","id":7,"collections":3}`},
		"odd values": {202, taxiiType, `{"api_roots":[null,"::"],"objects":[null,1,"a",{}],"next":7,"status":"pending","id":"x"}`},
		"a redirect": {302, taxiiType, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := odd(t, answer.status, answer.kind, answer.body).RunAll(t.Context(), conformance.All(), nil)
			if report.Failed < len(report.Results)/2 {
				t.Errorf("only %d of %d checks failed", report.Failed, len(report.Results))
			}
			for _, r := range report.Results {
				if strings.Contains(r.Why, "stumbled") {
					t.Errorf("%s: %s", r.Check, r.Why)
				}
			}
		})
	}
}

func TestAReportSaysWhatWasSentWhatCameAndWhatShouldHaveCome(t *testing.T) {
	t.Parallel()
	report := odd(t, 500, "text/html", "<h1>Internal \x1b[31mServer Error</h1>").RunAll(t.Context(), conformance.All(), nil)
	var text, doc, junit bytes.Buffer
	for into, write := range map[*bytes.Buffer]func() error{
		&text:  func() error { return report.Text(&text) },
		&doc:   func() error { return report.JSON(&doc) },
		&junit: func() error { return report.JUnit(&junit) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(into.String(), secret) || strings.Contains(into.String(), "YWxpY2U6") {
			t.Error("the report shows a password")
		}
	}
	for _, part := range []string{
		"FAILED  discovery/", "GET https://127.0.0.1", "Authorization: Basic (account alice)", "HTTP/1.1 500 Internal Server Error",
		"should have come: status 200", fmt.Sprintf("\n%d passed, %d failed, ", report.Passed, report.Failed),
	} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("the text lacks %q", part)
		}
	}
	if strings.ContainsAny(text.String()+junit.String(), "\x1b\u009b") {
		t.Error("the server's text steers the terminal")
	}
	var read conformance.Report
	if err := json.Unmarshal(doc.Bytes(), &read); err != nil || read.Failed != report.Failed || len(read.Results) != len(report.Results) {
		t.Errorf("the JSON has %d failures and %d results: %v", read.Failed, len(read.Results), err)
	}
	var suites struct {
		Failures int `xml:"failures,attr"`
		Suites   []struct {
			Cases []struct {
				Failure *struct {
					Text string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(junit.Bytes(), &suites); err != nil || suites.Failures != report.Failed || len(suites.Suites) == 0 {
		t.Errorf("the JUnit report has %d failures: %v", suites.Failures, err)
	}
}

func TestATargetThatCannotBeCheckedIsRefused(t *testing.T) {
	t.Parallel()
	for address, why := range map[string]string{
		"http://taxii.example.com": "https://", "taxii.example.com": "https://", "https://": "https://",
		"https://alice:pw@taxii.example.com": "password", "https://taxii.example.com/%zz": "URL",
		"https://alice:hidden%zz@taxii.example.com": "URL", "http://alice:hidden@taxii.example.com": "password",
	} {
		_, err := conformance.New(conformance.Target{URL: address, Writable: "a"})
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("%v shows a password", err)
		}
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := conformance.New(conformance.Target{URL: "https://taxii.example.com"}); err == nil {
		t.Error("taken without a collection to fill")
	}
}

func TestChecksAreSelectedByEveryNameThatTheyHave(t *testing.T) {
	t.Parallel()
	all := conformance.All()
	for word, least := range map[string]int{"delete": 20, "delete/done": 1, "content/custom-*": 2, "R252": 2, "K61": 2, "3.12.1": 1} {
		some, err := conformance.Select(all, word)
		if err != nil || len(some) < least || len(some) == len(all) {
			t.Errorf("%s: %d checks, %v", word, len(some), err)
		}
	}
	if _, err := conformance.Select(all, "paging", "no-such"); err == nil || !strings.Contains(err.Error(), "no-such") {
		t.Errorf("an unknown word: %v", err)
	}
}

func TestARunThatIsGivenUpEnds(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(s.Close)
	suite, err := conformance.New(conformance.Target{URL: s.URL, TLS: &tls.Config{InsecureSkipVerify: true}, Writable: "a"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if report := suite.RunAll(ctx, conformance.All(), nil); len(report.Results) == len(conformance.All()) {
		t.Error("it went on through all checks")
	}
}
