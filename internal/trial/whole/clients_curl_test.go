package whole_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// thing is what is read of an object to know which filters choose it.
type thing struct {
	raw                      []byte
	ID, Type, Modified, Spec string
}

func things(t *testing.T, objects [][]byte) (list []thing) {
	t.Helper()
	for _, raw := range objects {
		var one struct {
			ID, Type, Created, Modified string
			SpecVersion                 string `json:"spec_version"`
		}
		if err := json.Unmarshal(raw, &one); err != nil {
			t.Fatal(err)
		}
		if one.SpecVersion == "" && one.Created != "" { // objects without versions are all of 2.1 here
			one.SpecVersion = "2.0"
		}
		list = append(list, thing{raw, one.ID, one.Type, one.Modified, one.SpecVersion})
	}
	return list
}

// those gives the bytes of the things that are wanted.
func those(list []thing, wanted func(thing) bool) (objects [][]byte) {
	for _, one := range list {
		if wanted(one) {
			objects = append(objects, one.raw)
		}
	}
	return objects
}

// TestCurlDoesAllThatTheStandardHas uses curl as people do: it asks for every
// resource, with every filter, adds, looks at the Status, deletes, and is refused.
func TestCurlDoesAllThatTheStandardHas(t *testing.T) {
	trial.Covers(t, "R031", "R032", "R033", "R034", "R035", "R036", "R037", "R038", "R039", "R040", "R068", "R102", "R108", "R114", "R116", "R117",
		"R236", "R242", "R252", "R255", "K10", "K24", "K32", "K40", "K55", "K62", "K67")
	t.Parallel()
	s := trial.Start(t, "--empty")
	c := newCurl(t, s)
	objects := trial.Objects(33, 150)
	path, other := s.Collection(t, "indicators"), s.Collection(t, "reports")
	curlDiscovers(t, c, path)
	for i := 0; i < len(objects); i += 50 {
		curlAdds(t, c, path, objects[i:i+50])
	}
	list := things(t, objects)
	curlFilters(t, c, path, list)
	curlLooksAtOne(t, c, path, list)
	curlIsRefused(t, c, path, other)
	curlDeletes(t, c, path, list)
}

// reply asks for a path with further lines of configuration, and gives the
// answer whatever its status is.
func (c *curl) reply(t *testing.T, path string, lines ...string) trial.Answer {
	t.Helper()
	config := fmt.Appendf(nil, "no-fail\nwrite-out = \"\\n%%{http_code} %%{content_type}\"\nurl = %q\n%s\n", c.server.URL+path, strings.Join(lines, "\n"))
	out := c.run(t, config)
	at := bytes.LastIndexByte(out, '\n')
	code, media, _ := strings.Cut(string(out[at+1:]), " ")
	status, err := strconv.Atoi(code)
	if err != nil || media != taxii.MediaType {
		t.Fatalf("%s: %q, as %q: %.300s", path, code, media, out)
	}
	return trial.Answer{Status: status, Body: out[:at], Header: http.Header{}}
}

// all walks the pages of a query, with curl, a page of at most limit objects at a
// time, and gives the bytes of what it chose.
func (c *curl) all(t *testing.T, path, query string, limit int) (objects [][]byte) {
	t.Helper()
	for next := ""; ; {
		a := status(t, c.reply(t, fmt.Sprintf("%s/?%s&limit=%d&next=%s", path, query, limit, next)), 200)
		part, more, after, err := trial.SplitBody(a.Body)
		if err != nil || len(part) > limit || more != (after != "") {
			t.Fatalf("%s: a page of %d with more %v, next %q: %v", query, len(part), more, after, err)
		}
		objects = append(objects, part...)
		if next = after; !more {
			return objects
		}
	}
}

