package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// Root gives the API Root in which a Channel is, as its resource describes it:
// MaxContentLength bounds what is published in one request.
func (c *Client) Root(ctx context.Context, channel string) (root taxii.APIRoot, err error) {
	address, _, err := c.rootURL(channel)
	if err != nil {
		return root, err
	}
	return root, c.ask(ctx, request{method: http.MethodGet, url: address}, &root)
}

// Channels lists the Channels of an API Root that the account has any right on.
// root is "" for a Client of an API Root, and else a path such as "trust". The
// Kind NotFound says that the API Root has no Channels, or is not there. An
// error is the last that is given.
func (c *Client) Channels(ctx context.Context, root string) iter.Seq2[taxii.Channel, error] {
	address := c.base
	for s := range strings.SplitSeq(root, "/") {
		if s != "" {
			address += url.PathEscape(s) + "/"
		}
	}
	return paged(func(next string) ([]taxii.Channel, string, error) {
		var page taxii.Channels
		err := c.ask(ctx, request{method: http.MethodGet, url: address + "channels/" + after(next)}, &page)
		return page.Channels, more(page.More, page.Next), err
	})
}

// Channel gives a Channel as the account sees it.
func (c *Client) Channel(ctx context.Context, channel string) (ch taxii.Channel, err error) {
	address, err := c.channelURL(channel)
	if err != nil {
		return ch, err
	}
	return ch, c.ask(ctx, request{method: http.MethodGet, url: address}, &ch)
}

// Subscribe makes a Subscription, or gives the one that has the same key: the
// account, the Channel, the Selector and the name. Start of one that is there is
// ignored. Since it may be repeated, it is.
func (c *Client) Subscribe(ctx context.Context, channel string, n taxii.NewSubscription) (s taxii.Subscription, err error) {
	address, err := c.channelURL(channel, "subscriptions")
	if err != nil {
		return s, err
	}
	return s, c.put(ctx, http.MethodPost, address, n, &s)
}

// Subscriptions lists the account's own Subscriptions on a Channel and, for who
// manages it, those of all. An error is the last that is given.
func (c *Client) Subscriptions(ctx context.Context, channel string) iter.Seq2[taxii.Subscription, error] {
	address, err := c.channelURL(channel, "subscriptions")
	return paged(func(next string) ([]taxii.Subscription, string, error) {
		var page taxii.Subscriptions
		if err != nil {
			return nil, "", err
		}
		err := c.ask(ctx, request{method: http.MethodGet, url: address + after(next)}, &page)
		return page.Subscriptions, more(page.More, page.Next), err
	})
}

// Subscription gives one by its id.
func (c *Client) Subscription(ctx context.Context, channel, id string) (s taxii.Subscription, err error) {
	address, err := c.channelURL(channel, "subscriptions", id)
	if err != nil {
		return s, err
	}
	return s, c.ask(ctx, request{method: http.MethodGet, url: address}, &s)
}

// Unsubscribe ends a Subscription. One that is not there any more is no error if
// a first try may have ended it.
func (c *Client) Unsubscribe(ctx context.Context, channel, id string) error {
	address, err := c.channelURL(channel, "subscriptions", id)
	if err != nil {
		return err
	}
	q := request{method: http.MethodDelete, url: address}
	if err = c.once(ctx, q, nil); err == nil || !passing(err) {
		return err
	}
	if err = c.ask(ctx, q, nil); taxii.KindOf(err) == taxii.NotFound {
		return nil
	}
	return err
}

// Acknowledge says that all Messages of a Subscription up to a cursor are done:
// when it returns without error, the server keeps that. An older cursor changes
// nothing. Once for many Messages is enough.
func (c *Client) Acknowledge(ctx context.Context, channel, id, cursor string) (taxii.PositionNow, error) {
	return c.SetPosition(ctx, channel, id, taxii.Position{Cursor: cursor})
}

// SetPosition moves a Subscription: forward, or with Seek to any cursor,
// taxii.Earliest and taxii.Latest included, for replay.
func (c *Client) SetPosition(ctx context.Context, channel, id string, p taxii.Position) (now taxii.PositionNow, err error) {
	address, err := c.channelURL(channel, "subscriptions", id, "position")
	if err != nil {
		return now, err
	}
	return now, c.put(ctx, http.MethodPut, address, p, &now)
}

// paged goes through a list that is given in pages.
func paged[T any](page func(next string) (list []T, after string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for next := ""; ; {
			list, after, err := page(next)
			if err != nil {
				yield(none, err)
				return
			}
			for _, one := range list {
				if !yield(one, nil) {
					return
				}
			}
			if after == "" || after == next { // a list that does not go on has an end
				return
			}
			next = after
		}
	}
}

// more is the cursor of the next page, or "".
func more(more bool, next string) string {
	if !more {
		return ""
	}
	return next
}

// after is the query of a page.
func after(next string) string {
	if next == "" {
		return ""
	}
	return "?next=" + url.QueryEscape(next)
}
