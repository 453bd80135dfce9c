package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// demoMemory is what the demo keeps beside its store, in demo.json.
type demoMemory struct {
	Passwords map[string]string `json:"passwords"` // by account
	Loaded    bool              `json:"loaded"`    // the content has been; what was deleted stays away
}

// load reads the memory; where passwords are missing it makes them, and keeps
// them before any account has them.
func (m *demoMemory) load(file string) error {
	content, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(content, m); err != nil {
			return tried(err, "%s", file)
		}
	}
	if m.Passwords == nil {
		m.Passwords = map[string]string{}
	}
	made := false
	for _, role := range roles {
		if m.Passwords[role] == "" {
			m.Passwords[role], made = newPassword(), true
		}
	}
	if !made {
		return nil
	}
	return m.save(file)
}

func (m *demoMemory) save(file string) error { return replaceWithJSON(file, m) }

// replaceWithJSON writes a file that only its owner can read; who looks at it
// finds the old content or the new one, never a part.
func replaceWithJSON(file string, v any) error {
	content, err := indented(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already if all went well
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
