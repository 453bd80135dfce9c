package trial

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// SmallDisk mounts a disk of so many octets, which is memory, and gives a
// folder on it. It needs root (see Need).
//
// The mount is private to the thread of the calling goroutine and to the
// programs that it starts, and is gone when both have ended, however they end.
// So only that goroutine sees what is on the disk: not its subtests, and not
// other goroutines of the test. Its thread is never used for anything else.
func SmallDisk(t testing.TB, octets int64) string {
	t.Helper()
	Need(t, os.Geteuid() == 0, "root, who may mount a disk")
	place := t.TempDir() // made first: it is removed after the disk
	runtime.LockOSThread()
	err := unix.Unshare(unix.CLONE_NEWNS)
	if err == nil {
		err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	}
	if err == nil {
		err = unix.Mount("tmpfs", place, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, fmt.Sprintf("size=%d,mode=0700", octets))
	}
	Need(t, err == nil, fmt.Sprintf("the right to mount a disk: %v", err))
	t.Cleanup(func() {
		if err := unix.Unmount(place, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(place, "data")
}

// FreeOctets tells how much room a disk has left.
func FreeOctets(t testing.TB, dir string) int64 {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}
