package main

import (
	"context"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/spf13/cobra"
)

func (a *app) grant() *cobra.Command {
	return noun("grant", "Add, list, show, set and remove grants",
		`A grant says what an account, or every member of a group, may do where: read, write,
manage, or all of these, on the server, an API Root, a Collection or a Channel. No right
implies another, and a right on the server or an API Root holds for everything in it. What
is granted to anonymous, everyone may, also without credentials.

With a ceiling, what is read by a grant is marked no higher: clear, green, amber,
amber+strict or red. Of several grants that let read, the highest ceiling holds.

On the server or an API Root there is also create, to make Channels there, and there and
on a Channel push, to have Messages sent to a URL.

A resource is server, ROOT, ROOT/ALIAS, ROOT/ID or ROOT/collection/ALIAS for a
Collection, or ROOT/channel/NAME. A change holds from the next request on.`,
		a.grantAdd(), a.grantList(), a.grantShow(), a.grantSet(), a.grantRemove())
}

// resourceOf gives a resource the name under which grants list it.
func resourceOf(ctx context.Context, c *admin.Client, on string) (string, error) {
	if on == string(exchange.OnServer) || !strings.Contains(on, "/") {
		return on, nil
	}
	roots, err := c.Roots(ctx)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(roots, func(r exchange.RootSetting) bool { return r.Name == on }) {
		return on, nil
	}
	if strings.Contains(on, "/channel/") {
		return channelResource(ctx, c, on)
	}
	root, name, err := collectionName(on)
	if err != nil {
		return "", err
	}
	found, err := c.Collection(ctx, root, name)
	if err != nil {
		return "", err
	}
	return root + "/collection/" + firstOf(found.Alias, found.ID), nil
}

func channelResource(ctx context.Context, c *admin.Client, on string) (string, error) {
	root, name, err := channelName(on)
	if err != nil {
		return "", err
	}
	found, err := c.Channel(ctx, root, name)
	return root + "/channel/" + found.Name, err
}

// onFlag gives a verb the flag --on.
func onFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("on", "", "`RESOURCE`: server, ROOT, ROOT/NAME or ROOT/channel/NAME")
}

// ceilingFlag gives a verb the flag --ceiling.
func ceilingFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("ceiling", "", "highest marking `LEVEL` that is read by the grant: clear, green, amber, amber+strict, red, or none for any (default what is there)")
}

// changeGrant completes a verb that changes the rights of an account or a group on a
// resource: rights makes the new ones of those that are there.
func (a *app) changeGrant(cmd *cobra.Command, rights func(there, named exchange.Rights) exchange.Rights) *cobra.Command {
	on, ceiling := onFlag(cmd), ceilingFlag(cmd)
	cmd.Args = takes("NAME", "RIGHT...")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		named, err := exchange.ParseRights(args[1:])
		switch {
		case err != nil:
			return misused("%w", err)
		case *on == "":
			return misused("--on is missing")
		}
		return a.control(cmd.Context(), func(c *admin.Client) error {
			set, err := newGrant(cmd.Context(), c, args[0], *on, *ceiling, func(there exchange.Rights) exchange.Rights { return rights(there, named) })
			if err != nil {
				return tried(err, "grant %s to %q on %s", named, args[0], *on)
			}
			return a.print(set, func() { a.sayGrant(set) })
		})
	}
	return a.printsJSON(cmd)
}

func (a *app) sayGrant(set exchange.GrantSetting) {
	upTo := ""
	if set.Ceiling != "" {
		upTo = ", and reads what is marked up to " + set.Ceiling
	}
	a.say("%s may %s on %s%s", set.To(), strings.Join(set.Rights, ", "), set.On, upTo)
}

// newGrant gives an account or a group rights made of those that are there. The
// ceiling that is there stays where none is named, as long as there is something to
// read.
func newGrant(ctx context.Context, c *admin.Client, name, on, ceiling string, rights func(exchange.Rights) exchange.Rights) (exchange.GrantSetting, error) {
	set, err := grantTo(ctx, c, name)
	if err != nil {
		return set, err
	}
	if set.On, err = resourceOf(ctx, c, on); err != nil {
		return set, err
	}
	grants, err := c.Grants(ctx)
	if err != nil {
		return set, err
	}
	var there exchange.Rights
	kept := ""
	for _, g := range grants {
		if g.To() == set.To() && g.On == set.On {
			if there, err = exchange.ParseRights(g.Rights); err != nil {
				return set, err
			}
			kept = g.Ceiling
		}
	}
	now := rights(there)
	set.Rights = now.List()
	switch {
	case ceiling == "none":
	case ceiling != "":
		set.Ceiling = ceiling
	case now.Has(exchange.Read):
		set.Ceiling = kept
	}
	return set, c.SetGrant(ctx, set)
}

