package exchange

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// listedRefusals is how many refusals of a source are listed in a minute; more
	// are counted: who guesses or is set up wrongly must not fill the audit.
	listedRefusals = 10
	// maxSources bounds the sources of which refusals are told apart in a minute, at
	// about 200 octets each. Those of more are counted together.
	maxSources = 10_000
	// countsEvery is how often counts are written: what a crash may lose.
	countsEvery = 10 * time.Second
	// seenFor is how long an account that has signed in with a credential from an
	// address is not recorded to sign in again: as long as a verified password is
	// not verified again.
	seenFor = 5 * time.Minute
	// maxSeen bounds what is kept of that, at about 200 octets each.
	maxSeen = 10_000
	// otherSources stands for those beyond maxSources.
	otherSources = "others"
)

// sighting is one account, signed in with one credential from one address.
type sighting struct {
	account    int64
	way        Way
	kind, name string // of the credential
	created    taxii.Time
	addr       string
}

func (s *Session) sighting() sighting {
	v := sighting{account: s.account.ID, way: s.way}
	if s.trail != nil {
		v.addr = s.trail.Addr
	}
	if s.proof != nil {
		v.kind, v.name, v.created = s.proof.Kind, s.proof.Name, s.proof.Created
	}
	return v
}

// sightings are those of the last minutes.
type sightings struct {
	mu  sync.Mutex // guards all
	all map[sighting]time.Time
}

// first tells whether it is the first in a while.
func (g *sightings) first(v sighting, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until, ok := g.all[v]; ok && now.Before(until) {
		return false
	}
	if len(g.all) >= maxSeen {
		for old, until := range g.all {
			if !now.Before(until) {
				delete(g.all, old)
			}
		}
	}
	if g.all == nil || len(g.all) >= maxSeen {
		g.all = map[sighting]time.Time{}
	}
	g.all[v] = now.Add(seenFor)
	return true
}

func (g *sightings) forget(v sighting) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.all, v)
}

// Refusal is a request that was not let in, or not let do what it asked for.
type Refusal struct {
	Source
	Session *Session // nil: it is not known who asks
	Name    string   // then the name that was given, recorded if an account has it
	What    string   // method and path
	Err     error    // the answer
}

// maxWhat bounds, in octets, what a request's own words take of a record.
const maxWhat = 256

// why is what a refusal is called; "": the error is none.
func (r *Refusal) why() string {
	switch taxii.KindOf(r.Err) {
	case taxii.Unauthenticated:
		return "unauthenticated"
	case taxii.Forbidden:
		return "forbidden"
	case taxii.NotFound:
		return "missing" // or hidden, which is the same
	case taxii.TooMany:
		return "too many"
	}
	return ""
}

// Refused records an answer that is a refusal, and returns when it may go out. From
// the eleventh of a source in a minute on they are counted.
func (x *Exchange) Refused(ctx context.Context, r Refusal) {
	why := r.why()
	if why == "" {
		return
	}
	if r.Session != nil && r.Session.trail != nil {
		r.Session.trail.kept = true
	}
	if !x.audits() || !x.audit.refused.list(sourceOf(r.Addr), x.opt.Now()) {
		return
	}
	var line auditLine
	switch {
	case r.Session != nil:
		line = r.Session.begin(ctx, EventRefusal)
	default:
		line = x.newRecord(EventSignIn)
		if a := x.now.Load().names[r.Name]; a != nil && !a.Builtin {
			line = line.text("account", a.Name).number("account_number", a.ID)
		}
		line = line.text("from", r.Addr).text("request", RequestOf(ctx))
	}
	if len(r.What) > maxWhat {
		r.What = r.What[:maxWhat]
	}
	_ = x.record(line.text("asked", r.What).text("why", why).end(outcomeRefused)).Wait() // a refusal stays one
}

// sourceOf gives whose refusals are counted together: those of an address or, for
// IPv6, where one host has very many, of its network.
func sourceOf(addr string) string {
	a, err := netip.ParseAddr(addr)
	if err != nil || a.Unmap().Is4() {
		return addr
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return addr
	}
	return p.String()
}

