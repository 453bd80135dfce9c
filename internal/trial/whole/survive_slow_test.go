package whole_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	slowClients = 120
	// bodyTimeout is how long a body may bring no octet.
	bodyTimeout = 2 * time.Second
)

// slow is a client that sends a body bit by bit.
type slow struct {
	idle
	stream uint32
	object []byte    // what its body holds
	body   []byte    // what of it is still to be sent
	last   time.Time // when it sent something
}

// begin sends the head of a POST and half of its body.
func (l *slow) begin(t *testing.T, s *trial.Server, path string, number int) error {
	l.object = blob(number, 2000)
	l.body = trial.Envelope(l.object)
	err := l.open(t, s, trial.Line{HTTP2: number%3 == 0})
	switch {
	case err != nil:
		return err
	case l.http2 != nil:
		l.stream, err = l.http2.Ask(t, s, "member", http.MethodPost, path+"/objects/", true)
	default:
		_, err = io.WriteString(l, s.Head(t, "member", http.MethodPost, path+"/objects/", fmt.Sprintf("Content-Length: %d", len(l.body))))
	}
	if err != nil {
		return err
	}
	return l.send(1000)
}

// send sends so many octets more, or what is left.
func (l *slow) send(octets int) (err error) {
	octets, l.last = min(octets, len(l.body)), time.Now()
	if l.http2 != nil {
		err = l.http2.WriteData(l.stream, octets == len(l.body), l.body[:octets])
	} else {
		_, err = l.Write(l.body[:octets])
	}
	l.body = l.body[octets:]
	return err
}

// answer reads the answer; over HTTP/2 only its status.
func (l *slow) answer() (status string, body []byte, err error) {
	_ = l.SetReadDeadline(time.Now().Add(30 * time.Second))
	if l.http2 != nil {
		status, err = l.http2.Status(l.stream)
		return status, nil, err
	}
	r, err := http.ReadResponse(bufio.NewReader(l), nil)
	if err != nil {
		return "", nil, err
	}
	defer r.Body.Close()
	body, err = io.ReadAll(r.Body)
	return fmt.Sprint(r.StatusCode), body, err
}

// trickle sends an octet ten times a second until ctx ends.
func (l *slow) trickle(ctx context.Context) error {
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pace.C:
			if err := l.send(1); err != nil {
				return err
			}
		}
	}
}

// tooSlow tells an error unless a body that stopped is answered with a TAXII
// error 408, not before its time and not long after it.
func (l *slow) tooSlow() error {
	status, body, err := l.answer()
	if took := time.Since(l.last); err == nil && took < bodyTimeout/2 {
		err = fmt.Errorf("after %v already", took)
	}
	if err == nil && l.http2 == nil {
		var e taxii.Error
		if err = json.Unmarshal(body, &e); err == nil && (e.HTTPStatus != "408" || e.Title == "") {
			err = fmt.Errorf("no TAXII error: %s", body)
		}
	}
	if err != nil || status != "408" {
		return fmt.Errorf("a body that stopped, HTTP/2 %t: the answer is %q: %w", l.http2 != nil, status, err)
	}
	return nil
}

func TestSlowBodiesHinderNobodyAndAreGivenUpWhenNothingComes(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	trial.Covers(t, "R155", "R159", "K17", "K71")
	t.Parallel()
	s := trial.Start(t, append(trial.Settings(t, "body_timeout: "+bodyTimeout.String()), "--empty")...)
	path := s.Collection(t, "indicators")
	for _, account := range []string{"member", "reader", "admin"} { // who is known already is not what this is about
		status(t, s.Get(t, account, "/taxii2/"), 200)
	}
	clients := make([]slow, slowClients)
	t.Cleanup(func() {
		for _, l := range clients {
			if l.Conn != nil {
				_ = l.NetConn().Close()
			}
		}
	})
	ctx, end := context.WithCancel(t.Context())
	var all sync.WaitGroup
	errs := make([]error, slowClients)
	stops := func(i int) bool { return i%2 == 1 } // the others go on, slowly
	for i := range clients {
		all.Go(func() {
			l := &clients[i]
			switch err := l.begin(t, s, path, i); {
			case err != nil:
				errs[i] = err
			case stops(i):
				errs[i] = l.tooSlow()
			default:
				errs[i] = l.trickle(ctx)
			}
		})
	}
	t.Cleanup(func() { end(); all.Wait() })

	var want [][]byte
	longest := time.Duration(0)
	for began, n := time.Now(), 0; time.Since(began) < 2*bodyTimeout; n++ {
		object, asked := identity(7, n, 1), time.Now()
		if err := trial.Stored(s.Post(t, "admin", path, trial.Envelope(object))); err != nil {
			t.Fatalf("another's Add: %v", err)
		}
		want = append(want, object)
		status(t, s.Get(t, "reader", path+"/objects/?limit=10"), 200)
		longest = max(longest, time.Since(asked))
	}
	t.Logf("beside %d slow bodies %d Adds and as many reads took %v each at most", slowClients, len(want), longest.Round(time.Millisecond))
	if longest > promptly {
		t.Errorf("an Add and a read took %v, at most %v are allowed", longest, promptly)
	}
	end()
	all.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
	for i := range 6 { // of those that went on these send the rest, and were slow for nothing worse
		l := &clients[2*i]
		if err := l.send(len(l.body)); err != nil {
			t.Error(err)
		}
		if status, body, err := l.answer(); status != "202" || err != nil {
			t.Errorf("a slow body that ends, HTTP/2 %t: %s %s %v", l.http2 != nil, status, body, err)
		}
		want = append(want, l.object)
	}
	for _, l := range clients {
		_ = l.NetConn().Close()
	}
	got := trial.Walk(t, &trial.Follower{Server: s, Account: "reader", Path: path, Limit: 1000, Query: trial.AllVersions})
	trial.Same(t, "nothing of a body that did not end", got, want)
}
