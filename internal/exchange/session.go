package exchange

import (
	"errors"
	"iter"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// Session is the exchange as one account sees it. There is no other way in, so
// no operation can forget to ask who is calling.
type Session struct {
	x         *Exchange
	account   *Account
	anonymous bool                // asks without credentials
	proof     *Credential         // what the account proved itself with; nil where it needs none
	way       Way                 // how
	groups    []int64             // that it is in, beside those of the catalogue: an issuer's word
	scope     map[resource]Rights // what the credential lets through; nil: all
	word      *word               // what a JWT says beside the account; nil without one
	operator  bool                // every right
	unlimited bool                // an operator acts in the name of the account: its limits do not count
	besides   []*Session          // of the other proofs of the same account that came along; see Beside

	room  func(octets int64) error // see Within; nil: as much as it takes
	trail *trail                   // of the request, for the audit; nil: see From
	actor string                   // who acts in the name of the account, or ""
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
			return x.openWith(account, &proof, Way(kind)), nil
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

// refusedAs is refused with why, for the log.
func refusedAs(why string) error {
	return taxii.Errorf(taxii.Unauthenticated, "the credentials are not valid").Because(errors.New(why))
}

// same tells whether a credential is still the one that it was.
func (c *Credential) same(d Credential) bool {
	return c.Kind == d.Kind && c.Name == d.Name && c.Secret == d.Secret && c.Created == d.Created
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
	return &Session{x: s.x, account: account, unlimited: true, trail: s.trail, actor: s.account.Name}, nil
}

// all is every right.
const all = Read | Write | Manage | Create | Push

// Way is a way to sign in.
type Way string

// The ways to sign in. A JWT is one whoever signed it.
const (
	ByPassword    Way = "password"
	ByToken       Way = "token"
	ByJWT         Way = "jwt"
	ByCertificate Way = "certificate"
)

// granted is what one party to a request has been granted on each resource: the
// account with its groups and everyone, or the scope of its credential.
type granted func(resource) Rights

// grants gives what the account, its groups and everyone were granted.
func (s *Session) grants(snap *snapshot) granted {
	if s.operator {
		return func(resource) Rights { return all }
	}
	var some [4]map[resource]Rights // few have more: nothing is allocated for them
	held := some[:0]
	for id := range s.parties(snap) {
		if grants := snap.grants[id]; grants != nil {
			held = append(held, grants)
		}
	}
	return func(r resource) (rights Rights) {
		for _, grants := range held {
			rights |= grants[r]
		}
		return rights
	}
}

// parties gives the numbers under which the Session is granted something.
func (s *Session) parties(snap *snapshot) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		if !yield(s.account.ID) {
			return
		}
		for _, list := range [][]int64{snap.memberOf[s.account.ID], s.groups} {
			for _, id := range list {
				if !yield(id) {
					return
				}
			}
		}
		if everyone := snap.names[AnonymousName]; everyone != nil {
			yield(everyone.ID)
		}
	}
}

// rights carries a rule out on what was granted, and on what the credential lets
// through: the Session has what both give.
func (s *Session) rights(snap *snapshot, rule func(granted) Rights) Rights {
	rights := rule(s.grants(snap))
	if s.scope != nil {
		rights &= rule(func(r resource) Rights { return s.scope[r] })
	}
	for _, b := range s.besides {
		if b.scope != nil {
			rights &= rule(func(r resource) Rights { return b.scope[r] })
		}
	}
	return rights
}

func (s *Session) onServer(snap *snapshot) Rights { return s.rights(snap, granted.onServer) }

func (s *Session) onRoot(snap *snapshot, root *Root) Rights {
	if !s.takes(root) {
		return 0
	}
	return s.rights(snap, func(g granted) Rights { return g.onRoot(root) })
}

func (s *Session) onCollection(snap *snapshot, root *Root, c *Collection) Rights {
	if !s.takes(root) {
		return 0
	}
	return s.rights(snap, func(g granted) Rights { return g.onCollection(root, c) })
}

func (s *Session) onChannel(snap *snapshot, root *Root, c *Channel) Rights {
	if !s.takes(root) {
		return 0
	}
	return s.rights(snap, func(g granted) Rights { return g.onChannel(root, c) })
}

