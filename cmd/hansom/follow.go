package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hansom-taxii/hansom/client"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/spf13/cobra"
)

// following is one call of `hansom follow`.
type following struct {
	reach
	from, subscription, state string
	restart, once, skipGaps   bool
	poll                      bool
	selector                  map[string]*[]string // by field
	command                   []string             // of --exec
	timeout                   time.Duration
	onError                   string

	c     *client.Client
	place place
	out   sink
}

// sink is where Messages go. When it returns without error, a Message is done.
type sink func(ctx context.Context, m taxii.Message) error

func (a *app) follow() *cobra.Command {
	f := &following{reach: reach{a: a}}
	cmd := &cobra.Command{
		Use:   "follow URL [--exec COMMAND ARGUMENTS...]",
		Short: "Follow a Channel",
		Long: `Follows a Channel of hansom or of any other server that has Channels: prints the Messages that
are published, as they come, until it is stopped. On a terminal each is a line for people, else
(and with --json) a line of JSON: the Message with its content. URL is the Channel's, such as
https://taxii.example.com/trust/channels/alerts/.

Where it stopped, it goes on the next time: it keeps its place in a file (--state), one for each
channel, account and selection, or at the server, by name (--subscription). --from says where
to begin when there is no such place yet; --restart forgets it. A Message is done, and the place
moves, when it has been printed, or when the command has ended well. So after a crash some
may come twice, with the same id, and none is lost.

--exec, which comes last, runs a command for each Message, one at a time and without a shell: it
finds the content on standard input, and in its environment nothing but HANSOM_ID,
HANSOM_CURSOR, HANSOM_TYPE and HANSOM_MEDIA_TYPE. It has --exec-timeout to end, and may print
1 MiB. If it ends with another code than 0, so does this, before the Message; with
--on-error=retry it is run again, after 1 s doubling to 60 s.

Breaks of the connection are told on standard error and mended. If Messages were missed, because
they expired before they were read, or the server was restored from an older copy, that is
told there too, and ends this with exit code 1; with --skip-gaps it goes on behind them.`,
		Example: `  hansom follow https://taxii.example.com/trust/channels/alerts/ --account alice --password-file pw.txt
  hansom follow URL --from earliest --type indicator,malware --once --account alice --password-file pw.txt >messages.ndjson
  hansom follow URL --subscription siem --account alice --password-file pw.txt --exec /usr/local/bin/to-siem --quiet
  hansom follow trust/alerts --ready-file ready.json`,
		DisableFlagParsing: true, // what follows --exec is not ours
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.parse(cmd, args)
		},
	}
	reachFlags(cmd, &f.reach)
	f.flags(cmd)
	return a.printsJSON(cmd)
}

func (f *following) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", taxii.Latest, "begin at `earliest|latest|CURSOR`, where no place is kept")
	flags.BoolVar(&f.restart, "restart", false, "forget the place that is kept, and begin at --from")
	flags.StringVar(&f.state, "state", "", "keep the place in `FILE` (default one in the user's state directory; - keeps none)")
	flags.StringVar(&f.subscription, "subscription", "", "let the server keep the place, under this `NAME`")
	f.selector = map[string]*[]string{}
	for _, one := range []struct{ flag, field, usage string }{
		{"type", "type", "only Messages with objects of these STIX `TYPES`"},
		{"id", "id", "only Messages with objects of these `IDS`"},
		{"spec-version", "spec_version", "only Messages with objects of these `VERSIONS` of STIX"},
		{"message-type", "message_type", "only Messages of these `TYPES`"},
		{"publisher", "publisher", "only Messages of these `ACCOUNTS`, where the channel shows them"},
	} {
		f.selector[one.field] = flags.StringSlice(one.flag, nil, one.usage)
	}
	flags.BoolVar(&f.once, "once", false, "end when there is nothing more")
	flags.BoolVar(&f.poll, "poll", false, "ask again and again instead of reading a stream")
	flags.BoolVar(&f.skipGaps, "skip-gaps", false, "go on where Messages were missed")
	flags.Bool("exec", false, "run the command that follows, for each Message")
	flags.DurationVar(&f.timeout, "exec-timeout", time.Minute, "how long the command may take")
	flags.StringVar(&f.onError, "on-error", "stop", "`stop|retry` when the command fails")
}

