// Package taxii keeps the words of TAXII 2.1 as they stand on the wire: the
// resources, the envelope that carries objects, the filter of a query, the
// error, the media types, the timestamp and the identifier. Servers and clients
// share it, so that each word is written and read in one place.
//
// It knows no HTTP handler, no storage and no STIX: an object is the bytes that
// came in, and who may see it is decided elsewhere. It logs nothing and keeps no
// state.
//
// Numbers such as R107 and K30 in comments name the requirement that a line
// keeps: R for the standard, K for the compatibility with clients in the field.
package taxii
