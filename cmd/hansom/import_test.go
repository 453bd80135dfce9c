package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/taxii"
)

func objectsOf(text string) (list []string, err error) {
	err = eachObject(strings.NewReader(text), func(raw []byte) error {
		list = append(list, string(raw))
		return nil
	})
	return list, err
}

func TestObjectsAreTakenOutOfBundlesAndEnvelopesAsTheyStand(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{`{"type":"bundle","objects":[{"a" : 1.0} , "x",null]}`, []string{`{"a" : 1.0}`, `"x"`, `null`}},
		{"\n{ \"objects\" : [ {\n\"a\":\"\\u0041\"}\n] , \"type\":\"bundle\" , \"objects\":[2] }\n", []string{"{\n\"a\":\"\\u0041\"}", "2"}},
		{`{"more":true,"next":"x","objects":[[1]]}`, []string{`[1]`}},
		{`{"objects":[{"a":1,"a":2}],"x":{"objects":[7]}}`, []string{`{"a":1,"a":2}`}},
		{`{"type":"bundle","id":"x"}`, nil},
		{`{"more":false}`, nil},
		{`{"objects":[]}`, nil},
	} {
		got, err := objectsOf(test.text)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, %v", test.text, got, err)
		}
	}
}

func TestWhatIsNoBundleIsRefused(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{``, "no JSON"},
		{`{"objects":[`, "no JSON"},
		{`{"objects":[{}}`, "no JSON"},
		{`{"objects":[{}],}`, "no JSON"},
		{`{"objects":{}}`, "neither a STIX bundle nor an envelope"},
		{`{"type":"indicator"}`, "neither a STIX bundle nor an envelope"},
		{`[]`, "neither a STIX bundle nor an envelope"},
		{`"x"`, "neither a STIX bundle nor an envelope"},
		{`{"objects":[]} {"objects":[]}`, "goes on after the end"},
		{"\x1f", "no JSON"},
	} {
		if _, err := objectsOf(test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got %v, want %s", test.text, err, test.want)
		}
	}
}

func FuzzEachObject(f *testing.F) {
	for _, seed := range []string{
		`{"type":"bundle","objects":[{"a":1},{"b":[1,2,{}]}]}`, `{"objects":[1],"objects":[2]}`, `{"objects":[`, `{"more":false}`, `[]`, "\xff", `{"type":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var list []jsontext.Value
		err := eachObject(bytes.NewReader(text), func(raw []byte) error {
			if !bytes.Contains(text, raw) {
				t.Errorf("%q does not stand in the text", raw)
			}
			list = append(list, jsontext.Value(raw).Clone())
			return nil
		})
		whole, split := taxii.SplitEnvelope(text)
		if split != nil {
			return
		}
		if err != nil || len(whole) != len(list) {
			t.Fatalf("got %d objects, %v; the server takes %d", len(list), err, len(whole))
		}
		for i, raw := range list {
			if !bytes.Equal(raw, whole[i]) {
				t.Errorf("object %d: got %q, the server takes %q", i, raw, whole[i])
			}
			if why := unsendable(raw); why != "" {
				t.Errorf("object %d is not sent (%s), but the server takes it", i, why)
			}
		}
	})
}

// server stands for the one that is sent to: it takes what SplitEnvelope takes,
// and refuses every object that is no object.
func server(t *testing.T, most *int, envelopes *int) func([]byte) (sent, error) {
	return func(body []byte) (sent, error) {
		raws, err := taxii.SplitEnvelope(body)
		if err != nil {
			t.Errorf("the server was sent what it cannot take: %v", err)
			return sent{}, err
		}
		*most, *envelopes = max(*most, len(raws)), *envelopes+1
		var st sent
		for i, raw := range raws {
			d := taxii.StatusDetail{ID: fmt.Sprintf("objects/%d", i), Version: string(raw)}
			if raw[0] == '{' {
				st.Successes = append(st.Successes, d)
			} else {
				st.Failures = append(st.Failures, d)
			}
		}
		return st, nil
	}
}

func TestBatchesAreBoundedAndFailuresAreCalledByTheirPlaceInTheFile(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"objects":[`)
	const n = 25
	for i := range n {
		switch i % 5 {
		case 1:
			fmt.Fprintf(&text, `%d,`, i) // refused by the server
		case 2:
			text.WriteString(`{"a":1,"a":2},`) // not even sent
		case 3:
			text.WriteString(strings.Repeat("[", 63) + strings.Repeat("]", 63) + ",")
		default:
			fmt.Fprintf(&text, `{"i":%d},`, i)
		}
	}
	text.WriteString(`{}]}`)
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, json: true}
	tally, err := a.newTally(importing{root: "r", name: "c"})
	if err != nil {
		t.Fatal(err)
	}
	most, envelopes := 0, 0
	b := &batch{o: importing{batch: 4}, tally: tally, send: server(t, &most, &envelopes)}
	if err := b.all(strings.NewReader(text.String())); err != nil {
		t.Fatal(err)
	}
	if err := tally.end(nil); err != nil {
		t.Fatal(err)
	}
	if most != 4 || envelopes != 4 {
		t.Errorf("%d envelopes with at most %d objects", envelopes, most)
	}
	var got struct {
		Failures             []taxii.StatusDetail
		Objects, New, Failed int
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, &out)
	}
	if got.Objects != n+1 || got.New != 11 || got.Failed != 15 || len(got.Failures) != 15 {
		t.Errorf("got %+v", got)
	}
	for _, f := range got.Failures {
		if f.Version != "" && f.ID != "objects/"+f.Version {
			t.Errorf("object %s is called %s", f.Version, f.ID)
		}
	}
}

func TestABatchIsSentBeforeItHasMoreOctetsThanItMay(t *testing.T) {
	big := `{"x":"` + strings.Repeat("y", maxBatchBytes/2) + `"}`
	a := &app{out: io.Discard, err: io.Discard}
	tally, err := a.newTally(importing{})
	if err != nil {
		t.Fatal(err)
	}
	most, envelopes := 0, 0
	b := &batch{o: importing{batch: maxBatch}, tally: tally, send: server(t, &most, &envelopes)}
	for range 3 {
		if err := b.take([]byte(big)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.flush(); err != nil || envelopes != 3 || tally.New != 3 {
		t.Errorf("%d envelopes for %d objects, %v", envelopes, tally.New, err)
	}
}

func TestAnImportStopsAtAnErrorOfTheServer(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out, err: io.Discard}
	tally, err := a.newTally(importing{root: "r", name: "c"})
	if err != nil {
		t.Fatal(err)
	}
	calls, broken := 0, errors.New("broken")
	b := &batch{o: importing{batch: 1}, tally: tally, send: func([]byte) (sent, error) {
		if calls++; calls > 1 {
			return sent{}, broken
		}
		return sent{Successes: []taxii.StatusDetail{{}}}, nil
	}}
	if err := b.all(strings.NewReader(`{"objects":[1,2,3]}`)); !errors.Is(err, broken) || calls != 2 {
		t.Errorf("got %v after %d envelopes", err, calls)
	}
	if err := tally.end(broken); err != nil || !strings.Contains(out.String(), "1 new") {
		t.Errorf("got %q, %v", &out, err)
	}
}
