package faulty_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/conformance"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/faulty"
)

// fault is a broken behaviour, and the checks that must notice it.
type fault struct {
	breaks []string // ids of checks; one that ends in * stands for its kin
	faulty.Fault
}

// faults gives all of them, a table for each part of the suite.
func faults() []fault {
	return slices.Concat(surfaceFaults(), readingFaults(), writingFaults(), channelFaults())
}

// skippedOnDemo are the checks that the demo gives no occasion for, each with the
// reason.
func skippedOnDemo() map[string]string {
	const ignored = "the demo ignores match fields that the standard does not have, as it may (R118)"
	return map[string]string{
		"authentication/certificate": "the demo asks for no client certificate",
		"optional/confidence":        ignored,
		"optional/relationship-type": ignored,
		"optional/labels":            ignored,
		"optional/sectors":           ignored,
		"optional/hashes":            ignored,
		"optional/confidence-gte":    ignored,
		"optional/confidence-lte":    ignored,
		"optional/modified-gte":      ignored,
		"optional/relationships-all": ignored,
	}
}

// suite begins a run against a demo server, with all that the demo has to offer.
func suite(t testing.TB, s *trial.Server) *conformance.Suite {
	t.Helper()
	suite, err := conformance.New(target(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return suite
}

func target(t testing.TB, s *trial.Server) conformance.Target {
	t.Helper()
	return conformance.Target{
		URL: s.URL, TLS: s.HTTP.Transport.(*http.Transport).TLSClientConfig,
		Account:  conformance.Account{Name: "member", Password: s.Password(t, "member")},
		Other:    conformance.Account{Name: "reader", Password: s.Password(t, "reader")},
		Writable: id(t, s, true, true), Hidden: "/open/collections/" + id(t, s, false, false) + "/",
		Pause: 10 * time.Millisecond,
	}
}

// id gives the demo's Collection with these rights of the member.
func id(t testing.TB, s *trial.Server, readable, writable bool) string {
	t.Helper()
	for _, c := range s.Collections {
		if c.Readable == readable && c.Writable == writable {
			return c.ID
		}
	}
	t.Fatal("the demo has no such collection")
	return ""
}

func TestTheDemoPassesEveryCheckButThosePrinted(t *testing.T) {
	t.Parallel()
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		s := e.Start(t)
		report := suite(t, s).RunAll(t.Context(), conformance.All(), nil)
		skipped := skippedOnDemo()
		for _, r := range report.Results {
			if _, may := skipped[r.Check]; r.Outcome == conformance.Skipped && !may {
				t.Errorf("%s was skipped: %s", r.Check, r.Why)
			} else if r.Outcome != conformance.Skipped && may {
				t.Errorf("%s is listed as skipped, and %s", r.Check, r.Outcome)
			}
		}
		allPassed(t, report)
	})
}

// allPassed prints the report where a check has failed.
func allPassed(t *testing.T, report conformance.Report) {
	t.Helper()
	if report.Failed > 0 {
		var b strings.Builder
		if err := report.Text(&b); err != nil {
			t.Fatal(err)
		}
		t.Error(b.String())
	}
}

func TestEveryCheckFailsWhereTheServerIsWrong(t *testing.T) {
	t.Parallel()
	s := trial.Start(t)
	clean := suite(t, s)
	if err := clean.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	caught := map[string]bool{}
	for i, f := range faults() {
		t.Run(fmt.Sprintf("%03d %s", i, f.Name), func(t *testing.T) {
			proxy := faulty.Before(t, s.URL, s.HTTP, f.Fault)
			broken := before(t, clean, proxy)
			for _, word := range f.breaks {
				checks, err := conformance.Select(conformance.All(), word)
				if err != nil || !strings.Contains(word, "/") {
					t.Errorf("breaks %q: %v", word, err)
				}
				for _, c := range checks {
					if r := broken.Run(t.Context(), c); r.Outcome != conformance.Failed {
						t.Errorf("%s: %s %s", c.ID, r.Outcome, r.Why)
					} else if c.Section() == "channels" && strings.HasPrefix(r.Why, "precondition") {
						t.Errorf("%s was not reached: %s", c.ID, r.Why)
					}
					caught[c.ID] = true
				}
			}
		})
	}
	for _, c := range conformance.All() {
		if !caught[c.ID] {
			t.Errorf("no fault makes %s fail", c.ID)
		}
	}
}

func TestAProxyWithoutAFaultChangesNothing(t *testing.T) {
	t.Parallel()
	s := trial.Start(t)
	clean := suite(t, s)
	if err := clean.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	through := before(t, clean, faulty.Before(t, s.URL, s.HTTP, faulty.Fault{Name: "none"}))
	allPassed(t, through.RunAll(t.Context(), conformance.All(), nil))
}

// before gives the run of a suite through a proxy.
func before(t testing.TB, clean *conformance.Suite, p *faulty.Proxy) *conformance.Suite {
	t.Helper()
	through, err := clean.At(p.URL, p.TLS)
	if err != nil {
		t.Fatal(err)
	}
	return through
}
