package driver

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// inBuffer holds the headers of an answer; what of a body is larger is read
	// past it.
	inBuffer = 32 << 10
	// mostBody bounds an answer: pages of other servers may be large, but the
	// machine that measures must not run out of memory.
	mostBody = 1 << 30
	// patience is how long one answer may take. Some servers need half a minute.
	patience = 2 * time.Minute
)

// conn is one kept connection. It is used by one goroutine at a time.
type conn struct {
	target  *Target
	headers string
	buffer  int // octets of in; 0: inBuffer
	raw     net.Conn
	in      *bufio.Reader
	out     []byte
	body    []byte
	seen    Header        // of the last answer
	closing bool          // the server closes it after this answer
	stop    func() bool   // ends the watch of the context
	patient time.Time     // the deadline that is set
	last    time.Duration // how long the last request took
}

// answer is an answer. header and body are good until the next request.
type answer struct {
	status int
	header Header
	body   []byte
}

// dial opens a connection, which is closed when ctx ends.
func (t *Target) dial(ctx context.Context) (*conn, error) {
	c := &conn{target: t, headers: t.headers(taxii.MediaType)}
	return c, c.open(ctx)
}

func (c *conn) open(ctx context.Context) error {
	address, secure, err := c.target.address()
	if err != nil {
		return err
	}
	dialer := net.Dialer{Timeout: 10 * time.Second}
	if c.raw, err = dialer.DialContext(ctx, "tcp", address); err != nil {
		return err
	}
	if tcp, ok := c.raw.(*net.TCPConn); ok && c.target.receive > 0 {
		_ = tcp.SetReadBuffer(c.target.receive) // else it is larger
	}
	if secure {
		if c.raw, err = handshake(ctx, c.raw, c.target.TLS, address); err != nil {
			return fmt.Errorf("TLS with %s: %w", address, err)
		}
	}
	c.closing, c.patient = false, time.Time{}
	c.in = bufio.NewReaderSize(c.raw, cmp.Or(c.buffer, inBuffer))
	raw := c.raw
	c.stop = context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) }) // a connection that is gone needs none
	return nil
}

func handshake(ctx context.Context, raw net.Conn, conf *tls.Config, address string) (net.Conn, error) {
	if conf == nil {
		conf = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	conf = conf.Clone()
	conf.NextProtos = []string{"http/1.1"}
	if conf.ServerName == "" {
		conf.ServerName, _, _ = net.SplitHostPort(address)
	}
	secured := tls.Client(raw, conf)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return secured, nil
}

func (c *conn) close() {
	if c.raw != nil {
		c.stop()
		_ = c.raw.Close()
	}
}

// get asks for a URI, a path with its query.
func (c *conn) get(ctx context.Context, uri string) (answer, error) {
	if err := c.ready(ctx); err != nil {
		return answer{}, err
	}
	c.out = append(append(append(c.out[:0], "GET "...), uri...), " HTTP/1.1\r\n"...)
	c.out = append(append(c.out, c.headers...), "\r\n"...)
	return c.ask(c.out)
}

// post sends a body.
func (c *conn) post(ctx context.Context, uri string, body []byte) (answer, error) {
	if err := c.ready(ctx); err != nil {
		return answer{}, err
	}
	c.out = append(append(append(c.out[:0], "POST "...), uri...), " HTTP/1.1\r\n"...)
	c.out = append(append(c.out, c.headers...), "Content-Type: "+taxii.MediaType+"\r\nContent-Length: "...)
	c.out = append(strconv.AppendInt(c.out, int64(len(body)), 10), "\r\n\r\n"...)
	return c.ask(append(c.out, body...))
}

// ready opens the connection again if the server has closed it, and sets the
// deadline anew once in a while: each setting costs.
func (c *conn) ready(ctx context.Context) error {
	if c.closing {
		c.close()
		if err := c.open(ctx); err != nil {
			return err
		}
	}
	if now := time.Now(); c.patient.Sub(now) < patience/2 {
		c.patient = now.Add(patience)
		if err := c.raw.SetDeadline(c.patient); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (c *conn) ask(request []byte) (answer, error) {
	began := time.Now()
	if _, err := c.raw.Write(request); err != nil {
		return answer{}, fmt.Errorf("send a request: %w", err)
	}
	c.out = request[:0]
	a, err := c.read()
	c.last = time.Since(began)
	return a, err
}

// whole reads n octets more into the body.
func (c *conn) whole(n int64) error {
	have := len(c.body)
	if n < 0 || n > mostBody-int64(have) {
		return fmt.Errorf("the answer has more than %d octets", mostBody)
	}
	if need := have + int(n); need > cap(c.body) {
		c.body = append(make([]byte, 0, need+need/8), c.body...)
	}
	c.body = c.body[:have+int(n)]
	_, err := io.ReadFull(c.in, c.body[have:])
	return err
}
