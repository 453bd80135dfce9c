// Package outbound is the one way in which this server calls another host: the
// host is resolved once for each call, every address of it is checked, and a
// checked address is dialled. What a URL may be, which addresses are refused,
// how long a call may take and how much of an answer is read is decided here
// and nowhere else. It knows nothing of what is sent, and imports nothing of
// ours.
package outbound
