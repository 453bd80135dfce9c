package faulty_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/conformance"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

// surfaceFreedoms are servers that are right and otherwise than hansom.
func surfaceFreedoms() []faulty.Fault {
	return []faulty.Fault{
		{Name: "says as little as it may", TLS: func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, Request: sayingLittle, Answer: littleSaid},
		{Name: "takes and gives as much as it may", TLS: func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert }, Request: takingMuch, Answer: muchSaid},
	}
}

// sayingLittle packs nothing and has no HEAD.
func sayingLittle(r *http.Request) *faulty.Answer {
	r.Header.Del("Accept-Encoding")
	if r.Method == http.MethodHead {
		a := an(http.StatusMethodNotAllowed)()
		a.Header.Set("Allow", "GET")
		return a
	}
	return nil
}

// littleSaid leaves out what is optional, and says 404 wherever it may.
func littleSaid(r *http.Request, a *faulty.Answer) {
	a.Header.Del("Vary")
	if (a.Status == http.StatusForbidden && kindOf(r) != "delete") || a.Status == http.StatusUnauthorized && inside(r) {
		*a = *an(http.StatusNotFound)()
	}
	a.JSON(func(v map[string]any) {
		if a.Status >= http.StatusBadRequest {
			clear(v)
			v["title"] = "no"
			return
		}
		bare(v)
		list, _ := v["collections"].([]any)
		for _, c := range list {
			bare(c.(map[string]any))
		}
	})
	if kindOf(r) == "discovery" {
		a.JSON(func(v map[string]any) {
			if v["api_roots"] != nil {
				v["api_roots"] = []string{"/trust/"}
			}
		})
	}
}

func bare(v map[string]any) {
	for _, name := range []string{"description", "contact", "default", "alias", "media_types"} {
		delete(v, name)
	}
}

// takingMuch takes any media type, and paths of its own.
func takingMuch(r *http.Request) *faulty.Answer {
	if accept := r.Header.Get("Accept"); accept != "" && !strings.Contains(accept, "vnd.oasis") { // that is TAXII 2.0 (K13)
		r.Header.Set("Accept", taxii.MediaType)
	}
	if r.Method == http.MethodPost && !strings.Contains(r.Header.Get("Content-Type"), "xml") {
		r.Header.Set("Content-Type", taxii.MediaType)
	}
	if kindOf(r) == "discovery" && anonymously(r) { // open to strangers
		a := an(http.StatusOK)()
		a.Body = []byte(`{"title":"TAXII","api_roots":["/trust/"]}`)
		return a
	}
	return nil
}

// muchSaid adds properties of its own and a root that is elsewhere, names its
// challenge otherwise, and takes an alias for no address.
func muchSaid(r *http.Request, a *faulty.Answer) {
	if a.Status == http.StatusUnauthorized {
		a.Header["Www-Authenticate"] = []string{"Bearer", `Basic realm="taxii", charset="UTF-8"`}
	}
	if kindOf(r) == "collection" && !strings.Contains(r.URL.Path, "-") {
		*a = *an(http.StatusNotFound)()
	}
	a.JSON(func(v map[string]any) {
		switch kindOf(r) {
		case "discovery":
			if roots, ok := v["api_roots"].([]any); ok {
				v["api_roots"] = append(roots, "https://elsewhere.example/api/")
			}
		case "root":
			if list, ok := v["versions"].([]any); ok {
				v["versions"] = append(list, "application/vnd.oasis.taxii+json; version=2.0")
			}
		}
		if a.Status < http.StatusBadRequest && !reads(r) && kindOf(r) != "delete" {
			v["x_example_com_note"] = map[string]any{"free": true}
		}
	})
}

func TestARightServerThatIsOtherwisePasses(t *testing.T) {
	t.Parallel()
	s := trial.Start(t)
	clean := suite(t, s)
	if err := clean.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	checks, err := conformance.Select(conformance.All(), "transport", "authentication", "media", "errors", "discovery", "root", "collections", "collection", "access", "optional")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range surfaceFreedoms() {
		t.Run(f.Name, func(t *testing.T) {
			through := before(t, clean, faulty.Before(t, s.URL, s.HTTP, f))
			report := through.RunAll(t.Context(), checks, nil)
			if report.Passed < len(checks)*9/10-20 {
				t.Errorf("only %d of %d checks were carried out", report.Passed, len(checks))
			}
			if report.Failed > 0 {
				var b strings.Builder
				if err := report.Text(&b); err != nil {
					t.Fatal(err)
				}
				t.Error(b.String())
			}
		})
	}
}
