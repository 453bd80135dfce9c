package driver

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
)

// learnLimit is the limit of the walk by which a Content is learnt.
const learnLimit = 1000

// Content is what a Collection holds, as a walk through all of it shows it: the
// latest version of each object, in the order in which they were added. Nobody
// may add to the Collection between Learn and the last run.
type Content struct {
	path  string // of the Collection, with a final slash
	seed  maphash.Seed
	ids   []string
	keys  []uint64 // id and version; where an object has no version, the id alone
	sums  []uint32
	kinds []uint16 // index into names
	names []string // types
	seen  map[uint64]struct{}
	last  string // the latest date
}

// Learn walks a Collection, by its path, such as /trust/collections/ID/. want,
// if it is not nil, are the Sums of what must be there, in order.
func Learn(ctx context.Context, t *Target, path string, want []uint32) (*Content, error) {
	return learn(ctx, t, path, path+"objects/?limit="+fmt.Sprint(learnLimit), want)
}

func learn(ctx context.Context, t *Target, path, base string, want []uint32) (*Content, error) {
	c, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	content := &Content{path: path, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}}
	w := &walk{conn: c, base: base, limit: learnLimit}
	err = w.each(ctx, func(_ string, a answer, p page) error {
		if len(p.objects) > 0 {
			content.last = a.header.Last
		}
		return content.take(p.objects)
	})
	content.seen = nil
	if err != nil {
		return nil, err
	}
	if want != nil && !slices.Equal(content.sums, want) {
		return nil, fmt.Errorf("GET %s: %s", base, difference(content.sums, want))
	}
	return content, nil
}

func (c *Content) take(objects [][]byte) error {
	for _, raw := range objects {
		f, err := peek(raw)
		if err != nil {
			return err
		}
		if f.id == "" || f.kind == "" {
			return fmt.Errorf("an object without id or type: %.100s", raw)
		}
		k := key(c.seed, f.id, f.version)
		if _, twice := c.seen[k]; twice {
			return fmt.Errorf("%s came twice", f.id)
		}
		c.seen[k] = struct{}{}
		c.ids, c.keys, c.sums = append(c.ids, f.id), append(c.keys, k), append(c.sums, Sum(raw))
		c.kinds = append(c.kinds, c.kind(f.kind))
	}
	return nil
}

func (c *Content) kind(name string) uint16 {
	i := slices.Index(c.names, name)
	if i < 0 {
		i = len(c.names)
		c.names = append(c.names, name)
	}
	return uint16(i)
}

// difference says how two lists of sums differ.
func difference(got, want []uint32) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("object %d of %d is not the one that is due (%d are)", i, len(got), len(want))
		}
	}
	return fmt.Sprintf("%d objects came, %d are due", len(got), len(want))
}

// Len is how many objects there are.
func (c *Content) Len() int { return len(c.ids) }

// errNoType says that there is nothing to filter by.
var errNoType = errors.New("the collection holds nothing but relationships, so there is no type to filter by")

// Type is the type that a filter is measured with: the most frequent one but
// relationships, which can be nearly everything.
func (c *Content) Type() (string, error) {
	count := make([]int, len(c.names))
	for _, k := range c.kinds {
		count[k]++
	}
	best := -1
	for i, name := range c.names {
		if name != "relationship" && (best < 0 || count[i] > count[best]) {
			best = i
		}
	}
	if best < 0 {
		return "", errNoType
	}
	return c.names[best], nil
}

// sumsOf gives the sums of the objects of a type.
func (c *Content) sumsOf(kind string) (sums []uint32) {
	index := slices.Index(c.names, kind)
	for i, k := range c.kinds {
		if int(k) == index {
			sums = append(sums, c.sums[i])
		}
	}
	return sums
}
