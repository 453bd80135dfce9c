package api

import "sync"

// batch joins small pieces to portions on their way out, and cuts large ones into
// such: a write costs the more the more writes there are, and the connection's
// progress is seen after each.
type batch struct {
	write  func([]byte)
	joined *[]byte // nil: nothing waits
}

// portions are kept because one is needed for every write, however many streams
// there are.
var portions = sync.Pool{New: func() any {
	b := make([]byte, 0, portion)
	return &b
}}

func (b *batch) add(piece []byte) {
	if b.joined != nil && len(*b.joined)+len(piece) > portion {
		b.flush()
	}
	for ; len(piece) >= portion/2 && b.joined == nil; piece = piece[min(portion, len(piece)):] {
		b.write(piece[:min(portion, len(piece))])
	}
	if len(piece) == 0 {
		return
	}
	if b.joined == nil {
		b.joined = portions.Get().(*[]byte)
	}
	*b.joined = append(*b.joined, piece...)
}

// flush writes what waits.
func (b *batch) flush() {
	if b.joined == nil {
		return
	}
	b.write(*b.joined)
	*b.joined = (*b.joined)[:0]
	portions.Put(b.joined)
	b.joined = nil
}
