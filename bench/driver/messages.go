package driver

import (
	"strings"
)

// MessageSize is how many octets the content of each generated Message has.
const MessageSize = 1024

// Messages makes Messages for Channels: Envelopes of one indicator, all of
// MessageSize octets. Message i of one series is always the same bytes, and no two
// series share an id.
type Messages struct {
	series  uint64
	content []byte
	at      int // where the UUID of its object begins
}

// The content of a Message, around the UUID of its object. What follows the
// envelope's beginning up to its end is the object.
const (
	envelopeBegins = `{"objects":[`
	envelopeEnds   = `]}`
	messageHead    = envelopeBegins + `{"type":"indicator","spec_version":"2.1","id":"indicator--`
	messageTail    = `","created":"2024-03-01T10:00:00.000Z","modified":"2024-03-01T10:00:00.000Z","pattern":"[ipv4-addr:value = '198.51.100.7']",` +
		`"pattern_type":"stix","valid_from":"2024-03-01T10:00:00Z","description":"`
	messageEnds = `"}` + envelopeEnds
)

// NewMessages makes a series.
func NewMessages(series uint64) *Messages {
	text := messageHead + strings.Repeat("0", uuidSize) + messageTail
	room := MessageSize - len(text) - len(messageEnds)
	text += strings.Repeat(vocabulary+" ", room/len(vocabulary)+1)[:room] + messageEnds
	return &Messages{series: series, content: []byte(text), at: len(messageHead)}
}

// Append appends the content of Message i.
func (m *Messages) Append(to []byte, i uint64) []byte {
	at := len(to) + m.at
	to = append(to, m.content...)
	putUUID(to[at:], m.series, i)
	return to
}

// Object appends the object of Message i alone.
func (m *Messages) Object(to []byte, i uint64) []byte {
	at := len(to) + m.at - len(envelopeBegins)
	to = append(to, m.content[len(envelopeBegins):len(m.content)-len(envelopeEnds)]...)
	putUUID(to[at:], m.series, i)
	return to
}

// ID is the id of Message i, which is the UUID of its object.
func (m *Messages) ID(i uint64) string {
	var id [uuidSize]byte
	putUUID(id[:], m.series, i)
	return string(id[:])
}

// drafts appends the body that publishes n Messages, from Message i on.
func (m *Messages) drafts(to []byte, i uint64, n int) []byte {
	to = append(to, `{"messages":[`...)
	for k := range uint64(n) {
		if k > 0 {
			to = append(to, ',')
		}
		to = append(append(append(to, `{"id":"`...), m.ID(i+k)...), `","content":`...)
		to = append(m.Append(to, i+k), '}')
	}
	return append(to, `]}`...)
}
