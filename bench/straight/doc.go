// Package straight writes rows straight into the tables of a store, in batches
// and with nothing looked up, as the bound that adding through the server is
// measured against. All of it is a test, because only internal/store may know
// SQL: `make bench` builds the test as a program, which the conductor of bench
// starts. In `go test` it only shows that the statements fit the schema.
package straight
