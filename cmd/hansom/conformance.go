package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/conformance"
	"github.com/spf13/cobra"
)

// conforming is one call of `hansom conformance`.
type conforming struct {
	a *app
	target
	ready             string // the ready file of a demo
	writable, hidden  string
	channel           string
	other, otherFile  string
	only              []string
	interop, list     bool
	junit, jsonReport string
}

func (a *app) conformance() *cobra.Command {
	c := &conforming{a: a}
	cmd := &cobra.Command{
		Use:   "conformance URL",
		Short: "Check any TAXII 2.1 server against the standard",
		Long: `Checks a TAXII 2.1 server, hansom or any other, from outside: over HTTPS, as a client. Each
check names the requirements of the OASIS standard (R) or the rules of the clients in use (K)
that it shows; docs/spec/ in the source has their text. Those of Channels name sections of
docs/channels.md (CH), its guarantees (G) and the rows of its section 12 (S, Q); they are skipped
where the server has no Channels. The checks add objects of their own to the collection that
--writable names, and delete some of them again. Beside it they create Channels of their own, if
the account may, and end them; nothing else is changed.
A check whose precondition is missing has failed; it is skipped only where the server does not
claim, or the flags do not give, what it is about.

The report goes to standard output: the sections in numbers, what was skipped and why, and for
each failure what was sent, what came and what should have come. The exit code is 1 if a check
failed. A running demo is checked with --ready-file, which gives all of the other settings.`,
		Example: `  hansom conformance https://taxii.example.com --account alice --writable 9cfa669c-ee94-4ece-afd2-f8edac37d8fd
  hansom conformance https://taxii.example.com --account alice --password-file pw.txt --writable indicators \
      --interop --junit report.xml
  hansom demo --ready-file ready.json &  hansom conformance --ready-file ready.json
  hansom conformance --list --only paging`,
		Args: func(cmd *cobra.Command, args []string) error {
			if c.list || c.ready != "" {
				return takes()(cmd, args)
			}
			return takes("URL")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args) },
	}
	targetFlags(cmd, &c.target)
	flags := cmd.Flags()
	flags.StringVar(&c.writable, "writable", "", "`ID` or alias of a collection that the checks may fill")
	flags.StringVar(&c.hidden, "hidden", "", "`ID` of a collection beside it, or path of one elsewhere, that the account may not see")
	flags.StringVar(&c.channel, "channel", "", "`NAME` of a channel beside it that the account may read and publish to, where it may create none")
	flags.StringVar(&c.other, "other-account", "", "`NAME` of a second account, to check what it must not see")
	flags.StringVar(&c.otherFile, "other-password-file", "", "`FILE` with the password of --other-account")
	flags.StringVar(&c.ready, "ready-file", "", "ready `FILE` of a running demo, instead of URL and all of the above")
	flags.StringSliceVar(&c.only, "only", nil, "only these checks: `WORDS` that are sections, ids (also ending in *), rules or rows")
	flags.BoolVar(&c.interop, "interop", false, "only the rows of the OASIS interoperability document")
	flags.BoolVar(&c.list, "list", false, "list the checks and run none")
	flags.StringVar(&c.junit, "junit", "", "write the report as JUnit XML to `FILE` too")
	flags.StringVar(&c.jsonReport, "json-file", "", "write the report as JSON to `FILE` too")
	return a.printsJSON(cmd)
}

func (c *conforming) run(ctx context.Context, args []string) error {
	checks := conformance.All()
	if c.interop {
		checks = conformance.InteropChecks()
	}
	checks, err := conformance.Select(checks, c.only...)
	if err != nil {
		return &usageError{fmt.Errorf("--only: %w", err)}
	}
	if c.list {
		return c.show(checks)
	}
	t, err := c.aim(args)
	if err != nil {
		return err
	}
	suite, err := conformance.New(t)
	if err != nil {
		return &usageError{err}
	}
	report := suite.RunAll(ctx, checks, nil)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.tell(&report)
}

// aim gives the server to check, from the flags or from the file of a demo.
func (c *conforming) aim(args []string) (t conformance.Target, err error) {
	if c.ready != "" {
		return c.demo()
	}
	if c.writable == "" {
		return t, misused("--writable is missing: the checks need a collection that they may fill")
	}
	t = conformance.Target{URL: args[0], Writable: c.writable, Hidden: c.hidden, Channel: c.channel, Certificates: c.cert != ""}
	if t.TLS, err = c.tls(); err != nil {
		return t, err
	}
	if c.other != "" && c.otherFile == "" {
		return t, misused("--other-account needs --other-password-file")
	}
	t.Account.Name, t.Other.Name = c.account, c.other
	t.Account.Password, err = c.a.passwordOf(c.account, c.passwordFile)
	if err == nil {
		t.Other.Password, err = c.a.passwordOf(c.other, c.otherFile)
	}
	return t, err
}

func (c *conforming) demo() (t conformance.Target, err error) {
	r, err := readyOf(c.ready)
	if err != nil {
		return t, err
	}
	member, err := r.as(roleMember)
	if err != nil {
		return t, err
	}
	reader, err := r.as(roleReader)
	if err != nil {
		return t, err
	}
	c.ca = r.CAFile
	t = conformance.Target{
		URL: r.URL + r.Discovery, Account: conformance.Account{Name: member.Name, Password: member.Password},
		Other:    conformance.Account{Name: reader.Name, Password: reader.Password},
		Writable: r.collection(true, true).ID,
	}
	if hidden := r.collection(false, false); hidden.ID != "" {
		t.Hidden = hidden.Root + "collections/" + hidden.ID + "/"
	}
	for _, channel := range r.Channels {
		if channel.Readable && channel.Writable && channel.Root == r.collection(true, true).Root {
			t.Channel = channel.Name
		}
	}
	t.TLS, err = c.tls()
	return t, err
}

// errNotConforming ends the verb with exit code 1, after the report.
var errNotConforming = errors.New("the server does not conform")

// tell writes the report wherever it was asked for.
func (c *conforming) tell(r *conformance.Report) error {
	files := map[string]func(io.Writer) error{c.junit: r.JUnit, c.jsonReport: r.JSON}
	delete(files, "")
	for name, write := range files {
		if err := c.a.writeTo(name, write); err != nil {
			return tried(err, "write the report")
		}
	}
	write := r.Text
	if c.a.json {
		write = r.JSON
	}
	if err := write(c.a.out); err != nil {
		return tried(err, "write the report")
	}
	if r.Failed > 0 {
		return fmt.Errorf("%w: %d of %d checks failed", errNotConforming, r.Failed, len(r.Results))
	}
	return nil
}

// shown is a check in a list.
type shown struct {
	Check   string   `json:"check"`
	Title   string   `json:"title"`
	Rules   []string `json:"rules"`
	Interop []string `json:"interop,omitempty"`
}

func (c *conforming) show(checks []conformance.Check) error {
	var list []shown
	rows := [][]string{{"CHECK", "RULES", "A RIGHT SERVER"}}
	for _, one := range checks {
		list = append(list, shown{one.ID, one.Title, one.Rules, one.Interop})
		rows = append(rows, []string{one.ID, strings.Join(slices.Concat(one.Rules, one.Interop), " "), one.Title})
	}
	return c.a.print(list, func() {
		c.a.table(rows...)
		c.a.say("\n%d checks", len(list))
	})
}
