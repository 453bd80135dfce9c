package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// The bounds of Channels (docs/channels.md section 10).
const (
	// maxChannels bounds the Channels of an API Root: each is in the memory of every
	// node.
	maxChannels = 1_000

	defaultList = 100 // of a list of Channels or Subscriptions, where the client sets no limit
	maxList     = 1_000
)

// Condition is what a request says of the version that it changes, such as
// If-Match: it is given the tag of the present one, a quoted strong ETag, and its
// error ends the request. A nil one always holds.
type Condition func(tag string) error

func (holds Condition) check(tag string) error {
	if holds == nil {
		return nil
	}
	return holds(tag)
}

// Channels lists the Channels of an API Root on which the account has any right,
// by name: at most limit of them (0: 100; 1 to 1000), after next, the name with
// which the page before ended.
func (s *Session) Channels(ctx context.Context, root string, limit int, next string) (taxii.Channels, error) {
	snap := s.x.now.Load()
	r, err := s.root(snap, root)
	if err != nil {
		return taxii.Channels{}, err
	}
	switch {
	case r.Advertise != "":
		return taxii.Channels{}, s.Missing()
	case limit < 0 || limit > maxList:
		return taxii.Channels{}, taxii.Errorf(taxii.Malformed, "limit must be a whole number from 1 to %d", maxList)
	case next != "" && !channelName.MatchString(next):
		return taxii.Channels{}, taxii.Errorf(taxii.Malformed, "next is not from a list of channels of this server")
	case limit == 0:
		limit = defaultList
	}
	return s.channelsAfter(ctx, snap, r, limit, next)
}

func (s *Session) channelsAfter(ctx context.Context, snap *snapshot, r *Root, limit int, next string) (page taxii.Channels, err error) {
	for _, c := range snap.channels[r.ID] {
		rights := s.onChannel(snap, r, c)
		if rights == 0 || next != "" && c.Name <= next {
			continue
		}
		if len(page.Channels) == limit {
			page.More, page.Next = true, page.Channels[limit-1].Name
			break
		}
		one, err := s.channelResource(ctx, snap, r, c, rights)
		if err != nil {
			return taxii.Channels{}, err
		}
		page.Channels = append(page.Channels, one)
	}
	return page, nil
}

// Channel gives one Channel, by name or id, as the account sees it, and the tag
// of what can be changed of it.
func (s *Session) Channel(ctx context.Context, root, name string) (c taxii.Channel, tag string, err error) {
	snap := s.x.now.Load()
	r, found, rights, err := s.findChannel(snap, root, name)
	if err != nil {
		return taxii.Channel{}, "", err
	}
	c, err = s.channelResource(ctx, snap, r, found, rights)
	return c, found.tag(), err
}

// channelResource gives a Channel as an account with these rights sees it. A
// publisher without read sees no cursor; what feeds it or is fed by it sees who
// manages the Channel or sees that Collection; grants and what went wrong, only
// who manages.
func (s *Session) channelResource(ctx context.Context, snap *snapshot, r *Root, c *Channel, rights Rights) (taxii.Channel, error) {
	v := taxii.Channel{
		ID: c.ID, Name: c.Name, Title: c.Title, Description: c.Description,
		PermittedMessages: slices.Clone(c.Permitted), ContentType: c.ContentType, TTL: c.TTL, Mode: c.Mode,
		MaxMessageSize: min(c.MaxMessageSize, s.x.opt.MaxContentLength), MaxMessages: c.MaxMessages, MaxBytes: c.MaxBytes,
		ShowPublishers: c.ShowPublishers, Created: c.Created,
		CanRead:   rights.Has(Read) && c.Mode != taxii.ModeWriteOnly,
		CanWrite:  rights.Has(Write) && c.Mode != taxii.ModeReadOnly,
		CanManage: rights.Has(Manage),
		ETag:      c.tag(),
	}
	if v.CanRead {
		head, err := s.x.store.Head(ctx, c.Feed)
		if err != nil {
			return taxii.Channel{}, s.gone(err)
		}
		v.Earliest, v.Latest = snap.cursorAt(c, head, head.Floor), snap.cursorAt(c, head, head.Place)
	}
	if v.CanManage || s.seesCollection(snap, r, c.From) {
		v.FromCollection = c.From
	}
	if v.CanManage || s.seesCollection(snap, r, c.To) {
		v.ToCollection = c.To
	}
	if v.CanManage {
		v.Grants, v.Clashes, v.Unmarked = snap.channelGrants(c), c.Clashes, unmarkedName(c.Unmarked)
		if c.Stopped != "" {
			v.Stopped = strings.Split(c.Stopped, "\n")
		}
	}
	return v, nil
}

