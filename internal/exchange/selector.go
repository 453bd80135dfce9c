package exchange

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Selector chooses whole Messages (section 8): fields are AND, the values of one
// field OR. The zero value passes all. It is no access control.
type Selector struct{ *selector }

type selector struct {
	text                          string // canonical
	id, typ, spec, message, names []string
	inside                        bool // asks about objects of an Envelope
}

// field gives the values of a field by its name; nil: there is no such field.
func (v *selector) field(name string) *[]string {
	switch name {
	case "id":
		return &v.id
	case "message_type":
		return &v.message
	case "publisher":
		return &v.names
	case "spec_version":
		return &v.spec
	case "type":
		return &v.typ
	}
	return nil
}

const (
	// maxSelectorValues and maxSelectorOctets bound a Selector: it is evaluated on
	// every object of every Message, and is the key of a row.
	maxSelectorValues = 100
	maxSelectorOctets = 4096
)

func selectorFields() []string {
	return []string{"id", "message_type", "publisher", "spec_version", "type"}
}

// ParseSelector reads the match[...] parameters of the query of a URL, as it
// stands after the question mark, and looks at nothing else. Each may be there
// once; a value is a list with commas and no empty element. Another match[...] is
// Malformed, since to ignore it would deliver too much.
func ParseSelector(rawQuery string) (Selector, error) {
	fields := map[string][]string{}
	for pair := range strings.SplitSeq(rawQuery, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			name = rawName
		}
		field, found := strings.CutPrefix(name, "match[")
		if !found {
			continue
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return Selector{}, taxii.Errorf(taxii.Malformed, "%s has a malformed percent escape", name)
		}
		field, found = strings.CutSuffix(field, "]")
		if _, twice := fields[field]; twice || !found {
			return Selector{}, taxii.Errorf(taxii.Malformed, "%.64q is given more than once, or is no match[...]", name).
				Describe("Join the values of a match with commas.")
		}
		fields[field] = strings.Split(value, ",")
	}
	return selectorOf(fields, taxii.Malformed)
}

// SelectorOf makes a Selector of the values of its fields, as a Subscription
// shows them. What it cannot be made of is Unprocessable.
func SelectorOf(fields map[string][]string) (Selector, error) {
	return selectorOf(fields, taxii.Unprocessable)
}

func selectorOf(fields map[string][]string, kind taxii.Kind) (Selector, error) {
	v, octets, values := &selector{}, 0, 0
	for name, list := range fields {
		if name == "version" {
			if !slices.Equal(list, []string{taxii.VersionAll}) {
				return Selector{}, taxii.Errorf(kind, "match[version] can only be all: a channel has every version")
			}
			continue // it says what is so anyway
		}
		field := v.field(name)
		if field == nil {
			return Selector{}, taxii.Errorf(kind, "match[%.64s] is not supported here; to ignore it would deliver too much", name).
				Describe("The fields are id, message_type, publisher, spec_version, type, and version=all.")
		}
		for _, value := range list {
			if flaw := flawIn(value); flaw != "" {
				return Selector{}, taxii.Errorf(kind, "match[%s] %s", name, flaw)
			}
			octets += len(value) + 1
		}
		if len(list) == 0 {
			return Selector{}, taxii.Errorf(kind, "match[%s] is empty; leave it out to pass all", name)
		}
		*field = slices.Compact(slices.Sorted(slices.Values(list)))
		octets += len(name) + 1
		values += len(*field)
	}
	if values > maxSelectorValues || octets > maxSelectorOctets {
		return Selector{}, taxii.Errorf(kind, "a selector has at most %d values and %d octets", maxSelectorValues, maxSelectorOctets)
	}
	if values == 0 {
		return Selector{}, nil
	}
	v.inside = len(v.id)+len(v.typ)+len(v.spec) > 0
	v.text = v.canonical()
	return Selector{v}, nil
}

// flawIn says what is wrong with a value.
func flawIn(value string) string {
	switch {
	case value == "":
		return "has an empty element; write values with single commas between them"
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return "must be UTF-8 without control characters"
	case strings.Contains(value, ","):
		return "has a value with a comma, which no query can say"
	}
	return ""
}

// canonical writes fields and values in order: what ParseSelector reads.
func (v *selector) canonical() string {
	var pairs []string
	for _, name := range selectorFields() {
		values := slices.Clone(*v.field(name))
		for i := range values {
			values[i] = url.QueryEscape(values[i])
		}
		if len(values) > 0 {
			pairs = append(pairs, "match["+name+"]="+strings.Join(values, ","))
		}
	}
	return strings.Join(pairs, "&")
}

// String is the canonical form, a query: equal for Selectors that pass the same.
// The zero value gives "".
func (s Selector) String() string {
	if s.selector == nil {
		return ""
	}
	return s.text
}

// Map gives the fields and their values; nil where everything passes.
func (s Selector) Map() map[string][]string {
	if s.selector == nil {
		return nil
	}
	fields := map[string][]string{}
	for _, name := range selectorFields() {
		if list := *s.field(name); len(list) > 0 {
			fields[name] = slices.Clone(list)
		}
	}
	return fields
}

// fits tells whether a Selector can be asked of a Channel.
func (s Selector) fits(c *Channel) error {
	if s.selector != nil && len(s.names) > 0 && !c.ShowPublishers {
		return taxii.Errorf(taxii.Malformed, "match[publisher] is not supported: this channel does not show its publishers")
	}
	return nil
}

// passes tells whether a Message passes; publisher is asked for only where the
// Selector asks about it.
func (s Selector) passes(e *feed.Entry, publisher func(account int64) string) bool {
	switch {
	case s.selector == nil:
		return true
	case len(s.message) > 0 && !has(s.message, e.Type),
		len(s.names) > 0 && !has(s.names, publisher(e.Account)):
		return false
	}
	return !s.inside || s.inEnvelope(e.Message.Marks)
}

// inEnvelope tells whether one and the same object has type, id and spec_version.
func (v *selector) inEnvelope(marks string) bool {
	for marks != "" {
		var line string
		line, marks, _ = strings.Cut(marks, "\n")
		spec, rest, _ := strings.Cut(line, "\t")
		typ, id, _ := strings.Cut(rest, "\t")
		if allows(v.typ, typ) && allows(v.spec, spec) && allows(v.id, id) {
			return true
		}
	}
	return false
}

// has tells whether a sorted list has a value, and allows so too of an empty one.
func has(list []string, value string) bool {
	_, found := slices.BinarySearch(list, value)
	return found
}

func allows(list []string, value string) bool { return len(list) == 0 || has(list, value) }
