package conformance_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/hansom-taxii/hansom/conformance"
)

func TestThereAreAtLeastTwoHundredChecksAndEachNamesItsRules(t *testing.T) {
	rule := regexp.MustCompile(`\A(R\d{3}|K\d{2})\z`)
	id := regexp.MustCompile(`\A[a-z]+/[a-z0-9-]+\z`)
	seen := map[string]bool{}
	all := conformance.All()
	if len(all) < 200 {
		t.Errorf("%d checks", len(all))
	}
	for _, c := range all {
		if !id.MatchString(c.ID) || seen[c.ID] {
			t.Errorf("id %q is malformed or there twice", c.ID)
		}
		seen[c.ID] = true
		if c.Title == "" || len(c.Rules) == 0 {
			t.Errorf("%s has no title or no rule", c.ID)
		}
		for _, r := range c.Rules {
			if !rule.MatchString(r) {
				t.Errorf("%s names %q, which is no rule", c.ID, r)
			}
		}
	}
}

func TestEveryRowOfTheInteroperabilityDocumentHasACheck(t *testing.T) {
	rows := conformance.Rows()
	if len(rows) != 44 {
		t.Errorf("%d rows", len(rows))
	}
	for _, row := range rows {
		if !slices.ContainsFunc(conformance.All(), func(c conformance.Check) bool { return slices.Contains(c.Interop, row.ID) }) {
			t.Errorf("no check stands for row %s: %s", row.ID, row.Title)
		}
	}
	for _, c := range conformance.All() {
		for _, id := range c.Interop {
			if !slices.ContainsFunc(rows, func(r conformance.Row) bool { return r.ID == id }) {
				t.Errorf("%s names row %s, which is none", c.ID, id)
			}
		}
	}
}
