package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/gob"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// recorded is one answer of a server. A tape is a file of them.
type recorded struct {
	URI    string
	Header driver.Header
	Body   []byte
}

// tape records answers, each URI once.
type tape struct {
	file *os.File
	out  *bufio.Writer
	gob  *gob.Encoder
	seen map[string]bool
	err  error // the first
}

func newTape(name string) (*tape, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	return &tape{file: f, out: out, gob: gob.NewEncoder(out), seen: map[string]bool{}}, nil
}

func (t *tape) heard(uri string, h driver.Header, body []byte) {
	if t.err == nil && !t.seen[uri] {
		t.seen[uri] = true
		t.err = t.gob.Encode(recorded{uri, h, body})
	}
}

func (t *tape) close() error {
	return errors.Join(t.err, t.out.Flush(), t.file.Close())
}

// serveLimit prints the address it serves at, and serves a tape until ctx ends.
func serveLimit(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("limit", flag.ContinueOnError)
	cert, key := flags.String("cert", "", "PEM `FILE` with the certificate"), flags.String("key", "", "PEM `FILE` with its key")
	name := flags.String("tape", "", "`FILE` with the answers")
	if err := flags.Parse(args); err != nil {
		return err
	}
	answers, err := readTape(*name)
	if err != nil {
		return err
	}
	return serveTLS(ctx, answers, *cert, *key, out)
}

// serveTLS prints the address it serves at, and serves until ctx ends.
func serveTLS(ctx context.Context, handler http.Handler, cert, key string, out io.Writer) error {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return err
	}
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, TLSConfig: sameTLS(pair), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // nobody is left who would hear of it
	fmt.Fprintln(out, l.Addr())
	if err := server.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// sameTLS are the settings of internal/node, which offers no way to them from
// outside; a test compares what is agreed upon with both.
func sameTLS(pair tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"},
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
}

// answers is the limit: a look-up and a write.
type answers map[string]recorded

func readTape(name string) (answers, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	a := answers{}
	for d := gob.NewDecoder(bufio.NewReaderSize(f, 1<<20)); ; {
		var r recorded
		err := d.Decode(&r)
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		a[r.URI] = r
	}
}

func (a answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	it, ok := a[r.RequestURI]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", it.Header.ContentType)
	h.Set("X-TAXII-Date-Added-First", it.Header.First)
	h.Set("X-TAXII-Date-Added-Last", it.Header.Last)
	h.Set("Content-Length", strconv.Itoa(len(it.Body)))
	_, _ = w.Write(it.Body) // who hung up needs no answer
}
