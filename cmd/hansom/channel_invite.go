package main

import (
	"context"
	"strconv"
	"time"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/spf13/cobra"
)

func (a *app) channelInvite() *cobra.Command {
	var set exchange.InvitationSetting
	var read, write bool
	var uses int
	expires := span(7 * day)
	cmd := &cobra.Command{
		Use:   "invite ROOT/NAME",
		Short: "Make an invitation to a Channel",
		Long: `Makes an invitation to a Channel and prints its token, this once. Whoever signs in with an
account of this server and redeems the token, at ROOT/channels/NAME/join/, may then read
there or, with --write, publish too. An invitation never gives the right to manage.`,
		Example: `  hansom channel invite trust/alerts
  hansom channel invite trust/alerts --write --uses 10 --expires 30d`,
	}
	flags := cmd.Flags()
	flags.BoolVar(&read, "read", true, "let who joins read")
	flags.BoolVar(&write, "write", false, "let who joins publish")
	flags.IntVar(&uses, "uses", 1, "how many accounts may join: `NUMBER` up to 100")
	flags.Var(&expires, "expires", "how long it can be used: `TIME` such as 12h or 7d, or seconds, up to 90d")
	return a.printsJSON(a.onChannel(cmd, func(ctx context.Context, c *admin.Client, root, name string) error {
		set.CanRead, set.CanWrite, set.Uses = &read, &write, &uses
		if flags.Changed("expires") {
			at := taxii.TimeOf(time.Now().Add(time.Duration(expires) * time.Second))
			set.Expires = &at
		}
		made, err := c.Invite(ctx, root, name, set)
		if err != nil {
			return tried(err, "invite to channel %s/%s", root, name)
		}
		return a.print(made, func() {
			a.say("invitation %s gives %s to %d, until %s", made.ID, given(made), made.Uses, made.Expires)
			a.say("its token, shown this once: %s", made.Token)
		})
	}))
}

// given says what an invitation gives.
func given(v taxii.Invitation) string {
	switch {
	case v.CanRead && v.CanWrite:
		return "read,write"
	case v.CanWrite:
		return "write"
	}
	return "read"
}

func (a *app) channelInvitations() *cobra.Command {
	return a.printsJSON(a.onChannel(&cobra.Command{
		Use:     "invitations ROOT/NAME",
		Short:   "List the invitations to a Channel",
		Long:    "Lists the invitations to a Channel that can still be used. Their tokens are not kept.",
		Example: "  hansom channel invitations trust/alerts",
	}, func(ctx context.Context, c *admin.Client, root, name string) error {
		list, err := c.Invitations(ctx, root, name)
		if err != nil {
			return tried(err, "list the invitations to channel %s/%s", root, name)
		}
		return a.print(list, func() {
			rows := [][]string{{"ID", "GIVES", "USES LEFT", "EXPIRES"}}
			for _, v := range list {
				rows = append(rows, []string{v.ID, given(v), strconv.Itoa(v.Uses), v.Expires.String()})
			}
			a.table(rows...)
		})
	}))
}

func (a *app) channelRevoke() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:     "revoke ROOT/NAME INVITATION",
		Short:   "Revoke an invitation to a Channel",
		Long:    "Revokes an invitation, by its id: nobody joins with it any more. Who has joined stays.",
		Example: "  hansom channel revoke trust/alerts 2f4a0e4c-3f0e-4a58-9d8e-0a5f3b6c1d27",
		Args:    takes("ROOT/NAME", "INVITATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			root, name, err := channelName(args[0])
			if err != nil {
				return err
			}
			return a.control(cmd.Context(), func(c *admin.Client) error {
				if err := c.RevokeInvitation(cmd.Context(), root, name, args[1]); err != nil {
					return tried(err, "revoke an invitation to channel %s/%s", root, name)
				}
				return a.print(removed{args[1]}, func() { a.say("invitation %s is revoked", args[1]) })
			})
		},
	})
}
