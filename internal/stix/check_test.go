package stix_test

import (
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// check is Peek and Check in one, as an Add does them.
func check(raw string, v stix.Validation) string {
	f, err := stix.Peek([]byte(raw))
	if err == nil {
		err = stix.Check([]byte(raw), f, v)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestValidationsHaveNames(t *testing.T) {
	for _, v := range []stix.Validation{stix.Off, stix.Shape, stix.Strict} {
		got, err := stix.ParseValidation(v.String())
		if err != nil || got != v {
			t.Errorf("ParseValidation(%s) = %s, %v", v, got, err)
		}
	}
	for _, s := range []string{"", "Strict", "none"} {
		if _, err := stix.ParseValidation(s); err == nil {
			t.Errorf("ParseValidation(%q) gives no error", s)
		}
	}
	if got := stix.Validation(9).String(); got != "validation(9)" {
		t.Errorf("an unknown validation is %s", got)
	}
}

func TestShapeTakesEveryWellFormedObject(t *testing.T) {
	trial.Covers(t, "R122", "R168", "R278")
	for _, raw := range []string{
		`{"type":"tool","id":"tool--` + uuid + `","spec_version":"2.1","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z"}`,
		`{"type":"tool","id":"tool--` + uuid + `","created":"2020-01-01T00:00:00Z","modified":"2020-01-01T00:00:00.123456Z"}`,
		`{"type":"ipv4-addr","id":"ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd","value":"192.0.2.1"}`,
		`{"type":"marking-definition","spec_version":"2.0","id":"marking-definition--` + uuid + `","created":"2017-01-20T00:00:00.000Z"}`,
		`{"type":"x-acme-9","id":"x-acme-9--` + uuid + `","anything":[null,{"A B":[]}]}`,
		`{"type":"x","id":"x--018f5a7e-7b3c-7d10-9a1b-0123456789ab"}`,
	} {
		if got := check(raw, stix.Shape); got != "" {
			t.Errorf("%s: %s", raw, got)
		}
	}
}

func TestShapeNamesWhatIsMalformed(t *testing.T) {
	id := `"type":"tool","id":"tool--` + uuid + `"`
	const wantID, wantTime = "id: must be the type, two hyphens and a lower-case UUID",
		": must be an RFC 3339 time in UTC, such as 2020-01-20T12:34:56.000Z"
	tests := []struct{ raw, want string }{
		{`{"type":"tool","id":"tool"}`, wantID},
		{`{"type":"tool","id":"tool-` + uuid + `"}`, wantID},
		{`{"type":"tool","id":"--` + uuid + `"}`, wantID},
		{`{"type":"tool","id":"tool--31B940D4-6f7f-459a-80ea-9c1f17b58abc"}`, wantID},
		{`{"type":"tool","id":"tool--31b940d46f7f459a80ea9c1f17b58abc"}`, wantID},
		{`{"type":"tool","id":"tool--` + uuid + `0"}`, wantID},
		{`{"type":"tool","id":"Tool--` + uuid + `"}`, wantID},
		{`{"type":"tool","id":"malware--` + uuid + `"}`, `id: begins with "malware" but the type is "tool"`},
		{`{"type":"Tool","id":"tool--` + uuid + `"}`, "type: must have only lower-case letters, digits and hyphens; " +
			`id: begins with "tool" but the type is "Tool"`},
		{`{` + id + `,"spec_version":"2.2"}`, `spec_version: must be 2.0 or 2.1, not "2.2"`},
		{`{` + id + `,"created":"2020-01-01"}`, "created" + wantTime},
		{`{` + id + `,"created":"2020-01-01T00:00:00Z","modified":"2020-01-01T00:00:00+00:00"}`, "modified" + wantTime},
		{`{` + id + `,"modified":"2020-01-01t00:00:00Z"}`, "modified" + wantTime},
		{`{` + id + `,"modified":"2020-01-01T00:00:00z"}`, "modified" + wantTime},
	}
	for _, tt := range tests {
		if got := check(tt.raw, stix.Shape); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.raw, got, tt.want)
		}
		if got := check(tt.raw, stix.Off); got != "" {
			t.Errorf("%s: refused without validation: %s", tt.raw, got)
		}
	}
}

func TestABundleIsNoObject(t *testing.T) {
	trial.Covers(t, "R168")
	raw := `{"type":"bundle","id":"bundle--` + uuid + `"}`
	if got := check(raw, stix.Shape); !strings.HasPrefix(got, "type: a bundle is no STIX object") {
		t.Errorf("a bundle: %q", got)
	}
}

func TestAReasonIsBounded(t *testing.T) {
	raw := `{"type":"process","id":"process--` + uuid + `","pid":"` + strings.Repeat("x", 5000) +
		`","is_hidden":1,"cwd":1,"command_line":1,"parent_ref":"` + strings.Repeat("\u202e", 5000) + `","image_ref":1,"child_refs":1}`
	got := check(raw, stix.Strict)
	if strings.Count(got, "; ") != 5 || !strings.HasSuffix(got, "; and 2 more") {
		t.Errorf("not five reasons and 2 more: %s", got)
	}
	long := `{"type":"file","id":"file--` + uuid + `","name":"a","hashes":{"` + strings.Repeat(`\n`, 5000) + `":1}}`
	if got := check(long, stix.Strict); got == "" || len(got) > 1024 || strings.ContainsAny(got, "\n") {
		t.Errorf("%d octets: %s", len(got), got)
	}
}
