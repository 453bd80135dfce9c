package exchange

import (
	"context"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func (p *planner) accounts() error {
	for _, a := range p.want.Accounts {
		if err := p.keep(2, "account", a.Name); err != nil {
			return err
		}
		if err := p.s.x.checkAccount(&a); err != nil {
			return at(err, "account %q", a.Name)
		}
		i := slices.IndexFunc(p.now.Accounts, func(o AccountSetting) bool { return o.Name == a.Name })
		if i < 0 && p.willGroup(a.Name) {
			return taxii.Errorf(taxii.Unprocessable, "account %q: a group has this name, and accounts and groups share their names", a.Name)
		}
		if i < 0 && !builtin(a.Name) {
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
	if was.Limits != want.Limits {
		changes = append(changes, "limits")
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
		rights, _, err := g.parse()
		if err != nil {
			return at(err, "grant to %q on %s", g.To(), g.On)
		}
		name := g.To() + " on " + p.resourceName(g.On)
		if err := p.keep(3, "grant", name); err != nil {
			return err
		}
		if err := p.checkGrant(&g); err != nil {
			return err
		}
		i := slices.IndexFunc(p.now.Grants, func(o GrantSetting) bool { return o.To()+" on "+o.On == name })
		if p.going(g.On) {
			i = -1 // what is there ends with the collection or channel, and another takes its name
		}
		run := func(ctx context.Context) error { return p.s.SetGrant(ctx, g) }
		if err := p.meant(&g, rights); err != nil {
			return at(err, "grant %s", name)
		}
		switch {
		case rights == 0:
			return invalid("grant", name+" has no rights: leave it out, or use --prune")
		case i < 0:
			p.step("add", "grant", name, g.detail(rights), run)
		case !sameSet(p.now.Grants[i].Rights, rights.List()) || p.now.Grants[i].Ceiling != g.Ceiling:
			p.step("set", "grant", name, g.detail(rights), run)
		}
	}
	return nil
}

// detail says what a grant gives.
func (g *GrantSetting) detail(rights Rights) string {
	if g.Ceiling == "" {
		return rights.String()
	}
	return rights.String() + " up to " + g.Ceiling
}

// checkGrant tells whether the account or group and the resource of a grant will be
// there.
func (p *planner) checkGrant(g *GrantSetting) error {
	switch {
	case (g.Account == "") == (g.Group == ""):
		return taxii.Errorf(taxii.Unprocessable, "grant on %s: a grant is to an account or to a group: one of both has to be named", g.On)
	case g.Account == OperatorName:
		return taxii.Errorf(taxii.Conflict, "operator has every right already")
	case g.Group != "" && !p.willGroup(g.Group):
		return taxii.Errorf(taxii.Unprocessable, "grant on %s: there is no group %q, and none is declared", g.On, g.Group)
	case g.Group == "" && g.Account != AnonymousName && !p.willAccount(g.Account):
		return taxii.Errorf(taxii.Unprocessable, "grant on %s: there is no account %q, and none is declared", g.On, g.Account)
	case !p.will(g.On):
		return taxii.Errorf(taxii.Unprocessable, "grant to %q: there is no %s, and none is declared", g.To(), g.On).
			Describe("A resource is server, ROOT, ROOT/collection/NAME or ROOT/channel/NAME.")
	}
	return nil
}

// will tells whether there will be a resource of this name.
func (p *planner) will(on string) bool {
	if p.kept[0][on] || slices.ContainsFunc(p.want.Collections, func(c CollectionSetting) bool {
		return on == c.Root+"/collection/"+c.Alias || on == c.Root+"/collection/"+c.ID
	}) || slices.ContainsFunc(p.want.Channels, func(c ChannelSetting) bool { return on == c.path() }) {
		return true
	}
	snap := p.s.x.now.Load()
	r, err := snap.named(p.s, on)
	return err == nil && !p.going(on) && (r.scope != OnRoot || !p.pruning)
}

// going tells whether on names a Collection or Channel that is there and will be
// removed.
func (p *planner) going(on string) bool {
	snap := p.s.x.now.Load()
	r, err := snap.named(p.s, on)
	switch {
	case err != nil || !p.pruning:
		return false
	case r.scope == OnChannel:
		return !p.kept[4][snap.name(r)]
	case r.scope != OnCollection:
		return false
	}
	set := snap.byID[r.item].setting(snap.rootByID[r.root])
	return !p.wanted(&set)
}

// wanted tells whether a Collection that is there is declared.
func (p *planner) wanted(c *CollectionSetting) bool {
	return slices.ContainsFunc(p.want.Collections, func(o CollectionSetting) bool { return o.same(c) })
}

// meant refuses rights that have no meaning on what they are declared for.
func (p *planner) meant(g *GrantSetting, rights Rights) error {
	scope := OnRoot
	switch {
	case g.On == string(OnServer):
		scope = OnServer
	case strings.Contains(g.On, "/collection/"):
		scope = OnCollection
	case strings.Contains(g.On, "/channel/"):
		scope = OnChannel
	}
	return meant(g.Account, scope, rights)
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
