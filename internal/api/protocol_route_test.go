package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// indicator is an object of the demo's Collection of indicators, in two versions.
const indicator = "indicator--bde90a09-53dd-4353-80d8-7d02016842b1"

// resources are all paths that answer to GET, without final slash, and what the
// answer must have.
func resources(t *testing.T, w *world) map[string][]string {
	c := w.Collection(t, "indicators")
	return map[string][]string{
		"/taxii2":                   {"title", "api_roots"},
		"/trust":                    {"title", "versions", "max_content_length"},
		"/trust/collections":        {"collections"},
		c:                           {"id", "title", "can_read", "can_write"},
		c + "/manifest":             {"more", "objects"},
		c + "/objects":              {"more", "objects"},
		c + "/objects/" + indicator: {"more", "objects"},
		c + "/objects/" + indicator + "/versions": {"more", "versions"},
	}
}

func TestEveryResourceIsServedWithAndWithoutItsFinalSlash(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R022", "R025", "R026", "R027", "R031", "R033", "R034", "R035", "R036", "R038", "R040", "R041", "R048",
		"R066", "R283", "K01", "K09", "K16", "K17")
	w := withContent()
	member := w.as(t, "member")
	for path, members := range resources(t, w) {
		with, without := member.get(t, path+"/"), member.get(t, path)
		for _, a := range []trial.Answer{with, without} {
			good(t, a, http.StatusOK)
			var body map[string]any
			a.JSON(t, &body)
			for _, name := range members {
				if body[name] == nil {
					t.Errorf("%s lacks %s: %.200s", path, name, a.Body)
				}
			}
		}
		if string(with.Body) != string(without.Body) {
			t.Errorf("%s differs without its final slash", path)
		}
	}
}

func TestStatusAddAndDeleteAreServedWithoutFinalSlashToo(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R025", "R032", "R037", "R039", "R242", "R284", "K01")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	st := status(t, member.ask(t, "POST", c+"/objects", envelopeOf(object("indicator", 1, day(1)))), http.StatusAccepted)
	for _, path := range []string{"/trust/status/" + st.ID, "/trust/status/" + st.ID + "/"} {
		if again := status(t, member.get(t, path), http.StatusOK); again.ID != st.ID {
			t.Errorf("%s is the Status %s", path, again.ID)
		}
	}
	good(t, member.delete(t, c+"/objects/"+id("indicator", 1)), http.StatusOK)
}

func TestAPathThatIsNoResourceIsATAXIIErrorAndNeverARedirect(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R005", "R008", "R153", "R154", "R155", "R156", "R159", "R162", "R283", "K01", "K16", "K17")
	w := withContent()
	admin, c := w.as(t, "admin"), w.Collection(t, "indicators")
	paths := []string{
		"/", "//", "/.", "/..", "/%2e%2e/", "/%2F", "/taxii/", "/taxii2/x/", "/taxii2//", "//taxii2/", "/TAXII2/", "/trust//", "//trust/",
		"/trust/../taxii2/", "/taxii2/../trust/", "/trust/%2e%2e/taxii2/", "/trust/./", "/trust%2F", "/trust%2fcollections/", "/Trust/", "/TRUST/",
		"/trust/channels//", "/trust/channel/", "/trust/channels/%00/", "/taxii2/api-bases/x/", "/taxii2/api-bases//", "/taxii2/defaults/", "/trust/status/", "/trust/status//", "/trust/status/x/y/", "/nowhere/", "/nowhere/collections/", "/trust/%00/", "/trust/%ff/",
		"/taxii2.html", "/favicon.ico", "/robots.txt", "/index.html", "/.well-known/x",
	}
	for path := range resources(t, w) {
		root, last := path[:strings.LastIndexByte(path, '/')], path[strings.LastIndexByte(path, '/')+1:]
		paths = append(paths, path+"//", path+"/%2e%2e", path+"/../", path+"/./", path+"%2F", path+"/x/y/z/w/v/", path+"/%2F/",
			root+"//"+last, root+"/../"+last, root+"/%2e%2e/"+last+"/", "/"+path)
		if root != "" {
			paths = append(paths, root+"%2F"+last)
		}
		if upper := strings.ToUpper(path); upper != path {
			paths = append(paths, root+"/"+strings.ToUpper(last)+"/")
		}
	}
	for _, path := range paths {
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
			a := admin.ask(t, method, path, "")
			if method == "POST" && strings.HasPrefix(path, c+"/objects/") && a.Status == http.StatusMethodNotAllowed {
				continue // one segment, however odd, may be the id of an object
			}
			if a.Status != http.StatusNotFound {
				t.Errorf("%s %s is answered %d: %.120s", method, path, a.Status, a.Body)
			}
			if method != "HEAD" {
				checkError(t, a)
			}
		}
	}
}

