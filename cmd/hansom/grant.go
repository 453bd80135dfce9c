package main

import (
	"context"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/spf13/cobra"
)

func (a *app) grant() *cobra.Command {
	return noun("grant", "Add, list, show, set and remove grants",
		`A grant says what an account may do where: read, write, manage, or all of these, on the
server, an API Root, a Collection or a Channel. No right implies another, and a right on
the server or an API Root holds for everything in it. What is granted to anonymous,
everyone may, also without credentials.

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

// changeGrant completes a verb that changes the rights of an account on a
// resource: rights makes the new ones of those that are there.
func (a *app) changeGrant(cmd *cobra.Command, rights func(there, named exchange.Rights) exchange.Rights) *cobra.Command {
	on := onFlag(cmd)
	cmd.Args = takes("ACCOUNT", "RIGHT...")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		named, err := exchange.ParseRights(args[1:])
		switch {
		case err != nil:
			return misused("%w", err)
		case *on == "":
			return misused("--on is missing")
		}
		return a.control(cmd.Context(), func(c *admin.Client) error {
			set, err := newGrant(cmd.Context(), c, args[0], *on, func(there exchange.Rights) exchange.Rights { return rights(there, named) })
			if err != nil {
				return tried(err, "grant %s to %q on %s", named, args[0], *on)
			}
			return a.print(set, func() { a.say("%s may %s on %s", set.Account, strings.Join(set.Rights, ", "), set.On) })
		})
	}
	return a.printsJSON(cmd)
}

func newGrant(ctx context.Context, c *admin.Client, account, on string, rights func(exchange.Rights) exchange.Rights) (exchange.GrantSetting, error) {
	set := exchange.GrantSetting{Account: account}
	var err error
	if set.On, err = resourceOf(ctx, c, on); err != nil {
		return set, err
	}
	grants, err := c.Grants(ctx)
	if err != nil {
		return set, err
	}
	var there exchange.Rights
	for _, g := range grants {
		if g.Account == account && g.On == set.On {
			if there, err = exchange.ParseRights(g.Rights); err != nil {
				return set, err
			}
		}
	}
	set.Rights = rights(there).List()
	return set, c.SetGrant(ctx, set)
}

func (a *app) grantAdd() *cobra.Command {
	return a.changeGrant(&cobra.Command{
		Use:   "add ACCOUNT RIGHT... --on RESOURCE",
		Short: "Give an account rights, beside those it has",
		Long:  "Gives an account rights on a resource, beside those it has there.",
		Example: `  hansom grant add alice read write --on trust/indicators
  hansom grant add alice read write --on trust/channel/alerts
  hansom grant add anonymous read --on open`,
	}, func(there, named exchange.Rights) exchange.Rights { return there | named })
}

func (a *app) grantSet() *cobra.Command {
	return a.changeGrant(&cobra.Command{
		Use:     "set ACCOUNT RIGHT... --on RESOURCE",
		Short:   "Give an account exactly these rights",
		Long:    "Gives an account exactly these rights on a resource; others that it had there end.",
		Example: "  hansom grant set alice read --on trust/indicators",
	}, func(_, named exchange.Rights) exchange.Rights { return named })
}

func (a *app) grantRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "remove ACCOUNT --on RESOURCE",
		Short:   "End all rights of an account on a resource",
		Long:    "Ends the grant of an account on a resource. Rights from grants on what lies above it stay.",
		Example: "  hansom grant remove alice --on trust/indicators",
		Args:    takes("ACCOUNT"),
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
	var account string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the grants",
		Long:    "Lists the grants, all or those of one account.",
		Example: "  hansom grant list\n  hansom grant list --account alice",
		Args:    takes(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listGrants(cmd.Context(), account) },
	}
	cmd.Flags().StringVar(&account, "account", "", "only the grants of the account `NAME`")
	return a.printsJSON(cmd)
}

func (a *app) grantShow() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:     "show ACCOUNT",
		Short:   "Show what is granted to an account",
		Long:    "Shows what is granted to an account. What is granted to anonymous, it may do too.",
		Example: "  hansom grant show alice",
		Args:    takes("ACCOUNT"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.listGrants(cmd.Context(), args[0]) },
	})
}

// listGrants prints the grants of an account that must exist or, for "", all.
func (a *app) listGrants(ctx context.Context, account string) error {
	return a.control(ctx, func(c *admin.Client) error {
		if account != "" {
			if _, err := c.Account(ctx, account); err != nil {
				return tried(err, "list the grants of %q", account)
			}
		}
		list, err := c.Grants(ctx)
		if err != nil {
			return tried(err, "list grants")
		}
		list = slices.DeleteFunc(list, func(g exchange.GrantSetting) bool { return account != "" && g.Account != account })
		return a.print(list, func() {
			rows := [][]string{{"ACCOUNT", "ON", "RIGHTS"}}
			for _, g := range list {
				rows = append(rows, []string{g.Account, g.On, strings.Join(g.Rights, ",")})
			}
			a.table(rows...)
		})
	})
}
