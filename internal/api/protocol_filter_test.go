package api_test

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// sample is a Collection with some objects, each in versions, by short names:
// i1 to i3 an indicator added as 2, 1, 3; m1 to m3 malware, of which m2 is 2.1
// and the others 2.0; dn an observable; t1 and t5 a tool of 2.0; mk a marking
// definition, which has only created.
type sample struct {
	actor
	path    string
	names   map[string]string // of an object, or of id and version
	dates   map[string]string // date_added, by name
	shown   string            // the version under which dn is shown
	content map[string]string
}

var theSample = sync.OnceValue(func() *sample { return newSample(whole) })

func newSample(t testing.TB) *sample {
	w := writable()
	s := &sample{actor: w.as(t, "member"), path: w.collection(t), names: map[string]string{}, dates: map[string]string{}, content: map[string]string{}}
	for _, o := range []struct{ name, object string }{
		{"i2", object("indicator", 1, day(2))}, {"i1", object("indicator", 1, day(1))}, {"i3", object("indicator", 1, day(3))},
		{"m1", object20("malware", 2, day(1))}, {"m2", object("malware", 2, day(2))}, {"m3", object20("malware", 2, day(3))},
		{"dn", observable(3)}, {"t1", object20("tool", 4, day(1))}, {"t5", object20("tool", 4, day(5))},
		{"mk", fmt.Sprintf(`{"type":"marking-definition","id":%q,"spec_version":"2.1","created":"2020-01-01T00:00:00.000Z"}`, id("marking-definition", 5))},
	} {
		st := s.add(t, s.path, o.object)
		version := st.Successes[0].Version
		s.names[o.object], s.names[st.Successes[0].ID+" "+version], s.content[o.name] = o.name, o.name, o.object
		if o.name == "dn" {
			s.shown = version
		}
	}
	for _, record := range s.page(t, s.path+"/manifest/?match[version]=all&match[spec_version]=2.0,2.1").Items {
		s.dates[s.names[field(t, record, "id")+" "+field(t, record, "version")]] = field(t, record, "date_added")
	}
	return s
}

// named gives the short names of items.
func (s *sample) named(t testing.TB, p page) (names []string) {
	t.Helper()
	for _, item := range p.Items {
		name := s.names[item]
		if name == "" {
			name = s.names[field(t, item, "id")+" "+version(t, item)]
		}
		names = append(names, name)
	}
	return names
}

// query writes parameters with their brackets and what else must be escaped.
func (s *sample) query(text string) string {
	for name, date := range s.dates {
		text = strings.ReplaceAll(text, "{@"+name+"}", date)
	}
	return strings.NewReplacer("{shown}", s.shown, "{i}", id("indicator", 1), "{m}", id("malware", 2), "{dn}", id("domain-name", 3),
		"{t}", id("tool", 4), "{mk}", id("marking-definition", 5), "+", "%2B", " ", "%20").Replace(text)
}

