package taxii_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestResourcesAreWrittenWithTheStandardsNames(t *testing.T) {
	date, err := taxii.ParseTime("2016-11-03T12:30:59.000000Z")
	if err != nil {
		t.Fatal(err)
	}
	detail := []taxii.StatusDetail{{ID: "indicator--1", Version: "2016-11-03T12:30:59.000Z", Message: "no"}}
	for _, c := range []struct {
		name     string
		covers   []string
		resource any
		want     string
	}{
		{"discovery with its title alone", []string{"R013", "R173", "R176"},
			taxii.Discovery{Title: "T", APIRoots: []string{}}, `{"title":"T"}`},
		{"discovery", []string{"R021", "R174"},
			taxii.Discovery{Title: "T", Description: "D", Contact: "C", Default: "https://h/a/", APIRoots: []string{"https://h/a/"}},
			`{"title":"T","description":"D","contact":"C","default":"https://h/a/","api_roots":["https://h/a/"]}`},
		{"API Root", []string{"R022", "R185", "R186", "R187", "R189"},
			taxii.APIRoot{Title: "T", Description: "D", Versions: []string{taxii.MediaType}, MaxContentLength: 10485760},
			`{"title":"T","description":"D","versions":["application/taxii+json;version=2.1"],"max_content_length":10485760}`},
		{"no collections", []string{"R212"}, taxii.Collections{Collections: []taxii.Collection{}}, `{}`},
		{"collections", []string{"R010", "R214", "R215", "R218", "R219"},
			taxii.Collections{Collections: []taxii.Collection{{ID: "i", Title: "T"}}},
			`{"collections":[{"id":"i","title":"T","can_read":false,"can_write":false}]}`},
		{"collection", []string{"R216", "R217", "R220"},
			taxii.Collection{ID: "i", Title: "T", Description: "D", Alias: "a", CanRead: true, CanWrite: true, MediaTypes: []string{"m"}},
			`{"id":"i","title":"T","description":"D","alias":"a","can_read":true,"can_write":true,"media_types":["m"]}`},
		{"empty manifest", []string{"R225"}, taxii.Manifest{Objects: []taxii.ManifestRecord{}}, `{"more":false}`},
		{"manifest", []string{"R018", "R224", "R227", "R228", "R229", "R231", "K45"},
			taxii.Manifest{More: true, Next: "n", Objects: []taxii.ManifestRecord{{ID: "i", DateAdded: date, Version: "v", MediaType: "m"}}},
			`{"more":true,"next":"n","objects":[{"id":"i","date_added":"2016-11-03T12:30:59.000000Z","version":"v","media_type":"m"}]}`},
		{"no versions", []string{"R265"}, taxii.Versions{Versions: []string{}}, `{}`},
		{"versions", []string{"R264", "R265", "K45"},
			taxii.Versions{Versions: []string{"v"}}, `{"more":false,"versions":["v"]}`},
		{"status that is complete", []string{"R196", "R197", "R200", "R201", "R202", "R203", "R204"},
			taxii.Status{ID: "i", Status: taxii.StatusComplete, TotalCount: 2, SuccessCount: 2},
			`{"id":"i","status":"complete","total_count":2,"success_count":2,"failure_count":0,"pending_count":0}`},
		{"status with all lists", []string{"R199", "R204", "R205", "R206", "R208"},
			taxii.Status{ID: "i", Status: taxii.StatusPending, RequestTimestamp: date, TotalCount: 3, SuccessCount: 1, FailureCount: 1,
				PendingCount: 1, Successes: []taxii.StatusDetail{{ID: "a", Version: "v"}}, Failures: detail, Pendings: []taxii.StatusDetail{{ID: "b", Version: "v"}}},
			`{"id":"i","status":"pending","request_timestamp":"2016-11-03T12:30:59.000000Z","total_count":3,"success_count":1,` +
				`"successes":[{"id":"a","version":"v"}],"failure_count":1,` +
				`"failures":[{"id":"indicator--1","version":"2016-11-03T12:30:59.000Z","message":"no"}],` +
				`"pending_count":1,"pendings":[{"id":"b","version":"v"}]}`},
		{"envelope", []string{"R165", "R166", "R167"},
			taxii.Envelope{More: true, Next: "n", Objects: []jsontext.Value{jsontext.Value(`{"a":1}`)}},
			`{"more":true,"next":"n","objects":[{"a":1}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			trial.Covers(t, c.covers...)
			written, err := json.Marshal(c.resource)
			if err != nil || string(written) != c.want {
				t.Fatalf("written\n%s (%v), want\n%s", written, err, c.want)
			}
			read := reflect.New(reflect.TypeOf(c.resource))
			if err := json.Unmarshal(written, read.Interface()); err != nil {
				t.Fatalf("not read again: %v", err)
			}
			if again, err := json.Marshal(read.Interface()); err != nil || string(again) != c.want {
				t.Errorf("read and written again\n%s (%v), want\n%s", again, err, c.want)
			}
		})
	}
}

func TestUnknownMembersOfAResourceAreIgnoredAndAnAbsentMoreIsFalse(t *testing.T) {
	trial.Covers(t, "R143", "R267", "R273")
	var e taxii.Envelope
	if err := json.Unmarshal([]byte(`{"x_example_com_mark":1,"objects":[ {"b" : 1.0} ]}`), &e); err != nil {
		t.Fatal(err)
	}
	if e.More || e.Next != "" || len(e.Objects) != 1 || string(e.Objects[0]) != `{"b" : 1.0}` {
		t.Errorf("read %+v", e)
	}
}

func TestTheEmptyListOfCollectionsIsAResource(t *testing.T) {
	var read struct{ Collections *[]taxii.Collection }
	if err := json.Unmarshal([]byte(taxii.EmptyCollections), &read); err != nil || read.Collections == nil || len(*read.Collections) != 0 {
		t.Errorf("%s is read as %v (%v)", taxii.EmptyCollections, read.Collections, err)
	}
}
