//go:build !race

package storetest

// How many random histories are walked, of how many steps, and how many entries
// are purged.
const (
	rambles     = 3
	rambleSteps = 150
	purged      = 6_000
)
