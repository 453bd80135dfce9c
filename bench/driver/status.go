package driver

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// outcome is what is looked at of a Status.
type outcome struct {
	id        string
	complete  bool
	good, bad int
}

// readStatus reads a Status past its lists, which can be long.
func readStatus(body []byte) (o outcome, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	if d.PeekKind() != jsontext.KindBeginObject {
		return o, errors.New("no JSON object")
	}
	if _, err := d.ReadToken(); err != nil {
		return o, err
	}
	for d.PeekKind() == jsontext.KindString {
		name, err := d.ReadToken()
		if err != nil {
			return o, err
		}
		member, kind := name.String(), d.PeekKind()
		if kind != jsontext.KindString && kind != jsontext.KindNumber {
			if err := d.SkipValue(); err != nil {
				return o, err
			}
			continue
		}
		value, err := d.ReadToken()
		if err != nil {
			return o, err
		}
		o.set(member, kind, value)
	}
	_, err = d.ReadToken()
	return o, err
}

func (o *outcome) set(member string, kind jsontext.Kind, value jsontext.Token) {
	count := 0
	if kind == jsontext.KindNumber {
		n, err := value.Int()
		if err != nil {
			n = -1 // no count that anything is compared with
		}
		count = int(n)
	}
	switch member {
	case "id":
		o.id = value.String()
	case "status":
		o.complete = value.String() == "complete"
	case "success_count":
		o.good = count
	case "failure_count":
		o.bad = count
	}
}
