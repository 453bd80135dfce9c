package api

import (
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// load bounds what one account, and all together, have going on, so that no
// account can take all that the server has.
type load struct {
	what        string // in words, for who is refused
	name        string // as an allowance
	most, total int    // of one account, of all

	of func(*exchange.Session) int // what an account has in the place of most; nil, or 0: nothing

	mu     sync.Mutex // guards all below
	inWork map[int64]int
	all    int
}

func newLoad(what string, most, total int) *load {
	return &load{what: what, name: "requests-in-work", most: most, total: total, inWork: map[int64]int{}}
}

// enter counts one in; leave, to be called once, counts it out.
func (l *load) enter(s *exchange.Session) (leave func(), err error) {
	id, _ := s.Account()
	most := l.most
	if l.of != nil {
		most = or(l.of(s), most)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inWork[id] >= most {
		e := tooMany("this account has %d %s, which is as many as it may", most, l.what)
		e.Allowed = &taxii.Allowance{Name: l.name, Unit: "concurrent-requests", Quota: int64(most)}
		return nil, e
	}
	if l.all >= l.total {
		return nil, tooMany("the server has %d %s, which is as many as it takes", l.total, l.what)
	}
	l.add(id, 1)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.add(id, -1)
	}, nil
}

func tooMany(format string, most int, what string) *taxii.Error {
	e := taxii.Errorf(taxii.TooMany, format, most, what)
	e.RetryAfter = time.Second
	return e
}

// pause counts one out that has entered; resume counts it in again, however many
// there are.
func (l *load) pause(s *exchange.Session) (resume func()) {
	id, _ := s.Account()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(id, -1)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.add(id, 1)
	}
}

// add changes the counts. mu is held.
func (l *load) add(id int64, n int) {
	l.all += n
	if l.inWork[id] += n; l.inWork[id] == 0 {
		delete(l.inWork, id)
	}
}

// open tells how many there are.
func (l *load) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}
