package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// span is a length of time in seconds, as a flag: a number of seconds, a number
// with d for days, or what Go writes, such as 12h or 1h30m.
type span int64

const day = 24 * 60 * 60

// Set reads a length of time of whole seconds.
func (s *span) Set(text string) error {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/day {
			return errSpan
		}
		*s = span(n * day)
		return nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		*s = span(n)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d%time.Second != 0 {
		return errSpan
	}
	*s = span(d / time.Second)
	return nil
}

var errSpan = errors.New("give whole seconds, or a time such as 90s, 12h or 7d")

// String writes whole days as such, and anything else as Go does. No time at all
// is nothing.
func (s *span) String() string {
	switch n := int64(*s); {
	case n == 0:
		return ""
	case n%day == 0:
		return strconv.FormatInt(n/day, 10) + "d"
	default:
		return (time.Duration(n) * time.Second).String()
	}
}

// Type is what the help calls it.
func (s *span) Type() string { return "time" }

// spanOf writes a number of seconds.
func spanOf(seconds int64) string {
	s := span(seconds)
	return s.String()
}
