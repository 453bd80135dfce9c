package broken

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/api"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/signin"
	"github.com/hansom-taxii/hansom/internal/store"
)

// Verb is the first argument of a program that is to be such a server: a test
// starts itself again with it, and the following arguments go to Main.
const Verb = "broken-server"

// What such a server always has.
const (
	root     = "trust"
	password = "of a server for tests only"
)

// accounts are the names of its accounts.
func accounts() []string { return []string{"admin", "member"} }

// collections are its Collections: their aliases and ids.
func collections() map[string]string {
	return map[string]string{
		"indicators": "d0c1a2b3-0000-4000-8000-00000000000a",
		"operations": "d0c1a2b3-0000-4000-8000-00000000000b",
	}
}

// Channel is the name of its Channel, whose Messages expire after a minute.
const Channel = "torment"

// options of one server.
type options struct {
	store, ready string
	fault        Fault
	back         time.Duration
}

// Main serves until its standard input ends, and gives the exit code of its
// process. Its arguments:
//
//	-store PLACE the file or the URL of its database
//	-ready FILE  where it writes what trial.Ready reads, once it serves
//	-fault NAME  how its store is broken; none where it is not named
//	-back TIME   by how much its clock is behind, such as 1h30m
func Main(args []string) int {
	var o options
	flags := flag.NewFlagSet(Verb, flag.ContinueOnError)
	flags.StringVar(&o.store, "store", "", "file or URL of the database")
	flags.StringVar(&o.ready, "ready", "", "ready file")
	flags.StringVar((*string)(&o.fault), "fault", string(None), "fault of the store")
	flags.DurationVar(&o.back, "back", 0, "by how much the clock is behind")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until who started it is gone
		stop()
	}()
	if err := serve(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, o options) (err error) {
	now := func() time.Time { return time.Now().Add(-o.back) }
	disk, err := store.Open(ctx, o.store, store.Options{Now: now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disk.Close()) }()
	wrapped, err := Wrap(disk, o.fault)
	if err != nil {
		return err
	}
	return answer(ctx, wrapped, now, o.ready)
}

// answer answers clients over a store until ctx ends.
func answer(ctx context.Context, s exchange.Store, now func() time.Time, readyFile string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	x, err := exchange.New(ctx, s, exchange.Options{
		PublicURL: url, MasterKey: make([]byte, 32), Now: now,
		HashPassword: signin.HashPassword, IsHash: signin.IsHash, VerifyPassword: signin.VerifyPassword,
	})
	if err != nil {
		return err
	}
	if _, err := x.Operator().Apply(ctx, declaration(), false); err != nil {
		return err
	}
	handler, err := face(x)
	if err != nil {
		return err
	}
	var kept sync.WaitGroup
	defer kept.Wait()
	kept.Go(func() { x.Housekeep(ctx, func(err error) { fmt.Fprintln(os.Stderr, "housekeeping:", err) }) })
	kept.Go(func() { x.Relay(ctx, func(err error) { fmt.Fprintln(os.Stderr, "relay:", err) }) })
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := announce(readyFile, url); err != nil {
		return err
	}
	<-ctx.Done()
	x.Stop() // ends waits and streams
	err = server.Shutdown(context.Background())
	if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
		err = errors.Join(err, failed)
	}
	return err
}

// declaration is what must be there: one Collection for writing alone, one for
// deleting too.
func declaration() exchange.Declaration {
	d := exchange.Declaration{Roots: []exchange.RootSetting{{Name: root, Title: "Trust", Default: true}}}
	for alias, id := range collections() {
		d.Collections = append(d.Collections, exchange.CollectionSetting{Root: root, ID: id, Alias: alias, Title: alias})
	}
	d.Channels = []exchange.ChannelSetting{{Root: root, Name: Channel, ContentType: "*/*", TTL: 60}}
	for _, name := range accounts() {
		d.Accounts = append(d.Accounts, exchange.AccountSetting{Name: name, Password: password})
		d.Grants = append(d.Grants, exchange.GrantSetting{Account: name, On: root, Rights: []string{"all", "create"}})
	}
	return d
}

// face is the TAXII face over plain HTTP.
func face(x *exchange.Exchange) (http.Handler, error) {
	basic, err := signin.NewBasic(x)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return api.New(x, api.Options{Session: basic.Session}, api.Failing(log, func(*http.Request) []string { return []string{signin.Challenge} })), nil
}

// announce writes the ready file, whole or not at all.
func announce(file, url string) error {
	text, err := json.Marshal(ready(url))
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// ready is what trial.Ready reads.
func ready(url string) map[string]any {
	var known, there []map[string]any
	for _, name := range accounts() {
		known = append(known, map[string]any{"name": name, "password": password})
	}
	for alias, id := range collections() {
		there = append(there, map[string]any{"root": "/" + root + "/", "id": id, "alias": alias, "title": alias, "readable": true, "writable": true})
	}
	return map[string]any{"url": url, "discovery": url + "/taxii2/", "default_root": "/" + root + "/", "accounts": known, "collections": there}
}
