package stix_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/internal/trial"
)

func TestSpellingsOfOneTimeAreOneVersion(t *testing.T) {
	trial.Covers(t, "R131", "R279")
	tests := []struct {
		key    string
		micros int64
		texts  string
	}{
		{"2020-01-01T00:00:00Z", y2020, `2020-01-01T00:00:00Z 2020-01-01T00:00:00.0Z 2020-01-01T00:00:00.000Z
			2020-01-01T00:00:00.000000000000Z 2020-01-01t00:00:00z 2020-01-01T02:00:00+02:00 2019-12-31T18:30:00-05:30
			2020-01-01T00:00:00+00:00 2020-01-01T00:00:00.00-00:00`},
		{"2020-01-01T00:00:00.1Z", y2020 + 100_000, "2020-01-01T00:00:00.1Z 2020-01-01T00:00:00.100Z 2020-01-01T01:00:00.10+01:00"},
		{"2020-01-01T00:00:00.123456789012Z", y2020 + 123_456, "2020-01-01T00:00:00.123456789012Z 2020-01-01T00:00:00.12345678901200Z"},
		{"1969-12-31T23:59:59.9999999Z", -1, "1969-12-31T23:59:59.9999999Z"},
		{"0000-01-01T00:00:00Z", -62167219200000000, "0000-01-01T00:00:00Z"},
		{"9999-12-31T23:59:59.999Z", 253402300799999000, "9999-12-31T23:59:59.999Z"},
		{"2000-02-29T00:00:00Z", 951782400000000, "2000-02-29T00:00:00Z 2000-02-29T23:59:00+23:59"},
		{"2016-12-31T23:59:60Z", 1483228800000000, "2016-12-31T23:59:60Z 2017-01-01T00:59:60+01:00"},
	}
	for _, tt := range tests {
		for text := range strings.FieldsSeq(tt.texts) {
			key, micros, ok := stix.VersionKey(text)
			if key != tt.key || micros != tt.micros || !ok {
				t.Errorf("VersionKey(%s) = %s, %d, %t; want %s, %d", text, key, micros, ok, tt.key, tt.micros)
			}
		}
	}
}

func TestTimesThatDifferAreDifferentVersions(t *testing.T) {
	trial.Covers(t, "R131", "R279")
	texts := []string{
		"2020-01-01T00:00:00Z", "2020-01-01T00:00:00.001Z", "2020-01-01T00:00:00.000001Z",
		"2020-01-01T00:00:00.0000000000001Z", "2020-01-01T00:00:00.0000000000002Z",
		"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "yesterday", "Yesterday",
	}
	seen := map[string]string{}
	for _, text := range texts {
		key, _, _ := stix.VersionKey(text)
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s are one version", text, other)
		}
		seen[key] = text
	}
}

func TestVersionsAreOrderedByTimeNotByText(t *testing.T) {
	trial.Covers(t, "R136")
	type version struct {
		key    string
		micros int64
	}
	var got []version
	for _, text := range []string{
		"2020-01-01T00:00:00.5Z", "2020-01-01T01:00:00+02:00", "2020-01-01T00:00:00Z", "no time", "2020-01-01T00:00:00.25Z",
	} {
		key, micros, _ := stix.VersionKey(text)
		got = append(got, version{key, micros})
	}
	slices.SortFunc(got, func(a, b version) int {
		if a.micros < b.micros {
			return -1
		}
		return 1
	})
	want := []string{"no time", "2019-12-31T23:00:00Z", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.25Z", "2020-01-01T00:00:00.5Z"}
	for i := range want {
		if got[i].key != want[i] {
			t.Errorf("version %d is %s, want %s", i, got[i].key, want[i])
		}
	}
}

func TestWhatIsNoTimeIsItsOwnKey(t *testing.T) {
	trial.Covers(t, "R135")
	for _, text := range []string{
		"", "1", "v1.2", "2020", "2020-01-01", "2020-01-01T00:00:00", "2020-01-01 00:00:00Z", "2020-01-01T00:00Z",
		"2020-13-01T00:00:00Z", "2020-00-01T00:00:00Z", "2020-02-30T00:00:00Z", "2019-02-29T00:00:00Z", "2020-01-00T00:00:00Z",
		"2020-01-01T24:00:00Z", "2020-01-01T00:60:00Z", "2020-01-01T00:00:61Z", "2020-01-01T00:00:60Z", "2020-01-31T22:59:60Z",
		"2020-01-01T00:00:00.Z", "2020-01-01T00:00:00,5Z", "2020-01-01T00:00:00.5", "2020-01-01T00:00:00.5+0100",
		"2020-01-01T00:00:00+24:00", "2020-01-01T00:00:00+01:60", "2020-01-01T00:00:00 01:00", "2020-01-01T00:00:00ZZ",
		"0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "+020-01-01T00:00:00Z", "2020-1-001T00:00:00Z",
		"2020/01/01T00:00:00Z", "2020-01-01T00.00.00Z", "２０２０-01-01T00:00:00Z",
	} {
		key, micros, ok := stix.VersionKey(text)
		if key != text || micros != stix.NoTime || ok {
			t.Errorf("VersionKey(%s) = %s, %d, %t", text, key, micros, ok)
		}
	}
}
