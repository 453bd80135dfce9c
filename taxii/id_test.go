package taxii_test

import (
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestNewIDsAreRandomUUIDsOfVersion4InLowerCase(t *testing.T) {
	trial.Covers(t, "R017")
	seen := map[string]bool{}
	variants := map[byte]bool{}
	for range 1000 {
		id := taxii.NewID()
		if !taxii.IsID(id) {
			t.Fatalf("%q is not an identifier", id)
		}
		if seen[id] {
			t.Fatalf("%q came twice", id)
		}
		seen[id] = true
		variants[id[19]] = true
	}
	if len(variants) != 4 {
		t.Errorf("the variant's digits were %v, want each of 8, 9, a, b", variants)
	}
}

func TestOnlyLowerCaseVersion4IsAnIdentifier(t *testing.T) {
	for id, want := range map[string]bool{
		"91a7b528-80eb-42ed-a74d-c6fbd5a26116":   true,
		"00000000-0000-4000-8000-000000000000":   true,
		"91a7b528-80eb-42ed-b74d-c6fbd5a26116":   true,
		"91A7B528-80EB-42ED-A74D-C6FBD5A26116":   false, // upper case
		"91a7b528-80eb-12ed-a74d-c6fbd5a26116":   false, // version 1
		"91a7b528-80eb-42ed-c74d-c6fbd5a26116":   false, // another variant
		"91a7b52880eb42eda74dc6fbd5a26116":       false,
		"91a7b528-80eb-42ed-a74d-c6fbd5a2611":    false,
		"91a7b528-80eb-42ed-a74d-c6fbd5a261160":  false,
		"91a7b528-80eb-42ed-a74d-c6fbd5a2611g":   false,
		"91a7b528.80eb-42ed-a74d-c6fbd5a26116":   false,
		"{91a7b528-80eb-42ed-a74d-c6fbd5a26116}": false,
		"":                                       false,
	} {
		if got := taxii.IsID(id); got != want {
			t.Errorf("IsID(%q) = %v, want %v", id, got, want)
		}
	}
}
