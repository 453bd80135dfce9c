package exchange

import (
	"context"

	"github.com/hansom-taxii/hansom/taxii"
)

// ChannelRecord is a Channel as its operator sees it: with its API Root and what
// it keeps.
type ChannelRecord struct {
	Root string `json:"root"`
	taxii.Channel
	Messages taxii.Count `json:"messages,omitzero"` // that are kept; Untold to who does not see all
	Bytes    taxii.Count `json:"bytes,omitzero"`    // of their content, octets; likewise
}

// ChannelRecords lists the Channels that the account may manage, of one API Root
// or, for "", of all, by API Root and name.
func (s *Session) ChannelRecords(ctx context.Context, root string) ([]ChannelRecord, error) {
	snap, list := s.x.now.Load(), []ChannelRecord{}
	err := s.managedChannels(snap, root, func(r *Root, c *Channel) error {
		one, err := s.channelRecord(ctx, snap, r, c)
		list = append(list, one)
		return err
	})
	return list, err
}

// ChannelSettings lists the same Channels as they would be stated.
func (s *Session) ChannelSettings(_ context.Context, root string) ([]ChannelSetting, error) {
	snap, list := s.x.now.Load(), []ChannelSetting{}
	err := s.managedChannels(snap, root, func(r *Root, c *Channel) error {
		list = append(list, c.setting(r))
		return nil
	})
	return list, err
}

// managedChannels visits the Channels that the account may manage.
func (s *Session) managedChannels(snap *snapshot, root string, visit func(*Root, *Channel) error) error {
	if err := s.managesAny(snap); err != nil {
		return err
	}
	if r := snap.roots[root]; root != "" && (r == nil || !s.findsRoot(snap, r)) {
		return absent(s, "no API Root %q", root)
	}
	for _, r := range snap.rootOrder {
		for _, c := range snap.channels[r.ID] {
			if root != "" && r.Name != root || !s.managesItem(snap, OnChannel, r, c.ID) {
				continue
			}
			if err := visit(r, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// ChannelRecord gives one Channel, by name or id. It needs the right to manage it.
func (s *Session) ChannelRecord(ctx context.Context, root, name string) (ChannelRecord, error) {
	snap := s.x.now.Load()
	r, err := snap.item(s, OnChannel, root, name)
	if err != nil {
		return ChannelRecord{}, err
	}
	if err := s.manages(snap, r); err != nil {
		return ChannelRecord{}, err
	}
	return s.channelRecord(ctx, snap, snap.rootByID[r.root], snap.channelByID[r.item])
}

func (s *Session) channelRecord(ctx context.Context, snap *snapshot, r *Root, c *Channel) (ChannelRecord, error) {
	v := ChannelRecord{Root: r.Name}
	head, err := s.x.store.Head(ctx, c.Feed)
	if err != nil {
		return v, s.gone(err)
	}
	v.Messages, v.Bytes = taxii.Count(head.Place-head.Floor), taxii.Count(head.Octets-head.FloorOctets)
	rights := s.onChannel(snap, r, c)
	if s.reach(snap, resource{OnChannel, r.ID, c.ID}) != NoCeiling {
		v.Messages, v.Bytes = taxii.Untold, taxii.Untold
	}
	v.Channel, err = s.channelResource(ctx, snap, r, c, rights)
	return v, err
}
