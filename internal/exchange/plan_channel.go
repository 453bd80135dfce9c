package exchange

import (
	"context"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// path is the name of a Channel as a resource.
func (set *ChannelSetting) path() string { return set.Root + "/channel/" + set.Name }

func (p *planner) channels() error {
	for _, c := range p.want.Channels {
		if err := p.channel(c); err != nil {
			return at(err, "channel %s", c.path())
		}
	}
	return nil
}

// channel plans one Channel that is declared.
func (p *planner) channel(c ChannelSetting) error {
	if c.Grants != nil {
		return invalid("grants", "are declared beside the channel, in grants")
	}
	if err := c.check(p.s.x.opt.MaxContentLength); err != nil {
		return err
	}
	if err := p.inRoot(c.Root); err != nil {
		return err
	}
	if err := p.keep(4, "channel", c.path()); err != nil {
		return err
	}
	for what, named := range map[string]*string{"from_collection": c.From, "to_collection": c.To} {
		if named != nil && *named != "" && !p.willCollection(c.Root, *named) {
			return taxii.Errorf(taxii.Unprocessable, "%s: there is no collection %q in %q, and none is declared", what, *named, c.Root)
		}
	}
	i := slices.IndexFunc(p.now.Channels, func(o ChannelSetting) bool { return o.path() == c.path() })
	if i < 0 {
		p.step("add", "channel", c.path(), c.Title, func(ctx context.Context) error { _, err := p.s.AddChannel(ctx, c); return err })
		return nil
	}
	return p.changeChannel(&p.now.Channels[i], c)
}

// willCollection tells whether there will be a Collection of this alias or id.
func (p *planner) willCollection(root, name string) bool {
	called := func(c CollectionSetting) bool { return c.Root == root && (c.Alias == name || c.ID == name) }
	return slices.ContainsFunc(p.want.Collections, called) ||
		slices.ContainsFunc(p.now.Collections, func(c CollectionSetting) bool { return called(c) && (!p.pruning || p.wanted(&c)) })
}

// changeChannel plans the change of a Channel that is there, if there is any.
func (p *planner) changeChannel(was *ChannelSetting, c ChannelSetting) error {
	switch {
	case c.ContentType != was.ContentType:
		return invalid("content_type", "stays as it was created")
	case c.Mode != was.Mode:
		return invalid("mode", "stays as it was created")
	}
	var err error
	if c.From, err = p.changeEnd("from_collection", c.Root, was.From, c.From); err != nil {
		return err
	}
	if c.To, err = p.changeEnd("to_collection", c.Root, was.To, c.To); err != nil {
		return err
	}
	if c.From == nil && c.To == nil && c.equal(was) {
		return nil
	}
	p.step("set", "channel", c.path(), c.Title, func(ctx context.Context) error {
		_, err := p.s.SetChannel(ctx, c.Root, c.Name, nil, func(o *ChannelSetting) error { *o = c; return nil })
		return err
	})
	return nil
}

// changeEnd gives what leads from one Collection to another as from or to of a
// Channel: nil where it is the same, so that it is kept in the name of whoever
// named it, and "" where it ends.
func (p *planner) changeEnd(what, root string, was, want *string) (*string, error) {
	end := ""
	switch {
	case was == nil && (want == nil || *want == ""):
		return nil, nil
	case want == nil || *want == "":
		return &end, nil
	}
	known := slices.IndexFunc(p.now.Collections, func(c CollectionSetting) bool {
		return c.Root == root && (c.ID == *want || c.Alias == *want)
	})
	if was == nil || *want != *was && (known < 0 || p.now.Collections[known].ID != *was) {
		return nil, invalid(what, "can be ended; another one needs another channel")
	}
	return nil, nil
}

// equal tells whether two settings are the same, but for the Collections.
func (set *ChannelSetting) equal(o *ChannelSetting) bool {
	return set.Title == o.Title && set.Description == o.Description && sameSet(set.PermittedMessages, o.PermittedMessages) &&
		set.TTL == o.TTL && set.MaxMessageSize == o.MaxMessageSize && set.MaxMessages == o.MaxMessages &&
		set.MaxBytes == o.MaxBytes && set.ShowPublishers == o.ShowPublishers && defaulted(set.Unmarked) == defaulted(o.Unmarked)
}

// pruneChannels removes Channels that are not declared, of API Roots that stay.
func (p *planner) pruneChannels() {
	for _, c := range p.now.Channels {
		if !p.kept[4][c.path()] && p.kept[0][c.Root] {
			p.remove("channel", c.path(), c.Title, func(ctx context.Context) error { return p.s.RemoveChannel(ctx, c.Root, c.Name, nil) })
		}
	}
}
