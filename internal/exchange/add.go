package exchange

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/taxii"
)

// maxObjects bounds the objects of one Add, those in bundles included.
const maxObjects = taxii.MaxObjects

func tooMany() error {
	return taxii.Errorf(taxii.Unprocessable, "an envelope may hold at most %d objects: send several", maxObjects)
}

// MayAdd tells, before a body is taken, whether this account may add there.
func (s *Session) MayAdd(root, collection string) error {
	_, _, err := s.may(s.x.now.Load(), Write, root, collection)
	return err
}

// Add adds the objects of an envelope, or of a bundle, to a Collection (R236).
// An error means that nothing was stored; otherwise the Status is complete, its
// successes are on stable storage, and each failure says why (K60-K63).
func (s *Session) Add(ctx context.Context, root, collection string, body []byte) (taxii.Status, error) {
	snap := s.x.now.Load()
	r, c, err := s.may(snap, Write, root, collection)
	if err != nil {
		return taxii.Status{}, err
	}
	validation, err := stix.ParseValidation(c.Validation)
	if err != nil {
		return taxii.Status{}, err
	}
	raws, err := taxii.SplitEnvelope(body)
	if err != nil {
		return taxii.Status{}, err
	}
	if err := s.take(int64(len(raws)) * feed.DetailOctets); err != nil {
		return taxii.Status{}, err
	}
	at := taxii.TimeOf(s.x.opt.Now())
	in := intake{at: at, validation: validation, types: c.Types, room: s.take}
	for i, raw := range raws {
		if err := in.take(fmt.Sprintf("objects/%d", i), raw, ""); err != nil {
			return taxii.Status{}, err
		}
	}
	if in.total > maxObjects {
		return taxii.Status{}, tooMany()
	}
	add := feed.Add{
		Feed: c.Feed, Drafts: in.drafts, Account: s.account.ID, Request: RequestOf(ctx), Form: form,
		Record: s.added(ctx, EventAdd, snap.name(resource{OnCollection, r.ID, c.ID}), c.Feed),
		Status: feed.Status{ID: taxii.NewID(), Root: r.ID, At: at, Failures: in.failures},
	}
	counted := s.spend(snap, add.Drafts)
	add.Admits = counted.admits()
	results, err := s.x.store.Append(ctx, []feed.Add{add})
	counted.settle(results)
	if err != nil {
		return taxii.Status{}, s.gone(err)
	}
	ceiling := s.reach(snap, resource{OnCollection, r.ID, c.ID})
	return document(results[0].Status, named(add.Drafts, results[0].Outcomes), ceiling), nil
}

// form is the canonical form of content (RFC 8785) or, for what has none, the
// content.
func form(content []byte) []byte {
	canonical, err := stix.Canonical(content)
	if err != nil {
		return content
	}
	return canonical
}

// intake turns raw objects into drafts and failures.
type intake struct {
	at         taxii.Time
	validation stix.Validation
	types      []string
	room       func(octets int64) error // for what comes out of bundles
	total      int
	drafts     []feed.Draft
	failures   []feed.Failure
}

// take judges one raw value. One bad object never harms its neighbours; an error
// is that there is no memory for more.
func (in *intake) take(where string, raw []byte, note string) error {
	if note == "" && stix.IsBundle(raw) {
		return in.bundle(where, raw)
	}
	if in.total++; in.total > maxObjects {
		return nil // the Add is refused
	}
	facts, err := stix.Peek(raw)
	if err == nil && facts.Type == "bundle" {
		err = errors.New("type: a bundle is no object; send the objects that are in it")
	}
	if err == nil {
		err = stix.Check(raw, facts, in.validation)
	}
	if err == nil && len(in.types) > 0 && !slices.Contains(in.types, facts.Type) {
		err = fmt.Errorf("type: this collection does not take objects of type %s", facts.Type)
	}
	if err != nil {
		in.fail(where, facts, err)
		return nil
	}
	level, unmarked := levelOf(facts.TLP)
	in.drafts = append(in.drafts, feed.Draft{
		ID: facts.ID, Type: facts.Type, SpecVersion: facts.SpecVersion, Version: facts.Version,
		VersionKey: facts.VersionKey, VersionTime: facts.VersionTime, Note: note, Content: raw,
		Level: level, Unmarked: unmarked,
	})
	return nil
}

// bundle takes the objects out of a bundle that was sent as an object (K60).
func (in *intake) bundle(where string, raw []byte) error {
	raws, err := taxii.SplitEnvelope(raw)
	if err != nil {
		in.total++
		in.fail(where, stix.Facts{}, err)
		return nil
	}
	if err := in.room(int64(len(raws)) * feed.DetailOctets); err != nil {
		return err
	}
	note := "taken out of the bundle at " + where + ": an envelope holds objects, not bundles"
	for i, inner := range raws {
		if err := in.take(fmt.Sprintf("%s/objects/%d", where, i), inner, note); err != nil {
			return err
		}
	}
	return nil
}

// fail keeps why an object was not taken. Without a usable id it is called by
// its index, and without a version by the time of the request.
func (in *intake) fail(where string, facts stix.Facts, err error) {
	f := feed.Failure{ID: facts.ID, Version: facts.Version, Message: err.Error()}
	if f.ID == "" {
		f.ID, f.Version = where, ""
	}
	if f.Version == "" {
		f.Version = in.at.String()
	}
	in.failures = append(in.failures, f)
}

