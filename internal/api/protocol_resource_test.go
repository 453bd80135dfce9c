package api_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func discovery(t *testing.T, a actor) (d taxii.Discovery) {
	t.Helper()
	answer := a.get(t, "/taxii2/")
	good(t, answer, http.StatusOK)
	answer.JSON(t, &d)
	return d
}

func TestDiscoveryListsWhatTheAccountSeesInAbsoluteURLs(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R006", "R007", "R021", "R026", "R027", "R028", "R029", "R075", "R101", "R171", "R173", "R174", "R175", "R176", "R177",
		"R179", "R180", "K02", "K03", "K05", "K08", "K09", "K57")
	w := withContent()
	for account, least := range map[string]int{"admin": 2, "member": 1, "reader": 1} {
		a := w.as(t, account)
		d := discovery(t, a)
		if d.Title == "" || len(d.APIRoots) < least || !slices.Contains(d.APIRoots, d.Default) || d.Default != w.URL+w.DefaultRoot {
			t.Errorf("%s: discovery is %+v", account, d)
		}
		if slices.Contains(d.APIRoots, w.URL+"/open/") != (account == "admin") {
			t.Errorf("%s: roots are %q", account, d.APIRoots)
		}
		if len(slices.Compact(slices.Sorted(slices.Values(d.APIRoots)))) != len(d.APIRoots) {
			t.Errorf("a root twice in %q", d.APIRoots)
		}
		for _, root := range d.APIRoots {
			u, err := url.Parse(root)
			if err != nil || u.Scheme != "https" || u.RawQuery != "" || !strings.HasSuffix(root, "/") {
				t.Errorf("%s is no URL that everyone can use: %v", root, err)
			}
			good(t, a.get(t, strings.TrimPrefix(root, w.URL)), http.StatusOK)
		}
	}
}

func TestDiscoveryWithoutAnyRootToSee(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R013", "R067", "R068", "R172", "R175", "R176", "R180")
	w := withContent()
	a := w.account(t).get(t, "/taxii2/")
	good(t, a, http.StatusOK)
	if body := string(a.Body); strings.Contains(body, "api_roots") || strings.Contains(body, "default") || !strings.Contains(body, "title") {
		t.Errorf("who sees nothing is told %s", body)
	}
	refusal(t, w.as(t, "").get(t, "/taxii2/"), http.StatusUnauthorized)
}

func TestDiscoveryIgnoresQueryParameters(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R101", "R139", "K33")
	w := withContent()
	member := w.as(t, "member")
	for _, path := range []string{"/taxii2/", "/trust/", "/trust/collections/", w.Collection(t, "indicators") + "/"} {
		with, without := member.get(t, path+"?limit=0&added_after=x&match[id]=&x=%zz"), member.get(t, path)
		good(t, with, http.StatusOK)
		if string(with.Body) != string(without.Body) {
			t.Errorf("%s hears a query: %s", path, with.Body)
		}
	}
}

func TestAnAPIRootSaysWhatItHasTo(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R006", "R007", "R011", "R012", "R014", "R022", "R031", "R183", "R185", "R186", "R187", "R188", "R189", "K04", "K08")
	w := withContent()
	for _, path := range []string{"/trust/", "/open/"} {
		a := w.as(t, "admin").get(t, path)
		var root struct {
			Title, Description string
			Versions           []string
			Most               int64 `json:"max_content_length"`
		}
		a.JSON(t, &root)
		same(t, "versions", root.Versions, []string{"application/taxii+json;version=2.1"})
		if root.Title == "" || root.Description == "" || root.Most < 10_000_000 {
			t.Errorf("%s is %s", path, a.Body)
		}
	}
}

