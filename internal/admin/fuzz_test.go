package admin

import (
	"bytes"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// FuzzSettings reads any body as settings and as a patch. What is taken comes out
// as it went in, and what is refused is refused with 422.
func FuzzSettings(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"root":"trust","id":"91a7b528-80eb-42ed-a74d-c6fbd5a26116","alias":"open","title":"Open","validation":"off","types":["a","b"]}`,
		`{"title":null,"types":null}`, `{"types":[]}`, `{"types":["x",null]}`, `{"title":"\u0000\ud83d\ude97"}`, `{"title":"a","title":"b"}`, `{"Title":"a"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var d exchange.Declaration
		refusedWell(t, decode(text, &d))

		var set exchange.CollectionSetting
		err := decode(text, &set)
		refusedWell(t, err)
		edit, patchErr := merge[exchange.CollectionSetting](text)
		if (err == nil) != (patchErr == nil) {
			t.Fatalf("as settings %v, as a patch %v", err, patchErr)
		}
		if err != nil {
			return
		}
		over := exchange.CollectionSetting{}
		if err := edit(&over); err != nil {
			t.Fatal(err)
		}
		if !sameSettings(over, set) {
			t.Fatalf("laid over nothing: %+v, read: %+v", over, set)
		}
		kept := exchange.CollectionSetting{Root: "trust", Title: "Kept", Types: []string{"kept"}}
		if err := edit(&kept); err != nil {
			t.Fatal(err)
		}
		if !bytes.ContainsAny(text, `t\`) && (kept.Title != "Kept" || kept.Root != "trust") {
			t.Fatalf("%s changed what it does not name: %+v", text, kept)
		}
	})
}

func refusedWell(t *testing.T, err error) {
	t.Helper()
	if err != nil && taxii.KindOf(err) != taxii.Unprocessable {
		t.Fatalf("%v is %s", err, taxii.KindOf(err))
	}
}

func sameSettings(a, b exchange.CollectionSetting) bool {
	if len(a.Types) == 0 && len(b.Types) == 0 {
		a.Types, b.Types = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

// FuzzPath takes any path apart. What matches a route gives it its names, none of
// them empty, and the same path with a final slash matches the same.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"/admin/roots/", "/admin/roots/a%2Fb", "/admin/roots//", "/admin/roots/%2e%2e/collections/x/objects/", "/admin/accounts/%00", "/admin/%zz", "/admin", "",
	} {
		f.Add(seed)
	}
	table := routes()
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI("http://control" + path)
		if err != nil {
			return
		}
		segments := split(u)
		for _, route := range table {
			names, ok := route.match(segments)
			if !ok {
				continue
			}
			for name, value := range names {
				if value == "" || !strings.Contains(route.path, "{"+name+"}") {
					t.Fatalf("%q matches %s with %q for %s", path, route.path, value, name)
				}
			}
			if again := split(&url.URL{Path: strings.TrimSuffix(u.Path, "/") + "/", RawPath: strings.TrimSuffix(u.EscapedPath(), "/") + "/"}); !slices.Equal(again, segments) {
				t.Fatalf("%q is %q and, with a slash, %q", path, segments, again)
			}
		}
	})
}
