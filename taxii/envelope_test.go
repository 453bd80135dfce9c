package taxii_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestAnEnvelopeIsSplitIntoTheExactBytesOfItsObjects(t *testing.T) {
	for _, c := range []struct {
		name   string
		covers []string
		body   string
		want   []string
	}{
		{"one object", []string{"R170"}, `{"objects":[{"type":"a"}]}`, []string{`{"type":"a"}`}},
		{"bytes as they came", []string{"K55"}, "{ \"objects\" :\n[ {\"b\" : 1.0e+2,\r\n \"a\":\"\\u00e9é\\/\"}\t,{}  ] } \n",
			[]string{"{\"b\" : 1.0e+2,\r\n \"a\":\"\\u00e9é\\/\"}", `{}`}},
		{"a bundle", []string{"K60"}, `{"type":"bundle","id":"bundle--1","spec_version":"2.0","objects":[{"a":1},{"b":2}]}`, []string{`{"a":1}`, `{"b":2}`}},
		{"other members on both sides", []string{"K60", "R272"}, `{"more":true,"next":"x","x_org_mark":{"objects":[]},"objects":[1],"type":[[]],"id":null}`, []string{`1`}},
		{"a name in escapes", nil, `{"\u006fbjects":[{}]}`, []string{`{}`}},
		{"elements of any kind", nil, `{"objects":[null,true,-0.5,"x",[1,[2]],{"objects":[]}]}`,
			[]string{`null`, `true`, `-0.5`, `"x"`, `[1,[2]]`, `{"objects":[]}`}},
		{"names twice, but in two objects", nil, `{"objects":[{"a":{"a":1}},{"a":2}]}`, []string{`{"a":{"a":1}}`, `{"a":2}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.covers) > 0 {
				trial.Covers(t, c.covers...)
			}
			got, err := taxii.SplitEnvelope([]byte(c.body))
			if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
				t.Errorf("split into %q (%v), want %q", got, err, c.want)
			}
		})
	}
}

func TestABodyThatIsNoEnvelopeIsUnprocessableAndTheErrorSaysWhatToDo(t *testing.T) {
	trial.Covers(t, "R009", "R240")
	for _, c := range []struct {
		name   string
		covers []string
		body   string
		says   string
	}{
		{"empty", nil, "", `the body is empty; send {"objects":[...]}`},
		{"blank", nil, " \r\n\t", `the body is empty; send {"objects":[...]}`},
		{"a byte order mark", nil, "\ufeff{\"objects\":[{}]}", "byte order mark; send plain UTF-8"},
		{"no JSON", nil, "<html>", "at byte 0"},
		{"cut off", nil, `{"objects":[{"a":1}`, "unexpected EOF at byte 19"},
		{"cut off in a string", nil, `{"objects":["a`, "unexpected EOF"},
		{"cut off after a name", nil, `{"objects"`, "unexpected EOF"},
		{"a comma too many", nil, `{"objects":[{},]}`, "at byte 1"},
		{"a comma too few", nil, `{"objects":[{}{}]}`, "at byte 14"},
		{"a wrong bracket", nil, `{"objects":[{}}`, "at byte 14"},
		{"no value", nil, `{"objects":}`, "at byte 11"},
		{"a comment", nil, `{"objects":[{}]/**/}`, "at byte 15"},
		{"a number with zeros", nil, `{"objects":[01]}`, "at byte"},
		{"bad UTF-8", []string{"R015"}, "{\"objects\":[{\"a\":\"\xff\"}]}", "UTF-8 at byte 18"},
		{"bad UTF-8 in a name", nil, "{\"\xc0\x80\":1,\"objects\":[{}]}", "UTF-8 at byte 2"},
		{"half a surrogate", []string{"R015"}, `{"objects":["\ud800"]}`, "at byte 13"},
		{"a control character", nil, "{\"objects\":[\"a\nb\"]}", "at byte 14"},
		{"a name twice at the top", nil, `{"objects":[{}],"objects":[{}]}`, `"objects" occurs twice in one object, at byte 16`},
		{"a name twice in an object", nil, `{"objects":[{"type":"a","type":"a"}]}`, `"type" occurs twice in one object, at byte 24`},
		{"a name twice deep inside", nil, `{"objects":[{"a":[{"b":1,"\u0062":1}]}]}`, `"b" occurs twice`},
		{"a name twice beside objects", nil, `{"objects":[{}],"x":{"y":1,"y":2}}`, `"y" occurs twice`},
		{"a long name twice", nil, `{"` + strings.Repeat("é", 500) + `":1,"` + strings.Repeat("é", 500) + `":1}`, "occurs twice"},
		{"more after the end", nil, `{"objects":[{}]} {"objects":[{}]}`, "something follows the envelope, which ends at byte 16"},
		{"rubbish after the end", nil, `{"objects":[{}]}x`, "something follows"},
		{"a list", []string{"R164"}, `[{"type":"indicator"}]`, `the body is a JSON array, not an object; send {"objects"`},
		{"a string", nil, `"objects"`, "the body is a JSON string, not an object"},
		{"a number", nil, `12`, "the body is a JSON number, not an object"},
		{"null", nil, `null`, "the body is a JSON null, not an object"},
		{"no objects", nil, `{"more":false}`, `the envelope has no objects; send {"objects":[...]}`},
		{"nothing at all", nil, `{}`, `the envelope has no objects`},
		{"objects in other letters", []string{"R021"}, `{"Objects":[{}]}`, "the envelope has no objects"},
		{"objects that are no list", nil, `{"objects":{"type":"a"}}`, "objects is a JSON object, not an array"},
		{"objects that are null", nil, `{"objects":null}`, "objects is a JSON null, not an array"},
		{"objects that are text", nil, `{"objects":"[]"}`, "objects is a JSON string, not an array"},
		{"an empty list", []string{"R013"}, `{"objects":[ ]}`, "objects is empty"},
		{"a bare object", []string{"K60"}, `{"type":"indicator","id":"indicator--1","name":"x"}`, `bare STIX object; wrap it: {"objects":[...]}`},
		{"a bundle without objects", nil, `{"type":"bundle","id":"bundle--1"}`, "the bundle has no objects"},
		{"a type alone", nil, `{"type":"indicator"}`, "the envelope has no objects"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.covers) > 0 {
				trial.Covers(t, c.covers...)
			}
			got, err := taxii.SplitEnvelope([]byte(c.body))
			if taxii.KindOf(err) != taxii.Unprocessable || !strings.Contains(err.Error(), c.says) || len(err.Error()) > 500 {
				t.Errorf("error %v, want a short Unprocessable one with %q", err, c.says)
			}
			if got != nil {
				t.Errorf("objects beside the error: %q", got)
			}
		})
	}
}

func TestABodyMayNestSixtyFourLevelsAndNoMore(t *testing.T) {
	lists := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	maps := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	most := taxii.MaxLevels
	for body, fits := range map[string]bool{
		`{"objects":[` + lists(most-2) + `]}`:                                        true,
		`{"objects":[` + lists(most-1) + `]}`:                                        false,
		`{"objects":[` + maps(most-2) + `]}`:                                         true,
		`{"objects":[` + maps(most-1) + `]}`:                                         false,
		`{"objects":[1],"x":` + lists(most-1) + `}`:                                  true,
		`{"objects":[1],"x":` + lists(most) + `}`:                                    false,
		`{"objects":[{"a":"` + strings.Repeat(`[{\"`, 999) + `","b":[[]]}]}`:         true, // brackets in text
		`{"objects":[[` + strings.Repeat(`{"a":[]},`, 999) + `1]]}`:                  true, // many, but side by side
		`{"objects":[[` + strings.Repeat(`[],`, 999) + lists(most-2) + `]]}`:         false,
		`{"objects":[{"\\":"\\"},[` + strings.Repeat(`"]",`, 999) + `[[[]]]` + `]]}`: true,
		`{"objects":[` + lists(9_990) + `]}`:                                         false,
		`{"objects":[` + lists(100_000) + `]}`:                                       false, // deeper than the decoder itself goes
		`{"objects":[` + maps(100_000) + `]}`:                                        false,
		lists(most + 1):                                                              false,
		`{"objects":` + maps(most) + `}`:                                             false,
		`{"x":` + lists(100_000) + `}`:                                               false,
	} {
		_, err := taxii.SplitEnvelope([]byte(body))
		if fits && err != nil {
			t.Errorf("%.60s...: %v", body, err)
		}
		if !fits && (taxii.KindOf(err) != taxii.Unprocessable || !strings.Contains(err.Error(), "deeper than 64 levels")) {
			t.Errorf("%.60s...: %v, want an Unprocessable error about levels", body, err)
		}
	}
	for _, body := range []string{strings.Repeat("[", 1_000_000), strings.Repeat(`{"a":`, 1_000_000), `{"objects":` + strings.Repeat("[", 1_000_000)} {
		if _, err := taxii.SplitEnvelope([]byte(body)); taxii.KindOf(err) != taxii.Unprocessable {
			t.Errorf("%.20s...: %v, want an Unprocessable error", body, err)
		}
	}
}

func TestAnEnvelopeHasABoundedNumberOfObjects(t *testing.T) {
	body := []byte(`{"objects":[0` + strings.Repeat(",0", taxii.MaxObjects-1) + `]}`)
	if objects, err := taxii.SplitEnvelope(body); err != nil || len(objects) != taxii.MaxObjects {
		t.Errorf("%d objects (%v), want %d", len(objects), err, taxii.MaxObjects)
	}
	body = append(bytes.TrimSuffix(body, []byte(`]}`)), `,0]}`...)
	if _, err := taxii.SplitEnvelope(body); taxii.KindOf(err) != taxii.Unprocessable || !strings.Contains(err.Error(), "in several requests") {
		t.Errorf("error %v, want an Unprocessable one that says what to do", err)
	}
}

func TestObjectsAliasTheBodyAndCannotGrowIntoIt(t *testing.T) {
	body := exampleBody(1000)
	before := bytes.Clone(body)
	objects, err := taxii.SplitEnvelope(body)
	if err != nil || len(objects) != 1000 {
		t.Fatalf("%d objects (%v), want 1000", len(objects), err)
	}
	for _, object := range objects {
		if !aliases(body, object) {
			t.Fatalf("%.40s... does not lie in the body", object)
		}
		_ = append(object, "overwritten"...)
	}
	if !bytes.Equal(body, before) {
		t.Error("the body was changed")
	}
}

// aliases tells whether part lies in the memory of whole.
func aliases(whole, part []byte) bool {
	offset := uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	return offset+uintptr(len(part)) <= uintptr(len(whole)) && cap(part) == len(part)
}

func TestAnAnswerIsWrittenMoreNextObjects(t *testing.T) {
	trial.Covers(t, "R165", "R166", "R167", "K43")
	for want, got := range map[string]string{
		`{"more":false,"objects":[{"b" : 1}]}`:                     answer(false, "", `{"b" : 1}`),
		`{"more":false,"objects":[1,2]}`:                           answer(false, "never written", "1", "2"),
		`{"more":true,"next":"abc_-","objects":[1,2,3]}`:           answer(true, "abc_-", "1", "2", "3"),
		`{"more":true,"next":"\"\n` + "\ufffd" + `","objects":[]}`: answer(true, "\"\n\xff"),
		`{"more":true,"objects":[1]}`:                              answer(true, "", "1"),
	} {
		if want = strings.ReplaceAll(want, "\n", `\n`); got != want {
			t.Errorf("written %s, want %s", got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s is no JSON", got)
		}
	}
	if got := taxii.AppendEnvelopeHead([]byte("before"), false, ""); string(got) != `before{"more":false,"objects":[` {
		t.Errorf("appended: %s", got)
	}
}

func answer(more bool, next string, objects ...string) string {
	return string(taxii.AppendEnvelopeHead(nil, more, next)) + strings.Join(objects, ",") + taxii.EnvelopeTail
}

func TestAnAnswerWithoutObjectsHasNoListUnlessAsked(t *testing.T) {
	trial.Covers(t, "R013", "R169")
	written, err := json.Marshal(taxii.Envelope{})
	if err != nil || string(written) != taxii.EmptyEnvelope || taxii.EmptyEnvelope != `{"more":false}` {
		t.Errorf("an empty envelope is written %s and %s (%v)", written, taxii.EmptyEnvelope, err)
	}
	if taxii.EmptyList != `{"more":false,"objects":[]}` {
		t.Errorf("an empty list is written %s", taxii.EmptyList)
	}
}

func FuzzSplitEnvelope(f *testing.F) {
	f.Add(exampleBody(2))
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		objects, err := taxii.SplitEnvelope(body)
		if !bytes.Equal(body, before) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			if taxii.KindOf(err) != taxii.Unprocessable || !utf8.ValidString(err.Error()) || len(err.Error()) > 1000 || objects != nil {
				t.Errorf("error %q with %d objects, want a short Unprocessable one alone", err, len(objects))
			}
			return
		}
		var top map[string]json.RawMessage
		var want []json.RawMessage
		if err := json.Unmarshal(body, &top); err != nil {
			t.Fatalf("taken, but not by the standard library: %v", err)
		}
		if err := json.Unmarshal(top["objects"], &want); err != nil || len(want) != len(objects) || len(objects) == 0 {
			t.Fatalf("%d objects, the standard library finds %d (%v)", len(objects), len(want), err)
		}
		for i, object := range objects {
			if !aliases(body, object) || !bytes.Equal(object, want[i]) {
				t.Errorf("object %d is %q, the standard library finds %q", i, object, want[i])
			}
		}
	})
}

func BenchmarkSplitEnvelope(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			body := exampleBody(n)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := taxii.SplitEnvelope(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// exampleBody is an envelope of n indicators of the usual size.
func exampleBody(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"objects":[`)
	for i := range n {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, `{"type":"indicator","spec_version":"2.1","id":"indicator--%08x-80eb-42ed-a74d-c6fbd5a26116",`+
			`"created":"2016-11-03T12:30:59.000Z","modified":"2016-11-03T12:30:59.000Z","indicator_types":["malicious-activity"],`+
			`"name":"Poison \"Ivy\" é","description":"This file hash indicates that a sample is present.",`+
			`"pattern":"[ file:hashes.'SHA-256' = '4bac27393bdd9777ce02453256c5577cd02275510b2227f473d03f533924f877' ]",`+
			`"pattern_type":"stix","valid_from":"2016-01-01T00:00:00Z","kill_chain_phases":[{"kill_chain_name":"example","phase_name":"deliver"}]}`, i)
	}
	b.WriteString("]}")
	return b.Bytes()
}
