package taxii_test

import (
	"math"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func timeOf(t testing.TB, text string) *taxii.Time {
	t.Helper()
	when, err := taxii.ParseTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return &when
}

func TestAQueryIsReadAsAFilter(t *testing.T) {
	half := timeOf(t, "2016-01-01T01:01:01.500000Z")
	for _, c := range []struct {
		name   string
		covers []string
		query  string
		want   taxii.Filter
	}{
		{"no query", []string{"R094"}, "", taxii.Filter{}},
		{"every parameter", []string{"R096", "R114", "R117", "R128"},
			"added_after=2016-01-01T01:01:01.500000Z&limit=7&next=abc_-&match[id]=indicator--1,malware--2&match[type]=indicator" +
				"&match[version]=first,last,2016-01-01T01:01:01.000Z&match[spec_version]=2.0,2.1",
			taxii.Filter{AddedAfter: half, Limit: 7, Next: "abc_-", IDs: []string{"indicator--1", "malware--2"},
				Types: []string{"indicator"}, Versions: []string{"first", "last", "2016-01-01T01:01:01.000Z"}, SpecVersions: []string{"2.0", "2.1"}}},
		{"escaped brackets, commas and colons", []string{"K32"},
			"match%5Bid%5D=a%2Cb&match%5btype]=x%2dy&added_after=2016-01-01T01%3A01%3A01.5Z",
			taxii.Filter{IDs: []string{"a", "b"}, Types: []string{"x-y"}, AddedAfter: half}},
		{"empty values are absent", []string{"K30"},
			"next=&added_after=&limit=&match[id]=&match[version]=&match[type]&next", taxii.Filter{}},
		{"an empty value beside a full one", []string{"K30"}, "next=&next=abc&limit=5&limit=", taxii.Filter{Next: "abc", Limit: 5}},
		{"unknown parameters", []string{"K33", "R139"},
			"modified_after=2016&confidence=3&confidence=4&Limit=5&=x&&&limit=1", taxii.Filter{Limit: 1}},
		{"unknown match fields", []string{"R118"}, "match[confidence]=3&match[]=x&match[ID]=y&match[type]=a", taxii.Filter{Types: []string{"a"}}},
		{"an offset", []string{"K31"}, "added_after=2016-01-01T03:01:01.5%2B02:00", taxii.Filter{AddedAfter: half}},
		{"an offset whose plus sign is not escaped", []string{"K31"}, "added_after=2016-01-01T03:01:01.5+02:00", taxii.Filter{AddedAfter: half}},
		{"ids and types twice in one list", nil, "match[id]=a,b,a&match[type]=x,x&match[spec_version]=2.1,2.1",
			taxii.Filter{IDs: []string{"a", "b"}, Types: []string{"x"}, SpecVersions: []string{"2.1"}}},
		{"any type", []string{"R122", "R123"}, "match[type]=x-not-in-any-standard,grouping", taxii.Filter{Types: []string{"x-not-in-any-standard", "grouping"}}},
		{"all versions", []string{"R127"}, "match[version]=all", taxii.Filter{Versions: []string{"all"}}},
		{"last is kept as it was asked", []string{"R127"}, "match[version]=last", taxii.Filter{Versions: []string{"last"}}},
		{"a version that is no time", []string{"R135"}, "match[version]=seven+of%20nine", taxii.Filter{Versions: []string{"seven of nine"}}},
		{"an equals sign in a value", nil, "next=a=b", taxii.Filter{Next: "a=b"}},
		{"the largest limit", nil, "limit=2147483647", taxii.Filter{Limit: math.MaxInt32}},
		{"a limit above it is lowered", []string{"K34"}, "limit=2147483648", taxii.Filter{Limit: math.MaxInt32}},
		{"a limit that no integer holds", []string{"K34"}, "limit=" + strings.Repeat("9", 1000), taxii.Filter{Limit: math.MaxInt32}},
		{"a limit with zeros before it", nil, "limit=007", taxii.Filter{Limit: 7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.covers) > 0 {
				trial.Covers(t, c.covers...)
			}
			got, err := taxii.ParseFilter(c.query, taxii.ObjectsFields)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("read %+v (%v), want %+v", got, err, c.want)
			}
		})
	}
}

