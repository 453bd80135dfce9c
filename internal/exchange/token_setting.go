package exchange

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// maxTokens bounds the API tokens of an account, those that have expired
	// included: one for each tool of a large member, and the catalogue stays small.
	maxTokens = 100
	// maxTokenName is in octets: it is read by people, in a table.
	maxTokenName = 128
	// maxScope bounds the parts of a scope, which every request looks through: who
	// needs more makes a group or several tokens.
	maxScope = 64
)

// TokenSetting is an API token as it is asked for.
type TokenSetting struct {
	Account string         `json:"account,omitempty"` // "": the one that asks
	Name    string         `json:"name"`              // for people; one of its kind in an account
	Expires taxii.Time     `json:"expires,omitzero"`  // 0: never
	Scope   []ScopeSetting `json:"scope,omitempty"`   // what it lets through of what the account may do; nil: all
	Ceiling string         `json:"ceiling,omitempty"` // name of a marking level, likewise; "": all
}

// ScopeSetting is a part of the scope of a credential: rights on a resource, which
// is named as in a GrantSetting.
type ScopeSetting struct {
	On     string   `json:"on"`
	Rights []string `json:"rights"`
}

// TokenRecord is what is told of an API token.
type TokenRecord struct {
	ID      string         `json:"id"` // 16 hexadecimal digits
	Account string         `json:"account"`
	Name    string         `json:"name"`
	Created taxii.Time     `json:"created"`
	Expires taxii.Time     `json:"expires,omitzero"`    // 0: never
	Expired bool           `json:"expired,omitempty"`   // it is not taken any more
	Scope   []ScopeSetting `json:"scope,omitempty"`     // nil: all that the account may do
	Ceiling string         `json:"ceiling,omitempty"`   // "": that of the account
	Used    taxii.Time     `json:"last_used,omitzero"`  // about, to a minute; 0: never
	Maker   string         `json:"made_with,omitempty"` // the id of the token that made it, with which it ends
}

// NewToken is an API token with its record, as it is told this once.
type NewToken struct {
	Token string `json:"token"`
	TokenRecord
}

// credential checks a setting and makes of it the credential of an account, all
// but its hash. What is not there cannot be told from what s may not see.
func (set *TokenSetting) credential(s *Session, snap *snapshot, a *Account) (Credential, error) {
	c := Credential{Account: a.ID, Kind: KindToken, Name: set.Name, ID: newTokenID(), Created: taxii.TimeOf(s.x.opt.Now()), Expires: set.Expires}
	switch {
	case set.Name == "" || len(set.Name) > maxTokenName || !printable(set.Name):
		return c, invalid("name", "must be 1 to 128 octets of printable text")
	case set.Expires != 0 && set.Expires <= c.Created:
		return c, invalid("expires", "must lie in the future")
	}
	if err := snap.roomFor(s.x, &c); err != nil {
		return c, err
	}
	var err error
	if c.Scope, err = snap.scopeOf(s, set.Scope); err != nil {
		return c, err
	}
	c.Ceiling, err = parseCeiling(set.Ceiling)
	return c, err
}

// parseCeiling reads the name of a marking level; "" is none.
func parseCeiling(name string) (*Level, error) {
	if name == "" {
		return nil, nil
	}
	level, err := ParseLevel(name)
	if err != nil {
		return nil, err
	}
	return &level, nil
}

// ceilingName writes what parseCeiling reads.
func ceilingName(level *Level) string {
	if level == nil {
		return ""
	}
	return LevelName(*level)
}

