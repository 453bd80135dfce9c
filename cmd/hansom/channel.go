package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/spf13/cobra"
)

func (a *app) channel() *cobra.Command {
	return noun("channel", "Add, list, show, set and remove Channels, and invite to them",
		`A Channel is a feed of Messages that is read by following; Messages expire by age. Here it
is called ROOT/NAME, ROOT/ID or, as in grants, ROOT/channel/NAME.`,
		a.channelAdd(), a.channelList(), a.channelShow(), a.channelSet(), a.channelRemove(),
		a.channelInvite(), a.channelInvitations(), a.channelRevoke())
}

// channelName reads the name of a Channel.
func channelName(name string) (root, channel string, err error) {
	root, channel, ok := strings.Cut(name, "/channel/")
	if i := strings.LastIndexByte(name, '/'); !ok && i > 0 {
		root, channel, ok = name[:i], name[i+1:], true
	}
	if !ok || root == "" || channel == "" || strings.Contains(channel, "/") {
		return "", "", misused("a channel is called ROOT/NAME, ROOT/ID or ROOT/channel/NAME, got %q", name)
	}
	return root, channel, nil
}

// named takes the API Root off the name of a Collection in it, since everywhere
// else it stands before that.
func named(root, collection string) string {
	name := strings.TrimPrefix(collection, root+"/")
	if name == collection {
		return collection
	}
	return strings.TrimPrefix(name, "collection/")
}

// channelFlags are the flags for the settings of a Channel, and what they say.
type channelFlags struct {
	exchange.ChannelSetting
	ttl      span
	from, to string
}

// add gives a verb those that can be changed later.
func (f *channelFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.Title, "title", "", "`TEXT` that clients show")
	flags.StringVar(&f.Description, "description", "", "longer `TEXT`")
	flags.Var(&f.ttl, "ttl", "how long Messages are kept at the least: `TIME` such as 12h or 7d, or seconds, 60 to a year (default 7d)")
	flags.StringVar(&f.from, "from", "", "publish here what is added to this `COLLECTION` of the same API Root, by alias or id")
	flags.StringVar(&f.to, "to", "", "add what is published here to this `COLLECTION` of the same API Root, by alias or id")
	flags.Int64Var(&f.MaxMessageSize, "max-message-size", 0, "largest content of a Message in `OCTETS` (default 8388608)")
	flags.Int64Var(&f.MaxMessages, "max-messages", 0, "keep at most so many Messages: more are refused until some expire; 0 is no `NUMBER`")
	flags.Int64Var(&f.MaxBytes, "max-bytes", 0, "keep at most so many octets; 0 is no `NUMBER`")
	flags.StringSliceVar(&f.PermittedMessages, "permit", nil, "`TYPES` of Messages, or of the objects in Envelopes, that are taken, with commas (default all)")
	unmarkedFlag(flags, &f.Unmarked, "Messages in which something has no TLP marking")
	flags.BoolVar(&f.ShowPublishers, "show-publishers", false, "tell readers which account published a Message")
}

// patch gives what was set, by the names of the API.
func (f *channelFlags) patch(cmd *cobra.Command) map[string]any {
	patch := map[string]any{}
	for flag, member := range map[string]struct {
		name  string
		value any
	}{
		"title": {"title", f.Title}, "description": {"description", f.Description}, "ttl": {"ttl", int64(f.ttl)},
		"from": {"from_collection", f.from}, "to": {"to_collection", f.to},
		"max-message-size": {"max_message_size", f.MaxMessageSize}, "max-messages": {"max_messages", f.MaxMessages},
		"max-bytes": {"max_bytes", f.MaxBytes}, "permit": {"permitted_messages", f.PermittedMessages},
		"show-publishers": {"show_publishers", f.ShowPublishers}, "unmarked": {"unmarked", f.Unmarked},
	} {
		if cmd.Flags().Changed(flag) {
			patch[member.name] = member.value
		}
	}
	return patch
}

func (a *app) channelAdd() *cobra.Command {
	var f channelFlags
	cmd := &cobra.Command{
		Use:   "add ROOT/NAME",
		Short: "Add a Channel to an API Root",
		Long: `Adds a Channel to an API Root. It is made in the name of the operator: nobody may follow it,
or publish there, until a grant or an invitation says so. NAME has letters in lower case,
digits and . _ -, and stays.

A Message is kept for --ttl at the least, so that a follower who comes back within that
time misses nothing. --from and --to tie the Channel to Collections: what is added to the
one is published here, and what is published here is added to the other, each in order
and exactly once. They can be ended later, but not changed.`,
		Example: `  hansom channel add trust/alerts --title "Alerts" --from indicators
  hansom channel add trust/drop-box --mode write-only --content-type '*/*' --ttl 30d`,
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.ContentType, "content-type", "", "`TYPE` of the content of its Messages; */* for any (default Envelopes)")
	cmd.Flags().StringVar(&f.Mode, "mode", "", "`both|read-only|write-only`: who reads and publishes at all (default both)")
	return a.printsJSON(a.onChannel(cmd, func(ctx context.Context, c *admin.Client, root, name string) error {
		set := f.ChannelSetting
		set.Root, set.Name, set.TTL = root, name, int64(f.ttl)
		set.From, set.To = stated(named(root, f.from)), stated(named(root, f.to))
		made, err := c.AddChannel(ctx, set)
		if err != nil {
			return tried(err, "add channel %s/%s", root, name)
		}
		return a.print(made, func() { a.say("channel %s/%s is there, its id is %s", made.Root, made.Name, made.ID) })
	}))
}

