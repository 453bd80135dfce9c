package api

import (
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// load bounds the requests in work of one account, so that one account cannot
// take all that the server has.
type load struct {
	most int

	mu     sync.Mutex // guards inWork
	inWork map[int64]int
}

func newLoad(most int) *load { return &load{most: most, inWork: map[int64]int{}} }

// enter counts a request in; leave counts it out.
func (l *load) enter(s *exchange.Session) (leave func(), err error) {
	id, _ := s.Account()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inWork[id] >= l.most {
		e := taxii.Errorf(taxii.TooMany, "this account has %d requests in work, which is as many as it may", l.most)
		e.RetryAfter = time.Second
		return nil, e
	}
	l.inWork[id]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.inWork[id]--; l.inWork[id] == 0 {
			delete(l.inWork, id)
		}
	}, nil
}
