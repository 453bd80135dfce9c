package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hansom-taxii/hansom/taxii"
)

// Whatever stands in these headers, what is made of it keeps its bounds.
func FuzzHeaders(f *testing.F) {
	for _, seed := range [][4]string{
		{"bytes=0-9", "wait=5", "10485760", "text/event-stream, */*;q=0.1"}, {"bytes=-5", `wait="8"; x=y`, "9437184", "*/*"},
		{"bytes=5-", "respond-async, wait=99999999999999999999", "9437183", "text/*;q=2"}, {"BYTES = 9-0", "wait=-1", "+9437184", ";q="},
		{"bytes=99999999999999999999-", "wait", "0x900000", "text/event-stream;q=NaN"}, {"bytes=0-0,2-3", ",,,", "9437184, 9437184", "\x00"},
		{"bytes=-0", "wait=0", "99999999999999999999", strings.Repeat("a/b,", 200)}, {"items=0-1", "wait=1.5", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], int64(len(seed[0])))
	}
	f.Fuzz(func(t *testing.T, ranges, prefer, most, accept string, size int64) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Range"], r.Header["X-Max-Size"] = []string{ranges}, []string{most}
		size = max(0, size)
		if from, upto, part, err := rangeOf(r, `"tag"`, size); err == nil && (from < 0 || upto > size || from > upto || part && from == upto) {
			t.Errorf("%q of %d octets is %d to %d", ranges, size, from, upto)
		}
		if wait, ok := preferredWait([]string{prefer}); wait < 0 || wait > maxWait || !ok && wait != 0 {
			t.Errorf("%q is a wait of %v, %v", prefer, wait, ok)
		}
		if n, err := maxSize(r); err == nil && n != 0 && n < leastMaxSize {
			t.Errorf("%q is %d octets", most, n)
		}
		if streamPreferred([]string{accept}, taxii.MediaOptions{}) && !strings.Contains(strings.ToLower(accept), "event-stream") && !strings.Contains(accept, "/*") {
			t.Errorf("%q prefers a stream", accept)
		}
		_ = jsonAccepted(accept)
	})
}

// A path that fits has the segments of the pattern as they are, and names that can
// be names.
func FuzzRoutes(f *testing.F) {
	for _, seed := range []string{
		"collections/c/objects/o", "collections/../objects/%2e%2e", "collections/c%2fd/objects/%00", "collections//objects/o", "collections/%ff/objects/o",
		"collections/c/%6fbjects/o", "collections%2Fc%2Fobjects%2Fo", "collections/c;x/objects/%252e", "collections/c/objects/o/",
	} {
		f.Add(seed)
	}
	route := route{method: http.MethodGet, pattern: segments("collections/{id}/objects/{object}")}
	f.Fuzz(func(t *testing.T, path string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if !route.fits(segments(path), r) {
			return
		}
		parts := strings.Split(path, "/")
		if len(parts) != 4 || parts[0] != "collections" || parts[2] != "objects" {
			t.Fatalf("%q fits", path)
		}
		for i, name := range []string{1: "id", 3: "object"} {
			value, err := url.PathUnescape(parts[i])
			if name != "" && (err != nil || value != r.PathValue(name) || value == "" || !utf8.ValidString(value) || strings.ContainsRune(value, 0)) {
				t.Errorf("%q has the %s %q", path, name, r.PathValue(name))
			}
		}
	})
}
