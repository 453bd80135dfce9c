// Package broken is a small TAXII server over a store that may be broken in a
// chosen way, behind the interface that the exchange has of every store: so a
// test that must find such a fault can be shown to find it. It has no TLS, no
// control socket and no configuration; its clock may be set back.
package broken
