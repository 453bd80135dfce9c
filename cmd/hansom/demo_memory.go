package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// demoFile is where the demo keeps its memory. A data directory is a demo's if
// it holds this file.
const demoFile = "demo.json"

// claim makes a data directory the demo's before anything else is in it, so
// that a first start that is killed leaves a demo. It refuses the directory of
// any other server, in which the demo would set passwords and add accounts.
func claim(dir string) error {
	server := ""
	for _, name := range []string{"hansom.db", configName} {
		if there, err := isThere(filepath.Join(dir, name)); err != nil {
			return err
		} else if there {
			server = name
		}
	}
	// Asked last: another demo may be at its first start.
	there, err := isThere(filepath.Join(dir, demoFile))
	switch {
	case err != nil || there:
		return err
	case server != "":
		return fmt.Errorf("%s holds a server that is not a demo (it has %s and no %s): name another directory with --data", dir, server, demoFile)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tried(err, "make the data directory")
	}
	f, err := os.OpenFile(filepath.Join(dir, demoFile), os.O_CREATE|os.O_WRONLY, 0o600) // never cut: another may have written
	if err != nil {
		return tried(err, "make the demo")
	}
	return f.Close()
}

func isThere(file string) (bool, error) {
	_, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// recall reads the memory, and refuses a store in which this demo has not been.
func (d *demoServer) recall() error {
	if err := d.memo.load(d.file); err != nil {
		return tried(err, "read what the demo keeps")
	}
	if d.memo.fresh() || d.memo.Store == d.store {
		return nil
	}
	where := d.memo.Store
	if where == "" {
		where = "the data directory"
	}
	return fmt.Errorf("the demo in %s has its store in %s: start it with that, or name another directory with --data", d.data, where)
}

// owns refuses, at the first start of a demo, a store that somebody has filled.
func (d *demoServer) owns(ctx context.Context, operator *exchange.Session) error {
	if !d.memo.fresh() {
		return nil
	}
	accounts, err := operator.Accounts(ctx)
	if err != nil {
		return tried(err, "look at the store")
	}
	for _, account := range accounts {
		if !account.Builtin {
			return errors.New("the store holds a server that is not this demo: name another with --store, or another directory with --data")
		}
	}
	return nil
}

// demoMemory is what the demo keeps beside its store; nothing yet in an empty
// file.
type demoMemory struct {
	Passwords map[string]string `json:"passwords"`       // by account
	Loaded    bool              `json:"loaded"`          // the content has been; what was deleted stays away
	Store     string            `json:"store,omitempty"` // where it is, without a password; "" in the data directory
}

// load reads the memory.
func (m *demoMemory) load(file string) error {
	content, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case len(content) > 0:
		if err := json.Unmarshal(content, m); err != nil {
			return tried(err, "%s", file)
		}
	}
	return nil
}

// fresh tells of a demo that has not yet been in its store.
func (m *demoMemory) fresh() bool { return len(m.Passwords) == 0 }

// complete makes the passwords that are missing, and keeps them before any
// account has them.
func (m *demoMemory) complete(file, store string) error {
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
	m.Store = store
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
