package taxii_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestATimeIsReadInEveryFormOfRFC3339(t *testing.T) {
	trial.Covers(t, "K31", "R140")
	for text, want := range map[string]string{
		"2016-01-01T01:01:01.123456Z":         "2016-01-01T01:01:01.123456Z",
		"2016-01-01T01:01:01Z":                "2016-01-01T01:01:01.000000Z",
		"2016-01-01T01:01:01.1Z":              "2016-01-01T01:01:01.100000Z",
		"2016-01-01T01:01:01.12Z":             "2016-01-01T01:01:01.120000Z",
		"2016-01-01T01:01:01.123Z":            "2016-01-01T01:01:01.123000Z",
		"2016-01-01T01:01:01.1234567Z":        "2016-01-01T01:01:01.123456Z",
		"2016-01-01T01:01:01.999999999Z":      "2016-01-01T01:01:01.999999Z", // cut, not rounded
		"1960-01-01T01:01:01.999999999Z":      "1960-01-01T01:01:01.999999Z", // also before the epoch
		"2016-01-01t01:01:01.5z":              "2016-01-01T01:01:01.500000Z",
		"2016-01-01T01:01:01+02:00":           "2015-12-31T23:01:01.000000Z",
		"2016-01-01T01:01:01 02:00":           "2015-12-31T23:01:01.000000Z", // an unescaped plus sign
		"2016-01-01T01:01:01.25-05:30":        "2016-01-01T06:31:01.250000Z",
		"2016-01-01T01:01:01-00:00":           "2016-01-01T01:01:01.000000Z",
		"2016-02-29T23:59:59.123456789+23:59": "2016-02-29T00:00:59.123456Z",
		"0001-01-01T00:00:00Z":                "0001-01-01T00:00:00.000000Z",
		"9999-12-31T23:59:59.999999999Z":      "9999-12-31T23:59:59.999999Z",
		"1970-01-01T00:00:00Z":                "1970-01-01T00:00:00.000000Z",
	} {
		got, err := taxii.ParseTime(text)
		if err != nil {
			t.Errorf("ParseTime(%q): %v", text, err)
		} else if got.String() != want {
			t.Errorf("ParseTime(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestWhatIsNoTimeIsRefusedWithTheFormExpected(t *testing.T) {
	for _, text := range []string{
		"", "Z", "now", "2016", "2016-01-01", "2016-01-01T01:01Z", "2016-01-01T01:01:01", "2016-01-01 01:01:01Z",
		"2016-01-01T01:01:01.Z", "2016-01-01T01:01:01,5Z", "2016-01-01T01:01:01.1234567890Z", // ten digits
		"2016-13-01T01:01:01Z", "2016-00-01T01:01:01Z", "2015-02-29T01:01:01Z", "2016-01-32T01:01:01Z",
		"2016-01-01T24:00:00Z", "2016-01-01T01:60:00Z", "2016-12-31T23:59:60Z", // a leap second
		"2016-01-01T01:01:01+2:00", "2016-01-01T01:01:01+0200", "2016-01-01T01:01:01+24:00", "2016-01-01T01:01:01+01:60",
		"2016-01-01T01:01:01ZZ", "2016-01-01T01:01:01.5", " 2016-01-01T01:01:01Z", "2016-01-01T01:01:01Z ",
		"0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "+2016-01-01T01:01:01Z",
		"2016-01-01T01:01:01٠", strings.Repeat("2016-01-01T01:01:01.0", 1000),
	} {
		_, err := taxii.ParseTime(text)
		if taxii.KindOf(err) != taxii.Malformed {
			t.Errorf("ParseTime(%q): %v, want a Malformed error", text, err)
		} else if !strings.Contains(err.Error(), "YYYY-MM-DDTHH:MM:SS.ssssssZ") || len(err.Error()) > 300 {
			t.Errorf("ParseTime(%q) does not say shortly what is expected: %v", text, err)
		}
	}
}

func TestATimeIsWrittenInUTCWithSixDigitsAndZ(t *testing.T) {
	trial.Covers(t, "R018", "R019", "R020")
	zone := time.FixedZone("", 2*60*60)
	for want, when := range map[string]time.Time{
		"2016-01-01T01:01:01.000000Z": time.Date(2016, 1, 1, 3, 1, 1, 0, zone),
		"2016-01-01T01:01:01.120000Z": time.Date(2016, 1, 1, 1, 1, 1, 120_000_999, time.UTC),
		"0999-01-01T00:00:00.000001Z": time.Date(999, 1, 1, 0, 0, 0, 1_999, time.UTC),
	} {
		written, err := json.Marshal(taxii.TimeOf(when))
		if err != nil || string(written) != `"`+want+`"` {
			t.Errorf("%v is written %s (%v), want %s", when, written, err, want)
		}
		var read taxii.Time
		if err := json.Unmarshal(written, &read); err != nil || read != taxii.TimeOf(when) {
			t.Errorf("%s is read as %v (%v)", written, read, err)
		}
		if back := read.Time(); back.Location() != time.UTC || !back.Equal(when.Truncate(time.Microsecond)) {
			t.Errorf("%v comes back as %v", when, back)
		}
	}
}

func TestATimeInJSONMustBeAStringWithinTheYearsOfTheWire(t *testing.T) {
	var read taxii.Time
	for _, text := range []string{`1`, `{}`, `"x"`, `true`} {
		if err := json.Unmarshal([]byte(text), &read); taxii.KindOf(err) != taxii.Malformed {
			t.Errorf("%s: %v, want a Malformed error", text, err)
		}
	}
	read = 7
	if err := json.Unmarshal([]byte(`null`), &read); err != nil || read != 7 {
		t.Errorf("null gives %v (%v), want no change", read, err)
	}
	for _, when := range []taxii.Time{-62135596800000001, 253402300800000000} {
		if text, err := json.Marshal(when); err == nil {
			t.Errorf("%d is written %s, want an error", when, text)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("2016-01-01T01:01:01.123456Z")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := taxii.ParseTime(text)
		if err != nil {
			return
		}
		if again, err := taxii.ParseTime(got.String()); err != nil || again != got {
			t.Errorf("%q is written %s and read again as %v (%v)", text, got, again, err)
		}
		theirs, err := time.Parse(time.RFC3339Nano, strings.ToUpper(strings.Replace(text, " ", "+", 1)))
		if err != nil {
			t.Fatalf("%q is taken, but not by the standard library: %v", text, err)
		}
		if taxii.TimeOf(theirs) != got {
			t.Errorf("ParseTime(%q) = %s, the standard library reads %s", text, got, theirs)
		}
	})
}
