package main

import (
	"fmt"
	"os"
	"syscall"
)

// filesBeside is how many files a process has open beside its followers.
const filesBeside = 500

// openFiles lets this process, and those that it starts from now on, open files
// for so many followers, if the system allows it.
func openFiles(followers int) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	need := uint64(followers + filesBeside)
	if l.Cur >= need {
		return nil
	}
	l.Cur, l.Max = max(need, l.Max), max(need, l.Max) // only the superuser may pass Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("a process may not open %d files here: %w", need, err)
	}
	return nil
}

// syncData waits until what was written to a file is on the disk.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