// stated gives a text that is not empty.
func stated(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// onChannel completes a verb that takes the name of a Channel.
func (a *app) onChannel(cmd *cobra.Command, do func(ctx context.Context, c *admin.Client, root, name string) error) *cobra.Command {
	return a.onNamed(cmd, channelName, do)
}

func (a *app) channelList() *cobra.Command {
	return lists(a, "channels", &cobra.Command{
		Use:     "list [ROOT]",
		Short:   "List the Channels of an API Root, or all",
		Long:    "Lists the Channels of an API Root or, without one, of all.",
		Example: "  hansom channel list\n  hansom channel list trust --json",
	}, (*admin.Client).Channels, []string{"ROOT", "NAME", "TITLE", "MODE", "TTL", "MESSAGES", "STATE"}, func(r *exchange.ChannelRecord) []string {
		return []string{r.Root, r.Name, r.Title, r.Mode, spanOf(r.TTL), strconv.FormatInt(int64(r.Messages), 10), channelState(r)}
	})
}

// channelState says what an operator should look at.
func channelState(r *exchange.ChannelRecord) string {
	if len(r.Stopped) > 0 {
		return "stopped"
	}
	return ""
}

func (a *app) channelShow() *cobra.Command {
	return a.printsJSON(a.onChannel(&cobra.Command{
		Use:     "show ROOT/NAME",
		Short:   "Show a Channel",
		Long:    "Shows the settings of a Channel and how many Messages it keeps.",
		Example: "  hansom channel show trust/alerts",
	}, a.showChannel))
}

func (a *app) showChannel(ctx context.Context, c *admin.Client, root, name string) error {
	r, err := c.Channel(ctx, root, name)
	if err != nil {
		return tried(err, "show channel %s/%s", root, name)
	}
	return a.print(r, func() { a.printChannel(&r) })
}

func (a *app) printChannel(r *exchange.ChannelRecord) {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	bound := func(n int64) string {
		if n == 0 {
			return "none"
		}
		return number(n)
	}
	a.table([]string{"root", r.Root}, []string{"name", r.Name}, []string{"id", r.ID}, []string{"title", r.Title},
		[]string{"description", r.Description}, []string{"content type", r.ContentType}, []string{"mode", r.Mode},
		[]string{"ttl", spanOf(r.TTL)}, []string{"from collection", r.FromCollection}, []string{"to collection", r.ToCollection},
		[]string{"permitted", firstOf(strings.Join(r.PermittedMessages, ","), "all")},
		[]string{"max message size", number(r.MaxMessageSize)}, []string{"max messages", bound(r.MaxMessages)},
		[]string{"max bytes", bound(r.MaxBytes)}, []string{"shows publishers", yes(r.ShowPublishers)}, []string{"unmarked", firstOf(r.Unmarked, "clear")},
		[]string{"messages", number(int64(r.Messages))}, []string{"octets", number(int64(r.Bytes))}, []string{"ids that clashed", number(r.Clashes)})
	for _, why := range r.Stopped {
		a.say("stopped: %s", why)
	}
}

func (a *app) channelSet() *cobra.Command {
	var f channelFlags
	cmd := &cobra.Command{
		Use:   "set ROOT/NAME",
		Short: "Change a Channel",
		Long: `Changes the settings of a Channel that are named by flags, and no others. Its name, content
type and mode stay. A shorter --ttl holds for what is published from now on, a longer one
also for what is still kept; a higher --unmarked too, a lower one for what comes. --from and --to name the same Collection again, from then on
in the name of the operator, or end it with "".`,
		Example: `  hansom channel set trust/alerts --ttl 30d --permit indicator,malware
  hansom channel set trust/alerts --from ""`,
	}
	f.add(cmd)
	return a.printsJSON(a.onChannel(cmd, func(ctx context.Context, c *admin.Client, root, name string) error {
		f.from, f.to = named(root, f.from), named(root, f.to)
		patch := f.patch(cmd)
		if len(patch) == 0 {
			return misused("nothing to set")
		}
		r, err := c.SetChannel(ctx, root, name, patch)
		if err != nil {
			return tried(err, "set channel %s/%s", root, name)
		}
		return a.print(r, func() { a.printChannel(&r) })
	}))
}

func (a *app) channelRemove() *cobra.Command {
	return a.printsJSON(a.onChannel(&cobra.Command{
		Use:   "remove ROOT/NAME",
		Short: "Remove a Channel with its Messages",
		Long: `Removes a Channel with its Messages, Subscriptions, grants and invitations. At once nobody
sees it any more and its name is free; its Messages go from the disk in small steps. This
cannot be undone.`,
		Example: "  hansom channel remove trust/alerts",
	}, func(ctx context.Context, c *admin.Client, root, name string) error {
		if err := c.RemoveChannel(ctx, root, name); err != nil {
			return tried(err, "remove channel %s/%s", root, name)
		}
		return a.print(removed{root + "/" + name}, func() { a.say("channel %s/%s is removed", root, name) })
	}))
}
