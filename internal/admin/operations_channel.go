package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// Channels lists the Channels that the account may manage, of one API Root or,
// for "", of all.
func (c *Client) Channels(ctx context.Context, root string) ([]exchange.ChannelRecord, error) {
	path := "channels/"
	if root != "" {
		path = rootPath(root) + path
	}
	var list channelList
	err := c.call(ctx, http.MethodGet, path, nil, &list)
	return list.Channels, err
}

// AddChannel makes a Channel in the API Root that set names, and gives it with
// its id and defaults.
func (c *Client) AddChannel(ctx context.Context, set exchange.ChannelSetting) (exchange.ChannelRecord, error) {
	var made exchange.ChannelRecord
	err := c.call(ctx, http.MethodPost, rootPath(set.Root)+"channels/", set, &made)
	return made, err
}

// Channel gives one Channel, by id or name.
func (c *Client) Channel(ctx context.Context, root, name string) (exchange.ChannelRecord, error) {
	var record exchange.ChannelRecord
	err := c.call(ctx, http.MethodGet, channelPath(root, name), nil, &record)
	return record, err
}

// SetChannel changes the settings of a Channel that patch names, by their JSON
// names, and gives all of them; null sets one back to its default.
func (c *Client) SetChannel(ctx context.Context, root, name string, patch map[string]any) (exchange.ChannelRecord, error) {
	var record exchange.ChannelRecord
	err := c.call(ctx, http.MethodPatch, channelPath(root, name), patch, &record)
	return record, err
}

// RemoveChannel removes a Channel with its Messages and Subscriptions.
func (c *Client) RemoveChannel(ctx context.Context, root, name string) error {
	return c.call(ctx, http.MethodDelete, channelPath(root, name), nil, nil)
}

// Invitations lists the invitations to a Channel that can still be used.
func (c *Client) Invitations(ctx context.Context, root, name string) ([]taxii.Invitation, error) {
	var list invitationList
	err := c.call(ctx, http.MethodGet, channelPath(root, name)+"invitations/", nil, &list)
	return list.Invitations, err
}

// Invite makes an invitation to a Channel. Its token is in this answer alone.
func (c *Client) Invite(ctx context.Context, root, name string, set exchange.InvitationSetting) (taxii.Invitation, error) {
	var made taxii.Invitation
	err := c.call(ctx, http.MethodPost, channelPath(root, name)+"invitations/", set, &made)
	return made, err
}

// RevokeInvitation ends an invitation.
func (c *Client) RevokeInvitation(ctx context.Context, root, name, id string) error {
	return c.call(ctx, http.MethodDelete, channelPath(root, name)+"invitations/"+url.PathEscape(id)+"/", nil, nil)
}

// Subscriptions gives a page of everybody's Subscriptions of a Channel. Next is
// from the page before, or ""; limit 0 leaves the size of the page to the server.
func (c *Client) Subscriptions(ctx context.Context, root, name string, limit int, next string) (taxii.Subscriptions, error) {
	var list subscriptionList
	err := c.call(ctx, http.MethodGet, channelPath(root, name)+"subscriptions/"+asking("limit", number(limit), "next", next), nil, &list)
	return taxii.Subscriptions{Subscriptions: list.Subscriptions, More: list.More, Next: list.Next}, err
}

// Restored says that the server's store was put back from an older copy.
func (c *Client) Restored(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "restored/", nil, nil)
}

func channelPath(root, name string) string {
	return rootPath(root) + "channels/" + url.PathEscape(name) + "/"
}
