package exchange

import (
	"slices"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Session is the exchange as one account sees it. There is no other way in, so
// no operation can forget to ask who is calling.
type Session struct {
	x         *Exchange
	account   *Account
	anonymous bool        // asks without credentials
	proof     *Credential // what the account proved itself with; nil where it needs none
	operator  bool        // every right

	room func(octets int64) error // see Within; nil: as much as it takes
}

// Within gives the same Session, which asks room before it takes memory in
// proportion to what was sent or is read: the documents of Statuses, where two
// octets of an Add can become hundreds.
func (s *Session) Within(room func(octets int64) error) *Session {
	c := *s
	c.room = room
	return &c
}

func (s *Session) take(octets int64) error {
	if s.room == nil {
		return nil
	}
	return s.room(octets)
}

// Account is the number of the account that asks, and its name.
func (s *Session) Account() (id int64, name string) { return s.account.ID, s.account.Name }

// Is tells whether the account has an option (K41, K52, K53).
func (s *Session) Is(option string) bool { return slices.Contains(s.account.Options, option) }

// Open gives the Session of the account of this name, if verify accepts one of
// its credentials of this kind. For a name that has none verify is called with
// "", so that it can take the time it would take for one that has; its answer
// is then ignored.
func (x *Exchange) Open(name, kind string, verify func(secret string) (bool, error)) (*Session, error) {
	snap := x.now.Load()
	account, proofs := snap.names[name], []Credential(nil)
	if account != nil && !account.Builtin {
		for _, c := range snap.credentials[account.ID] {
			if c.Kind == kind {
				proofs = append(proofs, c)
			}
		}
	}
	if len(proofs) == 0 {
		_, err := verify("")
		return nil, refused(err)
	}
	for _, proof := range proofs {
		if ok, err := verify(proof.Secret); err != nil || ok {
			if err != nil {
				return nil, refused(err)
			}
			return &Session{x: x, account: account, proof: &proof}, nil
		}
	}
	return nil, refused(nil)
}

// refused is the answer to credentials that are not good, whatever is wrong
// with them, unless they could not be looked at.
func refused(err error) error {
	if err != nil {
		return err
	}
	return taxii.Errorf(taxii.Unauthenticated, "the credentials are not valid")
}

// Anonymous is the Session of who asks without credentials.
func (x *Exchange) Anonymous() *Session {
	return &Session{x: x, account: x.now.Load().names[AnonymousName], anonymous: true}
}

// Operator is the Session of local commands: all rights, no credential.
func (x *Exchange) Operator() *Session {
	return &Session{x: x, account: x.now.Load().names[OperatorName], operator: true}
}

// As gives the Session of another account, for an operator who acts in its name.
func (s *Session) As(name string) (*Session, error) {
	if !s.operator {
		return nil, taxii.Errorf(taxii.Forbidden, "only the operator may act as another account")
	}
	account := s.x.now.Load().names[name]
	if account == nil || account.Builtin {
		return nil, taxii.Errorf(taxii.NotFound, "no account %q", name)
	}
	return &Session{x: s.x, account: account}, nil
}

// all is every right.
const all = Read | Write | Manage | Create | Push

// on gives the rights on one resource, granted to the account or to everyone.
func (s *Session) on(snap *snapshot, r resource) Rights {
	if s.operator {
		return all
	}
	rights := snap.grants[s.account.ID][r]
	if everyone := snap.names[AnonymousName]; everyone != nil {
		rights |= snap.grants[everyone.ID][r]
	}
	return rights
}

func (s *Session) onServer(snap *snapshot) Rights { return s.on(snap, resource{scope: OnServer}) }

func (s *Session) onRoot(snap *snapshot, root *Root) Rights {
	return s.onServer(snap) | s.on(snap, resource{scope: OnRoot, root: root.ID})
}

func (s *Session) onCollection(snap *snapshot, root *Root, c *Collection) Rights {
	return s.onRoot(snap, root)&(Read|Write|Manage) | s.on(snap, resource{OnCollection, root.ID, c.ID})
}

// onChannel gives the rights on a Channel. What lets make others in its API Root,
// or push from those that the account sees, does not let it see this one.
func (s *Session) onChannel(snap *snapshot, root *Root, c *Channel) Rights {
	above := s.onRoot(snap, root)
	rights := above&(Read|Write|Manage) | s.on(snap, resource{OnChannel, root.ID, c.ID})
	if rights == 0 {
		return 0
	}
	return rights | above&Push
}

// stands tells whether the account and what it proved itself with are still
// good, for requests that last.
func (s *Session) stands(snap *snapshot) error {
	if s.proof == nil {
		return nil
	}
	if snap.names[s.account.Name] == nil || !slices.Contains(snap.credentials[s.account.ID], *s.proof) {
		return refused(nil)
	}
	return nil
}

// ceiling is the highest marking level that the account sees.
func (s *Session) ceiling() int64 { return feed.NoCeiling }

// Missing is the answer for what does not exist and for what this account may
// not see: the same words, and for who asks without credentials the request for
// some.
func (s *Session) Missing() error {
	if s.anonymous {
		return taxii.Errorf(taxii.Unauthenticated, "credentials are needed").
			Describe("Send the name and password of an account with HTTP Basic.")
	}
	return taxii.Errorf(taxii.NotFound, "not found").
		Describe("There is nothing at this address that this account may see.")
}

// gone puts the store's word that a feed is not there, because its Collection was
// removed a moment ago, into the words of what does not exist.
func (s *Session) gone(err error) error {
	if err != nil && taxii.KindOf(err) == taxii.NotFound {
		return s.Missing()
	}
	return err
}

// root finds an API Root that the account sees: it has any right on it, or on
// something in it.
func (s *Session) root(snap *snapshot, name string) (*Root, error) {
	r := snap.roots[name]
	if r == nil || !s.seesRoot(snap, r) {
		return nil, s.Missing()
	}
	return r, nil
}

func (s *Session) seesRoot(snap *snapshot, r *Root) bool {
	if s.onRoot(snap, r) != 0 {
		return true
	}
	return slices.ContainsFunc(snap.collections[r.ID], func(c *Collection) bool { return s.onCollection(snap, r, c) != 0 }) ||
		slices.ContainsFunc(snap.channels[r.ID], func(c *Channel) bool { return s.onChannel(snap, r, c) != 0 })
}

// find finds a Collection that the account sees, and its rights on it.
func (s *Session) find(snap *snapshot, root, name string) (*Root, *Collection, Rights, error) {
	r, err := s.root(snap, root)
	if err != nil {
		return nil, nil, 0, err
	}
	c := snap.collection(r.ID, name)
	if c == nil || r.Advertise != "" {
		return nil, nil, 0, s.Missing()
	}
	rights := s.onCollection(snap, r, c)
	if rights == 0 {
		return nil, nil, 0, s.Missing()
	}
	return r, c, rights, nil
}

// may finds a Collection on which the account has the rights it needs.
func (s *Session) may(snap *snapshot, need Rights, root, name string) (*Root, *Collection, error) {
	r, c, rights, err := s.find(snap, root, name)
	if err != nil {
		return nil, nil, err
	}
	if !rights.Has(need) {
		return nil, nil, taxii.Errorf(taxii.Forbidden, "this account may not %s here", need&^rights)
	}
	return r, c, nil
}

// findChannel finds a Channel that the account sees, and its rights on it.
func (s *Session) findChannel(snap *snapshot, root, name string) (*Root, *Channel, Rights, error) {
	r, err := s.root(snap, root)
	if err != nil {
		return nil, nil, 0, err
	}
	c := snap.channel(r.ID, name)
	if c == nil || r.Advertise != "" {
		return nil, nil, 0, s.Missing()
	}
	rights := s.onChannel(snap, r, c)
	if rights == 0 {
		return nil, nil, 0, s.Missing()
	}
	return r, c, rights, nil
}

// mayChannel finds a Channel on which the account has the rights it needs. What
// nobody can do there comes before what this account may not (404, 501, 403).
func (s *Session) mayChannel(snap *snapshot, need Rights, root, name string) (*Root, *Channel, Rights, error) {
	r, c, rights, err := s.findChannel(snap, root, name)
	if err != nil {
		return nil, nil, 0, err
	}
	switch {
	case need.Has(Read) && c.Mode == taxii.ModeWriteOnly:
		return nil, nil, 0, taxii.Errorf(taxii.Unsupported, "this channel is write-only: nobody can read it")
	case need.Has(Write) && c.Mode == taxii.ModeReadOnly:
		return nil, nil, 0, taxii.Errorf(taxii.Unsupported, "this channel is read-only: the server itself publishes here")
	case !rights.Has(need):
		return nil, nil, 0, taxii.Errorf(taxii.Forbidden, "this account may not %s here", need&^rights)
	}
	return r, c, rights, nil
}
