package taxii_test

import (
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestAnAcceptHeaderIsServed(t *testing.T) {
	for _, c := range []struct {
		name   string
		covers []string
		lines  []string
	}{
		{"none", []string{"K11"}, nil},
		{"empty", []string{"K11"}, []string{""}},
		{"blank lines and commas", nil, []string{" \t", ",", " , ,"}},
		{"the type with its version", []string{"R050"}, []string{"application/taxii+json;version=2.1"}},
		{"the type without version", []string{"R047", "R049", "R050"}, []string{"application/taxii+json"}},
		{"white space, case, quotes, order", []string{"R055", "K10"}, []string{"Application/TAXII+JSON ;\t charset=utf-8 ; Version=\"2.1\" ;q=0.5"}},
		{"a space before version", []string{"K10"}, []string{"application/taxii+json; version=2.1"}},
		{"escapes in quotes", []string{"R055"}, []string{`application/taxii+json;version="2\.1"`}},
		{"separators in quotes", []string{"R055"}, []string{`text/plain;a=",;\"x",application/taxii+json;a="b,c;q=0"`}},
		{"empty parameters", nil, []string{"application/taxii+json;;version=2.1;"}},
		{"unknown parameters", nil, []string{"application/taxii+json;profile=x;version=2.1"}},
		{"anything", []string{"R056", "K11"}, []string{"*/*"}},
		{"any application", []string{"R056", "K11"}, []string{"application/*"}},
		{"a browser", []string{"K11"}, []string{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}},
		{"Java of old", []string{"K11"}, []string{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}},
		{"several lines", []string{"R055"}, []string{"text/html", "image/png, application/taxii+json;version=2.1"}},
		{"several versions", []string{"R050"}, []string{"application/taxii+json;version=2.2, application/taxii+json;version=2.1;q=0.1"}},
		{"2.0 and 2.1", []string{"R050"}, []string{"application/vnd.oasis.taxii+json;version=2.0,application/taxii+json;version=2.1"}},
		{"the more specific range decides", []string{"R055"}, []string{"*/*;q=0, application/*;q=0.1"}},
		{"a version decides over its type", []string{"R055"}, []string{"application/taxii+json;q=0,application/taxii+json;version=2.1"}},
		{"of two alike the friendlier", nil, []string{"application/taxii+json;q=0, application/taxii+json;q=0.001"}},
		{"something else refused", []string{"R055"}, []string{"*/*, application/json;q=0, text/html;q=0"}},
		{"another version refused", []string{"R055"}, []string{"*/*, application/taxii+json;version=2.0;q=0"}},
		{"STIX and TAXII, as for the manifest", []string{"R051"}, []string{"application/stix+json;version=2.1, application/taxii+json;version=2.1"}},
		{"STIX with 2.1", []string{"R053"}, []string{"application/stix+json; version=2.1"}},
		{"STIX without version", []string{"R053"}, []string{"application/stix+json"}},
		{"JSON", []string{"K12"}, []string{"application/json"}},
		{"JSON with a charset", []string{"K12"}, []string{"application/json; charset=UTF-8, text/plain"}},
		{"JSON and nothing else", []string{"K12"}, []string{"application/json, */*;q=0"}},
		{"the 2.0 type with version 2.1", []string{"K13"}, []string{"application/vnd.oasis.taxii+json; version=2.1"}},
		{"the 2.0 type of STIX with version 2.1", nil, []string{"application/vnd.oasis.stix+json;version=2.1"}},
		{"a malformed element beside a good one", nil, []string{"taxii;, ;;, application/taxii+json"}},
		{"a malformed q beside a good one", nil, []string{"application/taxii+json;q=2, application/taxii+json;version=2.1"}},
		{"weights of every form", []string{"K11"}, []string{"application/taxii+json;q=1.000"}},
		{"the hundredth element", nil, []string{strings.Repeat("text/html,", 99) + "application/taxii+json"}},
		{"a header above the bound after a good element", nil, []string{"application/taxii+json," + strings.Repeat("a", 40<<10)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.covers) > 0 {
				trial.Covers(t, c.covers...)
			}
			if err := taxii.NegotiateAccept(c.lines, taxii.MediaOptions{}); err != nil {
				t.Errorf("%q: %v", c.lines, err)
			}
		})
	}
}

