package driver

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// resource is what is looked at of a Message as a server gives it.
type resource struct {
	id, cursor string
	content    []byte
}

// readMessage reads a message resource.
func readMessage(raw []byte) (m resource, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if d.PeekKind() != jsontext.KindBeginObject {
		return m, fmt.Errorf("%.40q is no message", raw)
	}
	if _, err := d.ReadToken(); err != nil {
		return m, err
	}
	for d.PeekKind() == jsontext.KindString {
		name, err := d.ReadToken()
		if err != nil {
			return m, err
		}
		member := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return m, err
		}
		switch member {
		case "id":
			m.id = string(bytes.Trim(value, `"`))
		case "cursor":
			m.cursor = string(bytes.Trim(value, `"`))
		case "content":
			m.content = value
		}
	}
	_, err = d.ReadToken()
	return m, err
}

// is tells what is wrong where a Message is not Message i.
func (m *Messages) is(raw []byte, i uint64) error {
	got, err := readMessage(raw)
	switch {
	case err != nil:
		return err
	case got.id != m.ID(i):
		return fmt.Errorf("the message %s came, %s is due", got.id, m.ID(i))
	case got.cursor == "":
		return fmt.Errorf("the message %s has no cursor", got.id)
	case !bytes.Equal(got.content, m.Append(nil, i)):
		return fmt.Errorf("the content of the message %s is not as it was published", got.id)
	}
	return nil
}
