package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

const epoch = "1970-01-01T00:00:00.000000Z"

// queries that are walked over the demo's indicators.
var walked = []string{"", "match[version]=all", "match[version]=first", "match[version]=all&match[spec_version]=2.0,2.1", "match[type]=indicator,malware,relationship",
	"match[spec_version]=2.0", "match[type]=x-trust-sensor&match[version]=all"}

func TestWalksByNextAndByDateGiveTheSameWithEveryLimit(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R090", "R105", "R111", "R112", "R113", "R125", "R126", "R137", "R141", "R142", "R144", "R145", "R146", "R147", "R148", "R165",
		"R166", "R167", "R225", "R280", "K40", "K43", "K44", "K45", "K46", "K47", "K50")
	w := withContent()
	member := w.as(t, "member")
	for _, endpoint := range []string{"/objects/", "/manifest/"} {
		path := w.Collection(t, "indicators") + endpoint
		for _, query := range walked {
			whole := member.page(t, path+"?limit=1000&"+query)
			if whole.More || len(whole.Items) == 0 {
				t.Fatalf("%s: %d items and more is %v", query, len(whole.Items), whole.More)
			}
			for _, limit := range []int{1, 7, 20} {
				limited := fmt.Sprintf("%s&limit=%d", query, limit)
				same(t, "by next: "+limited, member.walk(t, path, limited), whole.Items)
				same(t, "by date: "+limited, member.walkByDate(t, path, limited), whole.Items)
			}
		}
	}
}

func TestVersionsAreReadInPagesToo(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R092", "R099", "R148", "R264", "K40", "K41", "K44", "K45", "K50")
	w := withContent()
	member, path := w.as(t, "member"), w.Collection(t, "indicators")+"/objects/threat-actor--d49b73d2-0045-43a6-9213-1bc42b8c7f09/versions/"
	want := []string{`"2025-11-10T10:00:00.000Z"`, `"2026-02-17T15:42:10.500Z"`, `"2026-08-30T09:00:00.000Z"`}
	same(t, "whole", member.page(t, path).Items, want)
	for _, limit := range []string{"limit=1", "limit=2", "limit=3"} {
		same(t, "by next", member.walk(t, path, limit), want)
		same(t, "by date", member.walkByDate(t, path, limit), want)
	}
	one := strings.TrimSuffix(path, "versions/")
	if got := member.walk(t, one, "match[version]=all&limit=1"); len(got) != 3 {
		t.Errorf("one object in pages: %q", got)
	}
}

func TestThePagesHeadersAreTheDatesOfItsFirstAndLast(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R059", "R060", "R061", "R062", "R064", "R221", "R232", "R247", "R261", "K50")
	w := withContent()
	member, c := w.as(t, "member"), w.Collection(t, "indicators")
	for _, query := range []string{"?limit=5", "?limit=1", "?match[type]=tool", "?match[version]=all&match[spec_version]=2.0,2.1"} {
		manifest := member.page(t, c+"/manifest/"+query)
		first, last := manifest.Items[0], manifest.Items[len(manifest.Items)-1]
		for _, p := range []page{manifest, member.page(t, c+"/objects/"+query)} {
			if p.First != dateAdded(t, first) || p.Last != dateAdded(t, last) {
				t.Errorf("%s: from %s to %s, wanted %s and %s", query, p.First, p.Last, first, last)
			}
		}
	}
	manifest := member.page(t, c+"/manifest/?match[version]=all&match[id]="+indicator)
	for _, rest := range []string{"/?match[version]=all", "/versions/"} {
		p := member.page(t, c+"/objects/"+indicator+rest)
		if p.First != dateAdded(t, manifest.Items[0]) || p.Last != dateAdded(t, manifest.Items[1]) {
			t.Errorf("%s: from %s to %s, wanted %s", rest, p.First, p.Last, manifest.Body)
		}
	}
	for _, path := range []string{"/taxii2/", "/trust/", "/trust/collections/", c + "/"} {
		if a := member.get(t, path); a.Header.Get("X-TAXII-Date-Added-First") != "" {
			t.Errorf("%s has dates", path)
		}
	}
}

func dateAdded(t *testing.T, record string) string { return field(t, record, "date_added") }