func TestAnAcceptHeaderThatCannotBeServedIsNotAcceptable(t *testing.T) {
	for _, c := range []struct {
		name   string
		covers []string
		line   string
	}{
		{"other types", []string{"R053"}, "text/html, text/*"},
		{"another version", []string{"R053"}, "application/taxii+json;version=2.2"},
		{"a quoted other version", nil, `application/taxii+json;version="2.1 "`},
		{"an empty version", nil, `application/taxii+json;version=""`},
		{"TAXII 2.0 without version", []string{"K13"}, "application/vnd.oasis.taxii+json"},
		{"TAXII 2.0", []string{"K13"}, "application/vnd.oasis.taxii+json; version=2.0"},
		{"STIX 2.0 without version", nil, "application/vnd.oasis.stix+json"},
		{"STIX 2.0", nil, "application/vnd.oasis.stix+json; version=2.0"},
		{"STIX of another version", nil, "application/stix+json;version=2.0"},
		{"the type refused", []string{"R055"}, "application/taxii+json;q=0"},
		{"the type refused in digits", []string{"R055"}, "application/taxii+json;version=2.1;Q=0.000"},
		{"everything refused", []string{"R055"}, "*/*;q=0"},
		{"the type refused and the rest not", []string{"R055"}, "*/*, application/taxii+json;q=0"},
		{"the version refused", []string{"R055"}, "application/taxii+json, application/taxii+json;version=2.1;q=0"},
		{"the type refused, JSON not", nil, "application/json, application/taxii+json;q=0"},
		{"JSON refused", []string{"R055"}, "application/json;q=0"},
		{"a wild card of another version", nil, "*/*;version=2.0"},
		{"half a wild card", nil, "*/taxii+json"},
		{"nothing readable", nil, `application, /, a/b/c, application/taxii+json version=2.1, application/taxii+json;version, application/taxii+json;v="`},
		{"a version twice", nil, "application/taxii+json;version=2.1;version=2.1"},
		{"a q that is no number", nil, "application/taxii+json;q=high, */*;q=, */*;q=., */*;q=1.1, */*;q=-1"},
		{"white space around an equals sign", nil, "application/taxii+json;version = 2.1"},
		{"an element beyond the hundredth", nil, strings.Repeat("text/html,", 100) + "application/taxii+json"},
		{"an element beyond 32 KiB", nil, strings.Repeat("a", 32<<10) + ", application/taxii+json"},
		{"an element across 32 KiB", nil, strings.Repeat("a", 32<<10-23) + ",application/taxii+json;version=2.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.covers) > 0 {
				trial.Covers(t, c.covers...)
			}
			err := taxii.NegotiateAccept([]string{c.line}, taxii.MediaOptions{})
			if taxii.KindOf(err) != taxii.NotAcceptable || !strings.Contains(err.Error(), "send Accept: application/taxii+json;version=2.1") {
				t.Errorf("error %v, want a NotAcceptable one that says what to send", err)
			}
		})
	}
}

func TestAnOperatorCanRefuseJSONInAccept(t *testing.T) {
	trial.Covers(t, "K12")
	strict := taxii.MediaOptions{RefuseJSON: true}
	if err := taxii.NegotiateAccept([]string{"application/json"}, strict); taxii.KindOf(err) != taxii.NotAcceptable {
		t.Errorf("error %v, want a NotAcceptable one", err)
	}
	if err := taxii.NegotiateAccept([]string{"application/json, */*;q=0.1"}, strict); err != nil {
		t.Errorf("*/* must still be served: %v", err)
	}
}

