package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// sink gives where Messages go.
func (f *following) sink() sink {
	switch {
	case len(f.command) > 0:
		return f.exec
	case f.a.json || !onTerminal(f.a.out):
		return f.printLine
	}
	return f.printText
}

// printLine writes a Message as a line of JSON. Its content stands there as it was
// published, but for line breaks between its tokens, which become spaces.
func (f *following) printLine(_ context.Context, m taxii.Message) error {
	line, err := messageLine(m)
	if err == nil {
		_, err = f.a.out.Write(line)
	}
	return tried(err, "print a Message")
}

// messageLine writes the content itself: encoding/json would change its octets.
func messageLine(m taxii.Message) ([]byte, error) {
	content := m.Content
	m.Content = nil
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(m); err != nil {
		return nil, err
	}
	line := b.Bytes()
	if content == nil {
		return line, nil
	}
	line = append(bytes.TrimSuffix(line, []byte("}\n")), `,"content":`...)
	line = append(line, oneLine(bytes.Clone(content))...)
	return append(line, "}\n"...), nil
}

// mostNamed is how many objects of an Envelope a line for people names.
const mostNamed = 3

// printText writes a Message as a line for people.
func (f *following) printText(_ context.Context, m taxii.Message) error {
	at := m.Published.Time().Format("2006-01-02 15:04:05Z")
	by := ""
	if m.Publisher != "" {
		by = "  by " + m.Publisher
	}
	_, err := fmt.Fprintln(f.a.out, printable(strings.ReplaceAll(at+"  "+m.Type+by+"  "+inside(m)+"  "+m.ID, "\n", " ")))
	return tried(err, "print a Message")
}

// inside says in few words what a Message holds.
func inside(m taxii.Message) string {
	var envelope struct {
		Objects []struct{ Type, ID, Name, Value string }
	}
	if m.MediaType != taxii.MediaType || json.Unmarshal(m.Content, &envelope) != nil {
		return fmt.Sprintf("%d octets of %s", m.Size, m.MediaType)
	}
	var words []string
	for i, o := range envelope.Objects {
		if i == mostNamed {
			words = append(words, fmt.Sprintf("%d more", len(envelope.Objects)-i))
			break
		}
		if name := firstOf(o.Name, o.Value); name != "" {
			words = append(words, fmt.Sprintf("%s %q", o.Type, name))
		} else {
			words = append(words, o.ID)
		}
	}
	return strings.Join(words, ", ")
}
