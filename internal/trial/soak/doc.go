// Package soak lets a server live long, or with many: thousands of followers of
// which most do nothing and some stop reading, and Messages that expire as fast as
// they come. It has nothing but tests; a short form of what is quick runs with all
// others, the rest by make soak.
package soak
