package faulty_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/cmd/hansom/demo"
	"github.com/hansom-taxii/hansom/conformance"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

// reads picks the requests that read what is in a Collection.
var reads = to("manifest", "objects", "object", "versions")

// otherwise tells which requests are of the second account.
var otherwise = presents(func(name, _ string) bool { return name == "reader" })

// took is the answer to an Add that went well.
func took() *faulty.Answer {
	a := an(http.StatusAccepted)()
	a.Body = []byte(`{"id":"` + taxii.NewID() + `","status":"complete","total_count":1,"success_count":1,"failure_count":0,"pending_count":0}`)
	return a
}

func accessFaults() []fault {
	words := 0
	return []fault{
		spoils("what cannot be read is empty", reads, becomes(an(200), 403), "access/write-only-objects", "access/write-only-manifest", "access/write-only-object",
			"access/write-only-versions", "access/cannot-read"),
		spoils("what cannot be read is a malformed request", reads, becomes(an(400), 403, 404), "access/write-only-objects", "access/write-only-manifest",
			"access/write-only-object", "access/write-only-versions", "access/cannot-read", "access/neither-objects"),
		spoils("what cannot be written is taken", to("add"), becomes(took, 403, 404), "access/read-only-add", "access/neither-add", "access/hidden-add",
			"access/other-add", "access/other-adds"),
		spoils("what cannot be deleted is deleted", to("delete"), becomes(an(200), 403, 404), "access/write-only-delete", "access/read-only-delete", "access/neither-delete",
			"access/hidden-delete", "access/other-deletes", "access/other-delete"),
		spoils("what cannot be deleted is not there", to("delete"), becomes(an(404), 403), "access/write-only-delete", "access/read-only-delete", "access/other-deletes"),
		spoils("what cannot be read is hidden", to("collection"), func(_ *http.Request, a *faulty.Answer) {
			var c taxii.Collection
			if json.Unmarshal(a.Body, &c) == nil && !c.CanRead {
				*a = *an(404)()
			}
		}, "access/write-only"),
		spoils("everybody can write", to("collection"), says("can_write", true), "access/read-only", "access/other-shows"),
		spoils("nobody can read", both(reads, func(r *http.Request) bool { return strings.Contains(r.URL.RawQuery, "limit=1") }), becomes(an(403), 200),
			"access/can-read", "access/read-only", "access/other-reads"),
		spoils("what was added is not there", to("object"), becomes(an(404), 200), "access/read-write"),
		spoils("what is hidden is refused", inside, becomes(an(403), 404), "access/hidden-collection", "access/hidden-manifest", "access/hidden-objects",
			"access/hidden-object", "access/hidden-versions", "access/hidden-add", "access/hidden-delete", "access/neither", "access/neither-delete",
			"access/other-collection", "access/other-manifest", "access/other-objects", "access/other-object", "access/other-versions", "access/other-add",
			"access/other-delete"),
		spoils("what is hidden has other words", inside, func(_ *http.Request, a *faulty.Answer) {
			if words++; a.Status == http.StatusNotFound {
				a.JSON(func(v map[string]any) { v["title"] = fmt.Sprintf("no (%d)", words) })
			}
		}, "access/hidden-collection", "access/hidden-manifest", "access/hidden-objects", "access/hidden-object", "access/hidden-versions", "access/hidden-add",
			"access/hidden-delete", "access/other-collection", "access/other-manifest", "access/other-objects", "access/other-object", "access/other-versions",
			"access/other-add", "access/other-delete", "access/hidden-malformed", "access/other-malformed"),
		spoils("what is hidden is empty", to("objects"), becomes(an(200), 404), "access/neither-objects", "access/hidden-objects", "access/other-objects"),
		spoils("a hidden Collection is listed", to("collections"), ofList(func(list []any) []any {
			return append(list, map[string]any{"id": hiddenOne(), "title": "Hidden", "can_read": false, "can_write": false})
		}), "access/hidden-list", "access/neither"),
	}
}

