package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/spf13/cobra"
)

func (a *app) account() *cobra.Command {
	return noun("account", "Add, list, show, set and remove accounts, and their passwords",
		`An account is who asks. It may do nothing until a grant says so (hansom grant).

Two are built in and cannot sign in: operator is who these commands act as, and has
every right; anonymous is everyone, also without credentials.

Passwords are read from standard input or made here; they are never arguments, and only
their hashes are kept.`,
		a.accountAdd(), a.accountList(), a.accountShow(), a.accountSet(), a.accountPassword(), a.accountHash(), a.accountRemove(),
		a.accountUsage())
}

// accountAnswer is an account as printed; the password only once it is made.
type accountAnswer struct {
	exchange.AccountRecord
	Password string `json:"password,omitempty"`
}

const optionHelp = "`NAME` of an option: empty_list, ignore_foreign_cursor, certificate_required"

func (a *app) accountAdd() *cobra.Command {
	var stdin, none bool
	var options, limits []string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add an account",
		Long: `Adds an account. Unless --password-stdin or --no-password is given, a password is made and
printed, this once.

Options are for clients that cannot do otherwise: empty_list writes empty lists instead
of leaving them out, ignore_foreign_cursor begins again where a client sends the cursor
of another collection. certificate_required lets the account in with a client certificate
of its own alone, or beside its password, token or JWT (hansom certificate).

` + limitUsage,
		Example: `  hansom account add alice
  hansom account add alice --password-stdin <password.txt
  hansom account add feed-reader --option empty_list`,
		Args: takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if stdin && none {
				return misused("--password-stdin and --no-password exclude each other")
			}
			set, err := accountOptions(exchange.AccountSetting{Name: args[0]}, options)
			if err == nil {
				set.Limits, err = readLimits(set.Limits, limits)
			}
			if err != nil {
				return err
			}
			made := false
			if !none {
				if set.Password, made, err = a.passwordFrom(stdin); err != nil {
					return err
				}
			}
			return a.control(cmd.Context(), func(c *admin.Client) error { return a.addAccount(cmd.Context(), c, set, made) })
		},
	}
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from standard input")
	cmd.Flags().BoolVar(&none, "no-password", false, "let the account have none: it cannot sign in")
	cmd.Flags().StringArrayVar(&options, "option", nil, optionHelp)
	cmd.Flags().StringSliceVar(&limits, "limit", nil, limitHelp)
	return a.printsJSON(cmd)
}

func (a *app) addAccount(ctx context.Context, c *admin.Client, set exchange.AccountSetting, made bool) error {
	record, err := c.AddAccount(ctx, set)
	if err != nil {
		return tried(err, "add account %q", set.Name)
	}
	answer := accountAnswer{AccountRecord: record}
	if made {
		answer.Password = set.Password
	}
	return a.print(answer, func() {
		a.say("account %s is there", set.Name)
		a.sayPassword(answer.Password)
	})
}

// sayPassword shows a password that was made here, if one was.
func (a *app) sayPassword(password string) {
	if password != "" {
		a.say("its password, shown this once: %s", password)
	}
}

// accountOptions turns options on, or off for NAME=off.
func accountOptions(set exchange.AccountSetting, options []string) (exchange.AccountSetting, error) {
	for _, option := range options {
		name, state, _ := strings.Cut(option, "=")
		set.Options = slices.DeleteFunc(set.Options, func(o string) bool { return o == name })
		switch state {
		case "", "on":
			set.Options = append(set.Options, name)
		case "off":
		default:
			return set, misused("--option takes NAME, NAME=on or NAME=off, got %q", option)
		}
	}
	return set, nil
}

func (a *app) accountList() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:     "list",
		Short:   "List the accounts",
		Long:    "Lists the accounts, also removed ones, whose names stand in records.",
		Example: "  hansom account list",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				list, err := c.Accounts(cmd.Context())
				if err != nil {
					return tried(err, "list accounts")
				}
				return a.print(list, func() {
					rows := [][]string{{"NUMBER", "NAME", "SIGNS IN WITH", "OPTIONS", "STATE"}}
					for _, r := range list {
						rows = append(rows, []string{strconv.FormatInt(r.ID, 10), r.Name, strings.Join(r.SignIn, ","),
							strings.Join(r.Options, ","), accountState(r)})
					}
					a.table(rows...)
				})
			})
		},
	})
}

func accountState(r exchange.AccountRecord) string {
	switch {
	case r.Removed:
		return "removed"
	case r.Builtin:
		return "built in"
	}
	return ""
}

