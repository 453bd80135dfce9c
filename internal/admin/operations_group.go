package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// Groups lists the groups with their members, by name.
func (c *Client) Groups(ctx context.Context) ([]exchange.GroupSetting, error) {
	var list groupList
	err := c.call(ctx, http.MethodGet, "groups/", nil, &list)
	return list.Groups, err
}

// AddGroup makes a group, which may do nothing until it is granted rights.
func (c *Client) AddGroup(ctx context.Context, set exchange.GroupSetting) (exchange.GroupSetting, error) {
	var made exchange.GroupSetting
	err := c.call(ctx, http.MethodPost, "groups/", set, &made)
	return made, err
}

// Group gives one group.
func (c *Client) Group(ctx context.Context, name string) (exchange.GroupSetting, error) {
	var set exchange.GroupSetting
	err := c.call(ctx, http.MethodGet, groupPath(name), nil, &set)
	return set, err
}

// SetGroup changes what patch names: members, which is the whole list, or limits.
func (c *Client) SetGroup(ctx context.Context, name string, patch map[string]any) (exchange.GroupSetting, error) {
	var set exchange.GroupSetting
	err := c.call(ctx, http.MethodPatch, groupPath(name), patch, &set)
	return set, err
}

// RemoveGroup ends a group with its grants.
func (c *Client) RemoveGroup(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, groupPath(name), nil, nil)
}

// Explain says what an account may do on a resource, and which grants decide that.
func (c *Client) Explain(ctx context.Context, account, on string) (exchange.Access, error) {
	var e exchange.Access
	err := c.call(ctx, http.MethodGet, accountPath(account)+"access/"+asking("on", on), nil, &e)
	return e, err
}

func groupPath(name string) string { return "groups/" + url.PathEscape(name) + "/" }