func TestAMalformedQueryIsRefusedWithTheParametersName(t *testing.T) {
	trial.Covers(t, "R093")
	for _, c := range []struct {
		name, query, parameter string
		covers                 []string
	}{
		{"limit zero", "limit=0", "limit", []string{"R107"}},
		{"limit of zeros", "limit=0000", "limit", []string{"R107"}},
		{"limit below zero", "limit=-1", "limit", []string{"R107"}},
		{"limit with a sign", "limit=%2B1", "limit", []string{"R107"}},
		{"limit with a space", "limit=+1", "limit", []string{"R107"}},
		{"limit in words", "limit=ten", "limit", []string{"R107"}},
		{"limit with a fraction", "limit=1.0", "limit", []string{"R107"}},
		{"limit in other digits", "limit=%D9%A3", "limit", []string{"R107"}},
		{"limit twice", "limit=1&limit=1", "limit", []string{"R138"}},
		{"next twice", "next=a&next=b", "next", []string{"R138"}},
		{"added_after twice", "added_after=2016-01-01T01:01:01Z&added_after=2016-01-01T01:01:01Z", "added_after", []string{"R104", "R138", "K32"}},
		{"match[id] twice", "match[id]=a&match%5Bid%5D=b", "match[id]", []string{"R115", "R138", "K32"}},
		{"match[type] twice", "match[type]=a&match[type]=a", "match[type]", []string{"R115", "K32"}},
		{"match[version] twice", "match[version]=first&match[version]=last", "match[version]", []string{"R115", "R130", "K32"}},
		{"match[spec_version] twice", "match[spec_version]=2.0&match[spec_version]=2.1", "match[spec_version]", []string{"R115", "K32"}},
		{"added_after in words", "added_after=yesterday", "added_after", []string{"R103"}},
		{"added_after with two times", "added_after=2016-01-01T01:01:01Z,2017-01-01T01:01:01Z", "added_after", []string{"R103"}},
		{"all with another version", "match[version]=all,2016-01-01T01:01:01.000Z", "match[version]", []string{"R129", "R138"}},
		{"all with a keyword", "match[version]=last,all", "match[version]", []string{"R129"}},
		{"a keyword twice", "match[version]=last,last", "match[version]", []string{"R130"}},
		{"a version twice", "match[version]=2016-01-01T01:01:01.000Z,first,2016-01-01T01:01:01.000Z", "match[version]", []string{"R130"}},
		{"all twice", "match[version]=all,all", "match[version]", []string{"R130"}},
		{"an empty element", "match[id]=a,,b", "match[id]", nil},
		{"a comma at the end", "match[type]=a,", "match[type]", nil},
		{"a comma alone", "match[spec_version]=,", "match[spec_version]", nil},
		{"a broken escape", "match[id]=%zz", "match[id]", nil},
		{"a cut escape", "next=abc%2", "next", nil},
		{"a broken escape in a name", "match%5=a", `"match%5"`, nil},
		{"a broken escape in an unknown parameter", "colour=%", `"colour"`, nil},
		{"bad UTF-8", "match[id]=%ff", "match[id]", nil},
		{"a control character", "match[id]=a%00b", "match[id]", nil},
		{"a line break in next", "next=a%0ab", "next", nil},
		{"a control character of Latin-1", "match[type]=%C2%85", "match[type]", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.covers) > 0 {
				trial.Covers(t, c.covers...)
			}
			got, err := taxii.ParseFilter(c.query, taxii.ObjectsFields)
			if taxii.KindOf(err) != taxii.Malformed || !strings.HasPrefix(err.Error(), c.parameter+" ") {
				t.Errorf("error %v, want a Malformed one that begins with %s", err, c.parameter)
			}
			if !reflect.DeepEqual(got, taxii.Filter{}) {
				t.Errorf("a filter beside the error: %+v", got)
			}
		})
	}
}

