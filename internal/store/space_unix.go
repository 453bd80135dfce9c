//go:build linux || darwin

package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// dataSync opens a file so that each write returns when its octets are on disk.
const dataSync = unix.O_DSYNC

// spaceOf looks at the disk on which a folder is.
func spaceOf(dir string) func() (free, all int64, err error) {
	return func() (int64, int64, error) {
		var s unix.Statfs_t
		if err := unix.Statfs(dir, &s); err != nil {
			return 0, 0, err
		}
		return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize), nil //nolint:gosec,unconvert // sizes of disks fit, and types differ between systems
	}
}

// syncDir puts on disk which files a folder has.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // that of the database, which the operator names
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
