// Package whole tests the whole server from outside: the real binary, over TLS,
// with Go, curl and Python as clients. It has nothing but tests; what is told of
// one room alone is tested there.
package whole