// refusals are those of this minute, by source.
type refusals struct {
	mu  sync.Mutex // guards all
	all map[string]*refusing
}

type refusing struct {
	minute int64 // since 1970
	listed int
	more   int64 // counted, and not written yet
}

// list tells whether a refusal is to be listed; it counts it otherwise.
func (g *refusals) list(source string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all == nil {
		g.all = map[string]*refusing{}
	}
	r := g.all[source]
	if r == nil && len(g.all) >= maxSources {
		source = otherSources
		r = g.all[source]
	}
	minute := now.Unix() / 60
	switch {
	case r == nil:
		r = &refusing{minute: minute}
		g.all[source] = r
	case r.minute != minute && r.more == 0:
		*r = refusing{minute: minute}
	}
	if r.minute == minute && r.listed < listedRefusals && source != otherSources {
		r.listed++
		return true
	}
	r.more++
	return false
}

// take gives what was counted since the last time, as records, and forgets the
// sources of earlier minutes.
func (g *refusals) take(x *Exchange, now time.Time) (lines [][]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for source, r := range g.all {
		if r.more > 0 {
			lines = append(lines, x.newRecord(EventRefusal).text("from", source).text("minute", minuteOf(r.minute)).
				number("count", r.more).end(outcomeRefused))
			r.more = 0
		}
		if r.minute != now.Unix()/60 {
			delete(g.all, source)
		}
	}
	return lines
}

func minuteOf(minute int64) string { return time.Unix(minute*60, 0).UTC().Format("2006-01-02T15:04Z") }

// quiets counts the requests of which there is no other record.
type quiets struct {
	mu  sync.Mutex // guards all
	all map[quietKey]quiet
}

type quietKey struct{ account, minute int64 }

type quiet struct {
	name         string
	empty, other int64
}

// Finished counts a request that was answered without an error and of which there
// is no record: an empty poll, or anything else that delivers no content.
func (s *Session) Finished() {
	if s.trail == nil || s.trail.kept || s.operator || !s.x.audits() {
		return
	}
	g, key := &s.x.audit.quiet, quietKey{s.account.ID, s.x.opt.Now().Unix() / 60}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all == nil {
		g.all = map[quietKey]quiet{}
	}
	q := g.all[key]
	q.name = s.account.Name
	if s.trail.reads {
		q.empty++
	} else {
		q.other++
	}
	g.all[key] = q
}

func (g *quiets) take(x *Exchange) (lines [][]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, q := range g.all {
		lines = append(lines, x.newRecord(EventQuiet).text("account", q.name).number("account_number", key.account).
			text("minute", minuteOf(key.minute)).number("empty", q.empty).number("other", q.other).end(outcomeDone))
	}
	clear(g.all)
	return lines
}

// KeepCounts writes what was counted and not yet written. Where that fails it is
// lost: counts are no promise.
func (x *Exchange) KeepCounts() error {
	lines := append(x.audit.refused.take(x, x.opt.Now()), x.audit.quiet.take(x)...)
	if len(lines) == 0 {
		return nil
	}
	return x.store.Record(lines...)()
}

// keepAudit writes counts and removes what is too old, until ctx ends.
func (x *Exchange) keepAudit(ctx context.Context, failed func(error)) {
	if !x.audits() {
		return
	}
	counts := func(context.Context) (bool, error) { return false, x.KeepCounts() }
	var all sync.WaitGroup
	for _, task := range []chore{
		{counts, func() time.Duration { return countsEvery }}, {x.purgeAudit, func() time.Duration { return auditPurgeEvery }},
	} {
		all.Go(func() { task.keepAt(ctx, failed) })
	}
	all.Wait()
	if err := x.KeepCounts(); err != nil {
		failed(err)
	}
}

// auditPurgeEvery: what is kept for a year may be there an hour longer, and so its
// traces are removed from files once an hour and not all the time.
const auditPurgeEvery = time.Hour

func (x *Exchange) purgeAudit(ctx context.Context) (more bool, err error) {
	if x.opt.AuditKept <= 0 {
		return false, nil
	}
	return x.store.PurgeAudit(ctx, taxii.TimeOf(x.opt.Now().Add(-x.opt.AuditKept)))
}
