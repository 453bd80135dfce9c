package main

import (
	"context"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/spf13/cobra"
)

func (a *app) group() *cobra.Command {
	return noun("group", "Add, list, show, set and remove groups of accounts",
		`A group is accounts that are granted rights together: hansom grant add NAME takes the
name of a group as it takes that of an account, and so the two share their names.

A member has what is granted to the account, to its groups, and to anonymous, which is
everyone. A change holds from the next request on.`,
		a.groupAdd(), a.groupList(), a.groupShow(), a.groupSet(), a.groupRemove())
}

func (a *app) groupAdd() *cobra.Command {
	var set exchange.GroupSetting
	var limits []string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a group",
		Long: `Adds a group. It may do nothing until a grant says so.

` + limitUsage,
		Example: `  hansom group add analysts --member alice --member bob
  hansom grant add analysts read --on trust`,
		Args: takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			set.Name = args[0]
			var err error
			if set.Limits, err = readLimits(set.Limits, limits); err != nil {
				return err
			}
			return a.control(cmd.Context(), func(c *admin.Client) error {
				made, err := c.AddGroup(cmd.Context(), set)
				if err != nil {
					return tried(err, "add group %q", set.Name)
				}
				return a.print(made, func() { a.say("group %s is there", made.Name) })
			})
		},
	}
	cmd.Flags().StringArrayVar(&set.Members, "member", nil, "`ACCOUNT` that is in it; may be repeated")
	cmd.Flags().StringSliceVar(&limits, "limit", nil, limitHelp)
	return a.printsJSON(cmd)
}

func (a *app) groupList() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:     "list",
		Short:   "List the groups",
		Long:    "Lists the groups with their members.",
		Example: "  hansom group list",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				list, err := c.Groups(cmd.Context())
				if err != nil {
					return tried(err, "list groups")
				}
				return a.print(list, func() {
					rows := [][]string{{"NAME", "MEMBERS"}}
					for _, g := range list {
						rows = append(rows, []string{g.Name, strings.Join(g.Members, ",")})
					}
					a.table(rows...)
				})
			})
		},
	})
}

func (a *app) groupShow() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:     "show NAME",
		Short:   "Show a group",
		Long:    "Shows a group, its members and its limits. What is granted to it: hansom grant show NAME.",
		Example: "  hansom group show analysts",
		Args:    takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				g, err := c.Group(cmd.Context(), args[0])
				if err != nil {
					return tried(err, "show group %q", args[0])
				}
				return a.print(g, func() { a.showGroup(g) })
			})
		},
	})
}

func (a *app) showGroup(g exchange.GroupSetting) {
	a.table([]string{"name", g.Name}, []string{"members", strings.Join(g.Members, ", ")}, []string{"limits", limitText(g.Limits)})
}

func (a *app) groupSet() *cobra.Command {
	var add, remove, limits []string
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change who is in a group, or its limits",
		Long: `Puts accounts into a group or takes them out; who is not named stays. Who is out loses
what only the group gave, from the next request on: answers that go on end, and
subscriptions on channels that cannot be read any more are discarded.

` + limitUsage,
		Example: `  hansom group set analysts --add carol --remove bob
  hansom group set analysts --limit requests=20,objects/day=none`,
		Args: takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(add)+len(remove)+len(limits) == 0 {
				return misused("nothing to set")
			}
			return a.control(cmd.Context(), func(c *admin.Client) error {
				g, err := regroup(cmd.Context(), c, args[0], add, remove, limits)
				if err != nil {
					return tried(err, "set group %q", args[0])
				}
				return a.print(g, func() { a.showGroup(g) })
			})
		},
	}
	cmd.Flags().StringArrayVar(&add, "add", nil, "`ACCOUNT` that comes in; may be repeated")
	cmd.Flags().StringArrayVar(&remove, "remove", nil, "`ACCOUNT` that goes out; may be repeated")
	cmd.Flags().StringSliceVar(&limits, "limit", nil, limitHelp)
	return a.printsJSON(cmd)
}

// regroup puts accounts into a group, takes others out, and sets limits.
func regroup(ctx context.Context, c *admin.Client, name string, add, remove, limits []string) (exchange.GroupSetting, error) {
	g, err := c.Group(ctx, name)
	if err != nil {
		return g, err
	}
	for _, account := range remove {
		if !slices.Contains(g.Members, account) {
			return g, misused("%q is not in the group", account)
		}
	}
	members := slices.DeleteFunc(append(g.Members, add...), func(m string) bool { return slices.Contains(remove, m) })
	slices.Sort(members)
	patch := map[string]any{"members": slices.Compact(members)}
	if len(limits) > 0 {
		if patch["limits"], err = readLimits(g.Limits, limits); err != nil {
			return g, err
		}
	}
	return c.SetGroup(ctx, name, patch)
}

func (a *app) groupRemove() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove a group",
		Long:    "Removes a group: what was granted to it ends at once. Its members stay.",
		Example: "  hansom group remove analysts",
		Args:    takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				if err := c.RemoveGroup(cmd.Context(), args[0]); err != nil {
					return tried(err, "remove group %q", args[0])
				}
				return a.print(removed{args[0]}, func() { a.say("group %s is removed", args[0]) })
			})
		},
	})
}
