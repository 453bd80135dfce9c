package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/hansom-taxii/hansom/cmd/hansom/demo"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/spf13/cobra"
)

// demoData is the data directory of the demo where none is named, so that it
// never takes the one of a server.
const demoData = "hansom-demo"

// demonstrating is what the flags of demo say.
type demonstrating struct {
	listen, readyFile, store string
	empty                    bool
}

func (a *app) demo() *cobra.Command {
	var o demonstrating
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a server with sample content to try things out",
		Long: `Runs a server with two API Roots, four Collections, two Channels, sample content and three
accounts, and prints commands to try. The member reads and writes what each Collection and
Channel lets it, and may make Channels; the reader only reads; the admin may do everything.

Started again on the same data directory it serves the same data, with the same
passwords, which the demo alone keeps, in demo.json. Its own roots, collections,
channels, accounts and grants are put back if they were removed; content is loaded once. A data
directory or a store that holds a server of one's own is refused.

--ready-file writes, once the server takes requests, a file of JSON with the address,
the accounts, the collections and the channels, for programs. It is there only while they can be used:
one that is left from before is removed first, and this one when the demo ends.`,
		Example: `  hansom demo
  hansom demo --data /tmp/demo --listen 127.0.0.1:0 --ready-file /tmp/ready.json`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runDemo(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&a.data, "data", "", "data `DIR` of the demo (default $HANSOM_DATA, else \""+demoData+"\")") // instead of everyone's
	flags.StringVar(&a.config, "config", "", "configuration `FILE`, but for data and listen (default none)")
	flags.StringVar(&o.listen, "listen", node.Defaults().Listen, "`ADDRESS:PORT` to listen on; port 0 takes a free one")
	flags.StringVar(&o.readyFile, "ready-file", "", "write address, accounts, collections and channels to `FILE` once it serves")
	flags.StringVar(&o.store, "store", "", "keep content in `PLACE`: sqlite:PATH or postgres://USER@HOST/DATABASE (default in the data directory)")
	flags.BoolVar(&o.empty, "empty", false, "load no content")
	return a.printsJSON(cmd)
}

func (a *app) runDemo(ctx context.Context, o demonstrating) (err error) {
	if err := removeReady(o.readyFile); err != nil {
		return err
	}
	cfg, err := a.demoConfig(o)
	if err != nil {
		return err
	}
	place, err := placeOf(cfg)
	if err != nil {
		return err
	}
	d := &demoServer{a: a, o: o, file: filepath.Join(cfg.Data, demoFile), data: cfg.Data, store: place}
	if err := claim(cfg.Data); err != nil {
		return err
	}
	if err := d.recall(); err != nil {
		return err
	}
	if _, err := node.Init(ctx, cfg); err != nil {
		return tried(err, "make the demo in %s", cfg.Data)
	}
	defer func() { err = errors.Join(err, removeReady(o.readyFile)) }()
	log, flush := logger(cfg, a.err)
	defer flush()
	return node.Serve(ctx, cfg, node.Options{
		Log: log, Prepare: d.prepare, Ready: d.ready, Version: thisBuild().Version, Alone: true,
	})
}

// placeOf tells one store from another: a path or a URL without password and
// options, "" for the one in the data directory.
func placeOf(cfg node.Config) (string, error) {
	if cfg.Store == "" {
		return "", nil
	}
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	cfg.Store = node.From(here, "store", cfg.Store)
	place, _, _ := strings.Cut(cfg.StoreName(), "?")
	return place, nil
}

func (a *app) demoConfig(o demonstrating) (node.Config, error) {
	set := map[string]string{"listen": o.listen, "data": firstOf(a.data, a.getenv("HANSOM_DATA"), demoData)}
	if a.getenv("HANSOM_LOG_LEVEL") == "" {
		set["log_level"] = "warn" // the terminal is for what is printed below
	}
	if a.getenv("HANSOM_LOG_FORMAT") == "" {
		set["log_format"] = "text"
	}
	if a.getenv("HANSOM_TITLE") == "" {
		set["title"] = "hansom demo"
	}
	if o.store != "" {
		set["store"] = o.store
	}
	return node.Load(a.config, a.env, set)
}

