package feed

import "sync"

// Bell wakes who waits for feeds to grow. It carries no content: who is woken
// reads the log. The zero value is ready.
type Bell struct {
	mu    sync.Mutex // guards bells; never held while the store is asked
	bells map[ID]chan struct{}
}

// Listen gives a channel that is closed at the next Ring of this feed. Listen
// first, then read: nothing falls between.
func (b *Bell) Listen(id ID) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	bell := b.bells[id]
	if bell == nil {
		bell = make(chan struct{})
		if b.bells == nil {
			b.bells = map[ID]chan struct{}{}
		}
		b.bells[id] = bell
	}
	return bell
}

// Ring wakes all who listen.
func (b *Bell) Ring(id ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bell := b.bells[id]; bell != nil {
		close(bell)
		delete(b.bells, id)
	}
}
