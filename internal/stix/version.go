package stix

import (
	"cmp"
	"strings"
	"time"
)

// VersionKey gives the normal form of a version: for an RFC 3339 time the same
// time in UTC with T and Z, without trailing zeros or a trailing point, so that
// "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000Z" and
// "2020-01-01T02:00:00+02:00" are one version (R131, R279). All digits of the
// fraction count, however many. micros is the time in microseconds since
// 1970-01-01T00:00:00Z, cut, not rounded. For a text that is no time it gives
// the text, NoTime and false.
//
// Versions are ordered by (micros, key) (R136). A leap second is a version of
// its own; its micros are those of the second after it. Years are 0000 to 9999,
// before and after the change to UTC.
func VersionKey(text string) (key string, micros int64, ok bool) {
	t, ok := parseTime(text)
	if !ok {
		return text, NoTime, false
	}
	return t.key(text), t.micros(), true
}

// instant is a time in UTC with every digit that was sent.
type instant struct {
	minute time.Time // UTC, whole minutes
	second int       // 0 to 60
	frac   string    // digits after the point, no trailing zeros
}

// parseTime reads an RFC 3339 date-time (section 5.6). time.Parse would not do:
// it drops digits beyond the ninth and knows no leap second.
func parseTime(s string) (instant, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") {
		return instant{}, false
	}
	date, okDate := parseDate(s[:10])
	hour, okHour := twoDigits(s[11:13], 23)
	minute, okMinute := twoDigits(s[14:16], 59)
	second, okSecond := twoDigits(s[17:19], 60)
	frac, zone, okFrac := cutFraction(s[19:])
	offset, okZone := parseZone(zone)
	if !okDate || !okHour || !okMinute || !okSecond || !okFrac || !okZone ||
		s[10]|0x20 != 't' || s[13] != ':' || s[16] != ':' {
		return instant{}, false
	}
	at := date.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute - offset)
	t := instant{minute: at, second: second, frac: strings.TrimRight(frac, "0")}
	if at.Year() < 0 || at.Year() > 9999 || second == 60 && !endsMonth(at) {
		return instant{}, false
	}
	return t, true
}

func parseDate(s string) (time.Time, bool) {
	century, okCentury := twoDigits(s[:2], 99)
	year, okYear := twoDigits(s[2:4], 99)
	month, okMonth := twoDigits(s[5:7], 12)
	day, okDay := twoDigits(s[8:10], 31)
	if !okCentury || !okYear || !okMonth || !okDay || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	t := time.Date(century*100+year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t, month > 0 && t.Day() == day && t.Month() == time.Month(month)
}

func twoDigits(s string, most int) (int, bool) {
	if s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' {
		return 0, false
	}
	n := int(s[0]-'0')*10 + int(s[1]-'0')
	return n, n <= most
}

// cutFraction splits ".123Z" into "123" and "Z".
func cutFraction(s string) (frac, zone string, ok bool) {
	if s[0] != '.' {
		return "", s, true
	}
	n := 1
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return s[1:n], s[n:], n > 1
}

// parseZone reads Z, +hh:mm or -hh:mm as the offset from UTC.
func parseZone(s string) (time.Duration, bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != 6 || s[3] != ':' || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	hours, okHours := twoDigits(s[1:3], 23)
	minutes, okMinutes := twoDigits(s[4:6], 59)
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, okHours && okMinutes
}

// endsMonth reports whether t is the last minute of a month: only there can a
// leap second be (RFC 3339 section 5.7).
func endsMonth(t time.Time) bool {
	return t.Hour() == 23 && t.Minute() == 59 && t.AddDate(0, 0, 1).Day() == 1
}

// key writes the normal form; it gives text itself where that is the same.
func (t instant) key(text string) string {
	b := make([]byte, 0, maxVersion)
	b = t.minute.AppendFormat(b, "2006-01-02T15:04:")
	b = append(b, byte('0'+t.second/10), byte('0'+t.second%10))
	if t.frac != "" {
		b = append(append(b, '.'), t.frac...)
	}
	b = append(b, 'Z')
	if string(b) == text {
		return text
	}
	return string(b)
}

func (t instant) micros() int64 {
	n := 0
	for i := range 6 {
		n *= 10
		if i < len(t.frac) {
			n += int(t.frac[i] - '0')
		}
	}
	return (t.minute.Unix()+int64(t.second))*1_000_000 + int64(n)
}

// compare orders two times by every digit: -1, 0 or 1.
func (t instant) compare(u instant) int {
	if c := t.minute.Compare(u.minute); c != 0 {
		return c
	}
	if c := cmp.Compare(t.second, u.second); c != 0 {
		return c
	}
	return strings.Compare(t.frac, u.frac)
}
