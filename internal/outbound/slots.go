package outbound

import (
	"context"
	"sync"
)

// slots count the calls under way.
type slots struct {
	node  chan struct{}
	mu    sync.Mutex // guards hosts; never held while waiting
	hosts map[string]*hostSlots
}

type hostSlots struct {
	free  chan struct{}
	users int // who hold a slot or wait for one
}

func newSlots() *slots {
	return &slots{node: make(chan struct{}, perNode), hosts: map[string]*hostSlots{}}
}

// take waits for a slot of the host and then for one of the node, so that who
// waits for a busy host does not keep others waiting.
func (s *slots) take(ctx context.Context, host string) (free func(), err error) {
	h := s.join(host)
	select {
	case h.free <- struct{}{}:
	case <-ctx.Done():
		s.leave(host, h)
		return nil, ctx.Err()
	}
	select {
	case s.node <- struct{}{}:
	case <-ctx.Done():
		<-h.free
		s.leave(host, h)
		return nil, ctx.Err()
	}
	return func() {
		<-s.node
		<-h.free
		s.leave(host, h)
	}, nil
}

func (s *slots) join(host string) *hostSlots {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[host]
	if h == nil {
		h = &hostSlots{free: make(chan struct{}, perHost)}
		s.hosts[host] = h
	}
	h.users++
	return h
}

func (s *slots) leave(host string, h *hostSlots) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.users--; h.users == 0 {
		delete(s.hosts, host)
	}
}
