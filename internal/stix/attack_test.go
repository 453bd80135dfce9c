package stix_test

import (
	"encoding/json"
	"testing"

	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/internal/trial"
)

func TestRealContentPassesShapeAndStrict(t *testing.T) {
	for file, want := range map[string]int{"attack-ics-21.json.gz": 1826, "attack-mobile-21.json.gz": 2148} {
		t.Run(file, func(t *testing.T) {
			content, ok := trial.Shared(file)
			if !ok {
				trial.Lacks(t, file)
			}
			if !stix.IsBundle(content) {
				t.Error("IsBundle does not know the bundle")
			}
			var bundle struct{ Objects []json.RawMessage }
			if err := json.Unmarshal(content, &bundle); err != nil {
				t.Fatal(err)
			}
			for _, raw := range bundle.Objects {
				for _, v := range []stix.Validation{stix.Shape, stix.Strict} {
					if got := check(string(raw), v); got != "" {
						t.Errorf("%s refuses %.120s...: %s", v, raw, got)
					}
				}
			}
			if len(bundle.Objects) != want {
				t.Errorf("%d objects, want %d", len(bundle.Objects), want)
			}
		})
	}
}

func TestGeneratedContentPassesShapeAndStrict(t *testing.T) {
	trial.Covers(t, "R122", "R168")
	for _, raw := range trial.Objects(1, 1000) {
		for _, v := range []stix.Validation{stix.Shape, stix.Strict} {
			if got := check(string(raw), v); got != "" {
				t.Errorf("%s refuses %.200s...: %s", v, raw, got)
			}
		}
	}
}
