package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// errLocked says that another process has the data directory.
var errLocked = errors.New("another process uses this data directory")

// dirLock is the lock on a data directory, held until Close or until the process
// ends, however it ends.
type dirLock struct{ file *os.File }

// lock takes the data directory for this process.
func lock(dir string) (*dirLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errLocked
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), f.Close())
	}
	return &dirLock{f}, nil
}

// Close gives the directory back. Closing the file alone would not: a child that
// is between fork and exec holds the same open file, and with it the lock.
func (l *dirLock) Close() error {
	return errors.Join(unix.Flock(int(l.file.Fd()), unix.LOCK_UN), l.file.Close())
}
