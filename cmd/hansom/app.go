package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/spf13/cobra"
)

// The exit codes of every verb.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// app is one call of the command: its streams, its environment and the flags
// that every verb has.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      []string

	config, data string // --config, --data; "" where they are absent
	json         bool   // --json
}

// run does what the arguments say and gives the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	top := a.command()
	top.SetArgs(args)
	top.SetIn(a.in)
	top.SetOut(a.out)
	top.SetErr(a.err)
	called, err := top.ExecuteContextC(ctx)
	var wrong *usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &wrong):
		fmt.Fprintf(a.err, "hansom: %s; see `%s --help`\n", printable(err.Error()), called.CommandPath())
		return exitUsage
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(a.err, "hansom: interrupted")
	default:
		fmt.Fprintf(a.err, "hansom: %s\n", printable(explain(err)))
	}
	return exitFailed
}

// command builds the tree of verbs.
func (a *app) command() *cobra.Command {
	top := &cobra.Command{
		Use:   "hansom",
		Short: "A TAXII 2.1 server",
		Long: `hansom is a TAXII 2.1 exchange in one binary: Collections, and Channels to publish and follow.

serve, init and demo start a server. publish, follow, subscriptions, conformance and
bench take a URL and are clients of any server. The other verbs act on the server whose
data directory --data or the configuration names: through its control socket while it
runs, so that they take effect at once, and on its store while it does not.

Configuration comes from the file (--config, else $HANSOM_CONFIG, else hansom.yaml
in the data directory if there is one), over it from environment variables such as
HANSOM_LISTEN, over them from flags.`,
		Example: `  hansom demo
  hansom init --data /var/lib/hansom
  hansom serve --data /var/lib/hansom`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownVerb,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := top.PersistentFlags()
	flags.StringVar(&a.config, "config", "", "configuration `FILE` (default hansom.yaml in the data directory, if it is there)")
	flags.StringVar(&a.data, "data", "", "data `DIR` of the server (default \""+node.Defaults().Data+"\")")
	top.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	top.AddCommand(
		a.serve(), a.initialize(), a.demo(), a.root(), a.collection(), a.channel(), a.account(), a.token(), a.certificate(), a.group(), a.grant(), a.access(),
		a.importing(), a.export(), a.keys(), a.audit(), a.apply(), a.restored(), a.conformance(), a.bench(), a.version(),
		a.publish(), a.follow(), a.subscriptions(),
	)
	suggest(top)
	return top
}

// suggest lets what people look for, and is no verb of its own, lead to those that
// have it.
func suggest(top *cobra.Command) {
	for verb, sought := range map[string][]string{
		"account":    {"limit", "limits", "password", "usage", "user", "users"},
		"group":      {"limit", "limits"},
		"grant":      {"ceiling", "ceilings", "marking", "markings", "tlp", "permission", "right", "rights"},
		"collection": {"marking", "markings", "tlp", "unmarked"},
		"access":     {"explain", "preview", "marking", "markings"},
		"audit":      {"recall", "log", "logs"},
		"keys":       {"jwt", "rotate"},
		"serve":      {"acme", "issuer", "issuers", "jwt", "listener", "listeners", "oidc", "tls"},
	} {
		if cmd, _, err := top.Find([]string{verb}); err == nil {
			cmd.SuggestFor = sought
		}
	}
}

// printsJSON gives a verb the flag --json.
func (a *app) printsJSON(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&a.json, "json", false, "print JSON, for programs")
	return cmd
}

// configFile is the file that configuration is read from, or "".
func (a *app) configFile() string {
	if name := firstOf(a.config, a.getenv("HANSOM_CONFIG")); name != "" {
		return name
	}
	name := filepath.Join(firstOf(a.data, a.getenv("HANSOM_DATA"), node.Defaults().Data), configName)
	if _, err := os.Stat(name); err != nil {
		return ""
	}
	return name
}

// configName is the configuration file that lies in a data directory.
const configName = "hansom.yaml"

// load reads the configuration; set is what this verb's flags set, by key. A
// file that lies in the data directory needs not say where that is.
func (a *app) load(set map[string]string) (node.Config, error) {
	over := map[string]string{}
	file := a.configFile()
	if a.config == "" && a.getenv("HANSOM_CONFIG") == "" && file != "" {
		over["data"] = filepath.Dir(file)
	}
	for key, value := range set {
		over[key] = value
	}
	if a.data != "" {
		over["data"] = a.data
	}
	return node.Load(file, a.env, over)
}

// control does something with the server of the data directory.
func (a *app) control(ctx context.Context, do func(*admin.Client) error) (err error) {
	cfg, err := a.load(nil)
	if err != nil {
		return err
	}
	client, closing, err := node.Control(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closing()) }()
	return do(client)
}

func (a *app) getenv(name string) (value string) {
	for _, pair := range a.env {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

// firstOf gives the first text that is not empty.
func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
