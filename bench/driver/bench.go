package driver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// Order says what is to be measured of a server.
type Order struct {
	URL         string        // of the server, its discovery or an API Root
	Collection  string        // id, alias or title of one to read, with at least one object; "": the first that may be read
	Writable    string        // the same of one to add to; "": nothing is added
	Connections []int         // each workload is measured with each of these numbers
	For         time.Duration // how long each run takes
}

// Row is what one run measured.
type Row struct {
	Workload    string `json:"workload"`       // one of the kinds, or Add
	Size        int    `json:"size,omitempty"` // objects asked for a page, or sent in a POST
	Connections int    `json:"connections"`
	Figures
}

// Add is the workload that adds.
const Add = "add"

// Bench measures all workloads, each verified, and tells each row as it comes.
// t says who asks, and whom to trust; its Base is taken from the URL. The first
// answer that is not as it must be ends it with an error.
func Bench(ctx context.Context, t Target, o Order, tell func(Row)) error {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.User != nil: // what is wrong with it may be a part of a password
		return errors.New("the URL cannot be read as one, or holds a password: give the account apart from it")
	case u.Host == "":
		return fmt.Errorf("%q is no https URL", o.URL)
	}
	t.Base = u.Scheme + "://" + u.Host
	f, err := find(ctx, &t, u.EscapedPath())
	if err != nil {
		return err
	}
	defer f.conn.close()
	b := &bench{t: &t, o: o, f: f, tell: tell}
	if err := b.reads(ctx); err != nil {
		return err
	}
	if o.Writable == "" {
		return nil
	}
	return b.adds(ctx)
}

type bench struct {
	t    *Target
	o    Order
	f    *finder
	tell func(Row)
}

func (b *bench) reads(ctx context.Context) error {
	from, err := b.f.collection(b.o.Collection)
	if err != nil {
		return err
	}
	content, err := Learn(ctx, b.t, b.f.path(from), nil)
	if err != nil {
		return err
	}
	if content.Len() == 0 {
		return fmt.Errorf("the collection %s (%s) is empty: there is nothing to read", from.ID, from.Title)
	}
	for _, w := range []struct {
		kind  string
		limit int
	}{{Pages, 100}, {Pages, 1000}, {Poll, 100}, {Get, 0}, {Type, 1000}, {Manifest, 1000}} {
		script, err := content.Script(ctx, b.t, w.kind, w.limit)
		if errors.Is(err, errNoType) {
			continue
		}
		if err != nil {
			return err
		}
		err = b.each(w.kind, w.limit, func(l Load) (Figures, error) { return script.Run(ctx, b.t, l) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) adds(ctx context.Context) error {
	to, err := b.f.collection(b.o.Writable)
	if err != nil {
		return err
	}
	if !to.CanWrite || !to.CanRead {
		return fmt.Errorf("this account may not both read and write %s (%s): what is added could not be read back", to.ID, to.Title)
	}
	adding, err := NewAdding(ctx, b.t, b.f.root, b.f.path(to))
	if err != nil {
		return err
	}
	for _, batch := range []int{1, 100, 1000} {
		err := b.each(Add, batch, func(l Load) (Figures, error) { return adding.Run(ctx, b.t, batch, l) })
		if err != nil {
			return err
		}
	}
	return nil
}

// each makes the runs of one workload.
func (b *bench) each(kind string, size int, run func(Load) (Figures, error)) error {
	for _, n := range b.o.Connections {
		f, err := run(Load{Connections: n, For: b.o.For})
		if err != nil {
			return fmt.Errorf("%s, %d connections: %w", kind, n, err)
		}
		b.tell(Row{kind, size, n, f})
	}
	return nil
}