func TestNextAloneCarriesTheWholeQuery(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R113", "R145", "R151", "K35", "K40")
	w := withContent()
	member, path := w.as(t, "member"), w.Collection(t, "indicators")+"/objects/"
	start := member.page(t, path+"?limit=10").Last
	query := "match[type]=relationship,indicator&match[version]=all&match[spec_version]=2.1,2.0&added_after=" + start
	whole := member.page(t, path+"?"+query+"&limit=1000")
	for name, again := range map[string]string{"alone": "", "with the same": query, "in another order": "added_after=" + start +
		"&match[spec_version]=2.0,2.1&match[type]=indicator,relationship&match[version]=all", "with some": "match[version]=all"} {
		first := member.page(t, path+"?"+query+"&limit=3")
		items := first.Items
		for next, limit := first.Next, 1; next != ""; limit++ { // another limit for each page
			p := member.page(t, fmt.Sprintf("%s?%s&limit=%d&next=%s", path, again, limit, next))
			if len(p.Items) > limit {
				t.Errorf("limit %d gives %d", limit, len(p.Items))
			}
			items, next = append(items, p.Items...), p.Next
		}
		same(t, name, items, whole.Items)
	}
	first := member.page(t, path+"?"+query+"&limit=3")
	if rest := member.page(t, path+"?next="+first.Next); len(rest.Items)+3 != len(whole.Items) {
		t.Errorf("without limit the next page has %d of %d", len(rest.Items), len(whole.Items)-3)
	}
}

func TestWhatContradictsNextIs400NamingIt(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R093", "R150", "R151", "K40")
	w := withContent()
	member, path := w.as(t, "member"), w.Collection(t, "indicators")+"/objects/"
	plain := member.page(t, path+"?limit=1").Next
	full := member.page(t, path+"?limit=1&added_after="+epoch+"&match[id]="+indicator+",x&match[type]=indicator&match[version]=all&match[spec_version]=2.1").Next
	for name, values := range map[string][]string{
		"added_after": {"1970-01-01T00:00:00.000001Z", "2024-01-01T00:00:00Z"}, "match[id]": {indicator, "y"}, "match[type]": {"malware", "indicator,malware"},
		"match[version]": {"first", "last", "2024-01-01T00:00:00Z"}, "match[spec_version]": {"2.0", "2.0,2.1"},
	} {
		for _, value := range values {
			for _, next := range []string{plain, full} {
				e := refusal(t, member.get(t, path+"?limit=1&"+name+"="+value+"&next="+next), http.StatusBadRequest)
				if !strings.Contains(e.Title, name) {
					t.Errorf("the error does not name %s: %s", name, e.Title)
				}
			}
		}
	}
}

func TestACursorIsGoodForItsCollectionAndEndpointAlone(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R093", "R150", "R151", "K41", "K43")
	w := withContent()
	admin, c := w.as(t, "admin"), w.Collection(t, "indicators")
	cursors := map[string]string{}
	paths := []string{c + "/objects/", c + "/manifest/", c + "/objects/" + indicator + "/", c + "/objects/" + indicator + "/versions/",
		c + "/objects/malware--67f47f34-5b85-4c95-a2d1-1f2ea4d250bf/", w.Collection(t, "reports") + "/objects/", w.Collection(t, "operations") + "/objects/"}
	for _, path := range paths {
		cursors[path] = admin.page(t, path+"?limit=1&match[version]=all").Next
	}
	for from, next := range cursors {
		for _, to := range paths {
			a := admin.get(t, to+"?limit=1&next="+next)
			if from == to {
				good(t, a, http.StatusOK)
			} else if e := refusal(t, a, http.StatusBadRequest); !strings.Contains(e.Title, "next") {
				t.Errorf("the error does not name next: %s", e.Title)
			}
		}
	}
	if byAlias := admin.get(t, "/trust/collections/indicators/objects/?next="+cursors[c+"/objects/"]); byAlias.Status != http.StatusOK {
		t.Errorf("the alias is another collection: %s", byAlias.Body)
	}
}

func TestTheOptionToIgnoreAForeignCursorStartsOver(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K41")
	w := withContent()
	a := w.account(t, "ignore_foreign_cursor")
	indicators, reports := w.Collection(t, "indicators"), w.Collection(t, "reports")
	w.grant(t, a.name, indicators, "read")
	w.grant(t, a.name, reports, "read")
	foreign := a.page(t, indicators+"/objects/?limit=1").Next
	all := a.page(t, reports+"/objects/")
	same(t, "from the beginning", a.page(t, reports+"/objects/?next="+foreign).Items, all.Items)
	after := a.page(t, reports+"/objects/?limit=4").Last
	same(t, "from added_after", a.page(t, reports+"/objects/?added_after="+after+"&next="+foreign).Items, all.Items[4:])
	own := a.page(t, reports+"/objects/?limit=4").Next
	same(t, "its own cursor", a.page(t, reports+"/objects/?next="+own).Items, all.Items[4:])
	refusal(t, a.get(t, reports+"/objects/?next=x"), http.StatusBadRequest)
}

