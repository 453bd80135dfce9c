// Package api is TAXII 2.1 over HTTP: it turns requests into calls of the
// exchange and answers into bytes. Which requests there are is the list of
// routes; what they may do is the exchange's matter. It knows no store.
package api
