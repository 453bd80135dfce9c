package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Another process has the data directory, or the file of the store that is not
// in it.
var (
	errLocked      = errors.New("another process uses this data directory")
	errStoreLocked = errors.New("another process uses this store, from another data directory")
)

// fileLock is the lock on a data directory or on a store, held until Close or
// until the process ends, however it ends.
type fileLock struct{ file *os.File }

// locks takes the data directory for this process, and the file of the store,
// which may lie elsewhere; a database of PostgreSQL is locked by who opens it.
func locks(c Config) (held []*fileLock, err error) {
	dir, err := lock(filepath.Join(c.Data, "lock"), errLocked)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", c.Data, err)
	}
	held = append(held, dir)
	file := databaseFile(c)
	if file == "" {
		return held, nil
	}
	if there, err := filepath.EvalSymlinks(file); err == nil { // else there is none yet
		file = there
	}
	store, err := lock(file+".lock", errStoreLocked)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", file, err), dir.Close())
	}
	return append(held, store), nil
}

// lock takes what a file stands for; taken says that another process has it.
func lock(name string, taken error) (*fileLock, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = taken
		}
		return nil, errors.Join(err, f.Close())
	}
	return &fileLock{f}, nil
}

// Close gives it back. Closing the file alone would not: a child that
// is between fork and exec holds the same open file, and with it the lock.
func (l *fileLock) Close() error {
	return errors.Join(unix.Flock(int(l.file.Fd()), unix.LOCK_UN), l.file.Close())
}
