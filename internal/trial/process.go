package trial

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Memory tells how many octets of memory a process holds (resident), and the
// most that it ever held. It needs Linux.
func Memory(t testing.TB, pid int) (now, peak int64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	Need(t, !os.IsNotExist(err), "Linux, which tells what a process holds")
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes(t, text, "VmRSS:"), kilobytes(t, text, "VmHWM:")
}

// kilobytes reads a line such as "VmRSS:     1234 kB", as octets.
func kilobytes(t testing.TB, text []byte, name string) int64 {
	t.Helper()
	_, after, _ := bytes.Cut(text, []byte(name))
	number, _, ok := bytes.Cut(after, []byte(" kB"))
	n, err := strconv.ParseInt(string(bytes.TrimSpace(number)), 10, 64)
	if err != nil || !ok {
		t.Fatalf("no %s in %s", name, text)
	}
	return n << 10
}

// OpenFiles tells how many files and connections a process has open. It needs
// Linux.
func OpenFiles(t testing.TB, pid int) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	Need(t, !os.IsNotExist(err), "Linux, which tells what a process has open")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// NeedFiles lets this process, and those that it starts from now on, have so
// many files and connections open each.
func NeedFiles(t testing.TB, n uint64) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur, limit.Max = max(limit.Cur, n), max(limit.Max, n)
	err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) // more than there was needs root
	Need(t, err == nil, fmt.Sprintf("the right to have %d files open: %v", n, err))
}
