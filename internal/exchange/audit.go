package exchange

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// AuditMode says what holds where no record can be written.
type AuditMode string

// The modes. With AuditOn, the zero value's meaning, what cannot be recorded is not
// delivered; with AuditBestEffort it is. AuditOff records nothing.
const (
	AuditOn         AuditMode = "on"
	AuditBestEffort AuditMode = "best-effort"
	AuditOff        AuditMode = "off"
)

// DefaultAuditKept is how long records are kept: a year, and the time in which its
// end is looked at.
const DefaultAuditKept = 400 * 24 * time.Hour

// Source is where a request came from.
type Source struct {
	Addr string // of the client, without its port; ControlSource for the control socket
	Bare bool   // the answer has no body: it delivers nothing (HEAD)
}

// ControlSource is the source of local commands.
const ControlSource = "control socket"

// ledger is what the audit has in memory.
type ledger struct {
	failing atomic.Bool // the last record could not be written
	seen    sightings
	refused refusals
	quiet   quiets
}

// trail is what the audit knows of one request. It is used by that request alone.
type trail struct {
	Source
	kept  bool // there is a record of it
	reads bool // it reads a Collection or a Channel
}

// From gives the same Session for one request, with where that came from. Without
// it records say nothing of that.
func (s *Session) From(source Source) *Session {
	c := &struct {
		s Session
		t trail
	}{*s, trail{Source: source}}
	c.s.trail = &c.t
	return &c.s
}

// auditLine is one record of the audit that is being written.
type auditLine []byte

// recordRoom is what most records take.
const recordRoom = 448

func (x *Exchange) newRecord(event string) auditLine {
	r := make(auditLine, 0, recordRoom)
	r = append(append(r, `{"at":"`...), taxii.TimeOf(x.opt.Now()).String()...)
	return append(append(append(r, `","event":"`...), event...), '"')
}

// text adds a member; one without a value is left out.
func (r auditLine) text(name, value string) auditLine {
	if value == "" {
		return r
	}
	return quote(r.name(name), value)
}

func (r auditLine) number(name string, n int64) auditLine {
	if n == 0 {
		return r
	}
	return strconv.AppendInt(r.name(name), n, 10)
}

func (r auditLine) name(name string) auditLine {
	return append(append(append(r, ',', '"'), name...), '"', ':')
}

// end gives the line, with what came of what it is about.
func (r auditLine) end(outcome string) []byte { return append(r.text("outcome", outcome), '}') }

// The outcomes of what is recorded.
const (
	outcomeDone    = "done"
	outcomeRefused = "refused"
	outcomeUnknown = "unknown" // it may have been done, or not
)

// begin begins a record of what a Session does.
func (s *Session) begin(ctx context.Context, event string) auditLine {
	r := s.x.newRecord(event).text("account", s.account.Name).number("account_number", s.account.ID).text("by", s.actor)
	if s.trail != nil {
		s.trail.kept = true
		r = r.text("from", s.trail.Addr)
	}
	return s.proven(r).text("request", RequestOf(ctx))
}

// proven says what an account proved itself with: each credential under its id,
// or the name that it has among those of its kind.
func (s *Session) proven(r auditLine) auditLine {
	r = r.text("way", string(s.way))
	if s.proof != nil {
		r = r.text("credential", cmp.Or(s.proof.ID, s.proof.Name))
	}
	if s.word != nil {
		r = r.text("issuer", s.word.issuer)
	}
	for _, b := range s.besides {
		r = r.text("beside", string(b.way))
		if b.proof != nil {
			r = r.text("beside_credential", cmp.Or(b.proof.ID, b.proof.Name))
		}
	}
	return r
}

// Receipt is of a record that is being written. The nil Receipt is of none.
type Receipt struct {
	x       *Exchange
	written func() error
	waited  bool
	err     error
}

// Wait returns when the record is on stable storage. An error, Full or Unavailable,
// says that it is not, and that what it is about is not to be delivered.
func (r *Receipt) Wait() error {
	if r == nil {
		return nil
	}
	if !r.waited {
		r.waited, r.err = true, r.written()
		r.x.audit.failing.Store(r.err != nil)
	}
	if r.err == nil || r.x.opt.Audit == AuditBestEffort {
		return nil
	}
	return unrecorded(r.err)
}

