package exchange

import (
	"context"

	"github.com/hansom-taxii/hansom/taxii"
)

// prune removes what is not declared, what hangs on something before it.
func (p *planner) prune() error {
	p.pruneCertificates()
	if err := p.pruneGrants(); err != nil {
		return err
	}
	if err := p.pruneGroups(); err != nil {
		return err
	}
	if err := p.pruneAccounts(); err != nil {
		return err
	}
	p.pruneChannels()
	for _, c := range p.now.Collections {
		if !p.wanted(&c) && p.kept[0][c.Root] {
			p.remove("collection", c.name(), c.Title, func(ctx context.Context) error { return p.s.RemoveCollection(ctx, c.Root, c.ID) })
		}
	}
	for _, r := range p.now.Roots {
		if !p.kept[0][r.Name] {
			p.last = append(p.last, Step{"remove", "root", r.Name, r.Title, func(ctx context.Context) error { return p.s.RemoveRoot(ctx, r.Name) }})
		}
	}
	return nil
}

func (p *planner) pruneGrants() error {
	for _, g := range p.now.Grants {
		name := g.To() + " on " + g.On
		if p.kept[3][name] {
			continue
		}
		if g.On == string(OnServer) && (g.Account == p.s.account.Name || p.isMember(g.Group)) {
			return taxii.Errorf(taxii.Conflict, "pruning would end the grant of %q on the server, by which this is done: declare it", g.To())
		}
		p.remove("grant", name, "", func(ctx context.Context) error {
			return p.s.SetGrant(ctx, GrantSetting{Account: g.Account, Group: g.Group, On: g.On})
		})
	}
	return nil
}

func (p *planner) pruneAccounts() error {
	for _, a := range p.now.Accounts {
		switch {
		case p.kept[2][a.Name]:
		case a.Name == p.s.account.Name && !builtin(a.Name):
			return taxii.Errorf(taxii.Conflict, "pruning would remove %q, the account that asks: declare it", a.Name)
		case builtin(a.Name): // is there because it has options or limits
			p.removals = append(p.removals, Step{"set", "account", a.Name, "options and limits", func(ctx context.Context) error {
				return p.s.SetAccount(ctx, a.Name, func(o *AccountSetting) error { o.Options, o.Limits = nil, Limits{}; return nil })
			}})
		default:
			p.remove("account", a.Name, "", func(ctx context.Context) error { return p.s.RemoveAccount(ctx, a.Name) })
		}
	}
	return nil
}

// builtin tells whether an account of this name is always there.
func builtin(name string) bool { return name == OperatorName || name == AnonymousName }
