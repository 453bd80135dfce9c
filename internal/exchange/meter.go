package exchange

import (
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	day = 24 * time.Hour
	// maxPause is for how long a request that goes on with a run waits at most
	// instead of being refused (K70; section 10 of docs/channels.md).
	maxPause = 2 * time.Second
	// maxPaused bounds the requests of one account that wait so: each holds a
	// connection.
	maxPaused = 64
	// maxRetry is the longest that Retry-After says: there are clients that sleep
	// through whatever it is, and an operator may raise a limit meanwhile.
	maxRetry = time.Hour
)

// meters hold what each account has used of its limits in this node; as many as
// there are accounts.
type meters struct {
	mu sync.RWMutex // guards by
	by map[int64]*meter

	saving sync.Mutex // held while what was counted is written, or read with what was not
	pruned int64      // the day on which old days were forgotten last; guarded by saving
}

// meter is what one account has used.
type meter struct {
	mu     sync.Mutex // guards all below; never held while the store is asked
	full   int64      // when the bucket of requests is full again, nanoseconds since 1970
	paused int        // requests that wait for it
	today  Usage      // Account and Day are always there, but for the first moment
	unsaid Usage      // what of today the store does not know
	before []Usage    // of earlier days likewise; seldom any
}

// of gives the meter of an account.
func (m *meters) of(account int64) *meter {
	m.mu.RLock()
	found := m.by[account]
	m.mu.RUnlock()
	if found != nil {
		return found
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by == nil {
		m.by = map[int64]*meter{}
	}
	if m.by[account] == nil {
		m.by[account] = &meter{today: Usage{Account: account}, unsaid: Usage{Account: account}}
	}
	return m.by[account]
}

// at begins a new day where it is one, in UTC. mu is held.
func (m *meter) at(now int64) {
	d := now / int64(day)
	if d == m.today.Day {
		return
	}
	if m.unsaid.some() {
		m.before = append(m.before, m.unsaid)
	}
	m.today = Usage{Account: m.today.Account, Day: d}
	m.unsaid = m.today
}

// request takes one of the bucket, if it is there within patience, and tells how
// long it is until then. A request that was promised one later goes before
// those that come meanwhile.
func (m *meter) request(now int64, b bucket, patience time.Duration) (wait time.Duration, ok bool) {
	if b.interval == 0 {
		return 0, true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	full := max(m.full, now)
	if most := now + int64(b.whole()+maxPause); full > most { // the clock was set back, or the limit was changed
		full = now + int64(b.whole())
	}
	full += int64(b.interval)
	wait = time.Duration(max(0, full-now-int64(b.whole())))
	if wait > patience || wait > 0 && m.paused >= maxPaused {
		return wait, false
	}
	if wait > 0 {
		m.paused++
	}
	m.full = full
	return wait, true
}

// resumed counts out a request that has waited.
func (m *meter) resumed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.paused--
}

// add counts objects that are to be added, or as many of them as are left of the
// quota of the day (below 0: no quota).
func (m *meter) add(now, objects, quota int64) (on, counted, left int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at(now)
	counted = objects
	if quota >= 0 {
		left = max(0, quota-m.today.Objects)
		counted = min(objects, left)
	}
	m.today.Objects += counted
	m.unsaid.Objects += counted
	return m.today.Day, counted, left
}

// drop counts objects out that were not added after all, on the day on which they
// were counted.
func (m *meter) drop(on, objects int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.today.Day == on {
		m.today.Objects -= objects
		m.unsaid.Objects -= objects
	}
}

// sent counts octets that went out, and gives all of the day.
func (m *meter) sent(now, octets int64) (used int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at(now)
	m.today.Octets += octets
	m.unsaid.Octets += octets
	return m.today.Octets
}

// read gives what was used of the bucket and of the day.
func (m *meter) read(now int64) (full int64, today Usage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at(now)
	return m.full, m.today
}

// perDay tells what is left of a quota of a day.
func perDay(name, unit string, quota, used, now int64) taxii.Allowance {
	if quota < 0 {
		return taxii.Allowance{}
	}
	return taxii.Allowance{
		Name: name, Unit: unit, Quota: quota, Window: day, Left: max(0, quota-used), Resets: day - time.Duration(now%int64(day)),
	}
}

func objectsPerDay(quota, used, now int64) taxii.Allowance {
	return perDay("objects", "objects", quota, used, now)
}

func octetsPerDay(quota, used, now int64) taxii.Allowance {
	return perDay("bytes", "content-bytes", quota, used, now)
}

// usedUp is the answer where a limit is passed.
func usedUp(a taxii.Allowance, wait time.Duration, format string, args ...any) *taxii.Error {
	e := taxii.Errorf(taxii.TooMany, format, args...)
	e.RetryAfter, e.Allowed = min(wait, maxRetry), &a
	return e
}
