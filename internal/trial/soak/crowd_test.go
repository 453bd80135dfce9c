package soak

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// crowd opens followers of Channels, over TLS where the server has it.
type crowd struct {
	*trial.Server
	sessions tls.ClientSessionCache // all but the first resume: shaking hands is not what is looked at

	mu   sync.Mutex // guards open
	open []net.Conn
}

// follower is an event stream of which the test reads as much as it wants.
type follower struct {
	lines *bufio.Reader
}

func newCrowd(t *testing.T, s *trial.Server) *crowd {
	t.Helper()
	c := &crowd{Server: s, sessions: tls.NewLRUClientSessionCache(1)}
	t.Cleanup(c.leave)
	return c
}

// leave hangs up, without a word.
func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.open {
		if line, ok := conn.(*tls.Conn); ok {
			conn = line.NetConn()
		}
		_ = conn.Close()
	}
	c.open = nil
}

// many carries out a task for each of n numbers, some at a time.
func many(n int, task func(i int) error) error {
	errs, next := make([]error, 16), make(chan int)
	var all sync.WaitGroup
	for w := range errs {
		all.Go(func() {
			for i := range next {
				if errs[w] == nil {
					errs[w] = task(i)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	return errors.Join(errs...)
}

// follow opens n followers of a Channel, and returns when each has the beginning of
// its stream. The system of narrow ones keeps little of what they do not read.
func (c *crowd) follow(t *testing.T, channel *trial.Channel, n int, narrow bool) []*follower {
	t.Helper()
	list := make([]*follower, n)
	if err := many(n, func(i int) (err error) {
		list[i], err = c.stream(t, channel.Path, narrow)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

func (c *crowd) stream(t *testing.T, path string, narrow bool) (*follower, error) {
	conn, err := c.dial(t.Context(), narrow)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.open = append(c.open, conn)
	c.mu.Unlock()
	head := c.Head(t, "member", http.MethodGet, path+"messages/?after=latest")
	if _, err := io.WriteString(conn, strings.Replace(head, "Accept: "+taxii.MediaType, "Accept: text/event-stream", 1)); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err != nil {
		return nil, err
	}
	f := &follower{bufio.NewReaderSize(answer.Body, 512)} // closed with its connection
	if line, err := f.lines.ReadString('\n'); err != nil || answer.StatusCode != http.StatusOK || line != "retry: 3000\n" {
		return nil, fmt.Errorf("the stream is a %s and begins %q: %w", answer.Status, line, err)
	}
	return f, nil
}

func (c *crowd) dial(ctx context.Context, narrow bool) (net.Conn, error) {
	if c.CAFile != "" {
		return c.Dial(ctx, trial.Line{Narrow: narrow, Sessions: c.sessions})
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", c.Host())
}

// message reads the next Message; nothing else may come, but that the server is
// there.
func (f *follower) message() (m taxii.Message, err error) {
	name := ""
	for {
		line, err := f.lines.ReadString('\n')
		if err != nil {
			return m, err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "event":
			name = value
		case "data":
			if name != "message" {
				return m, fmt.Errorf("an event %s: %.300s", name, value)
			}
			return m, json.Unmarshal([]byte(value), &m)
		}
	}
}

// reads reads Messages and compares them with those that were published from
// number first on.
func (f *follower) reads(c *trial.Channel, first int) error {
	for n, want := range c.Sent[first:] {
		m, err := f.message()
		if err != nil || m.ID != want.ID || m.Cursor != want.Cursor {
			return fmt.Errorf("message %d is %s, want %s: %w", first+n, m.ID, want.ID, err)
		}
	}
	return nil
}

// plugged gives how many connections of a server hold octets that their client does
// not take. It needs Linux.
func plugged(t *testing.T, s *trial.Server) (n int) {
	t.Helper()
	text, err := os.ReadFile("/proc/net/tcp")
	trial.Need(t, err == nil, "Linux, which tells what connections hold")
	_, port, err := net.SplitHostPort(s.Host())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	local := fmt.Sprintf(":%04X", number)
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line) // number, local address, remote address, state, octets to send and received, ...
		if len(fields) > 4 && strings.HasSuffix(fields[1], local) && !strings.HasPrefix(fields[4], "00000000:") {
			n++
		}
	}
	return n
}
