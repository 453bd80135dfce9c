package main

import (
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/spf13/cobra"
)

func (a *app) access() *cobra.Command {
	return noun("access", "Explain what an account may do, and why",
		`What an account may do follows from what is granted to it, to its groups, and to
anonymous, which is everyone. These verbs show what that comes to.`,
		a.accessExplain(), a.accessPreview())
}

func (a *app) accessExplain() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "explain ACCOUNT RESOURCE",
		Short: "Show what an account may do on a resource, and which grants decide that",
		Long: `Shows the rights of an account on a resource, the highest marking level that it reads
there, the ways to sign in that the API Root takes, and every grant by which any of it
holds, the nearest first: those on the resource before those on its API Root before those
on the server, and of each those to the account before those to its groups before those
to everyone. A grant decides the rights that no nearer one gives, and the ceiling if its
own is the highest.

A resource is named as in a grant. The scope and the ceiling of a token or certificate
can only take away from what is shown.`,
		Example: "  hansom access explain alice trust/indicators",
		Args:    takes("ACCOUNT", "RESOURCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				on, err := resourceOf(cmd.Context(), c, args[1])
				if err != nil {
					return tried(err, "explain the access to %s", args[1])
				}
				e, err := c.Explain(cmd.Context(), args[0], on)
				if err != nil {
					return tried(err, "explain the access of %q to %s", args[0], args[1])
				}
				return a.print(e, func() { a.showAccess(e) })
			})
		},
	})
}

func (a *app) showAccess(e exchange.Access) {
	switch {
	case len(e.Rights) == 0 && e.Sees:
		a.say("%s may do nothing on %s itself, and sees it for what is in it; see `hansom grant show %s`, and the groups it is in", e.Account, e.On, e.Account)
		return
	case len(e.Rights) == 0:
		a.say("%s may do nothing on %s: to this account it does not exist", e.Account, e.On)
		return
	}
	upTo := ""
	if e.Ceiling != "" {
		upTo = ", and reads what is marked up to " + e.Ceiling
	}
	a.say("%s may %s on %s%s", e.Account, strings.Join(e.Rights, ", "), e.On, upTo)
	if len(e.SignIn) > 0 {
		a.say("the API Root takes %s", strings.Join(e.SignIn, ", "))
	}
	if len(e.Grants) == 0 {
		return // the operator needs none
	}
	rows := [][]string{{"GRANTED TO", "ON", "RIGHTS", "CEILING", "DECIDES"}}
	for _, g := range e.Grants {
		to := g.By
		if g.Group != "" {
			to += " " + g.Group
		}
		rows = append(rows, []string{to, g.On, strings.Join(g.Rights, ","), g.Ceiling, strings.Join(g.Decides, ",")})
	}
	a.table(rows...)
}