func TestAHiddenCollectionMayBeNamedByItsPath(t *testing.T) {
	t.Parallel()
	s := trial.Start(t)
	run, err := conformance.New(conformance.Target{
		URL: s.URL, TLS: s.HTTP.Transport.(*http.Transport).TLSClientConfig, Account: conformance.Account{Name: "member", Password: s.Password(t, "member")},
		Writable: id(t, s, true, true), Hidden: "/open/collections/" + hiddenOne() + "/",
	})
	if err != nil {
		t.Fatal(err)
	}
	checks, err := conformance.Select(conformance.All(), "access/hidden*", "access/neither*")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if r := run.Run(t.Context(), c); r.Outcome != conformance.Passed {
			t.Errorf("%s: %s %s", c.ID, r.Outcome, r.Why)
		}
	}
}

// hiddenOne is the id of the Collection of the demo that the member may not see.
func hiddenOne() string {
	for _, c := range demo.Collections() {
		if c.Alias == "operations" {
			return c.ID
		}
	}
	panic("the demo has no operations")
}

func otherFaults() []fault {
	words := 0
	return []fault{
		spoils("a Status is everybody's", both(otherwise, to("status")), becomes(an(200)), "access/other-status"),
		spoils("a Status of another has words of its own", both(otherwise, to("status")), func(_ *http.Request, a *faulty.Answer) {
			words++
			a.JSON(func(v map[string]any) { v["title"] = fmt.Sprintf("no (%d)", words) })
		}, "access/other-status"),
		spoils("another account reads what it may not", both(otherwise, reads), becomes(an(200), 404), "access/other-reads", "access/other-objects"),
		spoils("another account cannot read what it may", both(otherwise, reads), becomes(an(403), 200), "access/other-reads"),
		spoils("another account is told the rights of the first", both(otherwise, to("collection")), says("can_write", true), "access/other-shows"),
		spoils("a refused Add is a failure", both(otherwise, to("add")), becomes(an(500), 403), "access/other-adds"),
	}
}

// optionalFaults pretend to know further match fields.
func optionalFaults() []fault {
	known := func(r *http.Request) bool {
		for name := range r.URL.Query() {
			switch name {
			case "match[id]", "match[type]", "match[version]", "match[spec_version]":
			default:
				if strings.HasPrefix(name, "match[") {
					return true
				}
			}
		}
		return false
	}
	return []fault{
		spoils("further match fields find nothing", known, becomes(an(200)), "optional/*"),
		spoils("further match fields find all or nothing", both(known, func(r *http.Request) bool {
			return slices.ContainsFunc([]string{"=3", "=none-such", "=99", "=2199-", "=0000"}, func(text string) bool { return strings.Contains(r.URL.RawQuery, text) })
		}), becomes(an(200)), "optional/confidence", "optional/relationship-type", "optional/labels", "optional/sectors", "optional/hashes",
			"optional/confidence-gte", "optional/confidence-lte", "optional/modified-gte"),
		spoils("further match fields are a failure", known, becomes(an(500)), "optional/*"),
	}
}

func TestACertificateSignsInWhereTheServerKnowsIt(t *testing.T) {
	t.Parallel()
	s := trial.Start(t)
	held := new(tls.Config)
	certified("member", 1<<40)(held)
	for name, signs := range map[string]bool{"known": true, "unknown": false} {
		password := s.Password(t, "member")
		proxy := faulty.Before(t, s.URL, s.HTTP, faulty.Fault{
			Name: name, TLS: func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert },
			Request: func(r *http.Request) *faulty.Answer {
				if signs && len(r.TLS.PeerCertificates) > 0 && r.Header.Get("Authorization") == "" {
					r.SetBasicAuth("member", password)
				}
				return nil
			},
		})
		trust := proxy.TLS.Clone()
		trust.Certificates = held.Certificates
		run, err := conformance.New(conformance.Target{
			URL: proxy.URL, TLS: trust, Certificates: true, Account: conformance.Account{Name: "member", Password: password}, Writable: id(t, s, true, true),
		})
		if err != nil {
			t.Fatal(err)
		}
		want := conformance.Failed
		if signs {
			want = conformance.Passed
		}
		for _, c := range conformance.All() {
			if c.ID == "authentication/certificate" {
				if r := run.Run(t.Context(), c); r.Outcome != want {
					t.Errorf("a certificate that is %s: %s %s", name, r.Outcome, r.Why)
				}
			}
		}
	}
}
