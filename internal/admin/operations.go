package admin

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// Roots lists the API Roots that the account may manage, by name.
func (c *Client) Roots(ctx context.Context) ([]exchange.RootSetting, error) {
	var list rootList
	err := c.call(ctx, http.MethodGet, "roots/", nil, &list)
	return list.Roots, err
}

// AddRoot makes an API Root. The warnings say what some clients cannot use.
func (c *Client) AddRoot(ctx context.Context, set exchange.RootSetting) (warnings []string, err error) {
	var made newRoot
	err = c.call(ctx, http.MethodPost, "roots/", set, &made)
	return made.Warnings, err
}

// Root gives one API Root.
func (c *Client) Root(ctx context.Context, name string) (exchange.RootSetting, error) {
	var set exchange.RootSetting
	err := c.call(ctx, http.MethodGet, rootPath(name), nil, &set)
	return set, err
}

// SetRoot changes the settings of an API Root that patch names, by their JSON
// names, and gives all of them; null sets one back to its default.
func (c *Client) SetRoot(ctx context.Context, name string, patch map[string]any) (exchange.RootSetting, error) {
	var set exchange.RootSetting
	err := c.call(ctx, http.MethodPatch, rootPath(name), patch, &set)
	return set, err
}

// RemoveRoot removes an API Root with its Collections and grants.
func (c *Client) RemoveRoot(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, rootPath(name), nil, nil)
}

// Collections lists the Collections that the account may manage, of one API Root
// or, for "", of all.
func (c *Client) Collections(ctx context.Context, root string) ([]exchange.CollectionSetting, error) {
	path := "collections/"
	if root != "" {
		path = rootPath(root) + path
	}
	var list collectionList
	err := c.call(ctx, http.MethodGet, path, nil, &list)
	return list.Collections, err
}

// AddCollection makes a Collection in the API Root that set names, and gives it
// with its id and defaults.
func (c *Client) AddCollection(ctx context.Context, set exchange.CollectionSetting) (exchange.CollectionSetting, error) {
	var made exchange.CollectionSetting
	err := c.call(ctx, http.MethodPost, rootPath(set.Root)+"collections/", set, &made)
	return made, err
}

// Collection gives one Collection, by id or alias.
func (c *Client) Collection(ctx context.Context, root, name string) (CollectionRecord, error) {
	var record CollectionRecord
	err := c.call(ctx, http.MethodGet, collectionPath(root, name), nil, &record)
	return record, err
}

// SetCollection changes the settings of a Collection that patch names, by their
// JSON names, and gives all of them; null sets one back to its default.
func (c *Client) SetCollection(ctx context.Context, root, name string, patch map[string]any) (exchange.CollectionSetting, error) {
	var set exchange.CollectionSetting
	err := c.call(ctx, http.MethodPatch, collectionPath(root, name), patch, &set)
	return set, err
}

// RemoveCollection removes a Collection with what it holds.
func (c *Client) RemoveCollection(ctx context.Context, root, name string) error {
	return c.call(ctx, http.MethodDelete, collectionPath(root, name), nil, nil)
}

// Import adds the objects of an envelope or a bundle, in the name of an account
// or, for "", of the one that asks. The envelope may have at most 64 MiB.
func (c *Client) Import(ctx context.Context, root, collection, as string, envelope []byte) (taxii.Status, error) {
	var st taxii.Status
	err := c.call(ctx, http.MethodPost, collectionPath(root, collection)+"objects/"+asking("as", as), envelope, &st)
	return st, err
}

// Export gives a page of everything that a Collection holds, every version in
// the order of its place. Next is from the page before, or ""; limit 0 leaves
// the size of the page to the server; since, a time, or "" for the beginning,
// leaves out what was added then or earlier.
func (c *Client) Export(ctx context.Context, root, collection, next string, limit int, since string) (ExportPage, error) {
	var page ExportPage
	path := collectionPath(root, collection) + "objects/" + asking("next", next, "limit", number(limit), "since", since)
	err := c.call(ctx, http.MethodGet, path, nil, &page)
	return page, err
}

// Accounts lists the accounts, also removed ones, by number.
func (c *Client) Accounts(ctx context.Context) ([]exchange.AccountRecord, error) {
	var list accountList
	err := c.call(ctx, http.MethodGet, "accounts/", nil, &list)
	return list.Accounts, err
}

// AddAccount makes an account, which may do nothing until it is granted rights.
func (c *Client) AddAccount(ctx context.Context, set exchange.AccountSetting) (exchange.AccountRecord, error) {
	var record exchange.AccountRecord
	err := c.call(ctx, http.MethodPost, "accounts/", set, &record)
	return record, err
}