// selections are queries and what they select, by date_added.
func selections() map[string]string {
	return map[string]string{
		"":                          "i3 m2 dn t5 mk",
		"match[version]=last":       "i3 m2 dn t5 mk",
		"match[version]=first":      "i1 m2 dn t1 mk",
		"match[version]=all":        "i2 i1 i3 m2 dn t1 t5 mk",
		"match[version]=first,last": "i1 i3 m2 dn t1 t5 mk",
		"match[version]=last,first": "i1 i3 m2 dn t1 t5 mk",
		"match[version]=2024-01-01T00:00:00.000Z":                          "i1 t1",
		"match[version]=2024-01-01T00:00:00.000Z,2024-01-03T00:00:00.000Z": "i1 i3 t1",
		"match[version]=last,2024-01-01T00:00:00.000Z":                     "i1 i3 m2 dn t1 t5 mk",
		"match[version]=2024-01-01T00:00:00Z":                              "i1 t1",
		"match[version]=2024-01-01T00:00:00.0Z":                            "i1 t1",
		"match[version]=2024-01-01T00:00:00.000000000Z":                    "i1 t1",
		"match[version]=2024-01-01T02:00:00+02:00":                         "i1 t1",
		"match[version]=2024-01-01T00:00:00.0001Z":                         "",
		"match[version]=2020-01-01T00:00:00.000Z":                          "mk", // created counts where there is no modified alone
		"match[version]={shown}":                                           "dn",
		"match[version]=something":                                         "",
		"match[spec_version]=2.0":                                          "m3 t5",
		"match[spec_version]=2.1":                                          "i3 m2 dn mk",
		"match[spec_version]=2.0,2.1":                                      "i3 m2 m3 dn t5 mk",
		"match[spec_version]=2.1,2.0&match[version]=all":                   "i2 i1 i3 m1 m2 m3 dn t1 t5 mk",
		"match[spec_version]=2.0&match[version]=first":                     "m1 t1",
		"match[spec_version]=2.0,2.1&match[version]=first":                 "i1 m1 m2 dn t1 mk",
		"match[spec_version]=2.0,2.1&match[version]=2024-01-01T00:00:00Z":  "i1 m1 t1",
		"match[spec_version]=3.0":                                          "",
		"match[id]={i}":                                                    "i3",
		"match[id]={i},{t}":                                                "i3 t5",
		"match[id]={t},{i},{t},x--1":                                       "i3 t5",
		"match[id]=x--1":                                                   "",
		"match[type]=indicator":                                            "i3",
		"match[type]=tool,domain-name":                                     "dn t5",
		"match[type]=x-unknown":                                            "",
		"match[type]=tool&match[id]={i}":                                   "",
		"match[type]=tool,indicator&match[id]={i},{m}":                     "i3",
		"match[type]=tool&match[version]=first":                            "t1",
		"match[type]=malware&match[spec_version]=2.0":                      "m3",
		"match[id]={i},{m}&match[type]=indicator,malware&match[version]=first,2024-01-02T00:00:00Z&match[spec_version]=2.1,2.0":                           "i2 i1 m1 m2",
		"match[id]={i},{m}&match[type]=indicator,malware&match[version]=first,2024-01-02T00:00:00Z&match[spec_version]=2.1,2.0&added_after={@i2}":         "i1 m1 m2",
		"match[id]={i},{m}&match[type]=indicator,malware&match[version]=first,2024-01-02T00:00:00Z&match[spec_version]=2.1,2.0&added_after={@i2}&limit=2": "i1 m1",
		"added_after={@m2}":                    "dn t5 mk",
		"added_after={@i3}":                    "m2 dn t5 mk", // the latest is chosen over the whole Collection, not after the date
		"added_after={@i2}&match[version]=all": "i1 i3 m2 dn t1 t5 mk",
		"added_after={@mk}":                    "",
		"limit=2":                              "i3 m2",
		"added_after={@i3}&limit=1":            "m2",
		"match[ID]={i}":                        "i3 m2 dn t5 mk",
		"match[x]=y&match[]=z&match=a&modified_after=2030-01-01T00:00:00Z&confidence=80&x=%41":   "i3 m2 dn t5 mk",
		"next=&added_after=&limit=&match[id]=&match[type]=&match[version]=&match[spec_version]=": "i3 m2 dn t5 mk",
		"next=&next=&limit=&limit=": "i3 m2 dn t5 mk",
		"&&=&=x&added_after":        "i3 m2 dn t5 mk",
	}
}

func TestFiltersSelectObjectsAndRecordsAlike(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R004", "R090", "R094", "R095", "R096", "R100", "R102", "R105", "R106", "R108", "R109", "R114", "R116", "R117", "R118", "R120",
		"R121", "R122", "R123", "R124", "R125", "R126", "R127", "R128", "R131", "R133", "R134", "R136", "R137", "R139", "R141", "R232", "R235",
		"R276", "R277", "R278", "R284", "K30", "K32", "K33", "K47", "K55")
	s := theSample()
	for query, want := range selections() {
		for _, endpoint := range []string{"/objects/", "/manifest/"} {
			p := s.page(t, s.path+endpoint+"?"+s.query(query))
			if got := strings.Join(s.named(t, p), " "); got != want {
				t.Errorf("%s%s selects %q, wanted %q", endpoint, query, got, want)
			}
		}
	}
}

