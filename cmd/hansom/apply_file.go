package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"go.yaml.in/yaml/v3"
)

// maxDeclaration bounds a declaration: what is larger is no hand's work, and
// the server takes no more.
const maxDeclaration = 1 << 20

// declaration is a file for apply.
type declaration struct {
	Roots       []exchange.RootSetting       `yaml:"roots"`
	Collections []exchange.CollectionSetting `yaml:"collections"`
	Channels    []exchange.ChannelSetting    `yaml:"channels"`
	Accounts    []declaredAccount            `yaml:"accounts"`
	Groups      []exchange.GroupSetting      `yaml:"groups"`
	Grants      []exchange.GrantSetting      `yaml:"grants"`

	Certificates []exchange.CertificateSetting `yaml:"certificates"`
}

// declaredAccount is an account in it.
type declaredAccount struct {
	exchange.AccountSetting `yaml:",inline"`
	Reference               *passwordReference `yaml:"password"`
}

// passwordReference says where a password is to be found.
type passwordReference struct {
	Env  string `yaml:"env"`
	File string `yaml:"file"` // relative to the declaration
}

const passwordAdvice = "a password never stands in the file: write {env: NAME} or {file: PATH}, or password_hash: with what `hansom account hash` prints"

// UnmarshalYAML refuses a password in plain text.
func (p *passwordReference) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: password: %s", n.Line, passwordAdvice)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if name := n.Content[i]; name.Value != "env" && name.Value != "file" {
			return fmt.Errorf("line %d: password: %s has no meaning here; %s", name.Line, name.Value, passwordAdvice)
		}
	}
	type plain passwordReference
	if err := n.Decode((*plain)(p)); err != nil {
		return err
	}
	if (p.Env == "") == (p.File == "") {
		return fmt.Errorf("line %d: password: needs one of env and file", n.Line)
	}
	return nil
}

// declared reads a file for apply, with the passwords that it refers to.
func (a *app) declared(file string) (exchange.Declaration, error) {
	var d declaration
	content, err := a.readFile(file)
	if err == nil {
		err = decodeStrictly(content, &d)
	}
	if err != nil {
		return exchange.Declaration{}, tried(err, "read %s", file)
	}
	wanted := exchange.Declaration{Roots: d.Roots, Collections: d.Collections, Channels: d.Channels, Groups: d.Groups, Grants: d.Grants}
	wanted.Certificates = d.Certificates
	for _, account := range d.Accounts {
		set := account.AccountSetting
		if account.Reference != nil {
			if set.Password, err = a.password(account.Reference, filepath.Dir(file)); err != nil {
				return wanted, fmt.Errorf("the password of account %q: %w", set.Name, err)
			}
		}
		wanted.Accounts = append(wanted.Accounts, set)
	}
	return wanted, nil
}

// readFile reads a file or, for "-", standard input.
func (a *app) readFile(name string) ([]byte, error) {
	r := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // only read
		r = f
	}
	content, err := io.ReadAll(io.LimitReader(r, maxDeclaration+1))
	if err == nil && len(content) > maxDeclaration {
		err = errors.New("it is larger than 1 MiB")
	}
	return content, err
}

// What the YAML library says of Go types, which nobody who writes a file knows.
var (
	unknownField = regexp.MustCompile(`(?s)field (.*) not found in type \S+$`)
	wrongValue   = regexp.MustCompile(`(?s)cannot unmarshal (.*) into \S+$`)
)

// inYAML says in words of YAML what the library found wrong.
func inYAML(err error) error {
	var wrong *yaml.TypeError
	if !errors.As(err, &wrong) {
		return err
	}
	var list []string
	for _, text := range wrong.Errors {
		text = unknownField.ReplaceAllString(text, "there is no key $1 here")
		list = append(list, wrongValue.ReplaceAllString(text, "$1 cannot stand here"))
	}
	return errors.New(strings.Join(list, "; "))
}

// decodeStrictly reads one YAML document; a key that has no meaning is an error
// with its line.
func decodeStrictly(content []byte, into *declaration) error {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	err := decoder.Decode(into)
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty; an empty declaration is {}")
	}
	if err != nil {
		return inYAML(err)
	}
	if !errors.Is(decoder.Decode(new(yaml.Node)), io.EOF) {
		return errors.New("it holds more than one YAML document")
	}
	return nil
}

// password gets a password from where the declaration says.
func (a *app) password(p *passwordReference, dir string) (string, error) {
	if p.Env != "" {
		text := a.getenv(p.Env)
		if text == "" {
			return "", fmt.Errorf("the environment variable %s is not set", p.Env)
		}
		return checkedPassword(text)
	}
	name := p.File
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	content, err := io.ReadAll(io.LimitReader(f, maxPassword+3))
	if err != nil {
		return "", err
	}
	return checkedPassword(string(content))
}