func TestTheContentTypesOfAnAdd(t *testing.T) {
	trial.Covers(t, "K14", "K10", "R052", "R054")
	for _, value := range []string{
		"application/taxii+json;version=2.1", "application/taxii+json", "application/taxii+json; version=2.1",
		"application/stix+json", "application/stix+json; version=2.1", "application/vnd.oasis.stix+json; version=2.1",
		"application/taxii+json;charset=utf-8", "application/taxii+json;version=2.1;charset=UTF-8",
		"application/stix+json;charset=utf-8;version=2.1", "application/stix+json; charset=\"utf-8\"",
		"application/vnd.oasis.stix+json;version=2.1;charset=utf-8",
		" Application/Taxii+Json ; VERSION=\"2.1\"; a=b ",
	} {
		if err := taxii.ContentTypeAccepted(value); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
	for _, value := range []string{
		"", " \t", "application/json", "text/plain", "application/taxii+json;version=2.0", "application/taxii+json;version=2.2",
		"application/stix+json;version=2.0", "application/vnd.oasis.stix+json", "application/vnd.oasis.stix+json;version=2.0",
		"application/vnd.oasis.taxii+json", "application/vnd.oasis.taxii+json;version=2.1", "application/taxii+json;charset=latin1",
		"application/taxii+json;charset=", "application/taxii+json;charset=utf-8;charset=utf-8", "application/*", "*/*",
		"application/taxii+json, application/taxii+json", "application/taxii+json;version", "application", "application/x-www-form-urlencoded",
		"application/taxii+json;a=" + strings.Repeat("b", 40<<10),
	} {
		err := taxii.ContentTypeAccepted(value)
		if taxii.KindOf(err) != taxii.UnsupportedMedia || len(err.Error()) > 500 ||
			!strings.Contains(err.Error(), "send Content-Type: application/taxii+json;version=2.1") {
			t.Errorf("%q: %v, want a short UnsupportedMedia error that says what to send", value, err)
		}
	}
}

func FuzzNegotiateAccept(f *testing.F) {
	f.Add("application/taxii+json;version=2.1", "*/*;q=0", false)
	f.Fuzz(func(t *testing.T, a, b string, refuseJSON bool) {
		o := taxii.MediaOptions{RefuseJSON: refuseJSON}
		err := taxii.NegotiateAccept([]string{a, b}, o)
		if err != nil && taxii.KindOf(err) != taxii.NotAcceptable {
			t.Errorf("error %v, want a NotAcceptable one", err)
		}
		if len(a)+len(b) > 1000 || strings.Count(a+b, ",") > 90 {
			return // so that no bound comes between
		}
		if swapped := taxii.NegotiateAccept([]string{b, a}, o); (swapped == nil) != (err == nil) {
			t.Errorf("the order of lines matters: %v, %v", err, swapped)
		}
		if strings.Contains(a+b, `"`) {
			return // an open quote reaches over what follows
		}
		if joined := taxii.NegotiateAccept([]string{a + " , " + b}, o); (joined == nil) != (err == nil) {
			t.Errorf("lines joined by a comma give another answer: %v, %v", err, joined)
		}
		welcome := taxii.NegotiateAccept([]string{a, "application/taxii+json;version=2.1"}, o)
		if welcome != nil {
			t.Errorf("the TAXII type is asked for and refused: %v", welcome)
		}
	})
}

func FuzzContentType(f *testing.F) {
	f.Add("application/taxii+json;version=2.1")
	f.Fuzz(func(t *testing.T, value string) {
		err := taxii.ContentTypeAccepted(value)
		if err != nil {
			if taxii.KindOf(err) != taxii.UnsupportedMedia || len(err.Error()) > 1000 {
				t.Errorf("error %v, want a short UnsupportedMedia one", err)
			}
			return
		}
		low := strings.ToLower(value)
		if !strings.Contains(low, "application/taxii+json") && !strings.Contains(low, "stix+json") {
			t.Errorf("%q is taken", value)
		}
		if err := taxii.ContentTypeAccepted("\t" + strings.ToUpper(value) + " "); err != nil && value == strings.ToValidUTF8(value, "") {
			t.Errorf("%q is taken, but not in capitals: %v", value, err)
		}
	})
}