func (s *Session) seesCollection(snap *snapshot, r *Root, id string) bool {
	c := snap.byID[id]
	return c != nil && c.Root == r.ID && s.onCollection(snap, r, c) != 0
}

// tag stands for everything of a Channel that its managers can change, and for
// nothing that changes by itself.
func (c *Channel) tag() string {
	return tagOf(c.ID, c.Title, c.Description, c.Permitted, c.TTL, c.From, c.To, c.Namer,
		c.MaxMessageSize, c.MaxMessages, c.MaxBytes, c.ShowPublishers, c.Unmarked)
}

// tagOf makes a strong ETag of values.
func tagOf(values ...any) string {
	text, _ := json.Marshal(values) // numbers, truths and texts always can
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// fixed refuses to change Channels where their set is fixed. The operator, whose
// commands fix it, is not asked.
func (s *Session) fixed() error {
	if !s.x.opt.ChannelsFixed || s.operator {
		return nil
	}
	return taxii.Errorf(taxii.Unsupported, "the channels of this server are fixed: its operator alone changes them")
}

// managedChannel finds a Channel that the account may change (404, 501, 403).
func (s *Session) managedChannel(snap *snapshot, root, name string) (*Root, *Channel, error) {
	r, c, rights, err := s.findChannel(snap, root, name)
	if err != nil {
		return nil, nil, err
	}
	if err := s.fixed(); err != nil {
		return nil, nil, err
	}
	if !rights.Has(Manage) {
		return nil, nil, taxii.Errorf(taxii.Forbidden, "this account may not manage here")
	}
	return r, c, nil
}

// AddChannel makes a Channel. That needs the right to create on its API Root; who
// makes it may read, write and manage it from the commit on that makes it.
func (s *Session) AddChannel(ctx context.Context, set ChannelSetting) (taxii.Channel, error) {
	name := ""
	err := s.change(ctx, act{"channel.add", set.Root + "/channel/" + set.Name}, func(snap *snapshot) error {
		r, err := s.mayCreate(snap, set.Root)
		if err != nil {
			return err
		}
		c, err := s.newChannel(snap, r, &set)
		if err != nil {
			return err
		}
		grants, err := s.firstGrants(snap, r, c, set.Grants)
		if err != nil {
			return err
		}
		name = c.ID
		if err := s.x.startRelays(ctx, c); err != nil {
			return err
		}
		return s.x.store.PutChannel(ctx, *c, grants...)
	})
	if err != nil {
		return taxii.Channel{}, err
	}
	made, _, err := s.Channel(ctx, set.Root, name)
	return made, err
}

// mayCreate finds an API Root in which the account may make Channels.
func (s *Session) mayCreate(snap *snapshot, root string) (*Root, error) {
	r, err := s.root(snap, root)
	if err != nil {
		return nil, err
	}
	if r.Advertise != "" {
		return nil, s.Missing()
	}
	if err := s.fixed(); err != nil {
		return nil, err
	}
	switch {
	case !s.onRoot(snap, r).Has(Create):
		return nil, taxii.Errorf(taxii.Forbidden, "this account may not create channels here")
	case s.account.Name == AnonymousName:
		return nil, taxii.Errorf(taxii.Forbidden, "a channel belongs to the account that creates it: sign in with one")
	case len(snap.channels[r.ID]) >= maxChannels:
		return nil, taxii.Errorf(taxii.TooMany, "this API Root has %d channels, and may have no more", maxChannels)
	}
	return r, nil
}

// newChannel gives the Channel that a setting asks for.
func (s *Session) newChannel(snap *snapshot, r *Root, set *ChannelSetting) (*Channel, error) {
	if err := set.check(s.x.opt.MaxContentLength); err != nil {
		return nil, err
	}
	if snap.channel(r.ID, set.Name) != nil {
		return nil, taxii.Errorf(taxii.Conflict, "there is a channel %q already", set.Name)
	}
	c := &Channel{
		ID: taxii.NewID(), Root: r.ID, Name: set.Name, ContentType: set.ContentType, Mode: set.Mode,
		Created: taxii.TimeOf(s.x.opt.Now()),
	}
	set.applyTo(c)
	return c, s.nameCollections(snap, r, c, set)
}

// SetChannel changes a Channel: edit is given its settings, from and to_collection
// as nil, which leaves them as they are. Name, content_type and mode stay as they
// were made. Naming a Collection again is in the name of the account that asks
// from then on; "" ends it.
func (s *Session) SetChannel(ctx context.Context, root, name string, cond Condition, edit func(*ChannelSetting) error) (taxii.Channel, error) {
	if err := s.x.leveling(ctx, func() error { return s.setChannel(ctx, root, name, cond, edit) }); err != nil {
		return taxii.Channel{}, err
	}
	now, _, err := s.Channel(ctx, root, name)
	return now, err
}

func (s *Session) setChannel(ctx context.Context, root, name string, cond Condition, edit func(*ChannelSetting) error) error {
	return s.change(ctx, act{"channel.set", root + "/channel/" + name}, func(snap *snapshot) error {
		r, old, err := s.managedChannel(snap, root, name)
		if err != nil {
			return err
		}
		if err := cond.check(old.tag()); err != nil {
			return err
		}
		set := old.setting(r)
		set.From, set.To = nil, nil
		if err := edit(&set); err != nil {
			return err
		}
		c, err := s.changedChannel(snap, r, old, &set)
		if err != nil {
			return err
		}
		return s.x.store.PutChannel(ctx, *c)
	})
}

// changedChannel gives a Channel as a setting wants it to be.
func (s *Session) changedChannel(snap *snapshot, r *Root, old *Channel, set *ChannelSetting) (*Channel, error) {
	if err := set.keeps(snap, r, old); err != nil {
		return nil, err
	}
	if err := set.check(s.x.opt.MaxContentLength); err != nil {
		return nil, err
	}
	c := *old
	set.applyTo(&c)
	for _, end := range []struct {
		named *string
		held  *string
	}{{set.From, &c.From}, {set.To, &c.To}} {
		if end.named != nil && *end.named == "" {
			*end.held = ""
		}
	}
	return &c, s.nameCollections(snap, r, &c, set)
}

// RemoveChannel ends a Channel with its Messages, Subscriptions, grants and
// invitations: at once nobody sees it, and its name is free.
func (s *Session) RemoveChannel(ctx context.Context, root, name string, cond Condition) error {
	return s.change(ctx, act{"channel.remove", root + "/channel/" + name}, func(snap *snapshot) error {
		_, c, err := s.managedChannel(snap, root, name)
		if err != nil {
			return err
		}
		if err := cond.check(c.tag()); err != nil {
			return err
		}
		return s.x.store.RemoveChannel(ctx, c.ID)
	})
}

// Restored says that the store was put back from an older copy: what was given
// out after that copy is known by its incarnation from now on, so that no cursor
// skips what comes in its place.
func (s *Session) Restored(ctx context.Context) error {
	return s.change(ctx, act{"store.restored", "server"}, func(snap *snapshot) error {
		if err := s.manages(snap, resource{scope: OnServer}); err != nil {
			return err
		}
		return s.x.store.Reincarnate(ctx)
	})
}