func (g granted) onServer() Rights { return g(resource{scope: OnServer}) }

func (g granted) onRoot(root *Root) Rights {
	return g.onServer() | g(resource{scope: OnRoot, root: root.ID})
}

func (g granted) onCollection(root *Root, c *Collection) Rights {
	return g.onRoot(root)&(Read|Write|Manage) | g(resource{OnCollection, root.ID, c.ID})
}

// onChannel gives the rights on a Channel. What lets make others in its API Root,
// or push from those that the account sees, does not let it see this one.
func (g granted) onChannel(root *Root, c *Channel) Rights {
	above := g.onRoot(root)
	rights := above&(Read|Write|Manage) | g(resource{OnChannel, root.ID, c.ID})
	if rights == 0 {
		return 0
	}
	return rights | above&Push
}

// stands tells whether the account and what it proved itself with are still
// good and still enough, for requests that last.
func (s *Session) stands(snap *snapshot) error {
	if err := s.holds(snap); err != nil {
		return err
	}
	if account := snap.accounts[s.account.ID]; account != nil && s.wantsCertificate(account) {
		return refused(nil)
	}
	return nil
}

// holds tells whether all proofs of the request are still good.
func (s *Session) holds(snap *snapshot) error {
	for _, b := range s.besides {
		if err := b.holds(snap); err != nil {
			return err
		}
	}
	if account := snap.names[s.account.Name]; s.word != nil && (!s.word.stands(s.x, snap) || account == nil || account.ID != s.account.ID) {
		return refused(nil)
	}
	if s.proof == nil {
		return nil
	}
	if snap.names[s.account.Name] == nil || !slices.ContainsFunc(snap.credentials[s.account.ID], s.proof.same) ||
		s.proof.Expires != 0 && taxii.TimeOf(s.x.opt.Now()) >= s.proof.Expires {
		return refused(nil)
	}
	return nil
}

// ceiling is the highest marking level that the Session sees in a Collection or
// Channel: the highest of the grants that let it read there, and no higher than
// that of its credential.
func (s *Session) ceiling(snap *snapshot, item resource) Level {
	highest, _ := s.readsUpto(snap, item)
	return s.lowered(highest)
}

// readsUpto is the highest marking level up to which the grants let the account
// read, whatever its credentials let through; reads is false where none does.
func (s *Session) readsUpto(snap *snapshot, item resource) (highest Level, reads bool) {
	if s.operator {
		return NoCeiling, true
	}
	highest = TLPClear
	for id := range s.parties(snap) {
		grants := snap.grants[id]
		if grants == nil {
			continue
		}
		for _, r := range [...]resource{{scope: OnServer}, {scope: OnRoot, root: item.root}, item} {
			if !grants[r].Has(Read) {
				continue
			}
			level, limited := snap.ceilings[id][r]
			if !limited {
				level = NoCeiling
			}
			highest, reads = max(highest, level), true
		}
	}
	return highest, reads
}

// lowered is a ceiling as the credentials of the request leave it.
func (s *Session) lowered(ceiling Level) Level {
	if s.proof != nil && s.proof.Ceiling != nil {
		ceiling = min(ceiling, *s.proof.Ceiling)
	}
	for _, b := range s.besides {
		if b.proof != nil && b.proof.Ceiling != nil {
			ceiling = min(ceiling, *b.proof.Ceiling)
		}
	}
	return ceiling
}

// Missing is the answer for what does not exist and for what this account may
// not see: the same words, and for who asks without credentials the request for
// some.
func (s *Session) Missing() error {
	if s.anonymous {
		return taxii.Errorf(taxii.Unauthenticated, "credentials are needed").
			Describe("Send the name and password of an account with HTTP Basic, or an API token as Bearer.")
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
	switch {
	case r == nil:
		return nil, s.Missing()
	case s.seesRoot(snap, r):
		return r, nil
	case !s.anonymous && !s.takes(r) && s.anyWay().seesRoot(snap, r):
		return nil, otherWay(r)
	}
	return nil, s.Missing()
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
