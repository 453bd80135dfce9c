package peer

import (
	"cmp"
	"container/heap"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// job is one Subscription that is pushed.
type job struct {
	exchange.PushJob
	host  *host
	state state
	again bool      // it was woken while it ran
	until time.Time // nothing is done before
	at    time.Time // when it is looked at; the zero time: when it is woken
	index int       // in the alarms; -1: not there
}

type state uint8

const (
	waiting state = iota
	queued
	running
)

// host is what is to be sent to one host.
type host struct {
	name    string
	queue   []*job
	running int
	jobs    int  // that are sent there
	inLine  bool // it stands in board.line
}

// board knows what is to be done next. It belongs to one goroutine.
type board struct {
	now      func() time.Time
	jobs     map[string]*job
	channels map[string]map[*job]bool
	hosts    map[string]*host
	line     []*host // that have something queued and room for it, in turns
	running  int
	alarms   alarms
}

func newBoard(now func() time.Time) *board {
	return &board{now: now, jobs: map[string]*job{}, channels: map[string]map[*job]bool{}, hosts: map[string]*host{}}
}

// list takes the list of what there is: what is new or changed is looked at, what
// is not on it any more is forgotten.
func (b *board) list(list []exchange.PushJob, hostOf func(url string) string) {
	there := make(map[string]bool, len(list))
	for _, v := range list {
		there[v.ID] = true
		j := b.jobs[v.ID]
		if j != nil && j.PushJob == v {
			j.again = true // what runs may have been decided before it came to be so
			continue
		}
		if j == nil {
			j = &job{index: -1}
			b.jobs[v.ID] = j
			if b.channels[v.Channel] == nil {
				b.channels[v.Channel] = map[*job]bool{}
			}
			b.channels[v.Channel][j] = true
		}
		j.PushJob, j.until = v, v.At
		b.send(j, hostOf(v.URL))
		b.wake(j)
	}
	for id, j := range b.jobs {
		if !there[id] && j.state == waiting { // the others find out when it is their turn
			b.drop(j)
		}
	}
}

// send notes to which host a job goes, unless it is queued or runs.
func (b *board) send(j *job, name string) {
	if j.host != nil && j.host.name == name || j.state != waiting {
		return
	}
	b.leave(j)
	h := b.hosts[name]
	if h == nil {
		h = &host{name: name}
		b.hosts[name] = h
	}
	h.jobs++
	j.host = h
}

func (b *board) leave(j *job) {
	if h := j.host; h != nil {
		if h.jobs--; h.jobs == 0 {
			delete(b.hosts, h.name)
		}
		j.host = nil
	}
}

// drop forgets a waiting job.
func (b *board) drop(j *job) {
	delete(b.jobs, j.ID)
	delete(b.channels[j.Channel], j)
	if len(b.channels[j.Channel]) == 0 {
		delete(b.channels, j.Channel)
	}
	b.alarm(j, time.Time{})
	b.leave(j)
}

// wake has a job looked at as soon as it may be.
func (b *board) wake(j *job) {
	switch {
	case j.state == running:
		j.again = true
	case j.state == queued:
	case b.now().Before(j.until):
		b.alarm(j, j.until)
	default:
		b.alarm(j, time.Time{})
		j.state = queued
		j.host.queue = append(j.host.queue, j)
		b.enter(j.host)
	}
}

func (b *board) enter(h *host) {
	if !h.inLine && len(h.queue) > 0 && h.running < perHost {
		h.inLine = true
		b.line = append(b.line, h)
	}
}

// due wakes those whose time has come, and gives when the next one's comes; the
// zero time: none's.
func (b *board) due() time.Time {
	for len(b.alarms) > 0 {
		j := b.alarms[0]
		if b.now().Before(j.at) {
			return j.at
		}
		b.alarm(j, time.Time{})
		b.wake(j)
	}
	return time.Time{}
}

// next gives a job that may run now, and counts it as running; nil: none.
func (b *board) next() *job {
	for b.running < perNode && len(b.line) > 0 {
		h := b.line[0]
		b.line = b.line[1:]
		h.inLine = false
		j := h.queue[0]
		h.queue = h.queue[1:]
		j.state, j.again = running, false
		h.running++
		b.running++
		b.enter(h)
		return j
	}
	return nil
}

// done takes back a job that ran. hostOf is asked where it goes now.
func (b *board) done(j *job, turn exchange.PushTurn, hostOf func(url string) string) {
	b.running--
	j.host.running--
	j.state = waiting
	b.enter(j.host)
	b.send(j, hostOf(j.URL))
	if turn.Over && !j.again {
		b.drop(j)
		return
	}
	j.until = turn.Until
	if !turn.Now {
		if rest := b.now().Add(restTime); j.until.Before(rest) {
			j.until = rest
		}
	}
	switch {
	case turn.Now || j.again:
		b.wake(j)
	case !turn.Until.IsZero() && turn.Until.After(b.now()):
		b.alarm(j, turn.Until)
	default:
		b.alarm(j, turn.Again)
	}
}

// alarm sets when a waiting job is looked at; the zero time: not before it is
// woken.
func (b *board) alarm(j *job, at time.Time) {
	j.at = at
	switch {
	case at.IsZero() && j.index >= 0:
		heap.Remove(&b.alarms, j.index)
	case at.IsZero():
	case j.index >= 0:
		heap.Fix(&b.alarms, j.index)
	default:
		heap.Push(&b.alarms, j)
	}
}

// alarms are the jobs with a time, the earliest first.
type alarms []*job

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, k int) bool { return cmp.Compare(a[i].at.UnixNano(), a[k].at.UnixNano()) < 0 }
func (a alarms) Swap(i, k int) {
	a[i], a[k] = a[k], a[i]
	a[i].index, a[k].index = i, k
}

// Push adds a job; it is for package heap.
func (a *alarms) Push(v any) {
	j, _ := v.(*job)
	j.index = len(*a)
	*a = append(*a, j)
}

// Pop takes the last one; it is for package heap.
func (a *alarms) Pop() any {
	old := *a
	j := old[len(old)-1]
	old[len(old)-1] = nil
	*a = old[:len(old)-1]
	j.index = -1
	return j
}
