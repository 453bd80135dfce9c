package whole_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

const (
	stalledClients = 1000
	// residentMost is what the server may ever hold, in octets.
	residentMost = 300_000_000
	// promptly is within what time another account has its answer.
	promptly = 5 * time.Second
)

// blob is an object of so many octets.
func blob(number, octets int) []byte {
	text := fmt.Sprintf(`{"type":"x-blob","spec_version":"2.1","id":"x-blob--00000000-0000-4000-8000-%012d",`+
		`"created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z","x_text":"`, number)
	return []byte(text + strings.Repeat(string(rune('a'+number%26)), octets-len(text)-2) + `"}`)
}

// blobs are n of them, numbered from first.
func blobs(first, n, octets int) (list [][]byte) {
	for i := range n {
		list = append(list, blob(first+i, octets))
	}
	return list
}

// crowd is many clients that ask for a page each and take no more of it than
// its beginning.
type crowd struct {
	s    *trial.Server
	path string // of the Collection

	asked, begun, refused atomic.Int64
}

// stall is one client: it asks until a page begins, and then stops reading. It
// ends with ctx.
func (c *crowd) stall(t *testing.T, ctx context.Context, number int) error {
	// A limit of its own makes a page that is held for this client alone.
	path := fmt.Sprintf("%s/objects/?limit=%d", c.path, 100+number)
	for ctx.Err() == nil {
		taken, err := c.once(t, ctx, number, path)
		if err != nil {
			return err
		}
		if taken {
			<-ctx.Done()
			break
		}
		c.refused.Add(1)
		select { // refused, or cut off before anything came: it comes again, sooner than it was told to
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	return nil
}

// once connects and asks, and tells whether a page began. The connection stays
// open until ctx ends, unread, if it did.
func (c *crowd) once(t *testing.T, ctx context.Context, number int, path string) (taken bool, err error) {
	overHTTP2 := number%2 == 1
	conn, err := c.s.Dial(ctx, trial.Line{HTTP2: overHTTP2, Narrow: true})
	if err != nil {
		if ctx.Err() != nil {
			err = nil
		}
		return false, err
	}
	held := false
	unread := context.AfterFunc(ctx, func() { _ = conn.NetConn().Close() })
	defer func() {
		if !held {
			unread()
			_ = conn.NetConn().Close()
		}
	}()
	var line string
	if overHTTP2 { // of these one half takes nothing from the line, the other gives no leave to send more
		window := uint32(65_535)
		if number%4 == 1 {
			window = 64 << 20
		}
		h, err := trial.BeginHTTP2(conn, window)
		if err != nil {
			return false, nil
		}
		stream, err := h.Ask(t, c.s, "member", http.MethodGet, path, false)
		if err != nil {
			return false, nil
		}
		c.asked.Add(1)
		line, _ = h.Status(stream)
	} else {
		if _, err := conn.Write([]byte(c.s.Head(t, "member", http.MethodGet, path))); err != nil {
			return false, nil
		}
		c.asked.Add(1)
		first, _ := bufio.NewReaderSize(conn, 16).Peek(len("HTTP/1.1 200"))
		line = string(bytes.TrimPrefix(first, []byte("HTTP/1.1 ")))
	}
	switch line {
	case "200":
		c.begun.Add(1)
		held = true
		return true, nil
	case "503", "":
		return false, nil
	}
	return false, fmt.Errorf("the answer is %q", line)
}

// waiting tells how many clients have asked for a page of which nothing came.
func (c *crowd) waiting() int64 { return c.asked.Load() - c.begun.Load() - c.refused.Load() }

func TestOthersArePromptlyServedWhileAThousandClientsStopReading(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	trial.Covers(t, "R152", "K71", "K73")
	trial.NeedFiles(t, 4096)
	s := trial.Start(t, "--empty")
	path := s.Collection(t, "indicators")
	content := blobs(0, 320, 64<<10) // five pages
	s.Load(t, "admin", path, 4<<20, content...)
	_, before := trial.Memory(t, s.PID())

	c := &crowd{s: s, path: path}
	ctx, end := context.WithCancel(t.Context())
	errs := make([]error, stalledClients)
	var all sync.WaitGroup
	for i := range stalledClients {
		all.Go(func() { errs[i] = c.stall(t, ctx, i) })
	}
	t.Cleanup(func() { end(); all.Wait() })
	until(t, "the crowd to be there", time.Minute, func() bool {
		return c.asked.Load() >= stalledClients && c.begun.Load() >= 16 && c.waiting() >= stalledClients/2
	})

	f := &trial.Follower{Server: s, Account: "reader", Path: path, Limit: 1000}
	var got [][]byte
	for more := true; more; {
		waiting, began := c.waiting(), time.Now()
		p, err := f.Page(t)
		took := time.Since(began)
		now, _ := trial.Memory(t, s.PID())
		t.Logf("%d objects in %v, beside %d pages that had begun and %d that were waited for; resident: %d MB",
			len(p.Objects), took.Round(time.Millisecond), c.begun.Load(), waiting, now/1_000_000)
		if err != nil {
			t.Fatalf("page %d: %v", f.Pages, err)
		}
		if took > promptly {
			t.Errorf("page %d took %v, at most %v are allowed", f.Pages, took, promptly)
		}
		got, more = append(got, p.Objects...), p.More
	}
	trial.Same(t, "what another account read", got, content)
	if f.Pages < 5 {
		t.Errorf("%d pages, too few to be of 4 MiB", f.Pages)
	}
	began := time.Now()
	if err := trial.Stored(s.Post(t, "admin", path, trial.Envelope(blob(1000, 1000)))); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > promptly {
		t.Errorf("an Add took %v, at most %v are allowed", took, promptly)
	}
	if c.begun.Load() < 30 {
		t.Errorf("only %d clients had a page to stop reading", c.begun.Load())
	}
	_, most := trial.Memory(t, s.PID())
	t.Logf("resident at most: %d MB when it had been loaded, %d MB in the end; %d pages begun, %d refused",
		before/1_000_000, most/1_000_000, c.begun.Load(), c.refused.Load())
	if most > residentMost {
		t.Errorf("at its peak the server held %d MB, at most %d are allowed", most/1_000_000, residentMost/1_000_000)
	}
	end()
	all.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
}

// until waits for something to become true.
func until(t *testing.T, what string, patience time.Duration, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !there(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}