func curlDiscovers(t *testing.T, c *curl, path string) {
	var discovery taxii.Discovery
	status(t, c.reply(t, "/taxii2/"), 200).JSON(t, &discovery)
	if want := c.server.URL + c.server.DefaultRoot; discovery.Default != want || len(discovery.APIRoots) == 0 {
		t.Errorf("discovery is %+v, want %s", discovery, want)
	}
	var root taxii.APIRoot
	status(t, c.reply(t, c.server.DefaultRoot), 200).JSON(t, &root)
	var list struct{ Collections []taxii.Collection }
	status(t, c.reply(t, c.server.DefaultRoot+"collections/"), 200).JSON(t, &list)
	var one taxii.Collection
	status(t, c.reply(t, path+"/"), 200).JSON(t, &one)
	if len(root.Versions) != 1 || len(list.Collections) == 0 || !strings.HasSuffix(path, one.ID) || !one.CanRead || !one.CanWrite {
		t.Errorf("root %+v, collections %+v, one %+v", root, list, one)
	}
}

// curlAdds posts a file, and looks at the Status that this is answered with.
func curlAdds(t *testing.T, c *curl, path string, objects [][]byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "envelope.json")
	write(t, file, trial.Envelope(objects...))
	post := []string{fmt.Sprintf("data-binary = %q", "@"+file), `header = "Content-Type: application/taxii+json; version=2.1"`}
	for range 2 { // the second time it is all there
		a := status(t, c.reply(t, path+"/objects/", post...), http.StatusAccepted)
		var st taxii.Status
		a.JSON(t, &st)
		if st.Status != "complete" || st.TotalCount != len(objects) || st.SuccessCount != len(objects) || len(st.Successes) != len(objects) {
			t.Fatalf("the Status is %.300s", a.Body)
		}
		if again := status(t, c.reply(t, c.server.DefaultRoot+"status/"+st.ID+"/"), 200); !bytes.Equal(again.Body, a.Body) {
			t.Errorf("the Status was %s\nand is %s", a.Body, again.Body)
		}
	}
}

// curlFilters compares what each filter chooses with what was added, byte for
// byte, and the records of the manifest with it.
func curlFilters(t *testing.T, c *curl, path string, list []thing) {
	newest, oldest := map[string]string{}, map[string]string{}
	for _, one := range list {
		if v, there := newest[one.ID]; !there || one.Modified > v {
			newest[one.ID] = one.Modified
		}
		if v, there := oldest[one.ID]; !there || one.Modified < v {
			oldest[one.ID] = one.Modified
		}
	}
	records := c.all(t, path+"/manifest", trial.AllVersions, 50)
	var half taxii.ManifestRecord
	if err := json.Unmarshal(records[len(list)/2], &half); err != nil {
		t.Fatal(err)
	}
	after := map[string]bool{}
	for _, one := range list[len(list)/2+1:] {
		after[string(one.raw)] = true
	}
	latest := func(one thing) bool { return one.Modified == newest[one.ID] }
	first := func(one thing) bool { return one.Modified == oldest[one.ID] }
	moment := several(t, list)
	for query, wanted := range map[string]func(thing) bool{
		"":                                          latest,
		trial.AllVersions:                           func(thing) bool { return true },
		"match[version]=last":                       latest,
		"match[version]=first":                      first,
		"match[version]=first,last":                 func(one thing) bool { return first(one) || latest(one) },
		"match[spec_version]=2.0":                   func(one thing) bool { return latest(one) && one.Spec == "2.0" },
		"match[type]=indicator,malware":             func(one thing) bool { return latest(one) && (one.Type == "indicator" || one.Type == "malware") },
		"match[id]=" + moment.ID:                    func(one thing) bool { return latest(one) && one.ID == moment.ID },
		"match%5Bid%5D=" + moment.ID + "%2Ctool--x": func(one thing) bool { return latest(one) && one.ID == moment.ID },
		"match[id]=" + moment.ID + "&match[version]=" + moment.Modified: func(one thing) bool { return one.ID == moment.ID && one.Modified == moment.Modified },
		"match[id]=" + moment.ID + "&match[type]=x-none":                func(thing) bool { return false },
		trial.AllVersions + "&added_after=" + half.DateAdded.String():   func(one thing) bool { return after[string(one.raw)] },
		trial.AllVersions + "&added_after=2999-01-01T00:00:00%2B01:00":  func(thing) bool { return false },
		trial.AllVersions + "&match[type]=indicator&confidence=80":      func(one thing) bool { return one.Type == "indicator" },
	} {
		want := those(list, wanted)
		trial.Same(t, query, c.all(t, path+"/objects", query, 60), want)
		if got := c.all(t, path+"/manifest", query, 200); len(got) != len(want) {
			t.Errorf("%s: %d records of %d objects", query, len(got), len(want))
		}
	}
}

