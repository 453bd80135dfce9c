package exchange

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Declaration is what an operator wants to be there: everything that is not
// content.
type Declaration struct {
	Roots       []RootSetting       `json:"roots,omitempty" yaml:"roots,omitempty"`
	Collections []CollectionSetting `json:"collections,omitempty" yaml:"collections,omitempty"`
	Accounts    []AccountSetting    `json:"accounts,omitempty" yaml:"accounts,omitempty"`
	Grants      []GrantSetting      `json:"grants,omitempty" yaml:"grants,omitempty"`
}

// Step is one change that leads from what is there to what is declared.
type Step struct {
	Do     string `json:"do"`   // add, set or remove
	What   string `json:"what"` // root, collection, account or grant
	Name   string `json:"name"`
	Detail string `json:"detail,omitempty"` // what changes; never a secret

	run func(context.Context) error
}

// State gives what is there as a declaration; passwords as their hashes.
func (s *Session) State(ctx context.Context) (Declaration, error) {
	snap := s.x.now.Load()
	if err := s.manages(snap, resource{scope: OnServer}); err != nil {
		return Declaration{}, err
	}
	var d Declaration
	var err error
	if d.Roots, err = s.Roots(ctx); err != nil {
		return d, err
	}
	if d.Collections, err = s.CollectionSettings(ctx, ""); err != nil {
		return d, err
	}
	records, err := s.Accounts(ctx)
	if err != nil {
		return d, err
	}
	for _, a := range records {
		if !a.Removed && (!a.Builtin || len(a.Options) > 0) {
			d.Accounts = append(d.Accounts, AccountSetting{Name: a.Name, Options: a.Options, PasswordHash: snap.passwordHash(a.ID)})
		}
	}
	d.Grants, err = s.Grants(ctx)
	return d, err
}

func (s *snapshot) passwordHash(account int64) string {
	for _, c := range s.credentials[account] {
		if c.Kind == KindPassword {
			return c.Secret
		}
	}
	return ""
}

// Plan gives the steps that lead to a declaration, without taking any. What is
// there already needs none; with prune, what is not declared is removed.
func (s *Session) Plan(ctx context.Context, d Declaration, prune bool) ([]Step, error) {
	now, err := s.State(ctx)
	if err != nil {
		return nil, err
	}
	p := &planner{s: s, now: now, want: d}
	for _, part := range []func() error{p.roots, p.collections, p.accounts, p.grants} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	if prune {
		p.prune()
	}
	return p.steps, nil
}

// Apply takes the steps to a declaration, and returns those it took; where one
// fails the error says which, and another Apply goes on from there.
func (s *Session) Apply(ctx context.Context, d Declaration, prune bool) ([]Step, error) {
	steps, err := s.Plan(ctx, d, prune)
	for i, step := range steps {
		if err := step.run(ctx); err != nil {
			return steps[:i], fmt.Errorf("%s %s %s: %w", step.Do, step.What, step.Name, err)
		}
	}
	return steps, err
}

// planner compares what is wanted with what is there.
type planner struct {
	s         *Session
	now, want Declaration
	steps     []Step
	kept      [4]map[string]bool // names that are wanted: roots, collections, accounts, grants
}

