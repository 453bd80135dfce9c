package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/spf13/cobra"
)

// adminName is the account that init makes.
const adminName = "admin"

func (a *app) initialize() *cobra.Command {
	var stdin bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a server of one's own",
		Long: `Makes a data directory with all that a server needs: a configuration file with comments
(hansom.yaml), the master key, a certificate of its own unless one is configured, the
store, and an account admin that may do everything. Its password is made and printed,
this once, unless --password-stdin is given.

Flags for keys of the configuration are written into the file. A file that is there
already is never overwritten.`,
		Example: `  hansom init --data /var/lib/hansom
  hansom init --data /var/lib/hansom --listen 0.0.0.0:443 --public-url https://taxii.example.com`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runInit(cmd.Context(), settingsOf(cmd), stdin) },
	}
	settingFlags(cmd)
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the password of admin from standard input")
	return a.printsJSON(cmd)
}

// initAnswer is what init prints as JSON.
type initAnswer struct {
	Data     string `json:"data"`
	Config   string `json:"config"`
	CAFile   string `json:"ca_file,omitempty"`
	Account  string `json:"account"`
	Password string `json:"password,omitempty"`
}

func (a *app) runInit(ctx context.Context, set map[string]string, stdin bool) (err error) {
	cfg, file, err := a.initConfig(set)
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("%s is there already: this server has been made; change it there, or choose another directory with --data", file)
	}
	password, made, err := a.passwordFrom(stdin)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return tried(err, "make the data directory")
	}
	if err := writeConfig(file, set); err != nil {
		return tried(err, "write the configuration")
	}
	defer func() {
		if err != nil { // so that it can be tried again
			err = errors.Join(err, os.Remove(file))
		}
	}()
	answer := initAnswer{Data: cfg.Data, Config: file, Account: adminName}
	if answer.CAFile, err = node.Init(ctx, cfg); err != nil {
		return tried(err, "make a server in %s", cfg.Data)
	}
	if err := a.addAdmin(ctx, cfg, password); err != nil {
		return err
	}
	if made {
		answer.Password = password
	}
	return a.print(answer, func() { a.sayInit(cfg, answer) })
}

// initConfig gives the configuration for init, which reads no file, and the
// name of the file that it makes.
func (a *app) initConfig(set map[string]string) (node.Config, string, error) {
	if a.config != "" {
		return node.Config{}, "", misused("init writes the configuration file into the data directory: use --data instead of --config")
	}
	over := map[string]string{}
	for key, value := range set {
		over[key] = value
	}
	if a.data != "" {
		over["data"] = a.data
	}
	cfg, err := node.Load("", a.env, over)
	return cfg, filepath.Join(cfg.Data, configName), err
}

// writeConfig writes a configuration with comments, in which what flags set is
// in force. Paths in flags are relative to where they are given, those in the
// file to the file.
func writeConfig(file string, set map[string]string) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	over := map[string]string{}
	for key, value := range set {
		over[key] = node.From(here, key, value)
	}
	c, err := node.Load("", nil, over)
	if err != nil {
		return err
	}
	c.Data = "."
	var out bytes.Buffer
	out.WriteString("# Configuration of a hansom server. A line that begins with # is a comment; behind #key: stands the default.\n" +
		"# Environment variables (HANSOM_LISTEN) and flags (--listen) go over this file. Paths are relative to it.\n\n")
	if err := c.Template(&out); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already", file)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(out.Bytes())
	return errors.Join(err, f.Close())
}

func (a *app) addAdmin(ctx context.Context, cfg node.Config, password string) (err error) {
	c, closing, err := node.Control(ctx, cfg)
	if err != nil {
		return tried(err, "make the account %s", adminName)
	}
	defer func() { err = errors.Join(err, closing()) }()
	return tried(makeAdmin(ctx, c, password), "make the account %s", adminName)
}

func makeAdmin(ctx context.Context, c *admin.Client, password string) error {
	if _, err := c.AddAccount(ctx, exchange.AccountSetting{Name: adminName, Password: password}); err != nil {
		return err
	}
	return c.SetGrant(ctx, exchange.GrantSetting{Account: adminName, On: string(exchange.OnServer), Rights: []string{"all"}})
}

func (a *app) sayInit(cfg node.Config, answer initAnswer) {
	a.say("A server is in %s, its configuration in %s.", answer.Data, answer.Config)
	if answer.Password != "" {
		a.say("The password of %s, shown this once: %s", answer.Account, answer.Password)
	}
	if answer.CAFile != "" {
		a.say("Clients are to trust %s.", answer.CAFile)
	}
	data := " --data " + quoted(answer.Data)
	a.say("\nStart it:\n\n  hansom serve%s\n", data)
	a.say("Give it something to serve, before or while it runs:\n")
	a.say("  hansom root add feeds --title Feeds --default%s", data)
	a.say("  hansom collection add feeds --alias indicators --title Indicators%s", data)
	a.say("  hansom account add alice%s", data)
	a.say("  hansom grant add alice read write --on feeds/indicators%s", data)
	a.say("  hansom import bundle.json --to feeds/indicators%s", data)
	if answer.CAFile != "" {
		a.say("\nAsk it (curl asks for the password):\n\n  curl --cacert %s -u %s %s/taxii2/", quoted(answer.CAFile), adminName, cfg.URLAt(cfg.Listen))
	}
}

// quoted writes text as one word for a shell.
func quoted(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
