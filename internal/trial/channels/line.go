package channels

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// line is a way to the server that is cut now and then. Its own address stays,
// wherever the server listens after a start.
type line struct {
	listener net.Listener

	mu     sync.Mutex // guards what follows
	server string     // "": there is none
	open   map[net.Conn]net.Conn
}

func newLine(t testing.TB) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{listener: listener, open: map[net.Conn]net.Conn{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { l.carry(client) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		l.cut(1)
		all.Wait()
	})
	return l
}

func (l *line) address() string { return l.listener.Addr().String() }

// to leads to a server from now on; "" to none.
func (l *line) to(server string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server = server
}

func (l *line) carry(client net.Conn) {
	defer client.Close()
	l.mu.Lock()
	address := l.server
	l.mu.Unlock()
	if address == "" {
		return
	}
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	l.mu.Lock()
	l.open[client] = server
	l.mu.Unlock()
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(server, client); done <- struct{}{} }()
	go func() { _, _ = io.Copy(client, server); done <- struct{}{} }()
	<-done
	_, _ = client.Close(), server.Close()
	<-done
	l.mu.Lock()
	delete(l.open, client)
	l.mu.Unlock()
}

// cut cuts this part of the connections.
func (l *line) cut(part float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for client, server := range l.open {
		if rand.Float64() < part {
			_, _ = client.Close(), server.Close()
		}
	}
}