func TestRootNamesThatClientsCannotUseAreRefusedOrWarnedOf(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R029", "K04")
	w := writable()
	for _, name := range []string{"with.dot", "taxii2", "trust", "", "a//b", "ä", "a b"} {
		if _, err := w.control.AddRoot(t.Context(), exchange.RootSetting{Name: name, Title: "x"}); err == nil {
			t.Errorf("a root named %q was made", name)
		}
	}
	name := "r-" + taxii.NewID()
	warnings, err := w.control.AddRoot(t.Context(), exchange.RootSetting{Name: name + "/deep", Title: "x"})
	if err != nil || len(warnings) == 0 {
		t.Errorf("a root of two segments: %v, %v", warnings, err)
	}
	good(t, w.as(t, "admin").get(t, "/"+name+"/deep/"), http.StatusOK)
	refusal(t, w.as(t, "admin").get(t, "/"+name+"/"), http.StatusNotFound)
}

func collections(t *testing.T, a actor, root string) []taxii.Collection {
	t.Helper()
	answer := a.get(t, root+"collections/")
	good(t, answer, http.StatusOK)
	var list taxii.Collections
	answer.JSON(t, &list)
	return list.Collections
}

func TestCollectionsSayWhatThisAccountMayDo(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R006", "R007", "R010", "R022", "R033", "R034", "R075", "R101", "R210", "R212", "R214", "R215", "R216", "R217", "R218",
		"R219", "R220", "K06", "K07", "K08", "K66")
	w := withContent()
	want := map[string]map[string][2]bool{ // can_read, can_write
		"member": {"indicators": {true, true}, "reports": {true, false}, "dropbox": {false, true}},
		"reader": {"indicators": {true, false}, "reports": {true, false}},
		"admin":  {"indicators": {true, true}, "reports": {true, true}, "dropbox": {true, true}},
	}
	for account, may := range want {
		seen := map[string]taxii.Collection{}
		titles := map[string]bool{}
		for _, c := range collections(t, w.as(t, account), "/trust/") {
			if !taxii.IsID(c.ID) || c.Title == "" || titles[c.Title] || !slices.Contains(c.MediaTypes, "application/stix+json;version=2.1") {
				t.Errorf("%s: %+v", account, c)
			}
			seen[c.Alias], titles[c.Title] = c, true
			one := w.as(t, account).get(t, "/trust/collections/"+c.ID+"/")
			for _, name := range []string{`"can_read":true`, `"can_write":true`} {
				if strings.Contains(string(one.Body), name) != map[string]bool{`"can_read":true`: c.CanRead, `"can_write":true`: c.CanWrite}[name] {
					t.Errorf("%s: the list says %+v, the collection %s", account, c, one.Body)
				}
			}
		}
		for _, alias := range []string{"indicators", "reports", "dropbox"} {
			c, ok := seen[alias]
			rights, visible := may[alias]
			if ok != visible || ok && [2]bool{c.CanRead, c.CanWrite} != rights {
				t.Errorf("%s sees %s %v as %+v", account, alias, ok, c)
			}
		}
	}
}

func TestCanReadAndCanWriteAreKept(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R218", "R219", "R222", "R223", "R233", "R234", "R237", "R241", "R248", "R249", "R262", "R263", "K66")
	w := withContent()
	member := w.as(t, "member")
	dropbox, reports := w.Collection(t, "dropbox"), w.Collection(t, "reports")
	for _, path := range []string{"/objects/", "/manifest/", "/objects/x--1/", "/objects/x--1/versions/", "/objects/?limit=1"} {
		refusal(t, member.get(t, dropbox+path), http.StatusForbidden)
	}
	refusal(t, member.post(t, reports, envelopeOf(observable(1))), http.StatusForbidden)
	refusal(t, member.delete(t, reports+"/objects/x--1/"), http.StatusForbidden)
	refusal(t, member.delete(t, dropbox+"/objects/x--1/"), http.StatusForbidden)
	status(t, member.post(t, dropbox, envelopeOf(`{"not":"valid"}`)), http.StatusAccepted)
	good(t, member.get(t, reports+"/objects/"), http.StatusOK)
}

