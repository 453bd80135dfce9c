//go:build race

package storetest

// How many random histories are walked, of how many steps, and how many entries
// are purged. Little is enough for the race detector, which makes the database
// ten times slower.
const (
	rambles     = 1
	rambleSteps = 50
	purged      = 2_000
)