func TestBracketsAndCommasMayBeEscaped(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R117", "K32")
	s := theSample()
	for _, query := range []string{"match%5Btype%5D=tool%2Cdomain-name", "match%5btype%5d=tool%2cdomain-name", "match[type]=tool%2Cdomain%2Dname",
		"%6Datch[type]=tool,domain-name"} {
		if got := strings.Join(s.named(t, s.page(t, s.path+"/objects/?"+query)), " "); got != "dn t5" {
			t.Errorf("%s selects %q", query, got)
		}
	}
}

func TestOneObjectIsReadLikeObjectsWithItsID(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R038", "R041", "R097", "R118", "R126", "R127", "R131", "R133", "R134", "R164", "R168", "R247", "R250", "R251")
	s := theSample()
	for _, query := range []string{"", "match[version]=first", "match[version]=all", "match[version]=first,last", "match[spec_version]=2.0",
		"match[spec_version]=2.0,2.1&match[version]=all", "match[version]=2024-01-02T00:00:00Z", "match[version]={shown}", "added_after={@m2}",
		"limit=1&match[version]=all", "match[spec_version]=7"} {
		for _, name := range []string{"{i}", "{m}", "{dn}", "{t}", "{mk}"} {
			one := s.page(t, s.path+"/objects/"+s.query(name)+"/?"+s.query(query))
			many := s.page(t, s.path+"/objects/?match[id]="+s.query(name)+"&"+s.query(query))
			same(t, name+" "+query, one.Items, many.Items)
			if one.First != many.First || one.Last != many.Last {
				t.Errorf("%s %s: the dates are %s %s and %s %s", name, query, one.First, one.Last, many.First, many.Last)
			}
		}
	}
	ignored := s.page(t, s.path+"/objects/"+s.query("{i}")+"/?match[type]=tool&match[id]=x")
	same(t, "filters that one object does not have", s.named(t, ignored), []string{"i3"})
	refusal(t, s.get(t, s.path+"/objects/x--1/"), http.StatusNotFound)
	refusal(t, s.get(t, s.path+"/objects/x--1/?match[version]=all"), http.StatusNotFound)
}

func TestVersionsOfAnObject(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R040", "R092", "R099", "R134", "R261", "R264", "R265", "R266", "R284", "K44", "K50")
	s := theSample()
	for query, want := range map[string][]string{
		"{i}/versions/":                             {day(2), day(1), day(3)},
		"{i}/versions/?match[version]=first":        {day(2), day(1), day(3)}, // it has no match[version]
		"{i}/versions/?limit=2":                     {day(2), day(1)},
		"{i}/versions/?added_after={@i2}":           {day(1), day(3)},
		"{m}/versions/":                             {day(2)},
		"{m}/versions/?match[spec_version]=2.0":     {day(1), day(3)},
		"{m}/versions/?match[spec_version]=2.0,2.1": {day(1), day(2), day(3)},
		"{dn}/versions/":                            {s.shown},
		"{mk}/versions/":                            {"2020-01-01T00:00:00.000Z"},
	} {
		p := s.page(t, s.path+"/objects/"+s.query(query))
		var got []string
		for _, item := range p.Items {
			got = append(got, strings.Trim(item, `"`))
		}
		same(t, query, got, want)
	}
	for _, query := range []string{"match[spec_version]=7", "added_after={@mk}"} {
		if p := s.page(t, s.path+"/objects/"+s.query("{i}/versions/?"+query)); string(p.Body) != `{}` {
			t.Errorf("%s is %s", query, p.Body)
		}
	}
	refusal(t, s.get(t, s.path+"/objects/x--1/versions/"), http.StatusNotFound)
}

// A version that is named twice is an error (R130) where it is the same text;
// two spellings of one time are two values, and select what each alone selects.
func TestOneVersionInTwoSpellingsIsAnsweredLikeEither(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R131")
	s := theSample()
	spellings := []string{"2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00Z", "2024-01-01T02:00:00%2B02:00"}
	paths := []string{"/objects/", "/manifest/", "/objects/" + id("indicator", 1) + "/"}
	for _, path := range paths {
		alone := s.page(t, s.path+path+"?match[version]="+spellings[0])
		if len(alone.Items) == 0 {
			t.Errorf("%s: nothing is selected", path)
		}
		for _, list := range [][]string{{spellings[1]}, spellings[:2], {spellings[1], spellings[0]}, spellings} {
			p := s.page(t, s.path+path+"?match[version]="+strings.Join(list, ","))
			if string(p.Body) != string(alone.Body) || p.First != alone.First || p.Last != alone.Last {
				t.Errorf("%s: %q gives %s, one of them alone %s", path, list, p.Body, alone.Body)
			}
		}
		refusal(t, s.get(t, s.path+path+"?match[version]="+spellings[0]+","+spellings[0]), http.StatusBadRequest)
	}
}

