package node

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/signin"
	"go.yaml.in/yaml/v3"
)

const (
	envPrefix = "HANSOM_"
	// maxConfigFile is far above any configuration that a person writes.
	maxConfigFile = 1 << 20
)

// Setting is one key of the configuration.
type Setting struct {
	Key     string // as in the file, such as public_url
	About   string // what it does
	Default string // as text
	Bool    bool   // true or false; every other setting takes some text
}

// Settings lists the keys of the configuration in their order in the file.
func Settings() (list []Setting) {
	defaults := reflect.ValueOf(Defaults())
	for i, f := range fields() {
		list = append(list, Setting{key(f), f.Tag.Get("about"), text(defaults.Field(i)), f.Type.Kind() == reflect.Bool})
	}
	return list
}

// fields are those of Config that have a key. They come before all others.
func fields() (list []reflect.StructField) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if key(f) != "-" {
			list = append(list, f)
		}
	}
	return list
}

func key(f reflect.StructField) string { return f.Tag.Get("yaml") }

// Load reads the configuration: over the defaults goes the file (none for ""),
// over it the environment (elements NAME=VALUE, of which those that begin with
// HANSOM_ and are not empty count), over it what was set by flags (by key). Unknown keys, keys
// that stand twice and values out of bounds are errors that name their place.
func Load(file string, env []string, set map[string]string) (Config, error) {
	c := Defaults()
	if file != "" {
		if err := c.loadFile(file); err != nil {
			return Config{}, err
		}
	}
	if err := c.loadEnvironment(env); err != nil {
		return Config{}, err
	}
	for name, value := range set {
		if err := c.set(name, value); err != nil {
			return Config{}, fmt.Errorf("--%s: %w", strings.ReplaceAll(name, "_", "-"), err)
		}
	}
	return c, c.check()
}

func (c *Config) loadFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	content, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	switch {
	case err != nil:
		return fmt.Errorf("configuration: %w", err)
	case len(content) > maxConfigFile:
		return fmt.Errorf("configuration: %s is larger than 1 MiB", name)
	}
	pairs, err := mapping(content)
	if err != nil {
		return fmt.Errorf("configuration: %s: %w", name, err)
	}
	return c.take(name, pairs)
}

// mapping gives the keys and values of a YAML document, in turns.
func mapping(content []byte) ([]*yaml.Node, error) {
	var doc, more yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	err := decoder.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF): // nothing but comments
		return nil, nil
	case err != nil:
		return nil, err
	case !errors.Is(decoder.Decode(&more), io.EOF):
		return nil, errors.New("holds more than one YAML document")
	}
	top := doc.Content[0]
	switch {
	case top.Kind == yaml.ScalarNode && top.Tag == "!!null":
		return nil, nil
	case top.Kind != yaml.MappingNode:
		return nil, fmt.Errorf("line %d: is not a list of `key: value`", top.Line)
	}
	return top.Content, nil
}

// take sets what stands in the file of this name.
func (c *Config) take(file string, pairs []*yaml.Node) error {
	seen := map[string]int{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, value := pairs[i].Value, pairs[i+1]
		wrong := func(err error) error { return fmt.Errorf("%s:%d: %s: %w", file, pairs[i].Line, name, err) }
		if line := seen[name]; line != 0 {
			return wrong(fmt.Errorf("stands in line %d already", line))
		}
		seen[name] = pairs[i].Line
		given, err := written(name, value)
		if err == nil && value.Tag != "!!null" { // an empty value leaves the default
			// it means the same wherever the command is called
			err = c.set(name, From(filepath.Dir(file), name, given))
		}
		if err != nil {
			return wrong(err)
		}
	}
	return nil
}

// written gives the text of the value of a key as set reads it.
func written(name string, n *yaml.Node) (string, error) {
	if name != issuersKey {
		return settingText(name, n)
	}
	text, err := yaml.Marshal(n)
	return string(text), err
}

// scalar gives the text of a value; a list becomes its elements with commas.
func scalar(n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value, nil
	case yaml.SequenceNode:
		var list []string
		for _, e := range n.Content {
			if e.Kind != yaml.ScalarNode {
				return "", errors.New("is a list of something else than text")
			}
			list = append(list, e.Value)
		}
		return strings.Join(list, ","), nil
	}
	return "", errors.New("is neither a value nor a list of values")
}

// isPath tells whether the value of a key names a file or a folder.
func isPath(name string) bool {
	return slices.ContainsFunc(fields(), func(f reflect.StructField) bool { return key(f) == name && f.Tag.Get("is") == "path" })
}

func (c *Config) loadEnvironment(env []string) error {
	for _, pair := range env {
		variable, value, _ := strings.Cut(pair, "=")
		name, ours := strings.CutPrefix(variable, envPrefix)
		switch {
		case !ours || value == "" || foreign(name): // a variable that is empty sets nothing
		case name == "KEY":
			c.Key = value
		default:
			if err := c.set(strings.ToLower(name), value); err != nil {
				return fmt.Errorf("environment variable %s: %w", variable, err)
			}
		}
	}
	return nil
}

// foreign tells of a variable after HANSOM_ that is no key: CONFIG is the
// commands' own, and Kubernetes sets the others for a service called hansom.
func foreign(name string) bool {
	return name == "CONFIG" || name == "PORT" || strings.HasPrefix(name, "PORT_") || strings.HasPrefix(name, "SERVICE_")
}

var errUnknown = errors.New("there is no such key; `hansom serve --print-config` prints those that there are")

// set reads the text of a value into the field of this key.
func (c *Config) set(name, value string) error {
	list := fields()
	i := slices.IndexFunc(list, func(f reflect.StructField) bool { return key(f) == name })
	if i < 0 {
		return errUnknown
	}
	field := reflect.ValueOf(c).Elem().FieldByIndex(list[i].Index)
	switch into := field.Addr().Interface().(type) {
	case *string:
		*into = value
	case *[]string:
		*into = elements(value)
	case *bool:
		v, err := strconv.ParseBool(value)
		*into = v
		return orNeed(err, "true or false", value)
	case *[]signin.Issuer:
		return readIssuers(value, into)
	case *time.Duration:
		v, err := time.ParseDuration(value)
		*into = v
		return orNeed(err, "a time with its unit, such as 30s or 2m", value)
	default: // int and int64
		v, err := strconv.ParseInt(strings.ReplaceAll(value, "_", ""), 10, field.Type().Bits())
		field.SetInt(v)
		return orNeed(err, "a whole number", value)
	}
	return nil
}

func orNeed(err error, need, got string) error {
	if err != nil {
		return fmt.Errorf("needs %s, got %q", need, got)
	}
	return nil
}

// elements cuts a list at its commas.
func elements(value string) (list []string) {
	for e := range strings.SplitSeq(value, ",") {
		if e = strings.TrimSpace(e); e != "" {
			list = append(list, e)
		}
	}
	return list
}

// text writes a value so that set can read it.
func text(v reflect.Value) string {
	if list, ok := v.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	if list, ok := v.Interface().([]signin.Issuer); ok {
		return issuersText(list)
	}
	return fmt.Sprint(v.Interface())
}