// named gives the names of what was taken: new entries first, then duplicates,
// as the record of the Status has them.
func named(drafts []feed.Draft, outcomes []feed.Outcome) []feed.Version {
	var fresh, duplicates []feed.Version
	for i, o := range outcomes {
		switch v := versionOf(&drafts[i], o); o.Fate {
		case feed.Appended:
			fresh = append(fresh, v)
		case feed.Duplicate:
			duplicates = append(duplicates, v)
		}
	}
	return append(fresh, duplicates...)
}

func versionOf(d *feed.Draft, o feed.Outcome) feed.Version {
	return feed.Version{ID: d.ID, Version: o.Version, Level: o.Level, Undated: feed.Undated(d.VersionKey)}
}

// AlreadyHere is the message of a success that was there before with equal
// content (K61). Other remarks follow it after a semicolon.
const AlreadyHere = "already here with this content"

// document gives the Status resource of a record (R196-R209). It says the same
// in the answer to the Add and whenever it is asked for later. Whether what is
// above the ceiling was there before it does not tell, by no word, no date and no
// order.
func document(st feed.Status, successes []feed.Version, ceiling Level) taxii.Status {
	d := taxii.Status{
		ID: st.ID, Status: taxii.StatusComplete, RequestTimestamp: st.At,
		TotalCount: len(successes) + len(st.Failures), SuccessCount: len(successes), FailureCount: len(st.Failures),
	}
	for _, v := range successes {
		if v.Undated && v.Level > ceiling {
			v.Version = st.At.String()
		}
		d.Successes = append(d.Successes, taxii.StatusDetail{ID: v.ID, Version: v.Version})
	}
	for i := len(successes) - len(st.Duplicates); i < len(successes); i++ {
		if successes[i].Level <= ceiling {
			d.Successes[i].Message = AlreadyHere
		}
	}
	for _, n := range st.Notes {
		if d.Successes[n.Index].Message != "" {
			n.Message = d.Successes[n.Index].Message + "; " + n.Message
		}
		d.Successes[n.Index].Message = n.Message
	}
	for _, f := range st.Failures {
		d.Failures = append(d.Failures, taxii.StatusDetail{ID: f.ID, Version: f.Version, Message: f.Message})
	}
	if ceiling != NoCeiling {
		slices.SortStableFunc(d.Successes, func(a, b taxii.StatusDetail) int {
			return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Version, b.Version))
		})
	}
	return d
}

// Status gives what became of an Add to a Collection of this root, or of a
// publication on a Channel of it, to the account that made it and to who may
// manage the Collection or Channel (R191-R194). To others it does not exist.
func (s *Session) Status(ctx context.Context, root, id string) (taxii.Status, error) {
	snap := s.x.now.Load()
	r, err := s.root(snap, root)
	if err != nil {
		return taxii.Status{}, err
	}
	// Who may not read it must not learn from the time it takes that it is there.
	st, err := s.x.store.StatusHead(ctx, id)
	if taxii.KindOf(err) == taxii.NotFound {
		return taxii.Status{}, s.Missing()
	}
	if err != nil {
		return taxii.Status{}, err
	}
	channel, rights, ceiling, may := s.mayReadStatus(snap, r, st)
	if st.Root != r.ID || !may {
		return taxii.Status{}, s.Missing()
	}
	if err := s.take(st.Octets); err != nil {
		return taxii.Status{}, err
	}
	if st, err = s.x.store.Status(ctx, id); err != nil {
		return taxii.Status{}, err
	}
	if channel != nil {
		return s.x.publication(ctx, snap, channel, st, rights.Has(Read))
	}
	successes, err := s.x.store.StatusVersions(ctx, st)
	if err != nil {
		return taxii.Status{}, err
	}
	return document(st, successes, ceiling), nil
}

// mayReadStatus tells who may: who made it, and who manages the Collection or the
// Channel, which is given with the rights and the ceiling there. It names what was
// added whatever its level, so that of others' only who has no ceiling reads it. A
// credential with a scope that lets nothing through there is not told of it.
func (s *Session) mayReadStatus(snap *snapshot, r *Root, st feed.Status) (channel *Channel, rights Rights, ceiling Level, may bool) {
	if s.x.opt.Now().Add(-statusKept).UnixMicro() > int64(st.At) {
		return nil, 0, 0, false // gone, though not purged yet
	}
	for _, c := range snap.collections[r.ID] {
		if c.Feed == st.Feed {
			rights = s.onCollection(snap, r, c)
			ceiling = s.reach(snap, resource{OnCollection, r.ID, c.ID})
			return nil, rights, ceiling, s.owns(st, rights) || rights.Has(Manage) && ceiling == NoCeiling
		}
	}
	for _, c := range snap.channels[r.ID] {
		if c.Feed == st.Feed {
			rights = s.onChannel(snap, r, c)
			ceiling = s.reach(snap, resource{OnChannel, r.ID, c.ID})
			return c, rights, ceiling, s.owns(st, rights) || rights.Has(Manage) && ceiling == NoCeiling
		}
	}
	return nil, 0, 0, false
}

// owns tells whether the account made a Status, and the request may know of it: an
// account knows what it did where it has lost its rights since, but a credential
// does not know what was done beyond its scope.
func (s *Session) owns(st feed.Status, rights Rights) bool {
	return st.Account == s.account.ID && (rights != 0 || !s.scoped())
}

// scoped tells whether a credential lets through less than the account may.
func (s *Session) scoped() bool {
	return slices.ContainsFunc(s.proofs(), func(p *Credential) bool { return p.Scope != nil })
}
