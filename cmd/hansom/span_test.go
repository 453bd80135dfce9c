package main

import "testing"

func TestALengthOfTimeIsReadAsPeopleWriteIt(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "90": 90, "90s": 90, "1m30s": 90, "12h": 43_200, "7d": 604_800, "365d": 31_536_000} {
		var s span
		if err := s.Set(text); err != nil || int64(s) != want {
			t.Errorf("%s is %d seconds, %v, want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "d", "-1", "-1d", "-1h", "1.5d", "500ms", "7w", "soon", "99999999999999999999", "9223372036854775807d"} {
		s := span(5)
		if err := s.Set(text); err == nil || s != 5 {
			t.Errorf("%q became %d", text, s)
		}
	}
	for seconds, want := range map[int64]string{0: "", 60: "1m0s", 43_200: "12h0m0s", 604_800: "7d", 129_600: "36h0m0s"} {
		if got := spanOf(seconds); got != want {
			t.Errorf("%d seconds are written %q, want %q", seconds, got, want)
		}
	}
}