// demoServer is one run of the demo.
type demoServer struct {
	a     *app
	o     demonstrating
	data  string // directory
	store string // where content is kept; "" in the data directory
	file  string // where memory is kept
	memo  demoMemory
}

// prepare makes what the demo shows, if it is not there, in a server that does
// not take requests yet.
func (d *demoServer) prepare(ctx context.Context, x *exchange.Exchange) error {
	operator := x.Operator()
	if err := d.owns(ctx, operator); err != nil {
		return err
	}
	if err := d.memo.complete(d.file, d.store); err != nil {
		return tried(err, "keep the passwords")
	}
	if _, err := operator.Apply(ctx, d.declaration(), false); err != nil {
		return tried(err, "make the demo")
	}
	if d.o.empty || d.memo.Loaded {
		return nil
	}
	for _, c := range demo.Collections() {
		if _, err := operator.Add(ctx, c.Root, c.ID, c.Bundle); err != nil {
			return tried(err, "load the content of %s/%s", c.Root, c.Alias)
		}
	}
	d.memo.Loaded = true
	return tried(d.memo.save(d.file), "keep that the content is loaded")
}

// The accounts of the demo and what they are called in the ready file.
const (
	roleAdmin  = "admin"
	roleMember = "member"
	roleReader = "reader"
)

// roles never changes.
var roles = []string{roleAdmin, roleMember, roleReader}

// memberRights are what the member may do on the Collections of these names;
// on any other it may do nothing. Never written to.
var memberRights = map[string]exchange.Rights{
	"trust/indicators": exchange.Read | exchange.Write,
	"trust/reports":    exchange.Read,
	"trust/dropbox":    exchange.Write,
}

// channelRights are the same for Channels.
var channelRights = map[string]exchange.Rights{
	"trust/alerts":     exchange.Read | exchange.Write,
	"trust/indicators": exchange.Read, // it is fed
}

// declaration is what must be there. The password of an account that is there
// is set only if it is another.
func (d *demoServer) declaration() exchange.Declaration {
	var want exchange.Declaration
	for i, r := range demo.Roots() {
		want.Roots = append(want.Roots, exchange.RootSetting{Name: r.Name, Title: r.Title, Description: r.Description, Default: i == 0})
	}
	for _, role := range roles {
		want.Accounts = append(want.Accounts, exchange.AccountSetting{Name: role, Password: d.memo.Passwords[role]})
	}
	want.Grants = []exchange.GrantSetting{
		{Account: roleAdmin, On: string(exchange.OnServer), Rights: []string{"all"}},
		{Account: roleMember, On: demo.Roots()[0].Name, Rights: exchange.Create.List()},
	}
	grant := func(on string, may exchange.Rights) {
		for _, g := range []struct {
			role   string
			rights exchange.Rights
		}{{roleMember, may}, {roleReader, may & exchange.Read}} {
			if g.rights != 0 {
				want.Grants = append(want.Grants, exchange.GrantSetting{Account: g.role, On: on, Rights: g.rights.List()})
			}
		}
	}
	for _, c := range demo.Collections() {
		want.Collections = append(want.Collections, exchange.CollectionSetting{
			Root: c.Root, ID: c.ID, Alias: c.Alias, Title: c.Title, Description: c.Description,
		})
		grant(c.Root+"/collection/"+c.Alias, memberRights[c.Root+"/"+c.Alias])
	}
	for _, c := range demo.Channels() {
		want.Channels = append(want.Channels, channelSetting(c))
		grant(c.Root+"/channel/"+c.Name, channelRights[c.Root+"/"+c.Name])
	}
	return want
}

// channelSetting is how a Channel of the demo is made. One that a Collection
// feeds takes nothing else.
func channelSetting(c demo.Channel) exchange.ChannelSetting {
	set := exchange.ChannelSetting{Root: c.Root, Name: c.Name, Title: c.Title, Description: c.Description}
	if c.From != "" {
		set.From, set.Mode = &c.From, taxii.ModeReadOnly
	}
	return set
}
