package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// Declaration is what an operator wants to be there: everything that is not
// content.
type Declaration struct {
	Roots       []RootSetting       `json:"roots,omitempty" yaml:"roots,omitempty"`
	Collections []CollectionSetting `json:"collections,omitempty" yaml:"collections,omitempty"`
	Channels    []ChannelSetting    `json:"channels,omitempty" yaml:"channels,omitempty"`
	Accounts    []AccountSetting    `json:"accounts,omitempty" yaml:"accounts,omitempty"`
	Groups      []GroupSetting      `json:"groups,omitempty" yaml:"groups,omitempty"`
	Grants      []GrantSetting      `json:"grants,omitempty" yaml:"grants,omitempty"`

	Certificates []CertificateSetting `json:"certificates,omitempty" yaml:"certificates,omitempty"`
}

// Step is one change that leads from what is there to what is declared.
type Step struct {
	Do     string `json:"do"`   // add, set or remove
	What   string `json:"what"` // root, collection, channel, account, group, grant or certificate
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
	if d.Channels, err = s.ChannelSettings(ctx, ""); err != nil {
		return d, err
	}
	records, err := s.Accounts(ctx)
	if err != nil {
		return d, err
	}
	for _, a := range records {
		if !a.Removed && (!a.Builtin || len(a.Options) > 0 || a.Limits != (Limits{})) {
			d.Accounts = append(d.Accounts, AccountSetting{Name: a.Name, Options: a.Options, Limits: a.Limits, PasswordHash: snap.passwordHash(a.ID)})
		}
	}
	if d.Groups, err = s.Groups(ctx); err != nil {
		return d, err
	}
	if d.Grants, err = s.Grants(ctx); err != nil {
		return d, err
	}
	d.Certificates, err = s.certificateSettings(ctx)
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
	p := &planner{s: s, now: now, want: d, pruning: prune}
	for _, part := range []func() error{p.roots, p.collections, p.channels, p.accounts, p.groups, p.grants, p.certificates} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	if !prune {
		return append(p.setup, p.steps...), nil
	}
	if err := p.prune(); err != nil {
		return nil, err
	}
	// What goes makes room, of names and titles, for what comes.
	return slices.Concat(p.setup, p.removals, p.steps, p.last), nil
}

// Apply takes the steps to a declaration, and returns those it took; where one
// fails the error says which, and another Apply goes on from there.
func (s *Session) Apply(ctx context.Context, d Declaration, prune bool) ([]Step, error) {
	steps, err := s.Plan(ctx, d, prune)
	for i, step := range steps {
		if err := step.run(ctx); err != nil {
			return steps[:i], at(err, "%s %s %s", step.Do, step.What, step.Name)
		}
	}
	return steps, err
}

// at says in the Title of an error where it happened.
func at(err error, format string, args ...any) error {
	where := fmt.Sprintf(format, args...)
	var e *taxii.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", where, err)
	}
	placed := *e
	placed.Title = where + ": " + e.Title
	return &placed
}
