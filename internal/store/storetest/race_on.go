//go:build race

package storetest

// rambles is how many random histories are walked. One is enough for the race
// detector, which makes the database ten times slower.
const rambles = 1
