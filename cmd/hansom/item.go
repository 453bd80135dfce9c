package main

import (
	"context"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/spf13/cobra"
)

// onNamed completes a verb that takes the name of what is in an API Root, a
// Collection or a Channel, which parse takes apart.
func (a *app) onNamed(cmd *cobra.Command, parse func(string) (root, name string, err error),
	do func(ctx context.Context, c *admin.Client, root, name string) error) *cobra.Command {
	cmd.Args = takes("ROOT/NAME")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		root, name, err := parse(args[0])
		if err != nil {
			return err
		}
		return a.control(cmd.Context(), func(c *admin.Client) error { return do(cmd.Context(), c, root, name) })
	}
	return cmd
}

// lists completes a verb that lists what is in one API Root, or in all: a row of
// a table for each.
func lists[T any](a *app, what string, cmd *cobra.Command, get func(c *admin.Client, ctx context.Context, root string) ([]T, error),
	head []string, row func(*T) []string) *cobra.Command {
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return misused("unexpected argument %q", args[1])
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.control(cmd.Context(), func(c *admin.Client) error {
			list, err := get(c, cmd.Context(), strings.Join(args, ""))
			if err != nil {
				return tried(err, "list "+what)
			}
			return a.print(list, func() {
				rows := [][]string{head}
				for i := range list {
					rows = append(rows, row(&list[i]))
				}
				a.table(rows...)
			})
		})
	}
	return a.printsJSON(cmd)
}
