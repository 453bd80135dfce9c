// Package exchange is every operation, once: look up, may they?, read or
// append. A Session is the exchange as one account sees it, and the only way
// in. The faces (HTTP, administration) call it; it knows no HTTP and no SQL.
package exchange
