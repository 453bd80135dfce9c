package exchange

import (
	"context"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// planner compares what is wanted with what is there.
type planner struct {
	s         *Session
	now, want Declaration
	pruning   bool
	kept      [6]map[string]bool // names that are wanted: roots, collections, accounts, grants, channels, groups

	names map[string]bool // of certificates that are wanted

	setup    []Step // roots that come or change
	removals []Step // grants, accounts, channels and collections that go
	steps    []Step // what else comes or changes
	last     []Step // roots that go
}

func (p *planner) step(do, what, name, detail string, run func(context.Context) error) {
	p.steps = append(p.steps, Step{do, what, name, detail, run})
}

func (p *planner) remove(what, name, detail string, run func(context.Context) error) {
	p.removals = append(p.removals, Step{"remove", what, name, detail, run})
}

// keep notes that a name is wanted, once.
func (p *planner) keep(part int, what, name string) error {
	if p.kept[part] == nil {
		p.kept[part] = map[string]bool{}
	}
	if p.kept[part][name] {
		return invalid(what, name+" is declared twice")
	}
	p.kept[part][name] = true
	return nil
}

func (p *planner) roots() error {
	defer func() { p.setup, p.steps = p.steps, nil }()
	chosen := ""
	for _, r := range p.want.Roots {
		if err := r.check(); err != nil {
			return at(err, "root %q", r.Name)
		}
		if err := p.keep(0, "root", r.Name); err != nil {
			return err
		}
		if r.Default && chosen != "" {
			return invalid("default", "is set for "+chosen+" and for "+r.Name+"; at most one API Root is the default")
		}
		if r.Default {
			chosen = r.Name
		}
		i := slices.IndexFunc(p.now.Roots, func(o RootSetting) bool { return o.Name == r.Name })
		switch {
		case i < 0:
			p.step("add", "root", r.Name, r.Title, func(ctx context.Context) error { _, err := p.s.AddRoot(ctx, r); return err })
		case !p.now.Roots[i].equal(&r):
			p.step("set", "root", r.Name, r.Title, func(ctx context.Context) error {
				_, err := p.s.SetRoot(ctx, r.Name, func(o *RootSetting) error { *o = r; return nil })
				return err
			})
		}
	}
	return nil
}

func (set *RootSetting) equal(o *RootSetting) bool {
	return set.Name == o.Name && set.Title == o.Title && set.Description == o.Description && set.Relative == o.Relative &&
		set.Advertise == o.Advertise && set.Default == o.Default && sameSet(set.SignIn, o.SignIn)
}

// same tells whether two settings name one Collection: by id, else by alias,
// else by title.
func (set *CollectionSetting) same(o *CollectionSetting) bool {
	switch {
	case set.Root != o.Root:
		return false
	case set.ID != "":
		return set.ID == o.ID
	case set.Alias != "":
		return set.Alias == o.Alias
	}
	return set.Title == o.Title
}

func (set *CollectionSetting) name() string {
	for _, name := range []string{set.Alias, set.ID, set.Title} {
		if name != "" {
			return set.Root + "/collection/" + name
		}
	}
	return set.Root
}

func (p *planner) collections() error {
	for _, c := range p.want.Collections {
		i := slices.IndexFunc(p.now.Collections, func(o CollectionSetting) bool { return c.same(&o) })
		if c.ID == "" && i >= 0 {
			c.ID = p.now.Collections[i].ID
		}
		known := c
		if known.ID == "" {
			known.ID = "00000000-0000-4000-8000-000000000000" // stands for the one that will be made
		}
		if err := known.check(); err != nil {
			return at(err, "collection %s", c.name())
		}
		c.Validation = known.Validation
		if err := p.inRoot(c.Root); err != nil {
			return at(err, "collection %s", c.name())
		}
		if err := p.keep(1, "collection", c.name()); err != nil {
			return err
		}
		if c.ID != "" && c.Alias != "" { // else the name is the id
			if err := p.keep(1, "collection", c.Root+"/collection/"+c.ID); err != nil {
				return err
			}
		}
		switch {
		case i < 0:
			p.step("add", "collection", c.name(), c.Title, func(ctx context.Context) error { _, err := p.s.AddCollection(ctx, c); return err })
		case !p.now.Collections[i].equal(&c):
			p.step("set", "collection", c.name(), c.Title, func(ctx context.Context) error {
				_, err := p.s.SetCollection(ctx, c.Root, c.ID, func(o *CollectionSetting) error { *o = c; return nil })
				return err
			})
		}
	}
	return nil
}

// inRoot tells whether the API Root of something declared will be there.
func (p *planner) inRoot(root string) error {
	if !p.kept[0][root] && (p.pruning || !slices.ContainsFunc(p.now.Roots, func(r RootSetting) bool { return r.Name == root })) {
		return taxii.Errorf(taxii.Unprocessable, "there is no API Root %q, and none is declared", root)
	}
	return nil
}

func (set *CollectionSetting) equal(o *CollectionSetting) bool {
	a, b := *set, *o
	a.Types, b.Types = nil, nil
	return a.ID == b.ID && a.Root == b.Root && a.Alias == b.Alias && a.Title == b.Title && a.Description == b.Description &&
		a.Validation == b.Validation && a.level() == b.level() && sameSet(set.Types, o.Types)
}
