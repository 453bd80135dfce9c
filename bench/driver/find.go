package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// discoveryPath is where every TAXII 2.1 server says what it offers.
const discoveryPath = "/taxii2/"

// finder finds Collections by the words of those who ask.
type finder struct {
	conn *conn
	root string // path of the API Root, with a final slash
	list []taxii.Collection
}

// find signs in and lists the Collections of an API Root: of the one at path or,
// where that is empty or the discovery resource, of the server's default or only one.
func find(ctx context.Context, t *Target, path string) (*finder, error) {
	c, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	f := &finder{conn: c, root: strings.TrimRight(path, "/") + "/"}
	if f.root == "/" || f.root == discoveryPath {
		if f.root, err = f.defaultRoot(ctx); err != nil {
			c.close()
			return nil, err
		}
	}
	var all taxii.Collections
	if err = f.resource(ctx, f.root+"collections/", &all); err != nil {
		c.close()
		return nil, err
	}
	f.list = all.Collections
	return f, nil
}

// resource asks for a resource.
func (f *finder) resource(ctx context.Context, uri string, into any) error {
	a, err := f.conn.get(ctx, uri)
	if err != nil {
		return fault(uri, "%w", err)
	}
	if err := good(uri, a); err != nil {
		return err
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return fault(uri, "%w", err)
	}
	return nil
}

func (f *finder) defaultRoot(ctx context.Context) (string, error) {
	var d taxii.Discovery
	if err := f.resource(ctx, discoveryPath, &d); err != nil {
		return "", err
	}
	root := d.Default
	if root == "" && len(d.APIRoots) > 0 {
		root = d.APIRoots[0]
	}
	u, err := url.Parse(root)
	if err != nil || root == "" {
		return "", fmt.Errorf("discovery names no API Root that could be used: %q", root)
	}
	if here, _ := url.Parse(f.conn.target.Base); u.Host != "" && u.Host != here.Host {
		return "", fmt.Errorf("the default API Root is on another host, %s: give its URL, or that of another", root)
	}
	return strings.TrimRight(u.EscapedPath(), "/") + "/", nil
}

// collection gives a Collection by id, alias or title; "" is the first that may
// be read.
func (f *finder) collection(name string) (taxii.Collection, error) {
	for _, c := range f.list {
		if name == "" && c.CanRead || name != "" && slices.Contains([]string{c.ID, c.Alias, c.Title}, name) {
			return c, nil
		}
	}
	if name == "" {
		return taxii.Collection{}, fmt.Errorf("%s has no collection that this account may read", f.root)
	}
	return taxii.Collection{}, fmt.Errorf("%s shows this account no collection %q", f.root, name)
}

func (f *finder) path(c taxii.Collection) string {
	return f.root + "collections/" + url.PathEscape(c.ID) + "/"
}
