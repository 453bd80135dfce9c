//go:build !race

package storetest

// rambles is how many random histories are walked.
const rambles = 3