func TestManifestRecordsStandForVersions(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R035", "R221", "R224", "R226", "R227", "R228", "R229", "R230", "R231", "R282", "R018", "R019", "R020")
	s := theSample()
	p := s.page(t, s.path+"/manifest/?match[version]=all&match[spec_version]=2.0,2.1")
	var last string
	for _, record := range p.Items {
		added, err := time.Parse("2006-01-02T15:04:05.000000Z", field(t, record, "date_added"))
		if err != nil || time.Since(added).Abs() > time.Hour || field(t, record, "date_added") <= last {
			t.Errorf("date_added of %s: %v", record, err)
		}
		last = field(t, record, "date_added")
		name := s.names[field(t, record, "id")+" "+field(t, record, "version")]
		want := "application/stix+json;version=2.1"
		if strings.Contains("m1 m3 t1 t5", name) {
			want = "application/stix+json;version=2.0"
		}
		if field(t, record, "media_type") != want {
			t.Errorf("%s is %s", name, record)
		}
	}
	if len(p.Items) != 10 || p.First != s.dates["i2"] || p.Last != last {
		t.Errorf("%d records from %s to %s", len(p.Items), p.First, p.Last)
	}
	if shown := s.dates["dn"]; s.shown != shown {
		t.Errorf("an object without a time is shown as %s, added %s", s.shown, shown)
	}
}

func TestMalformedParametersAre400(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R093", "R103", "R104", "R107", "R115", "R129", "R130", "R138", "R222", "R233", "R248", "R262", "K32")
	s := theSample()
	common := []string{"limit=0", "limit=-1", "limit=1.5", "limit=x", "limit=+1", "limit=%201", "limit=1e3", "limit=0x1", "limit=1&limit=1", "limit=1&limit=2",
		"added_after=x", "added_after=2024-13-01T00:00:00Z", "added_after=2024-01-01", "added_after=2024-01-01T00:00:00", "added_after=1700000000",
		"added_after=2024-01-01T00:00:00Z&added_after=2024-01-01T00:00:00Z", "added_after=2024-01-01T00:00:00.Z", "added_after=0000-01-01T00:00:00Z",
		"added_after=2024-01-01T00:00:00.1234567890Z", "added_after=2023-02-29T00:00:00Z", "next=x", "next=%20", "next=a&next=a", "limit=%zz", "next=%ff", "next=%00",
		"match[spec_version]=2.1,,2.0", "match[spec_version]=,", "match[spec_version]=2.1&match[spec_version]=2.0", "match[spec_version]=%ff"}
	withVersion := []string{"match[version]=all,last", "match[version]=first,all", "match[version]=first,first", "match[version]=first&match[version]=last",
		"match[version]=2024-01-01T00:00:00Z,2024-01-01T00:00:00Z", "match[version]=,first", "match[version]=a%0ab"}
	withID := []string{"match[id]=a&match[id]=b", "match[type]=a&match[type]=a", "match[id]=a,,b", "match[type]=a,", "match%5Btype%5D=a&match[type]=b", "match[id]=%e4"}
	for path, queries := range map[string][][]string{
		"/objects/": {common, withVersion, withID}, "/manifest/": {common, withVersion, withID},
		"/objects/" + id("indicator", 1) + "/": {common, withVersion}, "/objects/" + id("indicator", 1) + "/versions/": {common},
	} {
		for _, list := range queries {
			for _, query := range list {
				e := refusal(t, s.get(t, s.path+path+"?"+query), http.StatusBadRequest)
				name, _, _ := strings.Cut(query, "=")
				if name, _ = url.QueryUnescape(name); !strings.Contains(e.Title, name) {
					t.Errorf("%s%s: the error does not name %s: %s", path, query, name, e.Title)
				}
			}
		}
	}
}

