package driver

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestGeneratedObjectsAreLikeThoseOfPublicCollections(t *testing.T) {
	const n = 5000
	o, ids, octets, kinds := NewObjects(7), map[string]bool{}, 0, map[string]int{}
	for i := range uint64(n) {
		raw := o.Append([]byte("before"), i)[len("before"):]
		if !json.Valid(raw) {
			t.Fatalf("object %d is no JSON: %s", i, raw)
		}
		f, err := peek(raw)
		if err != nil || ids[f.id] || f.version == "" {
			t.Fatalf("object %d: %v, id %s twice: %v", i, err, f.id, ids[f.id])
		}
		ids[f.id] = true
		octets += len(raw)
		kinds[f.kind]++
		if !bytes.Equal(raw, NewObjects7(o, i)) {
			t.Fatalf("object %d is another the second time", i)
		}
	}
	if mean := octets / n; mean < 1150 || mean > 1450 {
		t.Errorf("the mean size is %d octets, want about 1300", mean)
	}
	if r := kinds["relationship"]; r < n/2 || r > n*7/10 || len(kinds) < 8 {
		t.Errorf("the types are %v", kinds)
	}
}

// NewObjects7 makes object i anew.
func NewObjects7(o *Objects, i uint64) []byte { return o.Append(nil, i) }

func TestTwoSeriesShareNoID(t *testing.T) {
	a, b := NewObjects(1), NewObjects(2)
	seen := map[string]bool{}
	for i := range uint64(5_000) {
		for _, o := range []*Objects{a, b} {
			f, err := peek(o.Append(nil, i))
			if err != nil || seen[f.id] {
				t.Fatalf("%s twice (%v)", f.id, err)
			}
			seen[f.id] = true
		}
	}
}

func TestMarkedObjectsAreTheSameUnderTLPMarkings(t *testing.T) {
	plain, levels := NewObjects(7), map[string]int{}
	marked := plain.Marked()
	for i := range uint64(forms) {
		a, b := plain.Append(nil, i), marked.Append(nil, i)
		var was, is struct {
			ID    string
			Marks []string `json:"object_marking_refs"`
		}
		must(t, json.Unmarshal(a, &was))
		must(t, json.Unmarshal(b, &is))
		if len(a) != len(b) || was.ID != is.ID || len(is.Marks) != 1 {
			t.Fatalf("object %d is %s, was %s", i, b, a)
		}
		levels[is.Marks[0]]++
	}
	for _, id := range tlp() {
		if n := levels[id]; n < forms/3 || n > forms/3+1 {
			t.Errorf("%d objects are %s", n, id)
		}
	}
	if len(levels) != len(tlp()) {
		t.Errorf("the markings are %v", levels)
	}
}
