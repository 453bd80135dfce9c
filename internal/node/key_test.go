package node_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/node"
)

var (
	oneKey   = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	otherKey = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{2}, 32))
)

func fresh(t *testing.T) node.Config {
	t.Helper()
	c := node.Defaults()
	c.Data, c.Listen = t.TempDir(), "127.0.0.1:0"
	return c
}

func TestTheMasterKeyIsMadeOnFirstStartForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	c := fresh(t)
	var before []byte
	for range 2 {
		if _, err := node.Init(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(c.Data, "key")
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("its mode is %v", info.Mode())
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text))); err != nil || len(key) != 32 {
			t.Errorf("it holds %d octets, %v", len(key), err)
		}
		if before != nil && !bytes.Equal(before, text) {
			t.Error("the second start made another key")
		}
		before = text
	}
}

func TestTheMasterKeyComesFromWhereItIsSaidTo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "master")
	if err := os.WriteFile(file, []byte(oneKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for from, set := range map[string]func(*node.Config){
		"the environment":                  func(c *node.Config) { c.Key = oneKey },
		"the environment, before the file": func(c *node.Config) { c.Key, c.KeyFile = oneKey, "/nowhere" },
		"a command":                        func(c *node.Config) { c.KeyCommand = "cat '" + file + "'" },
		"a file":                           func(c *node.Config) { c.KeyFile = file },
	} {
		c := fresh(t)
		set(&c)
		if _, err := node.Init(t.Context(), c); err != nil {
			t.Errorf("%s: %v", from, err)
			continue
		}
		if _, err := os.Stat(filepath.Join(c.Data, "key")); !os.IsNotExist(err) {
			t.Errorf("%s: and yet there is a key in the data directory: %v", from, err)
		}
		again := c
		again.Key, again.KeyFile, again.KeyCommand = oneKey, "", ""
		if _, err := node.Init(t.Context(), again); err != nil {
			t.Errorf("%s: opened with the same key: %v", from, err)
		}
		again.Key = otherKey
		for what, err := range map[string]error{
			"init": second(node.Init(t.Context(), again)), "serve": node.Serve(t.Context(), again, node.Options{}),
		} {
			if err == nil || !strings.Contains(err.Error(), "this is not the master key with which the store was made") {
				t.Errorf("%s: %s with another key: %v", from, what, err)
			}
		}
	}
}

func second(_ string, err error) error { return err }

func TestWhatIsNoMasterKeyIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	short := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 31))
	file := filepath.Join(t.TempDir(), "master")
	if err := os.WriteFile(file, []byte(short), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]struct {
		set  func(*node.Config)
		want string
	}{
		"a short key":                 {func(c *node.Config) { c.Key = short }, "HANSOM_KEY holds no master key"},
		"no base64":                   {func(c *node.Config) { c.Key = "this is no key" }, "HANSOM_KEY holds no master key"},
		"a short key in a file":       {func(c *node.Config) { c.KeyFile = file }, file + " holds no master key"},
		"a file that is not there":    {func(c *node.Config) { c.KeyFile = file + ".none" }, file + ".none"},
		"a command that fails":        {func(c *node.Config) { c.KeyCommand = "exit 3" }, "key_command: exit status 3"},
		"a command that says nothing": {func(c *node.Config) { c.KeyCommand = "true" }, "the output of key_command holds no master key"},
	} {
		c := fresh(t)
		try.set(&c)
		_, err := node.Init(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), try.want) {
			t.Errorf("%s: %v, want it to say %q", what, err, try.want)
		}
		if err != nil && (strings.Contains(err.Error(), short) || strings.Contains(err.Error(), "this is no key")) {
			t.Errorf("%s: the error shows it: %v", what, err)
		}
	}
}