func TestACursorGrantsNothing(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R075", "R150", "R151", "R163", "K40")
	w := withContent()
	c := w.Collection(t, "indicators") + "/objects/"
	first := w.as(t, "member").page(t, c+"?limit=5")
	rest := w.as(t, "member").page(t, c+"?next="+first.Next)
	for _, name := range []string{"reader", "admin"} {
		same(t, name, w.as(t, name).page(t, c+"?next="+first.Next).Items, rest.Items)
	}
	hidden := w.Collection(t, "operations") + "/objects/"
	secret := w.as(t, "admin").page(t, hidden+"?limit=1").Next
	alike(t, "hidden", w.as(t, "reader").get(t, hidden+"?next="+secret), w.as(t, "reader").get(t, "/nowhere/?next="+secret))
	refusal(t, w.as(t, "reader").get(t, hidden+"?next="+secret), http.StatusNotFound)
	refusal(t, w.as(t, "").get(t, hidden+"?next="+secret), http.StatusUnauthorized)
	dropbox := w.Collection(t, "dropbox") + "/objects/"
	refusal(t, w.as(t, "member").get(t, dropbox+"?next="+w.as(t, "admin").page(t, dropbox+"?limit=1").Next), http.StatusForbidden)
	refusal(t, w.as(t, "reader").get(t, c+"?next="+secret), http.StatusBadRequest)
}

func TestAChangedCursorIs400(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R093", "R150", "K43")
	w := withContent()
	member, path := w.as(t, "member"), w.Collection(t, "indicators")+"/objects/"
	next := member.page(t, path+"?limit=1").Next
	bad := []string{next[1:], next[:len(next)-1], next + "A", next + "=", next + next, "AAAA", next[:11], next[:20], strings.Repeat("A", 200)}
	for i := 0; i < len(next)-1; i += 3 {
		other := byte('A')
		if next[i] == 'A' {
			other = 'B'
		}
		bad = append(bad, next[:i]+string(other)+next[i+1:])
	}
	for _, b := range bad {
		if e := refusal(t, member.get(t, path+"?next="+url.QueryEscape(b)), http.StatusBadRequest); !strings.Contains(e.Title, "next") {
			t.Errorf("the error does not name next: %s", e.Title)
		}
	}
}

func TestAnEmptyPageSaysHowFarTheClientHasRead(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R013", "R063", "R169", "R225", "R235", "R265", "K44", "K50", "K51", "K52")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	listed := w.account(t, "empty_list")
	w.grant(t, listed.name, c, "read")
	empty := func(query, date string) {
		t.Helper()
		for _, endpoint := range []string{"/objects/", "/manifest/"} {
			p := member.page(t, c+endpoint+query)
			if string(p.Body) != `{"more":false}` || p.First != date || p.Last != date {
				t.Errorf("%s%s: %s from %s to %s, wanted %s", endpoint, query, p.Body, p.First, p.Last, date)
			}
			if a := listed.get(t, c+endpoint+query); string(a.Body) != `{"more":false,"objects":[]}` || a.Header.Get("X-TAXII-Date-Added-Last") != date {
				t.Errorf("with the option: %s %v", a.Body, a.Header)
			}
		}
	}
	empty("", epoch)
	empty("?added_after=2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000000Z")
	empty("?added_after=2031-05-05T02:00:00.1234567%2B02:00", "2031-05-05T00:00:00.123456Z")
	member.add(t, c, observable(1), observable(2))
	last := member.page(t, c+"/objects/").Last
	empty("?added_after="+last, last)
	empty("?match[type]=tool", epoch)
	empty("?match[type]=tool&added_after="+last, last)
	for _, rest := range []string{"/", "/versions/"} {
		p := member.page(t, c+"/objects/"+id("domain-name", 1)+rest+"?match[spec_version]=1.0&added_after="+last)
		if p.First != last || p.Last != last || len(p.Items) != 0 {
			t.Errorf("%s: %s from %s to %s", rest, p.Body, p.First, p.Last)
		}
	}

	first := member.page(t, c+"/objects/?limit=1")
	good(t, member.delete(t, c+"/objects/"+id("domain-name", 2)+"/"), http.StatusOK)
	for _, query := range []string{"?next=" + first.Next, "?next=" + first.Next + "&limit=1"} {
		p := member.page(t, c+"/objects/"+query)
		if string(p.Body) != `{"more":false}` || p.Last != first.Last || p.First != first.Last {
			t.Errorf("after a deletion: %s, %s to %s, wanted %s", p.Body, p.First, p.Last, first.Last)
		}
	}
}