func TestAddedAfterTakesEveryFormOfATime(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R102", "R103", "R140", "K31")
	s := theSample()
	at, err := time.Parse(time.RFC3339Nano, s.dates["m2"])
	if err != nil {
		t.Fatal(err)
	}
	after := func(when string) string {
		return strings.Join(s.named(t, s.page(t, s.path+"/objects/?added_after="+when)), " ")
	}
	all, rest := "i3 m2 dn t5 mk", "dn t5 mk"
	here := at.In(time.FixedZone("", 2*3600+1800))
	for when, want := range map[string]string{
		at.Format("2006-01-02T15:04:05.000000Z"):                                        rest,
		at.Format("2006-01-02T15:04:05.000000") + "999Z":                                rest, // cut, not rounded
		at.Add(-time.Microsecond).Format("2006-01-02T15:04:05.000000") + "999Z":         "m2 " + rest,
		url.QueryEscape(here.Format("2006-01-02T15:04:05.000000-07:00")):                rest,
		strings.ReplaceAll(here.Format("2006-01-02T15:04:05.000000-07:00"), "+", "%20"): rest,
		here.Format("2006-01-02T15:04:05.000000-07:00"):                                 rest, // the plus sign arrives as a space
		at.In(time.FixedZone("", -5*3600)).Format("2006-01-02T15:04:05.000000-07:00"):   rest,
		strings.ToLower(at.Format("2006-01-02T15:04:05.000000Z")):                       rest,
		at.Add(time.Hour).Format("2006-01-02T15:04:05Z"):                                "",
		at.Add(-time.Hour).Format("2006-01-02T15:04:05Z"):                               all,
		at.Add(-time.Hour).Format("2006-01-02T15:04:05.0Z"):                             all,
		at.Add(-time.Hour).Format("2006-01-02T15:04:05.000Z"):                           all,
		"0001-01-01T00:00:00Z":           all,
		"9999-12-31T23:59:59.999999999Z": "",
	} {
		if got := after(when); got != want {
			t.Errorf("after %s come %q, wanted %q", when, got, want)
		}
	}
}

func TestLimitsAreKeptAndLargeOnesLowered(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R107", "R108", "R109", "R110", "R111", "R142", "R143", "R152", "K30", "K34")
	w := withContent()
	member, path := w.as(t, "member"), w.Collection(t, "indicators")+"/objects/"
	all := len(member.walk(t, path, "match[version]=all&match[spec_version]=2.0,2.1"))
	if all <= 100 {
		t.Fatalf("the demo has only %d objects", all)
	}
	for limit, want := range map[string]int{"": 100, "1": 1, "7": 7, "007": 7, "100": 100, "10000": all, "10001": all, "99999999999999999999999999": all,
		fmt.Sprint(math.MaxInt64): all} {
		p := member.page(t, path+"?match[version]=all&match[spec_version]=2.0,2.1&limit="+limit)
		if len(p.Items) != want || p.More != (want < all) {
			t.Errorf("limit %s gives %d of %d and more is %v", limit, len(p.Items), all, p.More)
		}
	}
	if got := member.page(t, path+"?limit="+fmt.Sprint(all)+"&match[version]=all&match[spec_version]=2.0,2.1"); got.More {
		t.Error("more is true where nothing is left")
	}
}

func TestMatchTypeTakesEveryTypeOfSTIX(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R121", "R122", "R123")
	s := theSample()
	for _, typ := range strings.Fields(`attack-pattern campaign course-of-action grouping identity indicator infrastructure intrusion-set location
		malware malware-analysis note observed-data opinion report threat-actor tool vulnerability artifact autonomous-system directory domain-name
		email-addr email-message file ipv4-addr ipv6-addr mac-addr mutex network-traffic process software url user-account windows-registry-key
		x509-certificate relationship sighting marking-definition language-content extension-definition incident bundle x-custom`) {
		for _, item := range s.page(t, s.path+"/objects/?match[type]="+typ).Items {
			if field(t, item, "type") != typ {
				t.Errorf("%s gives %s", typ, item)
			}
		}
	}
}
