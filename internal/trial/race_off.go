//go:build !race

package trial

// Race tells that the race detector is on. It makes the database, which is a
// translated C program, ten times slower; a test may then do less of the same.
const Race = false
