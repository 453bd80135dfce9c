package node

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// unsentMost is how much of an answer the system keeps that it has not yet
	// sent: enough to keep a line busy. By its own measure it would keep
	// megabytes for each connection, beyond every budget, and would ask for more
	// only when a third of them has gone, so that a slow client looks like one
	// that takes nothing.
	unsentMost = 64 << 10
	// blockedMost is how long a connection may take nothing before it is closed
	// for those who wait for its memory.
	blockedMost = time.Second
)

// listen opens the address of the server.
func listen(ctx context.Context, address string) (net.Listener, error) {
	c := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		failed := raw.Control(func(fd uintptr) { // connections have it from the listener
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentMost)
		})
		if failed != nil {
			return failed
		}
		return err
	}}
	c.SetMultipathTCP(false) // its connections do not have the option
	return c.Listen(ctx, "tcp", address)
}

// watching is a listener of connections that know since when a write waits. It
// takes one only while it has a turn, of which several listeners share some.
type watching struct {
	net.Listener
	turns        chan struct{}
	certificates string // whether clients are asked for theirs

	once   sync.Once
	closed chan struct{}
}

func newWatching(l net.Listener, turns chan struct{}, certificates string) *watching {
	return &watching{Listener: l, turns: turns, certificates: certificates, closed: make(chan struct{})}
}

func (l *watching) Accept() (net.Conn, error) {
	select {
	case l.turns <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.turns
		return nil, err
	}
	return &conn{Conn: c, from: l}, nil
}

func (l *watching) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type conn struct {
	net.Conn
	from  *watching
	since atomic.Int64 // when the write that is going on began, nanoseconds since 1970; 0: none is

	mu     sync.Mutex // guards both
	closed bool
	gone   func() // is to know of the end; nil: nobody
}

// Close gives the turn back.
func (c *conn) Close() error {
	c.mu.Lock()
	first, gone := !c.closed, c.gone
	c.closed = true
	c.mu.Unlock()
	err := c.Conn.Close()
	if first {
		<-c.from.turns
		if gone != nil {
			gone()
		}
	}
	return err
}

// tell has somebody told when the connection ends, and tells whether it has not
// ended yet.
func (c *conn) tell(gone func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = gone
	return !c.closed
}

// Write writes one record of TLS, at most 16 KiB, or a part of a plain answer.
func (c *conn) Write(b []byte) (int, error) {
	c.since.Store(time.Now().UnixNano())
	defer c.since.Store(0)
	return c.Conn.Write(b)
}

// blocked tells for how long the connection has taken nothing of what waits.
func (c *conn) blocked() time.Duration {
	if c == nil {
		return 0
	}
	if since := c.since.Load(); since != 0 {
		return time.Since(time.Unix(0, since))
	}
	return 0
}

type connKey struct{}

// withConn keeps the connection where requests find it.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}