func TestWhoIsPagingMeetsWhatIsAddedAndMissesOnlyWhatIsDeleted(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R090", "R113", "R149", "R151", "R256", "K47", "K48")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	var objects []string
	for n := 1; n <= 10; n++ {
		objects = append(objects, object("indicator", n, day(1)))
	}
	member.add(t, c, objects...)
	p := member.page(t, c+"/objects/?limit=3")
	got := p.ids(t)
	member.add(t, c, object("indicator", 1, day(2)), object("indicator", 11, day(1)), object("indicator", 9, "2023-01-01T00:00:00.000Z"))
	for _, n := range []int{2, 5} { // passed, and not yet passed
		good(t, member.delete(t, c+"/objects/"+id("indicator", n)+"/"), http.StatusOK)
	}
	for p.More {
		p = member.page(t, c+"/objects/?limit=2&next="+p.Next)
		got = append(got, p.ids(t)...)
	}
	var want []string
	for _, n := range []int{1, 2, 3, 4, 6, 7, 8, 9, 10, 1, 11} {
		want = append(want, id("indicator", n))
	}
	same(t, "what came", got, want)
}

func TestMoreMayBeTrueBeforeAPageThatDeletionsEmptied(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R149", "K48", "K51")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	member.add(t, c, observable(1), observable(2), observable(3))
	p := member.page(t, c+"/manifest/?limit=1")
	for _, n := range []int{2, 3} {
		good(t, member.delete(t, c+"/objects/"+id("domain-name", n)+"/"), http.StatusOK)
	}
	if empty := member.page(t, c+"/manifest/?next="+p.Next); !p.More || empty.More || len(empty.Items) != 0 || empty.Last != p.Last {
		t.Errorf("%s", empty.Body)
	}
}

func TestAPageIsBoundedInOctetsButHoldsOneObject(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R108", "R110", "R111", "R142", "R152", "K34", "K44")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	const most = 4 << 20
	fill := strings.Repeat("f", 700_000)
	var want []string
	for n := range 9 {
		want = append(want, observable(n, `"x_fill":"`+fill+`"`))
	}
	want = append(want, observable(9, `"x_fill":"`+strings.Repeat("f", 5<<20)+`"`), observable(10))
	member.add(t, c, want[:9]...)
	member.add(t, c, want[9])
	member.add(t, c, want[10])
	var got []string
	for next := ""; ; {
		p := member.page(t, c+"/objects/?next="+next)
		if size := len(p.Body); size > most+1024 && len(p.Items) > 1 {
			t.Errorf("a page of %d octets with %d objects", size, len(p.Items))
		}
		if got, next = append(got, p.Items...), p.Next; next == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d objects came back changed", len(got))
	}
	if p := member.page(t, c+"/manifest/"); len(p.Items) != len(want) {
		t.Errorf("the manifest has %d records on a page", len(p.Items))
	}
}

func TestTheLastDateOfEachAddIsAWholeMillisecond(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R018", "R019", "R106", "R147", "R228", "K46")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	pace := time.NewTicker(100 * time.Millisecond) // 10 Adds a second
	defer pace.Stop()
	after := epoch
	for add := range 20 {
		member.add(t, c, observable(3*add), observable(3*add+1), observable(3*add+2))
		p := member.page(t, c+"/objects/?added_after="+after)
		if len(p.Items) != 3 || !strings.HasSuffix(p.Last, "000Z") || p.First >= p.Last || p.First <= after {
			t.Errorf("Add %d lies from %s to %s", add, p.First, p.Last)
		}
		if at, err := time.Parse(time.RFC3339Nano, p.Last); err != nil || time.Since(at).Abs() > 2*time.Second {
			t.Errorf("Add %d is dated %s: %v", add, p.Last, err)
		}
		if cut := p.Last[:len(p.Last)-4] + "Z"; len(member.page(t, c+"/objects/?added_after="+cut).Items) != 0 {
			t.Errorf("a client that cuts %s to milliseconds sees the tail again", p.Last)
		}
		after = p.Last
		<-pace.C
	}
}

func TestACursorWorksAfterARestartUntilItsKeyIsRetired(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R113", "K42")
	w := open(t, trial.Start(t))
	path := w.Collection(t, "indicators") + "/objects/"
	first := w.as(t, "member").page(t, path+"?limit=5&match[version]=all")
	rest := w.as(t, "member").page(t, path+"?next="+first.Next).Items
	w.Stop(t)
	w.Run(t)
	member := w.as(t, "member")
	same(t, "after a restart", member.page(t, path+"?next="+first.Next).Items, rest)
	keys, err := w.control.Keys(t.Context())
	if err != nil || len(keys) != 2 {
		t.Fatal(keys, err)
	}
	if _, err := w.control.RotateKey(t.Context(), "cursor", true); err != nil {
		t.Fatal(err)
	}
	same(t, "after a rotation", member.page(t, path+"?next="+first.Next).Items, rest)
	if err := w.control.RetireKey(t.Context(), keys[0].ID); err != nil {
		t.Fatal(err)
	}
	refusal(t, member.get(t, path+"?next="+first.Next), http.StatusBadRequest)
	again := member.page(t, path+"?limit=5&match[version]=all")
	same(t, "with the new key", member.page(t, path+"?next="+again.Next).Items, rest)
}