func printable(text string) bool {
	return utf8.ValidString(text) && strings.TrimSpace(text) == text && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// roomFor tells whether an account can have one more token. One that has expired
// gives its name away.
func (s *snapshot) roomFor(x *Exchange, c *Credential) error {
	n := 0
	for _, there := range s.credentials[c.Account] {
		switch {
		case there.Kind != KindToken:
			continue
		case there.Name == c.Name && !x.expired(&there):
			return taxii.Errorf(taxii.Conflict, "there is a token %q of this account already", c.Name)
		case there.Name != c.Name:
			n++
		}
	}
	if n >= maxTokens {
		return taxii.Errorf(taxii.Conflict, "the account has %d tokens, which is as many as it may: revoke some", maxTokens)
	}
	return nil
}

// scopeOf reads the scope of a credential, which s gives: it names what s may see.
func (s *snapshot) scopeOf(giver *Session, list []ScopeSetting) ([]Grant, error) {
	switch {
	case list == nil:
		return nil, nil
	case len(list) == 0:
		return nil, invalid("scope", "is empty and would let nothing through; leave it out to let all through")
	case len(list) > maxScope:
		return nil, invalid("scope", "has more than 64 parts")
	}
	scope := make([]Grant, 0, len(list))
	for _, part := range list {
		rights, err := ParseRights(part.Rights)
		if err != nil {
			return nil, err
		}
		r, err := s.named(giver, part.On)
		if err != nil {
			return nil, err
		}
		if err := meant("", r.scope, rights); err != nil {
			return nil, err
		}
		if rights == 0 {
			return nil, invalid("scope", "has no rights on "+part.On)
		}
		scope = append(scope, Grant{Scope: r.scope, Root: r.root, Item: r.item, Rights: rights})
	}
	return scope, nil
}

// within cuts a new credential to what the proofs of the request let through: what
// it says nothing about it has as they have it, and more is Forbidden.
func (c *Credential) within(proofs []*Credential) error {
	for _, p := range proofs {
		if c.Scope == nil {
			c.Scope = slices.Clone(p.Scope)
		}
		if c.Ceiling == nil {
			c.Ceiling = p.Ceiling
		}
		if c.Expires == 0 {
			c.Expires = p.Expires
		}
		switch {
		case p.Scope != nil && !p.covers(c.Scope):
			return goesBeyond("scope")
		case p.Ceiling != nil && *c.Ceiling > *p.Ceiling:
			return goesBeyond("ceiling")
		case p.Expires != 0 && c.Expires > p.Expires:
			return goesBeyond("expires")
		}
		if p.Kind == KindToken {
			c.Maker = p.ID
		}
	}
	return nil
}

func goesBeyond(what string) error {
	return taxii.Errorf(taxii.Forbidden, "the new token would have more than the credential that makes it: %s", what)
}

// covers tells whether the scope of a credential has all that another one has.
func (c *Credential) covers(scope []Grant) bool {
	mine := c.lets()
	return !slices.ContainsFunc(scope, func(g Grant) bool {
		has := mine[resource{scope: OnServer}] | mine[resource{scope: OnRoot, root: g.Root}] | mine[resource{g.Scope, g.Root, g.Item}]
		return !has.Has(g.Rights)
	})
}

// absentName stands in a scope for a resource that is not there any more, or that
// who asks may not see.
const absentName = "-"

// tokenRecord tells of a token what s may know.
func (s *Session) tokenRecord(snap *snapshot, c *Credential, used taxii.Time) TokenRecord {
	r := TokenRecord{ID: c.ID, Account: snap.accounts[c.Account].Name, Name: c.Name, Created: c.Created, Expires: c.Expires,
		Expired: s.x.expired(c), Maker: c.Maker}
	if used = max(used, s.x.uses.of(c.ID)); used >= c.Created {
		r.Used = used
	}
	r.Ceiling = ceilingName(c.Ceiling)
	for _, g := range c.Scope {
		r.Scope = append(r.Scope, ScopeSetting{On: s.nameFor(snap, resource{g.Scope, g.Root, g.Item}), Rights: g.Rights.List()})
	}
	return r
}

// scopeSettings writes a scope for who may see everything.
func (s *snapshot) scopeSettings(scope []Grant) (list []ScopeSetting) {
	for _, g := range scope {
		list = append(list, ScopeSetting{On: cmp.Or(s.name(resource{g.Scope, g.Root, g.Item}), absentName), Rights: g.Rights.List()})
	}
	return list
}

// nameFor writes the name of a resource for who may see it.
func (s *Session) nameFor(snap *snapshot, r resource) string {
	root := snap.rootByID[r.root]
	if r.scope != OnServer && (root == nil || !s.seesRoot(snap, root)) {
		return absentName
	}
	sees := true
	switch r.scope {
	case OnCollection:
		c := snap.byID[r.item]
		sees = c != nil && s.onCollection(snap, root, c) != 0
	case OnChannel:
		c := snap.channelByID[r.item]
		sees = c != nil && s.onChannel(snap, root, c) != 0
	}
	if !sees {
		return absentName
	}
	return snap.name(r)
}