// Account gives one account that is not removed.
func (c *Client) Account(ctx context.Context, name string) (exchange.AccountRecord, error) {
	var record exchange.AccountRecord
	err := c.call(ctx, http.MethodGet, accountPath(name), nil, &record)
	return record, err
}

// Usage gives what an account used up of its limits in the last 62 days.
func (c *Client) Usage(ctx context.Context, name string) (exchange.UsageRecord, error) {
	var record exchange.UsageRecord
	err := c.call(ctx, http.MethodGet, accountPath(name)+"usage/", nil, &record)
	return record, err
}

// SetAccount changes what patch names: options, limits, which are replaced whole,
// password or password_hash.
func (c *Client) SetAccount(ctx context.Context, name string, patch map[string]any) (exchange.AccountRecord, error) {
	var record exchange.AccountRecord
	err := c.call(ctx, http.MethodPatch, accountPath(name), patch, &record)
	return record, err
}

// RemoveAccount ends an account with its credentials and grants.
func (c *Client) RemoveAccount(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, accountPath(name), nil, nil)
}

// Grants lists the grants on what the account may manage.
func (c *Client) Grants(ctx context.Context) ([]exchange.GrantSetting, error) {
	var list grantList
	err := c.call(ctx, http.MethodGet, "grants/", nil, &list)
	return list.Grants, err
}

// SetGrant gives an account or a group exactly these rights on a resource, with this
// ceiling; no rights end the grant.
func (c *Client) SetGrant(ctx context.Context, set exchange.GrantSetting) error {
	return c.call(ctx, http.MethodPut, "grants/", set, nil)
}

// RemoveGrant ends the grant of an account or a group, which share their names.
func (c *Client) RemoveGrant(ctx context.Context, name, on string) error {
	return c.call(ctx, http.MethodDelete, "grants/"+asking("account", name, "on", on), nil, nil)
}

// Keys lists the server's keys: never the keys themselves.
func (c *Client) Keys(ctx context.Context) ([]exchange.Key, error) {
	var list keyList
	err := c.call(ctx, http.MethodGet, "keys/", nil, &list)
	return list.Keys, err
}

// RotateKey makes a new key of a purpose, "cursor" or "jwt", and gives it: with now
// it signs or seals from now on, else once everyone has it.
func (c *Client) RotateKey(ctx context.Context, purpose string, now bool) (exchange.Key, error) {
	var key exchange.Key
	err := c.call(ctx, http.MethodPost, "keys/rotate/"+asking("purpose", purpose, "now", truth(now)), nil, &key)
	return key, err
}

// RetireKey ends a key that does not sign or seal.
func (c *Client) RetireKey(ctx context.Context, kid string) error {
	return c.call(ctx, http.MethodPost, "keys/"+url.PathEscape(kid)+"/retire/", nil, nil)
}

// State gives what is there as a declaration; passwords as their hashes.
func (c *Client) State(ctx context.Context) (exchange.Declaration, error) {
	var d exchange.Declaration
	err := c.call(ctx, http.MethodGet, "state/", nil, &d)
	return d, err
}

// Plan gives the steps that lead to a declaration, without taking any; with
// prune also those that remove what is not declared.
func (c *Client) Plan(ctx context.Context, d exchange.Declaration, prune bool) ([]exchange.Step, error) {
	var list stepList
	err := c.call(ctx, http.MethodPost, "plan/"+asking("prune", truth(prune)), d, &list)
	return list.Steps, err
}

// Apply takes the steps to a declaration. Where one fails, the steps before it
// have been taken and are returned with the error.
func (c *Client) Apply(ctx context.Context, d exchange.Declaration, prune bool) ([]exchange.Step, error) {
	var list stepList
	err := c.call(ctx, http.MethodPost, "apply/"+asking("prune", truth(prune)), d, &list)
	var e *taxii.Error
	if errors.As(err, &e) {
		return taken(e), err
	}
	return list.Steps, err
}

// taken reads the steps that an error carries.
func taken(e *taxii.Error) []exchange.Step {
	var list stepList
	text, err := stdjson.Marshal(e.Details)
	if err != nil || stdjson.Unmarshal(text, &list) != nil {
		return nil // of another form: the error itself still says what happened
	}
	return list.Steps
}

// Version gives the version of the server.
func (c *Client) Version(ctx context.Context) (string, error) {
	var v versionRecord
	err := c.call(ctx, http.MethodGet, "version/", nil, &v)
	return v.Version, err
}

// truth writes a yes for a query; no is left out.
func truth(b bool) string {
	if !b {
		return ""
	}
	return strconv.FormatBool(b)
}
