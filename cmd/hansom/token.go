package main

import (
	"context"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/spf13/cobra"
)

func (a *app) token() *cobra.Command {
	return noun("token", "Create, list and revoke API tokens",
		`An API token signs an account in, in the place of its password: as Bearer or Token in the
header Authorization, as the password of HTTP Basic under any name, or in the header that
token_header names. Each tool gets its own, with no more than it needs, and each ends alone.

A token begins with hansom_, so that scanners for secrets find it. Only its hash is kept.
Accounts manage their own tokens too, over HTTPS at /auth/tokens/.`,
		a.tokenCreate(), a.tokenList(), a.tokenRevoke())
}

func (a *app) tokenCreate() *cobra.Command {
	set := exchange.TokenSetting{}
	var expires span
	var scope []string
	cmd := &cobra.Command{
		Use:   "create ACCOUNT --name NAME",
		Short: "Create an API token",
		Long: `Creates an API token of an account and prints it, this once.

With --scope it lets through only what is named, and of that only what the account may do
when it asks. With --ceiling it reads nothing that is marked higher. Without --expires it
is good until it is revoked.`,
		Example: `  hansom token create alice --name misp --expires 90d
  hansom token create alice --name siem --scope "read on trust/indicators" --ceiling green
  hansom token create alice --name bot --scope "read,write on trust/channel/alerts" --scope "read on open"`,
		Args: takes("ACCOUNT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if set.Name == "" {
				return misused("--name is missing")
			}
			if set.Account = args[0]; expires != 0 {
				set.Expires = taxii.TimeOf(time.Now().Add(time.Duration(expires) * time.Second))
			}
			return a.control(cmd.Context(), func(c *admin.Client) error { return a.createToken(cmd.Context(), c, set, scope) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&set.Name, "name", "", "`NAME` of the token, for people: what it is for")
	flags.Var(&expires, "expires", "how long it is good: `TIME` such as 12h or 90d, or seconds")
	flags.StringArrayVar(&scope, "scope", nil, "`\"RIGHTS on RESOURCE\"` that it lets through, such as \"read on trust/indicators\"; repeatable")
	flags.StringVar(&set.Ceiling, "ceiling", "", "highest marking `LEVEL` that it reads: clear, green, amber, amber+strict or red")
	return a.printsJSON(cmd)
}

func (a *app) createToken(ctx context.Context, c *admin.Client, set exchange.TokenSetting, scope []string) error {
	parts, err := scopeOf(ctx, c, scope)
	if err != nil {
		return err
	}
	set.Scope = parts
	made, err := c.CreateToken(ctx, set)
	if err != nil {
		return tried(err, "create token %q of account %q", set.Name, set.Account)
	}
	return a.print(made, func() {
		a.say("token %s of %s is there, under the id %s", made.Name, made.Account, made.ID)
		a.say("it is this, shown this once: %s", made.Token)
	})
}

// scopeOf reads the parts of a scope, each "RIGHTS on RESOURCE".
func scopeOf(ctx context.Context, c *admin.Client, list []string) (scope []exchange.ScopeSetting, err error) {
	for _, text := range list {
		rights, on, ok := strings.Cut(text, " on ")
		named, err := exchange.ParseRights(strings.FieldsFunc(rights, func(r rune) bool { return r == ',' || r == ' ' }))
		switch {
		case !ok:
			return nil, misused("--scope takes \"RIGHTS on RESOURCE\", such as \"read on trust/indicators\", got %q", text)
		case err != nil:
			return nil, misused("--scope: %w", err)
		}
		if on, err = resourceOf(ctx, c, strings.TrimSpace(on)); err != nil {
			return nil, tried(err, "--scope %q", text)
		}
		scope = append(scope, exchange.ScopeSetting{On: on, Rights: named.List()})
	}
	return scope, nil
}

func (a *app) tokenList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [ACCOUNT]",
		Short: "List API tokens; never the tokens themselves",
		Long: `Lists the API tokens of an account, or of all. When a token was used last is known to a
minute or so; - is never.`,
		Example: "  hansom token list\n  hansom token list alice",
	}
	return lists(a, "tokens", cmd, func(c *admin.Client, ctx context.Context, account string) ([]exchange.TokenRecord, error) {
		return c.Tokens(ctx, account)
	}, []string{"ID", "ACCOUNT", "NAME", "SCOPE", "CEILING", "EXPIRES", "LAST USED", "STATE"}, tokenRow)
}

func tokenRow(r *exchange.TokenRecord) []string {
	var scope []string
	for _, part := range r.Scope {
		scope = append(scope, strings.Join(part.Rights, ",")+" on "+part.On)
	}
	state := ""
	if r.Expired {
		state = "expired"
	}
	return []string{r.ID, r.Account, r.Name, strings.Join(scope, "; "), r.Ceiling, timeOrNone(r.Expires), timeOrNone(r.Used), state}
}

func timeOrNone(t taxii.Time) string {
	if t == 0 {
		return ""
	}
	return t.String()
}

func (a *app) tokenRevoke() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke an API token",
		Long: `Revokes an API token, by its id, and those that were made with it: at once, and within a
second where a request lasts.`,
		Example: "  hansom token revoke 5f1c0a9e3b7d2468",
		Args:    takes("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				if err := c.RevokeToken(cmd.Context(), args[0]); err != nil {
					return tried(err, "revoke token %s", args[0])
				}
				return a.print(removed{args[0]}, func() { a.say("token %s is revoked", args[0]) })
			})
		},
	})
}
