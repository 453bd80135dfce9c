package node

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// keyCommandTime bounds the command that prints the master key.
const keyCommandTime = 30 * time.Second

// masterKey gets the master key from the environment, a command, or a file; the
// file in the data directory is made on first start.
func masterKey(ctx context.Context, c Config) ([]byte, error) {
	switch {
	case c.Key != "":
		return parseKey(c.Key, "HANSOM_KEY")
	case c.KeyCommand != "":
		ctx, cancel := context.WithTimeout(ctx, keyCommandTime)
		defer cancel()
		text, err := exec.CommandContext(ctx, "sh", "-c", c.KeyCommand).Output()
		if err != nil {
			return nil, fmt.Errorf("key_command: %w", err)
		}
		return parseKey(string(text), "the output of key_command")
	}
	own := filepath.Join(c.Data, "key")
	file := c.KeyFile
	if file == "" {
		file = own
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) && file == own {
		return newKey(own)
	}
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	return parseKey(string(text), file)
}

func parseKey(text, from string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != exchange.MasterKeySize {
		return nil, fmt.Errorf("%s holds no master key: it must be %d octets in base64, as `head -c %d /dev/urandom | base64` makes them",
			from, exchange.MasterKeySize, exchange.MasterKeySize)
	}
	return key, nil
}

func newKey(file string) ([]byte, error) {
	key := make([]byte, exchange.MasterKeySize)
	_, _ = rand.Read(key) // never fails
	text := base64.StdEncoding.EncodeToString(key) + "\n"
	if err := writeNew(file, []byte(text)); err != nil {
		return nil, fmt.Errorf("keep the master key: %w", err)
	}
	return key, nil
}

// writeNew writes a file that only its owner can read, whole or not at all.
func writeNew(file string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // once it is renamed there is nothing to remove
	_, err = temporary.Write(text)
	if err == nil {
		err = temporary.Sync()
	}
	if err := errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}