// grantTo begins a grant to the group of this name or, where there is none, to the
// account: the two share their names.
func grantTo(ctx context.Context, c *admin.Client, name string) (exchange.GrantSetting, error) {
	_, err := c.Group(ctx, name)
	switch {
	case err == nil:
		return exchange.GrantSetting{Group: name}, nil
	case taxii.KindOf(err) != taxii.NotFound:
		return exchange.GrantSetting{}, err
	}
	return exchange.GrantSetting{Account: name}, nil
}

func (a *app) grantAdd() *cobra.Command {
	return a.changeGrant(&cobra.Command{
		Use:   "add NAME RIGHT... --on RESOURCE",
		Short: "Give an account or a group rights, beside those it has",
		Long: `Gives an account or a group rights on a resource, beside those it has there. A ceiling that
the grant has stays, unless --ceiling names another.`,
		Example: `  hansom grant add alice read write --on trust/indicators
  hansom grant add alice read write --on trust/channel/alerts
  hansom grant add analysts read --on trust --ceiling green
  hansom grant add anonymous read --on open`,
	}, func(there, named exchange.Rights) exchange.Rights { return there | named })
}

func (a *app) grantSet() *cobra.Command {
	return a.changeGrant(&cobra.Command{
		Use:   "set NAME RIGHT... --on RESOURCE",
		Short: "Give an account or a group exactly these rights",
		Long: `Gives an account or a group exactly these rights on a resource; others that it had there
end. A ceiling stays, unless --ceiling names another or the right to read ends.`,
		Example: `  hansom grant set alice read --on trust/indicators
  hansom grant set analysts read --on trust --ceiling none`,
	}, func(_, named exchange.Rights) exchange.Rights { return named })
}

func (a *app) grantRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "remove NAME --on RESOURCE",
		Short:   "End all rights of an account or a group on a resource",
		Long:    "Ends the grant of an account or a group on a resource. Rights from grants on what lies above it stay.",
		Example: "  hansom grant remove alice --on trust/indicators",
		Args:    takes("NAME"),
	}
	on := onFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *on == "" {
			return misused("--on is missing")
		}
		return a.control(cmd.Context(), func(c *admin.Client) error {
			name, err := resourceOf(cmd.Context(), c, *on)
			if err == nil {
				err = c.RemoveGrant(cmd.Context(), args[0], name)
			}
			if err != nil {
				return tried(err, "remove the grant of %q on %s", args[0], *on)
			}
			return a.print(removed{args[0] + " on " + name}, func() { a.say("%s has no grant on %s any more", args[0], name) })
		})
	}
	return a.printsJSON(cmd)
}

func (a *app) grantList() *cobra.Command {
	var account, group string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the grants",
		Long:    "Lists the grants, all or those of one account or one group.",
		Example: "  hansom grant list\n  hansom grant list --account alice",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if account != "" && group != "" {
				return misused("--account and --group exclude each other")
			}
			return a.listGrants(cmd.Context(), exchange.GrantSetting{Account: account, Group: group})
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "only the grants of the account `NAME`")
	cmd.Flags().StringVar(&group, "group", "", "only the grants of the group `NAME`")
	return a.printsJSON(cmd)
}

func (a *app) grantShow() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "show NAME",
		Short: "Show what is granted to an account or a group",
		Long: `Shows what is granted to an account or a group. What is granted to its groups and to
anonymous an account may do too: hansom access explain shows all of it.`,
		Example: "  hansom grant show alice",
		Args:    takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				of, err := grantTo(cmd.Context(), c, args[0])
				if err != nil {
					return tried(err, "show the grants of %q", args[0])
				}
				return a.printGrants(cmd.Context(), c, of)
			})
		},
	})
}

// listGrants prints the grants of an account or a group that must exist or, where
// neither is named, all.
func (a *app) listGrants(ctx context.Context, of exchange.GrantSetting) error {
	return a.control(ctx, func(c *admin.Client) error { return a.printGrants(ctx, c, of) })
}

func (a *app) printGrants(ctx context.Context, c *admin.Client, of exchange.GrantSetting) error {
	var err error
	switch {
	case of.Group != "":
		_, err = c.Group(ctx, of.Group)
	case of.Account != "":
		_, err = c.Account(ctx, of.Account)
	}
	if err != nil {
		return tried(err, "list the grants of %q", of.Account+of.Group)
	}
	list, err := c.Grants(ctx)
	if err != nil {
		return tried(err, "list grants")
	}
	list = slices.DeleteFunc(list, func(g exchange.GrantSetting) bool { return of.To() != "" && g.To() != of.To() })
	return a.print(list, func() {
		rows := [][]string{{"GRANTED TO", "ON", "RIGHTS", "CEILING"}}
		for _, g := range list {
			rows = append(rows, []string{g.To(), g.On, strings.Join(g.Rights, ","), g.Ceiling})
		}
		a.table(rows...)
	})
}
