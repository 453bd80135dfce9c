package exchange

import (
	"context"
	"slices"
	"time"
)

// Usage is what an account used up on one day.
type Usage struct {
	Account int64
	Day     int64 // in UTC, since 1970
	Objects int64 // added
	Octets  int64 // that went out
}

func (u Usage) some() bool { return u.Objects != 0 || u.Octets != 0 }

const (
	// saveEvery is how much of what was counted a crash may lose.
	saveEvery = 10 * time.Second
	// usageKept is for how many days it is kept what accounts used up.
	usageKept = 62
	// usageSaved bounds the accounts of one write, so that it holds others up for some
	// milliseconds only.
	usageSaved = 200
)

// readUsage takes up what was counted today before the server started.
func (x *Exchange) readUsage(ctx context.Context) error {
	today := x.opt.Now().UnixNano() / int64(day)
	list, err := x.store.Usage(ctx, 0, today)
	for _, u := range list {
		if u.Day == today {
			m := x.meters.of(u.Account)
			m.today, m.unsaid = u, Usage{Account: u.Account, Day: u.Day}
		}
	}
	return err
}

// saveUsage writes what was counted since it was written last.
func (x *Exchange) saveUsage(ctx context.Context) error {
	x.meters.saving.Lock()
	defer x.meters.saving.Unlock()
	for list := x.meters.take(x.now.Load()); len(list) > 0; {
		some := list[:min(len(list), usageSaved)]
		if err := x.store.AddUsage(ctx, some, 0); err != nil {
			x.meters.giveBack(list)
			return err
		}
		list = list[len(some):]
	}
	today := x.opt.Now().UnixNano() / int64(day)
	if x.meters.pruned == today {
		return nil
	}
	x.meters.pruned = today // if it fails, the next day will do
	return x.store.AddUsage(ctx, nil, today-usageKept)
}

// take gives what is to be written, and forgets the meters of accounts that are
// not there any more.
func (m *meters) take(snap *snapshot) (list []Usage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, one := range m.by {
		if a := snap.accounts[id]; a == nil || a.Removed {
			delete(m.by, id)
			continue
		}
		list = append(list, one.take()...)
	}
	return list
}

func (m *meter) take() []Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.before
	if m.unsaid.some() {
		list = append(list, m.unsaid)
	}
	m.before, m.unsaid.Objects, m.unsaid.Octets = nil, 0, 0
	return list
}

// giveBack takes back what could not be written.
func (m *meters) giveBack(list []Usage) {
	for _, u := range list {
		m.of(u.Account).giveBack(u)
	}
}

func (m *meter) giveBack(u Usage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if u.Day == m.unsaid.Day {
		m.unsaid.Objects += u.Objects
		m.unsaid.Octets += u.Octets
		return
	}
	for i := range m.before {
		if m.before[i].Day == u.Day {
			m.before[i].Objects += u.Objects
			m.before[i].Octets += u.Octets
			return
		}
	}
	m.before = append(m.before, u)
}

// keepUsage writes what is counted every 10 s, joined with what else is written
// then, until ctx ends, and a last time after that.
func (x *Exchange) keepUsage(ctx context.Context, failed func(error)) {
	for tick := time.NewTicker(saveEvery); ; {
		select {
		case <-tick.C:
			if err := x.saveUsage(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
		case <-ctx.Done():
			tick.Stop()
			if err := x.saveUsage(context.WithoutCancel(ctx)); err != nil {
				failed(err)
			}
			return
		}
	}
}

// UsageRecord is what an account used up, and of what.
type UsageRecord struct {
	Account string     `json:"account"`
	Limits  Limits     `json:"limits,omitzero"` // in force now: its own, its groups' or the server's
	Days    []UsageDay `json:"days"`            // those on which it used up something, the last first
}

// UsageDay is what an account used up on one day, in UTC.
type UsageDay struct {
	Day     string `json:"day"`     // such as 2026-11-23
	Objects int64  `json:"objects"` // added
	Octets  int64  `json:"bytes"`   // that went out, as they were on the wire
}

// Usage gives what an account used up of its limits in the last 62 days.
func (s *Session) Usage(ctx context.Context, name string) (UsageRecord, error) {
	snap := s.x.now.Load()
	a, err := s.managedAccount(snap, name, true)
	if err != nil {
		return UsageRecord{}, err
	}
	days, err := s.x.usageOf(ctx, a.ID)
	if err != nil {
		return UsageRecord{}, err
	}
	record := UsageRecord{Account: name, Limits: s.x.limitsOf(snap, a.ID, nil), Days: []UsageDay{}}
	for _, u := range days {
		if u.some() {
			record.Days = append(record.Days, UsageDay{time.Unix(0, 0).UTC().AddDate(0, 0, int(u.Day)).Format(time.DateOnly), u.Objects, u.Octets})
		}
	}
	return record, nil
}

// usageOf gives what is kept of an account with what is not yet written, the last
// day first.
func (x *Exchange) usageOf(ctx context.Context, account int64) ([]Usage, error) {
	x.meters.saving.Lock()
	defer x.meters.saving.Unlock()
	today := x.opt.Now().UnixNano() / int64(day)
	days, err := x.store.Usage(ctx, account, today-usageKept)
	if err != nil {
		return nil, err
	}
	for _, u := range x.meters.of(account).pending() {
		i := slices.IndexFunc(days, func(d Usage) bool { return d.Day == u.Day })
		if i < 0 {
			days = append(days, u)
			continue
		}
		days[i].Objects += u.Objects
		days[i].Octets += u.Octets
	}
	slices.SortFunc(days, func(a, b Usage) int { return int(b.Day - a.Day) })
	return days, nil
}

func (m *meter) pending() []Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append(slices.Clone(m.before), m.unsaid)
}
