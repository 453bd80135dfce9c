package driver

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// boundByOctets is the size from which a page may hold fewer objects than were
// asked for because it would be too large.
const boundByOctets = 1 << 20

// walk is one walk by pages, each checked as a client of the standard would.
type walk struct {
	conn  *conn
	base  string // the URI of the first page
	limit int
	dated bool   // where next is missing it goes on by the last date: the standard gives a manifest no next
	most  int    // objects on a page of this server, once one was short; 0: not known
	last  string // X-TAXII-Date-Added-Last of the page before
}

// fault says what is wrong with an answer, and with which.
func fault(uri, format string, args ...any) error {
	return fmt.Errorf("GET %s: "+format, append([]any{uri}, args...)...)
}

// each visits all pages.
func (w *walk) each(ctx context.Context, visit func(uri string, a answer, p page) error) error {
	for uri := w.base; uri != ""; {
		a, err := w.conn.get(ctx, uri)
		if err != nil {
			return fault(uri, "%w", err)
		}
		p, err := w.check(uri, a)
		if err != nil {
			return err
		}
		if w.conn.target.Heard != nil {
			w.conn.target.Heard(uri, a.header, a.body)
		}
		if err := visit(uri, a, p); err != nil {
			return fault(uri, "%w", err)
		}
		if uri = ""; p.more {
			uri = w.following(p.next)
		}
	}
	return nil
}

// following is the URI of the page after a cursor or, for "", after the last
// date.
func (w *walk) following(next string) string {
	if next == "" {
		return w.base + "&added_after=" + url.QueryEscape(w.last)
	}
	return nextURI(w.base, next)
}

// nextURI puts a cursor behind the query of a first page.
func nextURI(base, next string) string { return base + "&next=" + url.QueryEscape(next) }

// check judges one page by itself and by the one before.
func (w *walk) check(uri string, a answer) (page, error) {
	if err := good(uri, a); err != nil {
		return page{}, err
	}
	p, err := readPage(a.body)
	n := len(p.objects)
	switch {
	case err != nil:
		return p, fault(uri, "%w", err)
	case p.more && p.next == "" && !w.dated:
		return p, fault(uri, "more is true and next is missing")
	case p.more && n == 0:
		return p, fault(uri, "more is true on an empty page")
	case w.limit > 0 && n > w.limit:
		return p, fault(uri, "%d objects, %d were asked for", n, w.limit)
	case p.more && n < w.limit && len(a.body) < boundByOctets && w.most != 0 && n != w.most:
		return p, fault(uri, "a short page: %d objects and more, others have %d", n, w.most)
	case n > 0 && a.header.First > a.header.Last:
		return p, fault(uri, "the dates of the page run backwards: %s to %s", a.header.First, a.header.Last)
	case n > 0 && a.header.First < w.last:
		return p, fault(uri, "the page begins at %s, before the end of the one before, %s", a.header.First, w.last)
	}
	if w.most == 0 && len(a.body) < boundByOctets {
		w.most = n // a server may have a limit of its own, but always the same
	}
	w.last = a.header.Last
	return p, nil
}

// good judges status and media type.
func good(uri string, a answer) error {
	if a.status != http.StatusOK {
		return fault(uri, "status %d: %.200s", a.status, a.body)
	}
	if kind, _, _ := strings.Cut(a.header.ContentType, ";"); strings.TrimSpace(kind) != strings.Split(taxii.MediaType, ";")[0] {
		return fault(uri, "the media type is %q", a.header.ContentType)
	}
	return nil
}
