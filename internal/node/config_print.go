package node

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/hansom-taxii/hansom/internal/signin"
	"go.yaml.in/yaml/v3"
)

// commentWidth is where the lines of a comment are broken, in characters.
const commentWidth = 100

// Print writes what is in force as a commented YAML file that Load reads back,
// wherever the file lies: paths are whole. The master key is never in it, nor
// is the password of a database.
func (c Config) Print(w io.Writer) error {
	here, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	for _, f := range fields() {
		switch value := reflect.ValueOf(&c).Elem().FieldByIndex(f.Index).Addr().Interface().(type) {
		case *string:
			*value = From(here, key(f), *value)
		case *[]string:
			*value = elements(From(here, key(f), strings.Join(*value, ",")))
		}
	}
	c.Store = printable(c.Store)
	return c.print(w, false)
}

// Template writes the same file with every setting that has its default turned
// into a comment, to begin a configuration with.
func (c Config) Template(w io.Writer) error { return c.print(w, true) }

func (c Config) print(w io.Writer, template bool) error {
	var out bytes.Buffer
	now, defaults := reflect.ValueOf(c), reflect.ValueOf(Defaults())
	for i, f := range fields() {
		if i > 0 {
			out.WriteByte('\n')
		}
		value := now.FieldByIndex(f.Index)
		comment(&out, about(f, defaults.FieldByIndex(f.Index)))
		line, err := yaml.Marshal(map[string]any{key(f): plain(value)})
		if err != nil {
			return fmt.Errorf("print %s: %w", key(f), err)
		}
		if template && text(value) == text(defaults.FieldByIndex(f.Index)) {
			out.WriteByte('#')
		}
		out.Write(line)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// about is the comment of a setting, with its default if that is not empty.
func about(f reflect.StructField, usual reflect.Value) string {
	if usual.IsZero() {
		return f.Tag.Get("about")
	}
	return f.Tag.Get("about") + " Default: " + text(usual) + "."
}

// plain is the value as it is best written: a list on one line, a time with
// its unit.
func plain(v reflect.Value) any {
	if _, ok := v.Interface().([]signin.Issuer); ok {
		return v.Interface()
	}
	switch v.Kind() {
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for i := range v.Len() {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: v.Index(i).String()})
		}
		return n
	default:
		return v.Interface()
	}
}

// comment writes text as lines of a comment.
func comment(out *bytes.Buffer, text string) {
	width := 0
	for word := range strings.FieldsSeq(text) {
		if width > 0 && width+1+len(word) > commentWidth {
			out.WriteByte('\n')
			width = 0
		}
		if width == 0 {
			out.WriteByte('#')
			width = 1
		}
		out.WriteByte(' ')
		out.WriteString(word)
		width += 1 + len(word)
	}
	out.WriteByte('\n')
}
