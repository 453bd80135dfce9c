package main

import (
	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/spf13/cobra"
)

func (a *app) keys() *cobra.Command {
	return noun("keys", "List, rotate and retire the server's keys",
		`The server seals the cursors that it gives out (next), and signs its JWTs, with keys of
its own, which are kept in the store, themselves sealed with the master key. Rotating
makes a new one; what the old one sealed or signed is good until that is retired. Keys
of JWTs turn by themselves every 30 days; those of cursors only when you say so.`,
		a.keysList(), a.keysRotate(), a.keysRetire())
}

func (a *app) keysList() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "list",
		Short: "List the keys; never the keys themselves",
		Long: `Lists the keys with their states: active signs or seals and is understood, coming will
sign and is understood already, accepted is understood, retired is neither.`,
		Example: "  hansom keys list",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				list, err := c.Keys(cmd.Context())
				if err != nil {
					return tried(err, "list keys")
				}
				return a.print(list, func() {
					rows := [][]string{{"ID", "PURPOSE", "STATE", "CREATED", "SIGNS SINCE"}}
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
	return []string{k.ID, k.Purpose, string(k.State), k.Created.String(), k.Signs.String()}
}

func (a *app) keysRotate() *cobra.Command {
	var purpose string
	var now bool
	cmd := a.printsJSON(&cobra.Command{
		Use:   "rotate",
		Short: "Make a new key",
		Long: `Makes a new key. One of JWTs is published for 10 minutes before it signs, so that whoever
keeps our list of keys has it by then; one of cursors seals at once, or after 5 seconds
where several nodes share a database. What the key before it signed or sealed stays good
until that is retired; of JWTs that happens by itself, a day later.

With --now the new key, or the one that is coming, signs from now on: when the key before
it is known to others, rotate so and then retire that.`,
		Example: "  hansom keys rotate\n  hansom keys rotate --purpose jwt",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				key, err := c.RotateKey(cmd.Context(), purpose, now)
				if err != nil {
					return tried(err, "rotate keys")
				}
				return a.print(key, func() { a.sayKey(key) })
			})
		},
	})
	cmd.Flags().StringVar(&purpose, "purpose", "cursor", "`WHAT` the key is for: cursor or jwt")
	cmd.Flags().BoolVar(&now, "now", false, "let it sign at once")
	return cmd
}

func (a *app) sayKey(key exchange.Key) {
	does := map[string]string{"cursor": "seals", "jwt": "signs"}[key.Purpose]
	if key.State == exchange.Coming {
		a.say("key %s is coming and %s from %s", key.ID, does, key.Signs)
		return
	}
	a.say("key %s %s from now on", key.ID, does)
}

func (a *app) keysRetire() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "retire KID",
		Short: "End a key that does not sign or seal",
		Long: `Ends a key that does not sign or seal, for good. Clients that come back with a cursor under
it get an error and must begin again at a date; wait for some days after rotating. JWTs
that it signed are refused at once.`,
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
