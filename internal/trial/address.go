package trial

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// Address gives an address of loopback that is free, such as 127.0.0.1:23456, for
// a server whose clients find it again after a restart (--listen). A kernel gives
// it to nobody meanwhile who asks for a free one.
func Address(t testing.TB) string {
	t.Helper()
	for range portTries {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatalf("no port is free, of %d tried", portTries)
	return ""
}
