//go:build !linux

package trial

import "testing"

// SmallDisk is of Linux alone.
func SmallDisk(t testing.TB, _ int64) string {
	t.Helper()
	Need(t, false, "Linux, where a disk can be mounted for one test")
	return ""
}

// FreeOctets is of Linux alone.
func FreeOctets(t testing.TB, _ string) int64 {
	t.Helper()
	Need(t, false, "Linux, where a disk can be mounted for one test")
	return 0
}
