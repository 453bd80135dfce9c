package conformance_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/conformance"
)

func TestThereAreAtLeastTwoHundredChecksAndEachNamesItsRules(t *testing.T) {
	rule := regexp.MustCompile(`\A(R\d{3}|K\d{2}|CH\d{1,2}(\.\d)?|[SQ]\d{1,2}|G\d)\z`)
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

func TestEveryRuleOfChannelsStandsInTheirDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/channels.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := channelRules(string(text))
	shown := map[string]bool{}
	n := 0
	for _, c := range conformance.All() {
		if c.Section() == "channels" {
			n++
		}
		for _, r := range c.Rules {
			if !strings.ContainsAny(r[:1], "RK") && !rules[r] {
				t.Errorf("%s names %s, which docs/channels.md does not have", c.ID, r)
			}
			shown[r] = true
		}
	}
	if n < 110 {
		t.Errorf("%d checks of Channels", n)
	}
	for n := 17; n <= 30; n++ { // what the draft has of methods, ttl and Subscriptions
		if r := "S" + strconv.Itoa(n); !shown[r] {
			t.Errorf("no check shows row %s", r)
		}
	}
	for _, r := range []string{"CH2", "CH3", "CH4", "CH5", "CH5.1", "CH5.2", "CH5.3", "CH5.4", "CH6", "CH7", "CH8", "CH10", "CH13"} {
		if !shown[r] {
			t.Errorf("no check shows section %s", r)
		}
	}
}

// channelRules gives the sections of the document, the rows of its table of the
// draft and its guarantees, as checks name them.
func channelRules(text string) map[string]bool {
	rules := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^##+ (\d+(?:\.\d)?)\.? `).FindAllStringSubmatch(text, -1) {
		rules["CH"+m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^- (G\d) `).FindAllStringSubmatch(text, -1) {
		rules[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^\| ((?:[SQ]\d+(?:, |-)?)+) \|`).FindAllStringSubmatch(text, -1) {
		for part := range strings.SplitSeq(m[1], ", ") {
			first, last, ranged := strings.Cut(part, "-")
			rules[first] = true
			from, _ := strconv.Atoi(first[1:])
			to := from
			if ranged {
				to, _ = strconv.Atoi(last[1:])
			}
			for i := from; i <= to; i++ {
				rules[first[:1]+strconv.Itoa(i)] = true
			}
		}
	}
	return rules
}