// parse reads the arguments as far as they are ours.
func (f *following) parse(cmd *cobra.Command, args []string) error {
	if at := slices.Index(args, "--exec"); at >= 0 {
		f.command = args[at+1:]
		if args = args[:at]; len(f.command) == 0 {
			return misused("--exec needs a command behind it")
		}
	}
	cmd.DisableFlagParsing = false
	if err := cmd.ParseFlags(args); err != nil {
		return &usageError{err}
	}
	if help, _ := cmd.Flags().GetBool("help"); help {
		return cmd.Help()
	}
	args = cmd.Flags().Args()
	if err := takes("URL")(cmd, args); err != nil {
		return err
	}
	if cmd.Flags().Changed("exec") { // --exec=true
		return misused("--exec takes a command behind it")
	}
	if err := f.check(cmd); err != nil {
		return err
	}
	return f.run(cmd.Context(), args[0])
}

func (f *following) check(cmd *cobra.Command) error {
	switch {
	case f.onError != "stop" && f.onError != "retry":
		return misused("--on-error takes stop or retry, got %q", f.onError)
	case f.timeout <= 0:
		return misused("--exec-timeout must be more than nothing")
	case f.subscription != "" && f.state != "":
		return misused("--state and --subscription are two places; name one")
	case f.from == "":
		return misused("--from takes earliest, latest or a cursor")
	case len(f.command) == 0 && (cmd.Flags().Changed("exec-timeout") || cmd.Flags().Changed("on-error")):
		return misused("--exec-timeout and --on-error are for --exec, which is missing")
	}
	return nil
}

// match is the Selector that the flags say.
func (f *following) match() map[string][]string {
	match := map[string][]string{}
	for field, values := range f.selector {
		if len(*values) > 0 {
			match[field] = *values
		}
	}
	return match
}

func (f *following) run(ctx context.Context, address string) (err error) {
	if f.c, err = f.open(address); err != nil {
		return err
	}
	o := client.Following{Once: f.once, Poll: f.poll, Selector: f.match()}
	if f.place, err = f.keep(ctx, &o); err != nil {
		return err
	}
	f.out = f.sink()
	err = f.follow(ctx, o)
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = nil // stopped, as it was meant to be
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveWithin)
	defer cancel()
	return errors.Join(err, f.place.save(last), f.place.close())
}

// step is what comes of following: a Message, an error, or a place without one.
type step struct {
	m   taxii.Message
	err error
	at  string
}

// follow takes step after step. They come from another goroutine, so that the
// place is kept soon also when nothing follows.
func (f *following) follow(ctx context.Context, o client.Following) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	steps := make(chan step)
	put := func(s step) bool {
		select {
		case steps <- s:
			return true
		case <-ctx.Done():
			return false
		}
	}
	o.Progress = func(at string) { put(step{at: at}) }
	go func() {
		defer close(steps)
		for m, err := range f.c.Follow(ctx, f.channel, o) {
			if !put(step{m: m, err: err}) {
				return
			}
		}
	}()
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case s, more := <-steps:
			if !more {
				return nil
			}
			err = f.take(ctx, s)
		case <-tick.C:
			err = f.place.save(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// take takes one step.
func (f *following) take(ctx context.Context, s step) error {
	var gap *client.GapError
	switch {
	case errors.As(s.err, &gap):
		return f.missed(gap)
	case s.err != nil:
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return f.failed(s.err, "follow")
	case s.at != "":
		return f.place.move(ctx, s.at, false)
	}
	if err := f.out(ctx, s.m); err != nil {
		return err
	}
	return f.place.move(ctx, s.m.Cursor, len(f.command) > 0)
}

// missed tells of a gap, and ends there unless it may be skipped.
func (f *following) missed(gap *client.GapError) error {
	if f.skipGaps {
		f.warn("%s: %v; going on behind them", f.address, gap)
		return nil
	}
	return fmt.Errorf("follow %s: %w; --skip-gaps goes on behind them", f.address, gap)
}
