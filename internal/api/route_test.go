package api

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestTheRoutesAreThoseOfTheStandard(t *testing.T) {
	trial.Covers(t, "R005", "R008", "R031", "R032", "R033", "R034", "R035", "R036", "R037", "R038", "R039", "R040")
	want := []string{
		"GET ", "GET status/{status}", "GET collections", "GET collections/{id}", "GET collections/{id}/manifest", "GET collections/{id}/objects",
		"POST collections/{id}/objects", "GET collections/{id}/objects/{object}", "DELETE collections/{id}/objects/{object}",
		"GET collections/{id}/objects/{object}/versions",
	}
	channels := []string{
		"GET channels", "POST channels", "GET channels/{channel}", "POST channels/{channel}", "PUT channels/{channel}", "DELETE channels/{channel}",
		"GET channels/{channel}/messages", "POST channels/{channel}/messages", "GET channels/{channel}/messages/{message}",
		"GET channels/{channel}/messages/{message}/content", "GET channels/{channel}/subscriptions", "POST channels/{channel}/subscriptions",
		"GET channels/{channel}/subscriptions/{subscription}", "PUT channels/{channel}/subscriptions/{subscription}",
		"DELETE channels/{channel}/subscriptions/{subscription}", "GET channels/{channel}/subscriptions/{subscription}/messages",
		"PUT channels/{channel}/subscriptions/{subscription}/position", "GET channels/{channel}/grants", "PUT channels/{channel}/grants",
		"GET channels/{channel}/invitations", "POST channels/{channel}/invitations", "DELETE channels/{channel}/invitations/{invitation}",
		"POST channels/{channel}/join",
	}
	if got := routesOf(new(Server)); !slices.Equal(got, append(slices.Clone(want), channels...)) {
		t.Errorf("the routes are %q", got)
	}
	if got := routesOf(&Server{opt: Options{NoChannels: true}}); !slices.Equal(got, want) {
		t.Errorf("without channels the routes are %q", got)
	}
}

func routesOf(a *Server) (list []string) {
	for _, r := range a.list() {
		list = append(list, r.method+" "+strings.Join(r.pattern, "/"))
	}
	return list
}

func TestAPatternIsMatchedWholeOverTheEscapedPath(t *testing.T) {
	trial.Covers(t, "R025", "R041", "K01")
	objectRoute := route{method: "GET", pattern: segments("collections/{id}/objects/{object}")}
	for path, want := range map[string]string{
		"collections/c/objects/o":               "c o",
		"collections/c%2Fd/objects/a%20b%2F%25": "c/d a b/%",
		"collections/../objects/%2e%2e":         ".. ..",
		"collections/c/objects/o/":              "",
		"collections/c/objects/":                "",
		"collections//objects/o":                "",
		"/collections/c/objects/o":              "",
		"Collections/c/objects/o":               "",
		"collections/c/objects":                 "",
		"collections/c/%6Fbjects/o":             "",
		"collections/c/objects/o/versions":      "",
		"collections/c/objects/%zz":             "",
		"":                                      "",
		"collections%2Fc%2Fobjects%2Fo":         "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		got := ""
		if objectRoute.fits(segments(path), r) {
			got = r.PathValue("id") + " " + r.PathValue("object")
		}
		if got != want {
			t.Errorf("%q fits as %q, wanted %q", path, got, want)
		}
	}
}

func TestEveryKindHasItsOwnHTTPStatus(t *testing.T) {
	trial.Covers(t, "R162")
	seen := map[int]taxii.Kind{}
	for _, k := range taxii.Kinds() {
		status := statusOf(k)
		if other, twice := seen[status]; twice || status < 400 || http.StatusText(status) == "" {
			t.Errorf("%s is %d, as %s is", k, status, other)
		}
		seen[status] = k
	}
	if statusOf(taxii.Internal) != http.StatusInternalServerError || statusOf(255) != http.StatusInternalServerError {
		t.Error("what nobody named is no 500")
	}
}

func TestGzipIsSentToWhoWantsIt(t *testing.T) {
	trial.Covers(t, "K72")
	for header, want := range map[string]bool{
		"gzip": true, "deflate, gzip": true, "x-gzip": true, "GZip ; Q=0.5": true, "*": true, "br;q=1.0, gzip;q=0.8, *;q=0.1": true, "gzip;q=0.001": true,
		"": false, "br": false, "gzip;q=0": false, "gzip;q=0.000": false, "*;q=0": false, "gzip;q=0, *": false, "gzipped": false, "identity": false,
	} {
		if got := gzipWanted([]string{header}); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
	if !gzipWanted([]string{"br", "gzip"}) {
		t.Error("the second line is not read")
	}
}