func (a *app) accountShow() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "show NAME",
		Short: "Show an account",
		Long: `Shows an account, how it signs in, its options and its own limits. Its grants: hansom grant show NAME;
the limits that hold for it: hansom account usage NAME.`,
		Example: "  hansom account show alice",
		Args:    takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				r, err := c.Account(cmd.Context(), args[0])
				if err != nil {
					return tried(err, "show account %q", args[0])
				}
				return a.print(r, func() { a.showAccount(r) })
			})
		},
	})
}

func (a *app) showAccount(r exchange.AccountRecord) {
	a.table([]string{"number", strconv.FormatInt(r.ID, 10)}, []string{"name", r.Name}, []string{"signs in with", strings.Join(r.SignIn, ",")},
		[]string{"options", strings.Join(r.Options, ",")}, []string{"limits", limitText(r.Limits)}, []string{"state", accountState(r)})
}

func (a *app) accountSet() *cobra.Command {
	var options, limits []string
	cmd := &cobra.Command{
		Use:   "set NAME [--option NAME[=off]] [--limit LIST]",
		Short: "Set options and limits of an account",
		Long: `Turns options of an account on or off, and sets limits; those that are not named stay. They
hold from the next request on.

` + limitUsage,
		Example: `  hansom account set alice --option empty_list --option ignore_foreign_cursor=off
  hansom account set alice --limit requests=50,burst=200,objects/day=100000,bytes/day=10GiB
  hansom account set anonymous --limit requests=5`,
		Args: takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(options)+len(limits) == 0 {
				return misused("nothing to set: --option and --limit are missing")
			}
			return a.control(cmd.Context(), func(c *admin.Client) error {
				return a.setAccount(cmd.Context(), c, args[0], options, limits)
			})
		},
	}
	cmd.Flags().StringArrayVar(&options, "option", nil, optionHelp+"; NAME=off turns it off")
	cmd.Flags().StringSliceVar(&limits, "limit", nil, limitHelp)
	return a.printsJSON(cmd)
}

func (a *app) setAccount(ctx context.Context, c *admin.Client, name string, options, limits []string) error {
	now, err := c.Account(ctx, name)
	if err != nil {
		return tried(err, "set account %q", name)
	}
	set, err := accountOptions(exchange.AccountSetting{Options: now.Options}, options)
	if err == nil {
		set.Limits, err = readLimits(now.Limits, limits)
	}
	if err != nil {
		return err
	}
	patch := map[string]any{}
	if len(options) > 0 {
		patch["options"] = append([]string{}, set.Options...)
	}
	if len(limits) > 0 {
		patch["limits"] = set.Limits
	}
	r, err := c.SetAccount(ctx, name, patch)
	if err != nil {
		return tried(err, "set account %q", name)
	}
	return a.print(r, func() { a.showAccount(r) })
}

func (a *app) accountPassword() *cobra.Command {
	var stdin bool
	cmd := &cobra.Command{
		Use:   "password NAME",
		Short: "Give an account a new password",
		Long: `Gives an account a new password, which holds at once; the one before it ends. Unless
--password-stdin is given, it is made and printed, this once.`,
		Example: `  hansom account password alice
  hansom account password alice --password-stdin <password.txt`,
		Args: takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, made, err := a.passwordFrom(stdin)
			if err != nil {
				return err
			}
			return a.control(cmd.Context(), func(c *admin.Client) error {
				r, err := c.SetAccount(cmd.Context(), args[0], map[string]any{"password": password})
				if err != nil {
					return tried(err, "set the password of account %q", args[0])
				}
				answer := accountAnswer{AccountRecord: r}
				if made {
					answer.Password = password
				}
				return a.print(answer, func() {
					a.say("account %s has a new password", args[0])
					a.sayPassword(answer.Password)
				})
			})
		},
	}
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from standard input")
	return a.printsJSON(cmd)
}

func (a *app) accountRemove() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "remove NAME",
		Short: "Remove an account",
		Long: `Removes an account: its credentials and grants end at once. What it added stays, and
records keep its name and number.`,
		Example: "  hansom account remove alice",
		Args:    takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				if err := c.RemoveAccount(cmd.Context(), args[0]); err != nil {
					return tried(err, "remove account %q", args[0])
				}
				return a.print(removed{args[0]}, func() { a.say("account %s is removed", args[0]) })
			})
		},
	})
}
