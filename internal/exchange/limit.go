package exchange

import (
	"math"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// Limits of an account; 0 is none of its own: that of its groups or, without
// one there, that of the server. Of several groups the largest holds. Below 0 is
// no limit, whatever stands above. Each is looked up alone.
type Limits struct {
	Requests      float64 `json:"requests_per_second,omitempty" yaml:"requests_per_second,omitempty"`
	Burst         int     `json:"burst,omitempty" yaml:"burst,omitempty"`
	Objects       int64   `json:"objects_per_day,omitempty" yaml:"objects_per_day,omitempty"` // added
	Octets        int64   `json:"bytes_per_day,omitempty" yaml:"bytes_per_day,omitempty"`     // that go out
	Streams       int     `json:"streams,omitempty" yaml:"streams,omitempty"`                 // waits and event streams, open
	Subscriptions int     `json:"subscriptions,omitempty" yaml:"subscriptions,omitempty"`
}

// Unlimited is no limit. Nothing else below 0 can be set: who writes -50 means 50.
const Unlimited = -1

const (
	// leastRequests is the least limit of requests in a second: a run through a
	// Collection waits from page to page, and a wait must end within maxPause (K70).
	leastRequests = 1
	// mostRequests and mostBurst are far above what a server answers.
	mostRequests, mostBurst = 1_000_000, 10_000_000
	// burstTime is what burst is in seconds of requests where none is set: a client
	// that begins a run asks for discovery, root, collections and some pages at once.
	burstTime = 10
	// mostPerDay keeps what is counted in a day far from the end of numbers.
	mostPerDay = 1 << 60
	// mostStreams and mostSubscriptionsOf bound what an account may be given of what
	// the server has to keep for it: a connection each, and a row each.
	mostStreams, mostSubscriptionsOf = 1 << 20, 1_000_000
)

// check tells, naming the member, whether limits can be as stated.
func (l Limits) check() error {
	switch {
	case math.IsNaN(l.Requests) || l.Requests > mostRequests || l.Requests != 0 && l.Requests != Unlimited && l.Requests < leastRequests:
		return invalid("limits/requests_per_second", "must be from 1 to 1000000, or -1 for no limit, so that a run through a collection can be slowed and goes on")
	case l.Burst < 0 || l.Burst > mostBurst:
		return invalid("limits/burst", "must be from 1 to 10000000")
	case l.Objects > mostPerDay || l.Objects < Unlimited:
		return invalid("limits/objects_per_day", "must be from 1 to 2^60, or -1 for no limit")
	case l.Octets > mostPerDay || l.Octets < Unlimited:
		return invalid("limits/bytes_per_day", "must be from 1 to 2^60, or -1 for no limit")
	case l.Streams < 0 || l.Streams > mostStreams:
		return invalid("limits/streams", "must be from 1 to 1048576: each holds a connection")
	case l.Subscriptions < 0 || l.Subscriptions > mostSubscriptionsOf:
		return invalid("limits/subscriptions", "must be from 1 to 1000000: each is kept on the disk")
	}
	return nil
}

// Check tells, naming the member, whether these can be limits.
func (l Limits) Check() error { return l.check() }

// limitsOf gives the limits of an account that is in further groups: its own,
// else the largest of its groups, else the server's.
func (x *Exchange) limitsOf(snap *snapshot, account int64, groups []int64) Limits {
	var own, shared Limits
	if a := snap.accounts[account]; a != nil {
		own = a.Limits
	}
	for _, list := range [2][]int64{snap.memberOf[account], groups} {
		for _, id := range list {
			if g := snap.groups[id]; g != nil {
				shared = shared.largest(g.Limits)
			}
		}
	}
	return own.or(shared).or(x.opt.Limits)
}

// uncounted tells that neither limits nor counts are for the Session: what the
// operator does, also in another name.
func (s *Session) uncounted() bool { return s.operator || s.unlimited }

// limits gives those in force for the Session.
func (s *Session) limits(snap *snapshot) Limits {
	if s.uncounted() {
		return Limits{}
	}
	return s.x.limitsOf(snap, s.account.ID, s.groups)
}

// Streams is how many waits and event streams the account may have open; 0: as
// many as the server gives every account.
func (s *Session) Streams() int { return s.limits(s.x.now.Load()).Streams }

// or gives each limit, or where there is none the other.
func (l Limits) or(o Limits) Limits {
	return Limits{
		Requests: first(l.Requests, o.Requests), Burst: first(l.Burst, o.Burst), Objects: first(l.Objects, o.Objects),
		Octets: first(l.Octets, o.Octets), Streams: first(l.Streams, o.Streams), Subscriptions: first(l.Subscriptions, o.Subscriptions),
	}
}

// largest gives the larger of each; no limit is larger than any.
func (l Limits) largest(o Limits) Limits {
	return Limits{
		Requests: larger(l.Requests, o.Requests), Burst: larger(l.Burst, o.Burst), Objects: larger(l.Objects, o.Objects),
		Octets: larger(l.Octets, o.Octets), Streams: larger(l.Streams, o.Streams), Subscriptions: larger(l.Subscriptions, o.Subscriptions),
	}
}

func first[T int | int64 | float64](a, b T) T {
	if a != 0 {
		return a
	}
	return b
}

func larger[T int | int64 | float64](a, b T) T {
	if a < 0 || b < 0 {
		return Unlimited
	}
	return max(a, b)
}

// bucket is a limit of requests: it holds burst of them, and one more comes in
// every interval. The zero value is no limit.
type bucket struct {
	interval time.Duration
	burst    int64
}

// bucketOf gives this node's share of a limit of requests.
func (x *Exchange) bucketOf(l Limits) bucket {
	if l.Requests <= 0 {
		return bucket{}
	}
	burst := float64(l.Burst)
	if burst == 0 {
		burst = math.Ceil(burstTime * l.Requests)
	}
	nodes := float64(x.nodes())
	return bucket{
		interval: max(1, time.Duration(float64(time.Second)*nodes/l.Requests)),
		burst:    max(1, int64(burst/nodes)),
	}
}

// share gives this node's share of what an account may use up in a day; below 0
// is no limit.
func (x *Exchange) share(quota int64) int64 {
	if quota <= 0 {
		return Unlimited
	}
	return max(1, quota/x.nodes())
}

// nodes is between how many nodes limits are shared: each counts alone, so that
// no request waits for another node.
func (x *Exchange) nodes() int64 { return max(1, int64(x.opt.Nodes)) }

// whole is how long an empty bucket takes to be full.
func (b bucket) whole() time.Duration { return time.Duration(b.burst) * b.interval }

// allowance tells what is left of a bucket that is full again at a time.
func (b bucket) allowance(now, full int64) taxii.Allowance {
	if b.interval == 0 {
		return taxii.Allowance{}
	}
	lacks := time.Duration(max(0, full-now))
	return taxii.Allowance{
		Name: "requests", Quota: b.burst, Window: b.whole(), PerMinute: int(time.Minute / b.interval),
		Left: max(0, int64((b.whole()-lacks)/b.interval)), Resets: lacks,
	}
}
