package main

import (
	"context"
	"flag"
	"io"
	"net/http"
	"sync"
)

// plain is the limit of following: it sends what is POSTed to it on to everyone
// who GETs, as it is. It keeps nothing, checks nothing and knows nobody.
type plain struct {
	mu   sync.Mutex // guards last
	last *parcel
}

// parcel is what was POSTed at once. The last of the chain is not there yet.
type parcel struct {
	there chan struct{} // closed when it is; only then the others are set
	body  []byte
	next  *parcel
}

func newPlain() *plain { return &plain{last: &parcel{there: make(chan struct{})}} }

// servePlain prints the address it serves at, and serves until ctx ends.
func servePlain(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("plain", flag.ContinueOnError)
	cert, key := flags.String("cert", "", "PEM `FILE` with the certificate"), flags.String("key", "", "PEM `FILE` with its key")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return serveTLS(ctx, newPlain(), *cert, *key, out)
}

func (p *plain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		p.take(w, r)
		return
	}
	p.mu.Lock()
	at := p.last
	p.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	send(r.Context(), w, at)
}

func (p *plain) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	one := p.last
	one.body, one.next = body, &parcel{there: make(chan struct{})}
	p.last = one.next
	p.mu.Unlock()
	close(one.there)
	w.WriteHeader(http.StatusNoContent)
}

// send sends parcels from one on: all that are there, and only then it flushes.
func send(ctx context.Context, w http.ResponseWriter, at *parcel) {
	flush := http.NewResponseController(w).Flush
	for {
		if flush() != nil {
			return
		}
		select {
		case <-at.there:
		case <-ctx.Done():
			return
		}
		for more := true; more; {
			if _, err := w.Write(at.body); err != nil {
				return
			}
			at = at.next
			select {
			case <-at.there:
			default:
				more = false
			}
		}
	}
}
