package exchange

import (
	"crypto/sha1" //nolint:gosec // UUIDs of version 5 are made of it; nothing is secured by it
	"encoding/hex"
	"strings"
)

// messageID reads the id of a Message: a UUID in the form of RFC 9562, compared
// in lower case.
func messageID(text string) (id string, ok bool) {
	if len(text) != 36 {
		return "", false
	}
	id = strings.ToLower(text)
	for i := range len(id) {
		switch c := id[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return "", false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return "", false
			}
		}
	}
	return id, true
}

// derivedID is the UUID of version 5 of a name in a namespace, which is a UUID
// itself (RFC 9562, 5.5). The same name gives the same id, and nobody has to ask
// whether it is taken.
func derivedID(namespace, name string) string {
	space, _ := hex.DecodeString(strings.ReplaceAll(namespace, "-", ""))
	h := sha1.New() //nolint:gosec // see above
	h.Write(space)
	h.Write([]byte(name))
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	b := hex.AppendEncode(make([]byte, 0, 36), u)
	return strings.Join([]string{string(b[:8]), string(b[8:12]), string(b[12:16]), string(b[16:20]), string(b[20:])}, "-")
}

// relayedID reads the property origin of a draft, "CHANNEL/MESSAGE" by their
// ids, and gives the id that every relay of that Message gives it.
func relayedID(origin string) (normal, id string, ok bool) {
	channel, message, _ := strings.Cut(origin, "/")
	channel, good := messageID(channel)
	message, ok = messageID(message)
	if !good || !ok {
		return "", "", false
	}
	return channel + "/" + message, derivedID(channel, message), true
}