func TestCollectionsAreListedByIDAndAliasesWorkInPaths(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R042", "R091", "R214", "R217", "K06", "K07")
	w := writable()
	admin, root := w.as(t, "admin"), w.root(t, exchange.RootSetting{})
	for _, alias := range []string{"c", "a", "b", ""} {
		w.collection(t, exchange.CollectionSetting{Root: root, Alias: alias, Title: "Title " + alias})
	}
	var ids []string
	for _, c := range collections(t, admin, "/"+root+"/") {
		ids = append(ids, c.ID)
		if c.Alias == "" {
			continue
		}
		for _, path := range []string{"/", "/objects/", "/manifest/"} {
			byID, byAlias := admin.get(t, "/"+root+"/collections/"+c.ID+path), admin.get(t, "/"+root+"/collections/"+c.Alias+path)
			if string(byID.Body) != string(byAlias.Body) || byAlias.Status != http.StatusOK {
				t.Errorf("%s by its alias is %s", c.Alias, byAlias.Body)
			}
		}
	}
	if !slices.IsSorted(ids) || len(ids) != 4 {
		t.Errorf("not by id: %q", ids)
	}
	for _, set := range []exchange.CollectionSetting{
		{Root: root, Title: "Title a"}, {Root: root, Title: "another", Alias: "a"}, {Root: root, Title: "upper", ID: strings.ToUpper(taxii.NewID())},
		{Root: root, Title: "version 1", ID: "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
	} {
		if _, err := w.control.AddCollection(t.Context(), set); err == nil {
			t.Errorf("%+v was made", set)
		}
	}
}

func TestARootWithoutCollectionsToSeeHasAnEmptyResource(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R012", "R013", "R212", "R213", "K53")
	w := writable()
	root := w.root(t, exchange.RootSetting{})
	plain, listed := w.account(t), w.account(t, "empty_list")
	for a, want := range map[actor]string{plain: `{}`, listed: `{"collections":[]}`} {
		w.grant(t, a.name, root, "read")
		if got := a.get(t, "/"+root+"/collections/"); string(got.Body) != want || got.Status != http.StatusOK {
			t.Errorf("no collections: %d %s, wanted %s", got.Status, got.Body, want)
		}
	}
}

func TestRelativeAndAdvertisedRoots(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R175", "R177", "R178", "R179", "R181", "K02", "K03")
	w := writable()
	admin := w.as(t, "admin")
	relative := w.root(t, exchange.RootSetting{Relative: true})
	elsewhere := "https://taxii.example.com/" + taxii.NewID() + "/"
	name := w.root(t, exchange.RootSetting{Advertise: elsewhere})
	d := discovery(t, admin)
	for _, want := range []string{"/" + relative + "/", elsewhere} {
		if !slices.Contains(d.APIRoots, want) {
			t.Errorf("%s is not in %q", want, d.APIRoots)
		}
	}
	for _, root := range d.APIRoots {
		if strings.HasPrefix(root, "//") || strings.HasPrefix(root, "../") || strings.Contains(root, "?") {
			t.Errorf("%s cannot be an API Root", root)
		}
	}
	if !slices.Contains(d.APIRoots, d.Default) {
		t.Errorf("the default is %s", d.Default)
	}
	good(t, admin.get(t, "/"+relative+"/"), http.StatusOK)
	refusal(t, admin.get(t, "/"+name+"/"), http.StatusNotFound)
	refusal(t, admin.get(t, "/"+name+"/collections/"), http.StatusNotFound)
	for _, bad := range []string{"http://taxii.example.com/x/", "https://taxii.example.com/x/?a=b", "//x/", "x"} {
		if _, err := w.control.AddRoot(t.Context(), exchange.RootSetting{Name: "r-" + taxii.NewID(), Title: "x", Advertise: bad}); err == nil {
			t.Errorf("%s is advertised", bad)
		}
	}
}

func TestTheDefaultRootIsOneThatTheAccountSees(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R175", "R180", "K03", "K05")
	w := withContent() // where nothing is granted to anonymous
	root := w.root(t, exchange.RootSetting{})
	a := w.account(t)
	w.grant(t, a.name, root, "read")
	d := discovery(t, a)
	same(t, "roots", d.APIRoots, []string{w.URL + "/" + root + "/"})
	if d.Default != w.URL+"/"+root+"/" {
		t.Errorf("the default is %q", d.Default)
	}
}
