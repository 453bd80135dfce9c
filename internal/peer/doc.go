// Package peer is the exchange as other servers meet it: it sends them what they
// are to have. Push sends the Messages of Subscriptions to the URLs that their
// accounts gave; links, folders and feeds of other servers come with their issue.
// What is sent, and to whom, is decided in exchange; how another host is called,
// in outbound.
package peer
