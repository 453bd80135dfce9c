package stix_test

import (
	"testing"

	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/internal/trial"
)

func TestContentIsEqualByItsCanonicalForm(t *testing.T) {
	trial.Covers(t, "R245", "K55")
	tests := []struct {
		name, a, b string
		want       bool
	}{
		{"the same bytes", `{"a":1}`, `{"a":1}`, true},
		{"other order and spaces", `{"a":1,"b":[1,2]}`, "{ \"b\" : [1, 2],\n\"a\":1 }", true},
		{"other escapes", `{"a":"\u00e9\/"}`, `{"a":"é/"}`, true},
		{"other spelling of a number", `{"a":100}`, `{"a":1.0E2}`, true},
		{"integers that are one IEEE double (RFC 8785)", `{"a":9007199254740993}`, `{"a":9007199254740992}`, true},
		{"another value", `{"a":1}`, `{"a":2}`, false},
		{"another order of a list", `{"a":[1,2]}`, `{"a":[2,1]}`, false},
		{"one member more", `{"a":1}`, `{"a":1,"b":null}`, false},
		{"a string and a number", `{"a":1}`, `{"a":"1"}`, false},
		{"texts in other normal forms", `{"a":"é"}`, `{"a":"e\u0301"}`, false},
		{"what is no JSON equals its own bytes", `{"a":`, `{"a":`, true},
		{"what is no JSON equals nothing else", `{"a":`, `{"a": `, false},
	}
	for _, tt := range tests {
		if got := stix.Equal([]byte(tt.a), []byte(tt.b)); got != tt.want {
			t.Errorf("%s: Equal = %t", tt.name, got)
		}
	}
}

func TestComparingChangesNeitherSide(t *testing.T) {
	trial.Covers(t, "K55")
	const textA, textB = `{"b":1, "a":1e1}`, `{"a":10,"b":1.0}`
	a, b := []byte(textA), []byte(textB)
	if !stix.Equal(a, b) || string(a) != textA || string(b) != textB {
		t.Errorf("after Equal: %s and %s", a, b)
	}
	canonical, err := stix.Canonical(a)
	if err != nil || string(canonical) != `{"a":10,"b":1}` || string(a) != textA {
		t.Errorf("Canonical = %s, %v; the bytes are now %s", canonical, err, a)
	}
}

func TestOnlyStrictJSONHasACanonicalForm(t *testing.T) {
	for _, raw := range []string{``, `{`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", `{} {}`, `{"a":"\ud800"}`} {
		if got, err := stix.Canonical([]byte(raw)); err == nil {
			t.Errorf("Canonical(%q) = %s", raw, got)
		}
	}
}
