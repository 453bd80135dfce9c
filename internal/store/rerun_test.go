package store

import (
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// A write whose commit was lost with its neighbours' is carried out again. It
// kept the number it had taken the first time, and the next root got the same.
func TestAWriteThatIsCarriedOutAgainTakesANumberAgain(t *testing.T) {
	s := openStore(t, Options{})
	lost := &job{err: make(chan error, 1), do: func(x *tx) error { return x.exec("rollback") }} // ends the transaction under it
	var first int64
	root := make(chan error, 1)
	begun := make(chan struct{})
	hold := &job{err: make(chan error, 1), do: func(*tx) error { <-begun; return nil }}
	s.jobs <- hold // while it runs the next two wait, and are then joined
	go func() {
		var err error
		first, err = s.PutRoot(t.Context(), exchange.Root{Name: "first"})
		root <- err
	}()
	for len(s.jobs) < 1 {
		if t.Context().Err() != nil {
			t.Fatal("nothing waits")
		}
	}
	s.jobs <- lost
	close(begun)
	must(t, <-root)
	if err := <-lost.err; err == nil || taxii.KindOf(err) != taxii.Internal {
		t.Errorf("the write that ends the transaction: %v", err)
	}
	second, err := s.PutRoot(t.Context(), exchange.Root{Name: "second"})
	must(t, err)
	c, err := s.Catalog(t.Context())
	must(t, err)
	if first == second || len(c.Roots) != 2 {
		t.Errorf("roots %d and %d, %d in the catalogue", first, second, len(c.Roots))
	}
}
