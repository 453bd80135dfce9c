// Package feed keeps content in order: a Feed is an append-only sequence of
// entries, and a Cursor is a place in it. A Collection is a feed read by
// asking; a Channel is a feed read by following.
//
// It says which entries there are, in which order, under which date, and which
// of them is the latest version of its object. Nothing here knows HTTP, SQL or
// STIX: a Store keeps the entries, and what content means is told to it by the
// drafts that come in.
package feed
