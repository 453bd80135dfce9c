package exchange_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/taxii"
)

// An Add of two octets an object became a Status of a hundred times that, which
// nothing bounded: forty of them took five gigabytes.
func TestAStatusIsMadeInMemoryThatWasAskedFor(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "all")
	body := []byte(`{"objects":[1` + strings.Repeat(",1", 999) + `]}`)
	full := errors.New("no room")
	if _, err := h.op.Within(func(int64) error { return full }).Add(t.Context(), "trust", "all", body); !errors.Is(err, full) {
		t.Fatalf("an Add without room: %v", err)
	}
	var asked int64
	within := h.op.Within(func(octets int64) error { asked += octets; return nil })
	st, err := within.Add(t.Context(), "trust", "all", body)
	if err != nil || st.FailureCount != 1000 {
		t.Fatalf("%v, %d failures", err, st.FailureCount)
	}
	if asked < 100_000 {
		t.Errorf("the Add asked for %d octets", asked)
	}
	asked = 0
	if again, err := within.Status(t.Context(), "trust", st.ID); err != nil || again.FailureCount != 1000 || asked < 100_000 {
		t.Errorf("the Status asked for %d octets: %v", asked, err)
	}
	asked = 0
	bundle := []byte(`{"objects":[{"type":"bundle","id":"bundle--1","objects":` + strings.TrimPrefix(string(body), `{"objects":`) + `]}`)
	if st, err = within.Add(t.Context(), "trust", "all", bundle); err != nil || st.FailureCount != 1000 || asked < 100_000 {
		t.Errorf("a bundle of %d failures asked for %d octets: %v", st.FailureCount, asked, err)
	}
	many := []byte(`{"objects":[1` + strings.Repeat(",1", 100_000) + `]}`)
	if _, err := within.Add(t.Context(), "trust", "all", many); taxii.KindOf(err) != taxii.Unprocessable {
		t.Errorf("100,001 objects: %v", err)
	}
}
