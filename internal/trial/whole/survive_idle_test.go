package whole_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

const (
	idleConnections = 5000
	// idleOverHTTP2 are opened last: such a line is idle from its beginning.
	idleOverHTTP2 = 500
	// idleFor is long enough for half of them to ask, on a busy machine, before
	// the first of that half is ended.
	idleFor = 6 * time.Second
)

// A line that idles.
type idle struct {
	*tls.Conn
	http2 *trial.HTTP2 // nil for HTTP/1.1
	asked bool
}

// crew carries out a task for each of n numbers, some at a time, and gives the
// first error.
func crew(n, atATime int, task func(i int) error) error {
	numbers, errs := make(chan int), make([]error, atATime)
	var all sync.WaitGroup
	for w := range atATime {
		all.Go(func() {
			for i := range numbers {
				if errs[w] == nil {
					errs[w] = task(i)
				}
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	all.Wait()
	return errors.Join(errs...)
}

// open shakes hands, and begins HTTP/2 where that is spoken.
func (l *idle) open(t *testing.T, s *trial.Server, line trial.Line) (err error) {
	if l.Conn, err = s.Dial(t.Context(), line); err != nil || !line.HTTP2 {
		return err
	}
	l.http2, err = trial.BeginHTTP2(l.Conn, 65_535)
	return err
}

// ask asks for the discovery resource, and reads the answer.
func (l *idle) ask(t *testing.T, s *trial.Server) error {
	_ = l.SetDeadline(time.Now().Add(time.Minute))
	const path = "/taxii2/"
	if l.http2 != nil {
		stream, err := l.http2.Ask(t, s, "member", http.MethodGet, path, false)
		if err != nil {
			return err
		}
		if status, err := l.http2.Status(stream); status != "200" {
			return fmt.Errorf("the answer is %q %w", status, err)
		}
		return nil
	}
	if _, err := io.WriteString(l, s.Head(t, "member", http.MethodGet, path)); err != nil {
		return err
	}
	r, err := http.ReadResponse(bufio.NewReader(l), nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s %w", r.Status, err)
	}
	return nil
}

// ended waits for the server to end the connection.
func (l *idle) ended(by time.Time) error {
	_ = l.SetReadDeadline(by)
	switch _, err := io.Copy(io.Discard, l); {
	case err == nil, errors.Is(err, syscall.ECONNRESET), errors.Is(err, net.ErrClosed):
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("the connection is still there")
	default:
		return err
	}
}

func TestFiveThousandIdleConnectionsAreHeldAndEnded(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	trial.Covers(t, "K71")
	trial.NeedFiles(t, 2*idleConnections)
	s := trial.Start(t, append(trial.Settings(t, "header_timeout: 2m", "idle_timeout: "+idleFor.String()), "--empty")...)
	if a := s.Get(t, "member", "/taxii2/"); a.Status != http.StatusOK { // else the first of many would all verify the password
		t.Fatal(a.Status)
	}
	before, _ := trial.Memory(t, s.PID())

	lines := make([]idle, idleConnections)
	t.Cleanup(func() {
		for _, l := range lines {
			if l.Conn != nil {
				_ = l.NetConn().Close()
			}
		}
	})
	// A half that asks nothing, a half that asks as far as there is time, the last of it over HTTP/2.
	const quiet, early = idleConnections / 2, idleConnections - idleOverHTTP2
	began, sessions := time.Now(), tls.NewLRUClientSessionCache(1)
	if err := crew(early, 32, func(i int) error { return lines[i].open(t, s, trial.Line{Sessions: sessions}) }); err != nil {
		t.Fatal(err)
	}
	opened, asking, asked := time.Since(began), lines[quiet:], time.Now()
	var n atomic.Int64
	if err := crew(len(asking), 32, func(i int) error {
		l := &asking[len(asking)-1-i]
		if l.Conn == nil {
			if err := l.open(t, s, trial.Line{HTTP2: true}); err != nil {
				return err
			}
		}
		if time.Since(asked) > idleFor/2 {
			return nil // it idles as the others do
		}
		n.Add(1)
		l.asked = true
		return l.ask(t, s)
	}); err != nil {
		t.Fatal(err)
	}
	open := trial.OpenFiles(t, s.PID())
	now, most := trial.Memory(t, s.PID())
	t.Logf("%d files and connections are open, the first %d opened in %v; %d asked, in %v; resident: %d MB before, %d MB now, %d MB at most",
		open, early, opened.Round(time.Millisecond), n.Load(), time.Since(asked).Round(time.Millisecond), before/1_000_000, now/1_000_000, most/1_000_000)
	if open < idleConnections {
		t.Errorf("%d files and connections are open, want all %d connections", open, idleConnections)
	}
	if most > residentMost {
		t.Errorf("at its peak the server held %d MB, at most %d are allowed", most/1_000_000, residentMost/1_000_000)
	}
	others(t, s)

	by := time.Now().Add(idleFor + 30*time.Second)
	if err := crew(len(asking), 512, func(i int) error {
		if !asking[i].asked {
			return nil
		}
		return asking[i].ended(by)
	}); err != nil {
		t.Error(err)
	}
	if took := time.Since(asked); took < idleFor || n.Load() < 50 {
		t.Errorf("%d that had asked were ended after %v, want some, and %v without a request", n.Load(), took, idleFor)
	}
	t.Logf("those that had asked were ended %v after the first of them asked", time.Since(asked).Round(time.Millisecond))
	for _, l := range lines { // these may take their time for a first request
		_ = l.NetConn().Close()
	}
	until(t, "the server to let go of those that hung up", 30*time.Second, func() bool { return trial.OpenFiles(t, s.PID()) < 200 })
}

// others are answered promptly, over new connections and old ones.
func others(t *testing.T, s *trial.Server) {
	t.Helper()
	path := s.Collection(t, "indicators")
	began := time.Now()
	if err := trial.Stored(s.Post(t, "admin", path, trial.Envelope(identity(1, 1, 1)))); err != nil {
		t.Error(err)
	}
	var fresh idle
	err := fresh.open(t, s, trial.Line{})
	if err == nil {
		defer fresh.Close()
		err = fresh.ask(t, s)
	}
	if took := time.Since(began); err != nil || took > promptly {
		t.Errorf("others were answered after %v (%v), at most %v are allowed", took, err, promptly)
	}
	t.Logf("others were answered in %v", time.Since(began).Round(time.Millisecond))
}
