package draft

import (
	"bytes"
	"encoding/json"
	"errors"
)

// A Channel is the draft's Channel create object, and what an answer says of a
// Channel. The draft does not write down the answers, so any member may be
// missing there.
type Channel struct {
	Name        string
	Description string
	// PermittedMessages empty permits all messages; the draft doubts it ("(?)").
	PermittedMessages []string
	ContentType       string
	TTL               int64           // in seconds
	Raw               json.RawMessage // as the server wrote it
}

// object writes the Channel as the draft does: description only where there is
// one, everything else always.
func (c Channel) object() []byte {
	members := map[string]any{
		"name": c.Name, "permitted_messages": append([]string{}, c.PermittedMessages...),
		"content_type": c.ContentType, "ttl": c.TTL,
	}
	if c.Description != "" {
		members["description"] = c.Description
	}
	text, err := json.Marshal(members)
	if err != nil {
		panic(err) // strings and a number
	}
	return text
}

// readChannels reads a channel-list message, of which the draft says nothing
// but its name: a list, bare or as a member "channels", of names or of objects.
func readChannels(body []byte) ([]Channel, error) {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) != nil {
		var message struct {
			Channels []json.RawMessage `json:"channels"`
		}
		if err := json.Unmarshal(body, &message); err != nil {
			return nil, err
		}
		list = message.Channels
	}
	channels := make([]Channel, 0, len(list))
	for _, item := range list {
		channels = append(channels, readChannel(item))
	}
	return channels, nil
}

// readChannel reads what it can of one Channel: each member by itself, as one of
// another type than the draft's must not hide the others.
func readChannel(text []byte) (c Channel) {
	c.Raw = bytes.Clone(text)
	if json.Unmarshal(text, &c.Name) == nil {
		return c
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return c
	}
	for name, into := range map[string]any{
		"name": &c.Name, "description": &c.Description, "permitted_messages": &c.PermittedMessages,
		"content_type": &c.ContentType, "ttl": &c.TTL,
	} {
		_ = json.Unmarshal(members[name], into) // absent or of another type: left as it is
	}
	return c
}

// JSON is the Form that the draft's control messages suggest: one message as an
// object, several as a list.
func JSON() Form {
	const media = "application/json"
	return Form{Accept: media, Content: media, Join: joinJSON, Split: splitJSON}
}

func joinJSON(messages ...[]byte) []byte {
	if len(messages) == 1 {
		return messages[0]
	}
	return append(append([]byte("["), bytes.Join(messages, []byte(","))...), ']')
}

func splitJSON(body []byte) (messages [][]byte, err error) {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) != nil {
		if !json.Valid(body) {
			return nil, errors.New("neither a JSON object nor a list")
		}
		return [][]byte{bytes.Clone(body)}, nil
	}
	for _, item := range list {
		messages = append(messages, item)
	}
	return messages, nil
}
