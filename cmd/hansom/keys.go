package main

import (
	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/spf13/cobra"
)

func (a *app) keys() *cobra.Command {
	return noun("keys", "List, rotate and retire the server's keys",
		`The server seals the cursors that it gives out (next) with a key of its own, which is
kept in the store, itself sealed with the master key. Rotating makes a new one;
cursors under the old one are understood until that is retired, which nobody but you does.`,
		a.keysList(), a.keysRotate(), a.keysRetire())
}

func (a *app) keysList() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "list",
		Short: "List the keys; never the keys themselves",
		Long: `Lists the keys with their states: active seals and is understood, accepted is
understood, retired is neither.`,
		Example: "  hansom keys list",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				list, err := c.Keys(cmd.Context())
				if err != nil {
					return tried(err, "list keys")
				}
				return a.print(list, func() {
					rows := [][]string{{"ID", "PURPOSE", "STATE", "CREATED"}}
					for _, k := range list {
						rows = append(rows, keyRow(k))
					}
					a.table(rows...)
				})
			})
		},
	})
}

func keyRow(k exchange.Key) []string {
	return []string{k.ID, k.Purpose, string(k.State), k.Created.String()}
}

func (a *app) keysRotate() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:     "rotate",
		Short:   "Make a new key, which seals from now on",
		Long:    "Makes a new key, which seals from now on. What the one before it sealed stays good until it is retired.",
		Example: "  hansom keys rotate",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				key, err := c.RotateKey(cmd.Context())
				if err != nil {
					return tried(err, "rotate keys")
				}
				return a.print(key, func() { a.say("key %s seals from now on", key.ID) })
			})
		},
	})
}

func (a *app) keysRetire() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "retire KID",
		Short: "End a key that does not seal any more",
		Long: `Ends a key that does not seal any more. Clients that come back with a cursor under it
get an error and must begin again at a date; wait for some days after rotating.`,
		Example: "  hansom keys retire 3f2a9c0d",
		Args:    takes("KID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				if err := c.RetireKey(cmd.Context(), args[0]); err != nil {
					return tried(err, "retire key %s", args[0])
				}
				return a.print(map[string]string{"retired": args[0]}, func() { a.say("key %s is retired", args[0]) })
			})
		},
	})
}