func TestAPercentEncodedPathNamesTheSameSegments(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R038", "R041", "K06")
	w := withContent()
	member, c := w.as(t, "member"), w.Collection(t, "indicators")
	plain := member.get(t, c+"/objects/"+indicator+"/")
	escaped := member.get(t, c+"/objects/"+strings.ReplaceAll(indicator, "-", "%2D")+"/")
	good(t, escaped, http.StatusOK)
	if string(plain.Body) != string(escaped.Body) {
		t.Errorf("an escaped id is another: %s", escaped.Body)
	}
}

func TestAMethodThatAResourceLacksIs405WithAllow(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R005", "R154", "R162", "K16", "K17")
	w := withContent()
	admin := w.as(t, "admin")
	allow := map[string]string{
		w.Collection(t, "indicators") + "/objects":              "GET, HEAD, POST",
		w.Collection(t, "indicators") + "/objects/" + indicator: "GET, HEAD, DELETE",
		"/trust/status/" + indicator[11:]:                       "GET, HEAD",
	}
	paths := []string{"/trust/status/" + indicator[11:]}
	for path := range resources(t, w) {
		paths = append(paths, path)
	}
	for _, path := range paths {
		want := allow[path]
		if want == "" {
			want = "GET, HEAD"
		}
		for _, method := range []string{"PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"} {
			if slices.Contains(strings.Split(want, ", "), method) {
				continue
			}
			for _, slash := range []string{"", "/"} {
				a := admin.ask(t, method, path+slash, "")
				refusal(t, a, http.StatusMethodNotAllowed)
				if got := a.Header.Get("Allow"); got != want {
					t.Errorf("%s %s: Allow is %q, wanted %q", method, path, got, want)
				}
			}
		}
	}
}

func TestHEADSaysWhatGETWouldSay(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R005", "R048", "R059", "K16")
	w := withContent()
	member := w.as(t, "member")
	paths := []string{"/nowhere/", w.Collection(t, "dropbox") + "/objects/"}
	for path := range resources(t, w) {
		paths = append(paths, path+"/")
	}
	for _, path := range paths {
		get, head := member.get(t, path), member.ask(t, "HEAD", path, "")
		if head.Status != get.Status || len(head.Body) != 0 {
			t.Errorf("HEAD %s: %d with %d octets, GET has %d", path, head.Status, len(head.Body), get.Status)
		}
		for name := range get.Header {
			if name != "Date" && name != "X-Request-Id" && head.Header.Get(name) != get.Header.Get(name) {
				t.Errorf("HEAD %s: %s is %q, with GET %q", path, name, head.Header.Get(name), get.Header.Get(name))
			}
		}
	}
}

func TestUserAgentMayBeAbsent(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R058", "R065")
	w := withContent()
	a := w.as(t, "member").get(t, "/trust/", "User-Agent:")
	good(t, a, http.StatusOK)
	if a.Header.Get("Date") == "" {
		t.Error("no Date")
	}
}

func TestHeadersAbove32KiBAreATAXIIError(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R154", "R159", "R162", "K17")
	w := withContent()
	for _, account := range []string{"member", ""} {
		refusal(t, w.as(t, account).get(t, "/trust/", "X-Much: "+strings.Repeat("x", 33<<10)), http.StatusRequestHeaderFieldsTooLarge)
		refusal(t, w.as(t, account).get(t, "/trust/?x="+strings.Repeat("x", 33<<10)), http.StatusRequestHeaderFieldsTooLarge)
	}
	ids := strings.Repeat("indicator--bde90a09-53dd-4353-80d8-7d02016842b1,", 500)
	good(t, w.as(t, "member").get(t, w.Collection(t, "indicators")+"/objects/?match[id]="+ids[:len(ids)-1]), http.StatusOK)
}