func TestAMalformedAddedAfterShowsTheFormExpected(t *testing.T) {
	_, err := taxii.ParseFilter("added_after=2016-01-01", taxii.ObjectsFields)
	want := `added_after is not a time: "2016-01-01"; write it in the form YYYY-MM-DDTHH:MM:SS.ssssssZ`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestEachEndpointReadsWhatItSupportsAndIgnoresTheRest(t *testing.T) {
	trial.Covers(t, "R095", "R096", "R097", "R099", "R118")
	const query = "added_after=2016-01-01T01:01:01Z&limit=7&next=n&match[id]=i&match[type]=t&match[version]=v&match[spec_version]=2.1"
	after := timeOf(t, "2016-01-01T01:01:01Z")
	for _, c := range []struct {
		supports taxii.Fields
		want     taxii.Filter
	}{
		{taxii.ObjectsFields, taxii.Filter{AddedAfter: after, Limit: 7, Next: "n", IDs: []string{"i"}, Types: []string{"t"},
			Versions: []string{"v"}, SpecVersions: []string{"2.1"}}},
		{taxii.ObjectFields, taxii.Filter{AddedAfter: after, Limit: 7, Next: "n", Versions: []string{"v"}, SpecVersions: []string{"2.1"}}},
		{taxii.VersionsFields, taxii.Filter{AddedAfter: after, Limit: 7, Next: "n", SpecVersions: []string{"2.1"}}},
		{0, taxii.Filter{}},
	} {
		got, err := taxii.ParseFilter(query, c.supports)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("fields %b: read %+v (%v), want %+v", c.supports, got, err, c.want)
		}
	}
}

func TestADeletionRefusesFiltersItWouldHaveToIgnore(t *testing.T) {
	trial.Covers(t, "R098", "R258")
	got, err := taxii.ParseFilter("match[version]=first&match[spec_version]=2.0&colour=blue&limit=", taxii.DeleteFields)
	want := taxii.Filter{Versions: []string{"first"}, SpecVersions: []string{"2.0"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v (%v), want %+v", got, err, want)
	}
	for _, query := range []string{"match[id]=a", "match[type]=a", "match[confidence]=1", "match%5Bx%5D=1", "match[=1",
		"added_after=2016-01-01T01:01:01Z", "limit=1", "next=a"} {
		_, err := taxii.ParseFilter("match[version]=first&"+query, taxii.DeleteFields)
		if taxii.KindOf(err) != taxii.Malformed || !strings.Contains(err.Error(), "would delete more") {
			t.Errorf("%s: %v, want a Malformed error that says why", query, err)
		}
	}
}

func TestAFilterIsWrittenInAFixedOrderAndEscaped(t *testing.T) {
	f := taxii.Filter{AddedAfter: timeOf(t, "2016-01-01T01:01:01.5Z"), Limit: 7, Next: "a&b=c", IDs: []string{"x--1", "y z"},
		Types: []string{"ü"}, Versions: []string{"first", "2016-01-01T01:01:01.000+02:00"}, SpecVersions: []string{"2.1"}}
	const want = "added_after=2016-01-01T01%3A01%3A01.500000Z&limit=7&next=a%26b%3Dc&match%5Bid%5D=x--1,y+z&match%5Btype%5D=%C3%BC" +
		"&match%5Bversion%5D=first,2016-01-01T01%3A01%3A01.000%2B02%3A00&match%5Bspec_version%5D=2.1"
	if got := f.Encode(); got != want {
		t.Errorf("written\n%s, want\n%s", got, want)
	}
	if back, err := taxii.ParseFilter(want, taxii.ObjectsFields); err != nil || !reflect.DeepEqual(back, f) {
		t.Errorf("read again as %+v (%v), want %+v", back, err, f)
	}
	if got := (taxii.Filter{}).Encode(); got != "" {
		t.Errorf("the zero Filter is written %q", got)
	}
}

func FuzzParseFilter(f *testing.F) {
	f.Add("limit=1&match[version]=all", uint8(taxii.ObjectsFields))
	f.Fuzz(func(t *testing.T, query string, supports uint8) {
		got, err := taxii.ParseFilter(query, taxii.Fields(supports))
		if err != nil {
			if taxii.KindOf(err) != taxii.Malformed || len(err.Error()) > 1000 {
				t.Errorf("error %v, want a short Malformed one", err)
			}
			return
		}
		back, err := taxii.ParseFilter(got.Encode(), taxii.ObjectsFields)
		if err != nil || !reflect.DeepEqual(back, got) {
			t.Errorf("%+v is written %s and read again as %+v (%v)", got, got.Encode(), back, err)
		}
		if _, err := url.ParseQuery(got.Encode()); err != nil {
			t.Errorf("%s is no query: %v", got.Encode(), err)
		}
	})
}
