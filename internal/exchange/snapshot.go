package exchange

import (
	"cmp"
	"crypto/cipher"
	"slices"

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
	credentials map[int64][]Credential
	grants      map[int64]map[resource]Rights
	secrets     []Secret
	keys        map[string]cipher.AEAD  // of cursors, by key id: active and accepted ones
	marks       map[string]cipher.Block // the same keys, for cursors of Channels
	active      string                  // the key id that seals
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
		grants: map[int64]map[resource]Rights{}, secrets: c.Secrets, keys: map[string]cipher.AEAD{}, marks: map[string]cipher.Block{},
	}
	s.addRoots(c)
	for i := range c.Accounts {
		a := &c.Accounts[i]
		s.accounts[a.ID] = a
		if !a.Removed {
			s.names[a.Name] = a
		}
	}
	for _, v := range c.Credentials {
		s.credentials[v.Account] = append(s.credentials[v.Account], v)
	}
	for _, g := range c.Grants {
		if s.grants[g.Account] == nil {
			s.grants[g.Account] = map[resource]Rights{}
		}
		s.grants[g.Account][resource{g.Scope, g.Root, g.Item}] = g.Rights
	}
	return s, s.openKeys(x.opt.MasterKey)
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

// openKeys unseals the keys of cursors that are not retired.
func (s *snapshot) openKeys(master []byte) error {
	for _, v := range s.secrets {
		if v.Purpose != cursorPurpose || v.State == Retired {
			continue
		}
		key, err := unseal(master, v)
		if err != nil {
			return err
		}
		aead, err := chacha20poly1305.NewX(key)
		if err != nil {
			return err
		}
		if s.marks[v.KID], err = markCipher(key); err != nil {
			return err
		}
		s.keys[v.KID] = aead
		if v.State == Active {
			s.active = v.KID
		}
	}
	return nil
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
