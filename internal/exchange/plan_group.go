package exchange

import (
	"context"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func (p *planner) groups() error {
	for _, g := range p.want.Groups {
		if err := p.keep(5, "group", g.Name); err != nil {
			return err
		}
		if err := p.checkGroup(&g); err != nil {
			return at(err, "group %q", g.Name)
		}
		i := slices.IndexFunc(p.now.Groups, func(o GroupSetting) bool { return o.Name == g.Name })
		if i < 0 {
			p.step("add", "group", g.Name, strings.Join(g.Members, ", "), func(ctx context.Context) error { return p.s.AddGroup(ctx, g) })
			continue
		}
		if changes := groupChanges(&p.now.Groups[i], &g); changes != "" {
			p.step("set", "group", g.Name, changes, func(ctx context.Context) error {
				_, err := p.s.SetGroup(ctx, g.Name, func(o *GroupSetting) error { *o = g; return nil })
				return err
			})
		}
	}
	return nil
}

// checkGroup tells whether a group can be as declared, and its members will be
// there.
func (p *planner) checkGroup(g *GroupSetting) error {
	if err := g.check(); err != nil {
		return err
	}
	if p.willAccount(g.Name) {
		return taxii.Errorf(taxii.Unprocessable, "an account has this name, and accounts and groups share their names")
	}
	for _, name := range g.Members {
		if !p.willAccount(name) {
			return taxii.Errorf(taxii.Unprocessable, "there is no account %q, and none is declared", name)
		}
	}
	return nil
}

// groupChanges says what changes of a group, or "" where nothing does.
func groupChanges(was, want *GroupSetting) string {
	var changes []string
	for _, name := range want.Members {
		if !slices.Contains(was.Members, name) {
			changes = append(changes, "with "+name)
		}
	}
	for _, name := range was.Members {
		if !slices.Contains(want.Members, name) {
			changes = append(changes, "without "+name)
		}
	}
	if was.Limits != want.Limits {
		changes = append(changes, "limits")
	}
	return strings.Join(changes, ", ")
}

// willAccount tells whether there will be an account of this name.
func (p *planner) willAccount(name string) bool {
	return p.kept[2][name] || !p.pruning && slices.ContainsFunc(p.now.Accounts, func(a AccountSetting) bool { return a.Name == name })
}

// willGroup tells whether there will be a group of this name.
func (p *planner) willGroup(name string) bool {
	return p.kept[5][name] || !p.pruning && slices.ContainsFunc(p.now.Groups, func(g GroupSetting) bool { return g.Name == name })
}

// pruneGroups removes groups that are not declared. A grant that ends with its
// group needs no step of its own, but has one: it says what ends.
func (p *planner) pruneGroups() error {
	for _, g := range p.now.Groups {
		if p.kept[5][g.Name] {
			continue
		}
		if p.isMember(g.Name) && p.managesServer(g.Name) {
			return taxii.Errorf(taxii.Conflict, "pruning would remove the group %q, by whose grant on the server this is done: declare it", g.Name)
		}
		p.remove("group", g.Name, "", func(ctx context.Context) error { return p.s.RemoveGroup(ctx, g.Name) })
	}
	return nil
}

// isMember tells whether the account that asks is in a group.
func (p *planner) isMember(group string) bool {
	return slices.ContainsFunc(p.now.Groups, func(g GroupSetting) bool {
		return g.Name == group && slices.Contains(g.Members, p.s.account.Name)
	})
}

// managesServer tells whether a group is granted to manage the server.
func (p *planner) managesServer(group string) bool {
	return slices.ContainsFunc(p.now.Grants, func(g GrantSetting) bool {
		return g.Group == group && g.On == string(OnServer) && slices.Contains(g.Rights, "manage")
	})
}
