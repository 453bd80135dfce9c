package main

import (
	"io"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/taxii"
)

func TestAFileIsTheSameMessageWheneverItIsPublished(t *testing.T) {
	// Written down: another id after an upgrade would publish a file twice.
	if got := idOf("one.json", 0, []byte("{}")); got != "021795c0-c638-5adb-bc3f-d5b9538ee8c4" {
		t.Errorf("got %s", got)
	}
	seen := map[string]bool{}
	for _, name := range []string{"a", "b"} {
		for index := range 3 {
			for _, content := range []string{"", "x"} {
				seen[idOf(name, index, []byte(content))] = true
			}
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d ids for 12 Messages", len(seen))
	}
}

func TestWhatIsPublishedIsAnEnvelopeOrBecomesOne(t *testing.T) {
	for content, want := range map[string]string{
		` {"objects": [ {"type":"x-a"} ] }` + "\n":                   "",
		`{"type":"bundle","id":"b","objects":[ {"n":1.0} ,{"m":2}]}`: `{"objects":[{"n":1.0},{"m":2}]}`,
		`{"type":"x-a","id":"x-a--1", "n":1.0}` + "\n":               `{"objects":[{"type":"x-a","id":"x-a--1", "n":1.0}]}`,
	} {
		got, made, err := envelope([]byte(content))
		if want == "" {
			want = content
		}
		if err != nil || string(got) != want || made != (want != content) {
			t.Errorf("%s: got %s, %v, %v", content, got, made, err)
		}
	}
	for _, content := range []string{"", "x", "[]", "{}", `{"objects":[]}`, `{"objects":[{"a":1,"a":2}]}`, "\ufeff{}", `{"type":"bundle","id":"b"}`, `{"type":"bundle"}`} {
		if got, _, err := envelope([]byte(content)); err == nil {
			t.Errorf("%q became %s", content, got)
		}
	}
}

func TestContentOfAnyTypeIsPublishedAsItStands(t *testing.T) {
	for mediaType, json := range map[string]bool{
		"application/json": true, "application/stix+json;version=2.1": true, "text/plain": false, "application/pdf": false, "x": false,
	} {
		p := &publishing{mediaType: mediaType, kind: "chat"}
		d, err := p.draft("x", []byte(" {\"a\": 1} \n"))
		if err != nil || d.Type != "chat" || d.MediaType != mediaType || !taxii.IsID(d.ID) {
			t.Errorf("%s: got %+v, %v", mediaType, d, err)
		}
		if want := `{"a": 1}`; json && (string(d.Content) != want || d.ContentBase64 != nil) || !json && (string(d.ContentBase64) != " {\"a\": 1} \n" || d.Content != nil) {
			t.Errorf("%s: got %q, %q", mediaType, d.Content, d.ContentBase64)
		}
	}
	if _, err := (&publishing{mediaType: "application/json"}).draft("x", []byte("{")); err == nil {
		t.Error("what is no JSON was taken for it")
	}
	if d, err := (&publishing{mediaType: "text/plain"}).draft("x", nil); err != nil || d.ContentBase64 == nil {
		t.Errorf("nothing: got %+v, %v", d, err)
	}
}

func TestLinesAreBoundedAndNumbered(t *testing.T) {
	p := &publishing{reach: reach{a: &app{in: strings.NewReader("{\"type\":\"x-a\",\"id\":\"1\"}\r\n\n \n{\"objects\":[1]}"), err: io.Discard}}, lines: true, most: 40}
	var got []string
	if err := p.read("-", func(d draft) error { got = append(got, d.source+" "+string(d.Content)); return nil }); err != nil {
		t.Fatal(err)
	}
	if strings.Join(got, "\n") != "standard input:1 {\"objects\":[{\"type\":\"x-a\",\"id\":\"1\"}]}\nstandard input:4 {\"objects\":[1]}" {
		t.Errorf("got %q", got)
	}
	p.a.in = strings.NewReader(strings.Repeat("x", 41))
	if err := p.read("-", nil); err == nil || !strings.Contains(err.Error(), "a line is larger than the 40 octets that this API Root takes") {
		t.Errorf("got %v", err)
	}
	p.lines, p.a.in = false, strings.NewReader(strings.Repeat("x", 41))
	if err := p.read("-", nil); err == nil || !strings.Contains(err.Error(), "it is larger than the 40 octets") {
		t.Errorf("got %v", err)
	}
}