func unrecorded(err error) error {
	e := taxii.Errorf(taxii.Unavailable, "this cannot be recorded now; try again")
	if taxii.KindOf(err) == taxii.Full {
		e = taxii.Errorf(taxii.Full, "the server's disk is full: what cannot be recorded is not delivered; try again later")
	}
	return e.Because(err)
}

// audits tells whether there are records at all.
func (x *Exchange) audits() bool { return x.opt.Audit != AuditOff }

// record hands a line to the store.
func (x *Exchange) record(line []byte) *Receipt {
	if !x.audits() {
		return nil
	}
	return &Receipt{x: x, written: x.store.Record(line)}
}

// before is record for what is about to be delivered: where the last record could
// not be written it waits for this one, so that the answer can still be an error.
func (x *Exchange) before(line []byte) (*Receipt, error) {
	r := x.record(line)
	if r != nil && x.audit.failing.Load() {
		return nil, r.Wait()
	}
	return r, nil
}

// done records something small that a Session has done, and waits for the record.
func (s *Session) done(ctx context.Context, event, on string, more func(auditLine) auditLine) error {
	if !s.x.audits() {
		return nil
	}
	r := s.begin(ctx, event).text("on", on)
	if more != nil {
		r = more(r)
	}
	return s.x.record(r.end(outcomeDone)).Wait()
}

// act is a change that a Session makes, for the audit: what is done, as NOUN.VERB,
// and on what.
type act struct{ do, on string }

// change runs a change of the catalogue in the name of a Session, and records it.
// One of which nobody knows whether it was made is recorded as such.
func (s *Session) change(ctx context.Context, a act, do func(*snapshot) error) error {
	return s.changeTo(ctx, a, nil, do)
}

// changeTo is change where what is changed is recorded too, in words that are there
// once it is done.
func (s *Session) changeTo(ctx context.Context, a act, words *string, do func(*snapshot) error) error {
	err := s.x.change(ctx, do)
	switch {
	case err == nil:
		return s.done(ctx, a.do, a.on, func(r auditLine) auditLine {
			if words == nil {
				return r
			}
			return r.text("change", shortened(*words))
		})
	case taxii.KindOf(err) == taxii.Unavailable && s.x.audits():
		s.x.record(s.begin(ctx, a.do).text("on", a.on).end(outcomeUnknown)) // nobody is kept waiting for it
	}
	return err
}

// mostWords bounds what is recorded of one change, in octets: a list of a hundred
// names has room, and one of a hundred thousand is not kept for good.
const mostWords = 4096

// shortened cuts words, which are names and rights in ASCII, to what is recorded.
func shortened(words string) string {
	if len(words) <= mostWords {
		return words
	}
	return words[:mostWords] + " and more"
}

// SignedIn records that an account has signed in, with the first request that it
// makes with a credential from an address in five minutes; the answer waits for it.
func (s *Session) SignedIn(ctx context.Context) error {
	if s.anonymous || s.operator || s.trail == nil || !s.x.audits() {
		return nil
	}
	if !s.x.audit.seen.first(s.sighting(), s.x.opt.Now()) {
		return nil
	}
	kept := s.trail.kept
	receipt := s.x.record(s.begin(ctx, EventSignIn).end(outcomeDone))
	s.trail.kept = kept // what it asks for is not recorded by that
	if err := receipt.Wait(); err != nil {
		s.x.audit.seen.forget(s.sighting())
		return err
	}
	return nil
}

// The events that are recorded, beside the acts that change the catalogue, such as
// grant.set.
const (
	EventSignIn       = "sign-in"
	EventRefusal      = "refusal"
	EventQuiet        = "polls" // how many requests brought nothing, in a minute
	EventAdd          = "add"
	EventDelete       = "delete"
	EventPublish      = "publish"
	EventDelivery     = "delivery"
	EventStream       = "stream" // opened; its deliveries follow
	EventPush         = "push"   // about to be sent
	EventPushed       = "push.answered"
	EventSubscribe    = "subscription.add"
	EventSubscription = "subscription.set"
	EventUnsubscribe  = "subscription.remove"
	EventAudit        = "audit.read"
	EventRecall       = "audit.recall"
)

// RecordedEvents lists what Event of an AuditQuery can begin with.
func RecordedEvents() []string {
	return slices.Sorted(slices.Values([]string{
		EventSignIn, EventRefusal, EventQuiet, EventAdd, EventDelete, EventPublish, EventDelivery, EventStream, EventPush, "subscription",
		"root", "collection", "channel", "account", "group", "grant", "key", "token", "certificate", "store", "audit",
	}))
}
