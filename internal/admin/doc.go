// Package admin is the exchange for operators: JSON below /admin/, on the
// control socket and, if turned on, on HTTPS, and the client that local
// commands use. It keeps nothing. It knows HTTP and JSON; who may do what, and
// what a setting may be, only the exchange knows.
package admin