func (p *planner) step(do, what, name, detail string, run func(context.Context) error) {
	p.steps = append(p.steps, Step{do, what, name, detail, run})
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
	for _, r := range p.want.Roots {
		if err := r.check(); err != nil {
			return fmt.Errorf("root %q: %w", r.Name, err)
		}
		if err := p.keep(0, "root", r.Name); err != nil {
			return err
		}
		i := slices.IndexFunc(p.now.Roots, func(o RootSetting) bool { return o.Name == r.Name })
		switch {
		case i < 0:
			p.step("add", "root", r.Name, r.Title, func(ctx context.Context) error { _, err := p.s.AddRoot(ctx, r); return err })
		case p.now.Roots[i] != r:
			p.step("set", "root", r.Name, r.Title, func(ctx context.Context) error {
				_, err := p.s.SetRoot(ctx, r.Name, func(o *RootSetting) error { *o = r; return nil })
				return err
			})
		}
	}
	return nil
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
			return fmt.Errorf("collection %s: %w", c.name(), err)
		}
		c.Validation = known.Validation
		if err := p.keep(1, "collection", c.name()); err != nil {
			return err
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

func (set *CollectionSetting) equal(o *CollectionSetting) bool {
	a, b := *set, *o
	a.Types, b.Types = nil, nil
	return a.ID == b.ID && a.Root == b.Root && a.Alias == b.Alias && a.Title == b.Title && a.Description == b.Description &&
		a.Validation == b.Validation && sameSet(set.Types, o.Types)
}

func (p *planner) accounts() error {
	for _, a := range p.want.Accounts {
		if err := p.keep(2, "account", a.Name); err != nil {
			return err
		}
		if err := checkOptions(a.Options); err != nil {
			return fmt.Errorf("account %q: %w", a.Name, err)
		}
		i := slices.IndexFunc(p.now.Accounts, func(o AccountSetting) bool { return o.Name == a.Name })
		if i < 0 && a.Name != AnonymousName {
			p.step("add", "account", a.Name, "", func(ctx context.Context) error { return p.s.AddAccount(ctx, a) })
			continue
		}
		var was AccountSetting
		if i >= 0 {
			was = p.now.Accounts[i]
		}
		if changes := p.accountChanges(&was, &a); len(changes) > 0 {
			p.step("set", "account", a.Name, strings.Join(changes, ", "), func(ctx context.Context) error {
				return p.s.SetAccount(ctx, a.Name, func(o *AccountSetting) error { *o = a; return nil })
			})
		}
	}
	return nil
}

func (p *planner) accountChanges(was, want *AccountSetting) (changes []string) {
	if !sameSet(was.Options, want.Options) {
		changes = append(changes, "options")
	}
	switch {
	case want.PasswordHash != "" && want.PasswordHash != was.PasswordHash,
		want.Password != "" && !p.s.x.opt.VerifyPassword(was.PasswordHash, want.Password):
		changes = append(changes, "password")
	default:
		want.Password, want.PasswordHash = "", ""
	}
	return changes
}

func (p *planner) grants() error {
	for _, g := range p.want.Grants {
		rights, err := ParseRights(g.Rights)
		if err != nil {
			return fmt.Errorf("grant to %q on %s: %w", g.Account, g.On, err)
		}
		name := g.Account + " on " + p.resourceName(g.On)
		if err := p.keep(3, "grant", name); err != nil {
			return err
		}
		i := slices.IndexFunc(p.now.Grants, func(o GrantSetting) bool { return o.Account+" on "+o.On == name })
		run := func(ctx context.Context) error { return p.s.SetGrant(ctx, g) }
		switch {
		case rights == 0:
			return invalid("grant", name+" has no rights: leave it out, or use --prune")
		case i < 0:
			p.step("add", "grant", name, rights.String(), run)
		case !sameSet(p.now.Grants[i].Rights, rights.List()):
			p.step("set", "grant", name, rights.String(), run)
		}
	}
	return nil
}

// resourceName gives the name under which grants are listed, so that a
// Collection may be called by its id or its alias.
func (p *planner) resourceName(on string) string {
	snap := p.s.x.now.Load()
	if r, err := snap.named(p.s, on); err == nil {
		return snap.name(r)
	}
	return on
}

// prune removes what is not declared, what hangs on something before it.
func (p *planner) prune() {
	for _, g := range p.now.Grants {
		if name := g.Account + " on " + g.On; !p.kept[3][name] {
			p.step("remove", "grant", name, "", func(ctx context.Context) error {
				return p.s.SetGrant(ctx, GrantSetting{Account: g.Account, On: g.On})
			})
		}
	}
	for _, a := range p.now.Accounts {
		if !p.kept[2][a.Name] && a.Name != AnonymousName {
			p.step("remove", "account", a.Name, "", func(ctx context.Context) error { return p.s.RemoveAccount(ctx, a.Name) })
		}
	}
	for _, c := range p.now.Collections {
		wanted := slices.ContainsFunc(p.want.Collections, func(o CollectionSetting) bool { return o.same(&c) })
		if !wanted && p.kept[0][c.Root] {
			p.step("remove", "collection", c.name(), c.Title, func(ctx context.Context) error { return p.s.RemoveCollection(ctx, c.Root, c.ID) })
		}
	}
	for _, r := range p.now.Roots {
		if !p.kept[0][r.Name] {
			p.step("remove", "root", r.Name, r.Title, func(ctx context.Context) error { return p.s.RemoveRoot(ctx, r.Name) })
		}
	}
}
