// Package driver loads a TAXII 2.1 server and measures it. It knows a server
// only by its URL: the same driver runs against hansom, against any other
// server, and against the limit, which only repeats answers.
//
// It believes nothing. A [Content] is learnt by walking a Collection once, with
// every page read and checked; a [Script] is a list of requests with what must
// be answered to each. While a script runs every answer is compared with what
// must come, by check sums of all its octets; one that differs is read as a page
// and must hold the same objects in the same order. What was added is read back.
// So a server that drops, repeats or reorders, or that answers with an error,
// fails and is not measured.
//
// It has an HTTP/1.1 client of its own, because net/http's costs more than some
// of the servers that are to be measured: connections are kept, requests are
// short appends, and bodies are read into buffers that are used again.
package driver
