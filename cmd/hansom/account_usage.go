package main

import (
	"strconv"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/spf13/cobra"
)

func (a *app) accountUsage() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "usage NAME",
		Short: "Show what an account used up of its limits",
		Long: `Shows the limits that hold for an account, whether they are its own, its groups' or the
server's, and for each of the last 62 days, in UTC, on which it used up something how many
objects it added and how many octets it was sent. Limits are set with hansom account set,
hansom group set, and limit_... in the configuration.`,
		Example: "  hansom account usage alice",
		Args:    takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				u, err := c.Usage(cmd.Context(), args[0])
				if err != nil {
					return tried(err, "show the usage of account %q", args[0])
				}
				return a.print(u, func() { a.showUsage(u) })
			})
		},
	})
}

func (a *app) showUsage(u exchange.UsageRecord) {
	a.table([]string{"account", u.Account}, []string{"limits", limitText(u.Limits)})
	rows := [][]string{{"DAY", "OBJECTS ADDED", "BYTES SENT"}}
	for _, d := range u.Days {
		rows = append(rows, []string{d.Day, strconv.FormatInt(d.Objects, 10), strconv.FormatInt(d.Octets, 10)})
	}
	a.table(rows...)
}
