package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// Content gives the octets of a Message of a Channel as they were published. Where
// the Message has them, nothing is asked; where it has a content_url, or an event
// stream has changed line breaks and so their number, they are read from the
// server, and after a break read on where it was. The caller closes the reader.
func (c *Client) Content(ctx context.Context, channel string, m taxii.Message) (io.ReadCloser, error) {
	if inline := inline(m); inline != nil && (m.Size == 0 || int64(len(inline)) == m.Size) {
		return io.NopCloser(bytes.NewReader(inline)), nil
	}
	root, name, err := c.rootURL(channel)
	if err != nil {
		return nil, err
	}
	from := m.ContentURL
	if from == "" {
		from = "channels/" + url.PathEscape(name) + "/messages/" + url.PathEscape(m.ID) + "/content/"
	}
	address, err := within(root, from)
	if err != nil {
		return nil, err
	}
	r := &content{c: c, ctx: ctx, url: address, size: m.Size}
	if err := r.open(); err != nil {
		return nil, err
	}
	return r, nil
}

func inline(m taxii.Message) []byte {
	if m.Content != nil {
		return m.Content
	}
	return m.ContentBase64
}

// within resolves what a server says is relative to its API Root. It must not
// lead to another server: the account's password goes with the request.
func within(root, relative string) (string, error) {
	base, err := url.Parse(root)
	if err != nil {
		return "", err
	}
	to, err := base.Parse(relative)
	if err != nil || to.Scheme != base.Scheme || to.Host != base.Host || to.User != nil {
		return "", fmt.Errorf("client: content_url %q does not lead to %s", relative, base.Redacted())
	}
	return to.String(), nil
}

// content reads a resource of octets, over breaks.
type content struct {
	c   *Client
	ctx context.Context // io.Reader has no other way to hear of it
	url string

	a    *answer
	at   int64  // octets that were read
	size int64  // of all; 0: whatever comes
	tag  string // which state of it is read
	wait waiting
}

// open asks for what was not read yet, as often as it takes.
func (r *content) open() error {
	for {
		err := r.ask()
		if err == nil || !passing(err) || r.wait.tries >= r.c.opt.Retries || r.ctx.Err() != nil {
			return err
		}
		if err := r.c.pause(r.ctx, &r.wait, err); err != nil {
			return err
		}
	}
}

func (r *content) ask() error {
	q := request{method: http.MethodGet, url: r.url, header: map[string]string{"Accept": "*/*", "Accept-Encoding": "identity"}}
	if r.at > 0 {
		q.header["Range"] = "bytes=" + strconv.FormatInt(r.at, 10) + "-"
		if r.tag != "" {
			q.header["If-Range"] = r.tag
		}
	}
	a, err := r.c.send(r.ctx, q)
	if err != nil {
		return err
	}
	begins := fmt.Sprintf("bytes %d-", r.at)
	if r.at > 0 && !strings.HasPrefix(a.Header.Get("Content-Range"), begins) {
		a.end()
		return forGood(errors.New("client: the server does not go on with the content where it broke off"))
	}
	r.a, r.tag = a, a.Header.Get("ETag")
	return nil
}

// Read reads on, and asks again where the connection broke.
func (r *content) Read(p []byte) (int, error) {
	for {
		n, err := r.a.Read(p)
		if r.at += int64(n); n > 0 {
			r.wait.again()
		}
		switch {
		case errors.Is(err, io.EOF) && r.size > 0 && r.at < r.size:
			err = io.ErrUnexpectedEOF
		case err == nil || errors.Is(err, io.EOF):
			return n, err
		}
		if n > 0 {
			return n, nil // the error comes again
		}
		if err := r.again(err); err != nil {
			return 0, err
		}
	}
}

func (r *content) again(broken error) error {
	r.a.end()
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	if r.wait.tries >= r.c.opt.Retries {
		return fmt.Errorf("GET %s: %w after %d octets", r.url, broken, r.at)
	}
	if err := r.c.pause(r.ctx, &r.wait, broken); err != nil {
		return err
	}
	return r.open()
}

// Close ends the reading.
func (r *content) Close() error {
	r.a.end()
	return nil
}