// several is a version of an object of which there are others.
func several(t *testing.T, list []thing) thing {
	t.Helper()
	for _, one := range list {
		if n := len(those(list, func(o thing) bool { return o.ID == one.ID })); n > 1 && one.Modified != "" {
			return one
		}
	}
	t.Fatal("no object has several versions")
	return thing{}
}

// curlLooksAtOne reads one object in all of its versions, and their list.
func curlLooksAtOne(t *testing.T, c *curl, path string, list []thing) {
	one := several(t, list)
	of := func(o thing) bool { return o.ID == one.ID }
	trial.Same(t, "all versions of one", c.all(t, path+"/objects/"+one.ID, "match[version]=all", 1), those(list, of))
	var got struct{ Versions []string }
	status(t, c.reply(t, path+"/objects/"+one.ID+"/versions/"), 200).JSON(t, &got)
	var want []string
	for _, o := range list {
		if of(o) {
			want = append(want, o.Modified)
		}
	}
	if strings.Join(got.Versions, " ") != strings.Join(want, " ") {
		t.Errorf("its versions are %q, want %q", got.Versions, want)
	}
}

// curlIsRefused asks for what cannot be had.
func curlIsRefused(t *testing.T, c *curl, path, other string) {
	reader := fmt.Sprintf("user = %q", "reader:"+c.server.Password(t, "reader"))
	post := []string{`data = "{\"objects\":[{\"type\":\"tool\"}]}"`, `header = "Content-Type: application/taxii+json"`}
	for _, refused := range []struct {
		status int
		path   string
		lines  []string
	}{
		{401, "/taxii2/", []string{`user = "admin:wrong"`}},
		{403, path + "/objects/", append([]string{reader}, post...)},
		{404, c.server.DefaultRoot + "collections/00000000-0000-4000-8000-000000000000/", nil},
		{404, path + "/objects/tool--00000000-0000-4000-8000-000000000000/", nil},
		{404, "/nowhere/", nil},
		{400, path + "/objects/?limit=0", nil},
		{400, path + "/objects/?match[type]=tool&match[type]=malware", nil},
		{400, other + "/objects/?next=broken", nil},
		{405, path + "/objects/", []string{`request = "PUT"`}},
		{415, path + "/objects/", []string{post[0], `header = "Content-Type: text/plain"`}},
		{422, path + "/objects/", []string{`data = "{"`, post[1]}},
	} {
		var e taxii.Error
		status(t, c.reply(t, refused.path, refused.lines...), refused.status).JSON(t, &e)
		if e.Title == "" {
			t.Errorf("%s: an error without a title", refused.path)
		}
	}
	html := &curl{c.server, strings.Replace(c.common, taxii.MediaType, "text/html", 1)}
	status(t, html.reply(t, path+"/objects/"), 406)
}

// curlDeletes deletes one version, and then the object.
func curlDeletes(t *testing.T, c *curl, path string, list []thing) {
	one := several(t, list)
	object := path + "/objects/" + one.ID
	rest := func(o thing) bool { return o.ID == one.ID && o.Modified != one.Modified }
	for _, query := range []string{"/?match[version]=" + one.Modified, "/"} {
		if a := status(t, c.reply(t, object+query, `request = "DELETE"`), 200); string(a.Body) != "{}" {
			t.Errorf("the answer to a DELETE is %s", a.Body)
		}
		if query != "/" {
			trial.Once(t, "what is left of it", c.all(t, object, "match[version]=all", 5), those(list, rest))
		}
	}
	status(t, c.reply(t, object+"/"), 404)
	trial.Once(t, "the others", c.all(t, path+"/objects", trial.AllVersions, 60), those(list, func(o thing) bool { return o.ID != one.ID }))
}
