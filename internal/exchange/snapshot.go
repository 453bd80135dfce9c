package exchange

import (
	"cmp"
	"crypto/cipher"
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/hansom-taxii/hansom/internal/feed"
	"golang.org/x/crypto/chacha20poly1305"
)

// snapshot is the catalogue as of one moment, arranged for looking things up.
// It is never changed, so that any number of Sessions read it without a lock.
type snapshot struct {
	roots       map[string]*Root
	local       map[string]bool // names of roots that are served here
	rootOrder   []*Root
	rootByID    map[int64]*Root
	collections map[int64][]*Collection // of each root, by id (R091)
	byID        map[string]*Collection
	byAlias     map[int64]map[string]*Collection
	channels    map[int64][]*Channel // of each root, by name
	channelByID map[string]*Channel
	accounts    map[int64]*Account
	names       map[string]*Account // of accounts that are not removed
	groups      map[int64]*Group
	groupNames  map[string]*Group
	memberOf    map[int64][]int64        // the groups of each account
	credential  map[string]*Credential   // by id, those that have one
	secret      map[string][]*Credential // by kind and hash, those that are found by it: see secretKey
	credentials map[int64][]Credential
	grants      map[int64]map[resource]Rights // of accounts and groups
	unleveled   []feed.ID                     // see Catalog
	ceilings    map[int64]map[resource]Level  // of the grants that have one
	secrets     []Secret
	keys        map[string]cipher.AEAD        // of cursors, by key id: active and accepted ones
	marks       map[string]cipher.Block       // the same keys, for cursors of Channels
	active      string                        // the key id that seals
	signers     map[string]ed25519.PrivateKey // of JWTs, by key id: all that are not retired
}

// resource is what a grant is on.
type resource struct {
	scope Scope
	root  int64
	item  string // id of a Collection or Channel
}

func (x *Exchange) snapshot(c *Catalog) (*snapshot, error) {
	s := &snapshot{
		roots: map[string]*Root{}, local: map[string]bool{}, rootByID: map[int64]*Root{}, collections: map[int64][]*Collection{},
		byID: map[string]*Collection{}, byAlias: map[int64]map[string]*Collection{},
		channels: map[int64][]*Channel{}, channelByID: map[string]*Channel{},
		accounts: map[int64]*Account{}, names: map[string]*Account{}, credentials: map[int64][]Credential{},
		groups: map[int64]*Group{}, groupNames: map[string]*Group{}, memberOf: map[int64][]int64{},
		credential: map[string]*Credential{}, secret: map[string][]*Credential{},
		grants: map[int64]map[resource]Rights{}, ceilings: map[int64]map[resource]Level{}, unleveled: c.Unleveled, secrets: c.Secrets, keys: map[string]cipher.AEAD{}, marks: map[string]cipher.Block{},
	}
	s.addRoots(c)
	for i := range c.Accounts {
		a := &c.Accounts[i]
		s.accounts[a.ID] = a
		if !a.Removed {
			s.names[a.Name] = a
		}
	}
	s.addCredentials(c)
	s.addGrants(c)
	return s, s.openKeys(x.opt.MasterKey)
}

func (s *snapshot) addCredentials(c *Catalog) {
	for i := range c.Credentials {
		v := &c.Credentials[i]
		s.credentials[v.Account] = append(s.credentials[v.Account], *v)
		if v.ID == "" {
			continue
		}
		s.credential[v.ID] = v
		key := secretKey(v.Kind, v.Secret)
		s.secret[key] = append(s.secret[key], v)
	}
}

// secretKey is under what a credential is found that is known by its hash alone.
func secretKey(kind, hash string) string { return kind + "\x00" + hash }

func (s *snapshot) addGrants(c *Catalog) {
	for i := range c.Groups {
		g := &c.Groups[i]
		s.groups[g.ID], s.groupNames[g.Name] = g, g
		for _, account := range g.Members {
			s.memberOf[account] = append(s.memberOf[account], g.ID)
		}
	}
	for _, g := range c.Grants {
		if s.grants[g.Account] == nil {
			s.grants[g.Account], s.ceilings[g.Account] = map[resource]Rights{}, map[resource]Level{}
		}
		at := resource{g.Scope, g.Root, g.Item}
		s.grants[g.Account][at] = g.Rights
		if g.Ceiling != nil {
			s.ceilings[g.Account][at] = *g.Ceiling
		}
	}
}

func (s *snapshot) addRoots(c *Catalog) {
	for i := range c.Roots {
		r := &c.Roots[i]
		s.roots[r.Name], s.rootByID[r.ID] = r, r
		s.local[r.Name] = r.Advertise == ""
		s.rootOrder = append(s.rootOrder, r)
		s.byAlias[r.ID] = map[string]*Collection{}
	}
	for name, here := range s.local {
		if !here {
			delete(s.local, name)
		}
	}
	slices.SortFunc(s.rootOrder, func(a, b *Root) int { return cmp.Compare(a.Name, b.Name) })
	for i := range c.Collections {
		v := &c.Collections[i]
		s.byID[v.ID] = v
		s.collections[v.Root] = append(s.collections[v.Root], v)
		if v.Alias != "" && s.byAlias[v.Root] != nil {
			s.byAlias[v.Root][v.Alias] = v
		}
	}
	for i := range c.Channels {
		v := &c.Channels[i]
		s.channelByID[v.ID] = v
		s.channels[v.Root] = append(s.channels[v.Root], v)
	}
	for _, list := range s.channels {
		slices.SortFunc(list, func(a, b *Channel) int { return cmp.Compare(a.Name, b.Name) })
	}
}

// openKeys unseals the keys that are not retired.
func (s *snapshot) openKeys(master []byte) error {
	s.signers = map[string]ed25519.PrivateKey{}
	for _, v := range s.secrets {
		if v.State == Retired {
			continue
		}
		key, err := unseal(master, v)
		if err != nil {
			return err
		}
		switch v.Purpose {
		case cursorPurpose:
			err = s.openCursorKey(v.KID, key)
		case jwtPurpose:
			err = s.openSigner(v.KID, key)
		}
		if err != nil {
			return err
		}
	}
	active, _ := s.signing(cursorPurpose)
	s.active = active.KID
	return nil
}

func (s *snapshot) openSigner(kid string, seed []byte) error {
	if len(seed) != ed25519.SeedSize {
		return fmt.Errorf("the jwt key %s has %d octets", kid, len(seed))
	}
	s.signers[kid] = ed25519.NewKeyFromSeed(seed)
	return nil
}

func (s *snapshot) openCursorKey(kid string, key []byte) (err error) {
	if s.keys[kid], err = chacha20poly1305.NewX(key); err != nil {
		return err
	}
	s.marks[kid], err = markCipher(key)
	return err
}

// collection finds a Collection of a root by its id or its alias (R042, K06).
func (s *snapshot) collection(root int64, name string) *Collection {
	if c := s.byID[name]; c != nil && c.Root == root {
		return c
	}
	return s.byAlias[root][name]
}

// channel finds a Channel of a root by its id or its name.
func (s *snapshot) channel(root int64, name string) *Channel {
	if c := s.channelByID[name]; c != nil && c.Root == root {
		return c
	}
	list := s.channels[root]
	i, ok := slices.BinarySearchFunc(list, name, func(c *Channel, name string) int { return cmp.Compare(c.Name, name) })
	if !ok {
		return nil
	}
	return list[i]
}
