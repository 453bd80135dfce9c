package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
	"golang.org/x/term"
)

// applying is what the flags of apply say.
type applying struct {
	prune, yes, dryRun, fromServer bool
}

func (a *app) apply() *cobra.Command {
	var o applying
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "Make roots, collections, channels, accounts, groups and grants as a file declares them",
		Long: `Makes API Roots, Collections, Channels, accounts, groups and grants as a YAML file
declares them. What is there already as declared stays untouched, so that a second run
has nothing to do; what is not declared stays too, unless --prune removes it. First the
plan is shown: + is added, ~ is changed, - is removed. Then it asks, unless --yes; where
nobody can be asked nothing is changed without --yes.

Passwords never stand in the file: an account has password: {env: NAME} or
password: {file: PATH}, or password_hash: as hansom account hash prints it.

--from-server writes what is there in the same form.`,
		Example: `  hansom apply hansom-state.yaml --dry-run
  hansom apply hansom-state.yaml --prune --yes
  hansom apply --from-server >hansom-state.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if o.fromServer {
				return takes()(nil, args)
			}
			return takes("FILE")(nil, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.yes && o.dryRun {
				return misused("--yes and --dry-run exclude each other")
			}
			if o.fromServer {
				return a.control(cmd.Context(), func(c *admin.Client) error { return a.printState(cmd.Context(), c) })
			}
			wanted, err := a.declared(args[0])
			if err != nil {
				return err
			}
			return a.control(cmd.Context(), func(c *admin.Client) error { return a.runApply(cmd.Context(), c, wanted, o) })
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.prune, "prune", false, "remove what is not declared")
	flags.BoolVar(&o.yes, "yes", false, "do not ask")
	flags.BoolVar(&o.dryRun, "dry-run", false, "show the plan and change nothing")
	flags.BoolVar(&o.fromServer, "from-server", false, "write the present state as YAML to standard output")
	return a.printsJSON(cmd)
}

func (a *app) printState(ctx context.Context, c *admin.Client) error {
	state, err := c.State(ctx)
	if err != nil {
		return tried(err, "read the state of the server")
	}
	return a.print(state, func() {
		fmt.Fprintln(a.out, "# Everything on this server but content, for hansom apply. Passwords are only hashes; still keep it to yourself.")
		encoder := yaml.NewEncoder(a.out)
		encoder.SetIndent(2)
		_ = errors.Join(encoder.Encode(state), encoder.Close()) // plain texts and lists can always be encoded
	})
}

// applied is what apply prints as JSON.
type applied struct {
	Applied bool            `json:"applied"`
	Steps   []exchange.Step `json:"steps"`
}

func (a *app) runApply(ctx context.Context, c *admin.Client, wanted exchange.Declaration, o applying) error {
	plan, err := c.Plan(ctx, wanted, o.prune)
	if err != nil {
		return tried(err, "plan")
	}
	if len(plan) == 0 {
		return a.print(applied{Steps: []exchange.Step{}}, func() { a.say("nothing to do") })
	}
	if !a.json {
		a.showSteps(plan)
	}
	if o.dryRun {
		return a.print(applied{Steps: plan}, func() { a.say("%s planned, nothing changed", counted(plan)) })
	}
	if !o.yes {
		if err := a.confirm(counted(plan)); err != nil {
			return err
		}
	}
	steps, err := c.Apply(ctx, wanted, o.prune)
	if err != nil {
		return tried(err, "after %d of %d changes, which stay (apply again to go on)", len(steps), len(plan))
	}
	return a.print(applied{Applied: true, Steps: steps}, func() { a.say("%s made", counted(steps)) })
}

func counted(steps []exchange.Step) string {
	if len(steps) == 1 {
		return "1 change"
	}
	return fmt.Sprintf("%d changes", len(steps))
}

func (a *app) showSteps(steps []exchange.Step) {
	signs := map[string]string{"add": "+", "set": "~", "remove": "-"}
	for _, s := range steps {
		line := signs[s.Do] + " " + s.What + " " + s.Name
		if s.Detail != "" {
			line += " (" + s.Detail + ")"
		}
		a.say("%s", line)
	}
}

// confirm asks a person at a terminal.
func (a *app) confirm(what string) error {
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || a.json {
		return errors.New("nothing was changed: there is nobody to ask; --yes applies the plan, --dry-run only shows it")
	}
	fmt.Fprintf(a.err, "Make %s? [y/N] ", what)
	answer, err := bufio.NewReader(f).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); err == nil && (answer == "y" || answer == "yes") {
		return nil
	}
	return errors.New("nothing was changed")
}
