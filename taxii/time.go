package taxii

import (
	"encoding/json"
	"strings"
	"time"
)

// Time is a point in time as TAXII writes it: microseconds since
// 1970-01-01T00:00:00Z, in UTC. The wire knows the years 0001 to 9999; the zero
// Time is the epoch.
type Time int64

const (
	timeLayout = "2006-01-02T15:04:05.000000Z"
	timeForm   = "YYYY-MM-DDTHH:MM:SS.ssssssZ" // the same, for people

	minTime Time = -62135596800000000 // 0001-01-01T00:00:00.000000Z
	maxTime Time = 253402300799999999 // 9999-12-31T23:59:59.999999Z

	maxTimeLength = len("2006-01-02T15:04:05.999999999+00:00")
)

// TimeOf gives the Time of t. What is finer than a microsecond is cut.
func TimeOf(t time.Time) Time {
	return Time(t.UnixMicro())
}

// Time gives t for the standard library, in UTC.
func (t Time) Time() time.Time {
	return time.UnixMicro(int64(t)).UTC()
}

// String writes t as the standard's timestamp, always with six digits and Z
// (R018 to R020): 2016-01-01T01:01:01.000000Z. Outside the years 0001 to 9999
// the result is no timestamp.
func (t Time) String() string {
	return t.Time().Format(timeLayout)
}

// MarshalJSON writes t as a JSON string in the form of [Time.String]. A year
// outside 0001 to 9999 is an error.
func (t Time) MarshalJSON() ([]byte, error) {
	if t < minTime || t > maxTime {
		return nil, Errorf(Internal, "a timestamp lies outside the years 0001 to 9999")
	}
	return []byte(`"` + t.String() + `"`), nil
}

// UnmarshalJSON reads a JSON string as [ParseTime] does. null changes nothing.
func (t *Time) UnmarshalJSON(data []byte) error {
	var s *string
	if err := json.Unmarshal(data, &s); err != nil {
		return Errorf(Malformed, "a timestamp must be a JSON string: %w", err)
	}
	if s == nil {
		return nil
	}
	parsed, err := ParseTime(*s)
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}

// ParseTime reads any time of RFC 3339 (K31, R140): 0 to 9 fractional digits,
// of which those beyond microseconds are cut; T and Z in either case; Z or an
// offset, also one whose plus sign was left unescaped in a query and arrives as a
// space. In UTC it must lie in the years 0001 to 9999. A leap second (:60) is
// refused, as Go's own parser does: no Time could hold it.
//
// The error is of Kind [Malformed] and shows the form that is expected.
func ParseTime(s string) (Time, error) {
	t, ok := parseTime(s)
	if !ok {
		return 0, Errorf(Malformed, "%s is not a time; write it in the form %s", excerpt(s), timeForm)
	}
	return t, nil
}

func parseTime(s string) (Time, bool) {
	if len(s) > maxTimeLength {
		return 0, false
	}
	s = strings.ToUpper(s)
	const length = len("2006-01-02T15:04:05")
	if len(s) <= length || !hasShape(s[:length], "dddd-dd-ddTdd:dd:dd") {
		return 0, false
	}
	second, err := time.Parse("2006-01-02T15:04:05", s[:length]) // only checks the ranges: the shape is known
	if err != nil {
		return 0, false
	}
	micros, zone, ok := cutFraction(s[length:])
	if !ok {
		return 0, false
	}
	offset, ok := parseOffset(zone)
	t := TimeOf(second.Add(-offset)) + micros
	return t, ok && minTime <= t && t <= maxTime
}

// cutFraction reads ".123456" off the front of s, in microseconds, and gives
// what follows. Without a dot there is no fraction.
func cutFraction(s string) (micros Time, rest string, ok bool) {
	fraction, found := strings.CutPrefix(s, ".")
	if !found {
		return 0, s, true
	}
	unit := Time(100_000)
	digits := 0
	for digits < len(fraction) && '0' <= fraction[digits] && fraction[digits] <= '9' {
		micros += Time(fraction[digits]-'0') * unit
		unit /= 10
		digits++
	}
	return micros, fraction[digits:], 1 <= digits && digits <= 9
}

// parseOffset reads Z, +02:00, -05:30 or " 02:00": how far local time is ahead
// of UTC.
func parseOffset(s string) (time.Duration, bool) {
	if s == "Z" {
		return 0, true
	}
	if s == "" || !hasShape(s[1:], "dd:dd") || strings.IndexByte("+- ", s[0]) < 0 {
		return 0, false
	}
	clock, err := time.Parse("15:04", s[1:])
	if err != nil {
		return 0, false
	}
	offset := time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}
