package api

import (
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// written holds a page and writes all of it.
func (d *table) written(t *testing.T, limit int) *held {
	t.Helper()
	h := d.hold(t, limit)
	g, _ := join(h, 0)
	for i := range h.page.Chunks {
		g.done(i)
	}
	g.leave()
	return h
}

func caching(t *testing.T, objects int, most int64) *table {
	t.Helper()
	d := desk(t, objects)
	d.pages.cache.most = most
	return d
}

func TestAPageThatWasWrittenServesTheNextWhoAsks(t *testing.T) {
	t.Parallel()
	d := caching(t, 20, pageOctets)
	first := d.written(t, 5)
	if d.written(t, 5) != first {
		t.Error("the page was read again")
	}
	if d.pages.taken() != int64(first.page.Size) || first.page.Chunks[0] == nil {
		t.Errorf("%d octets are taken for a page of %d", d.pages.taken(), first.page.Size)
	}
}

func TestAKeptPageIsNeverStale(t *testing.T) {
	t.Parallel()
	d := caching(t, 6, pageOctets)
	first := d.written(t, 5)
	if _, err := d.x.Operator().Add(t.Context(), "trust", "all", trial.Envelope(trial.Objects(1, 1)...)); err != nil {
		t.Fatal(err)
	}
	if d.written(t, 5) == first {
		t.Error("a page of before the Add was served after it")
	}
}

func TestTheCacheThrowsOutWhatWasAskedForLeastRecently(t *testing.T) {
	t.Parallel()
	d := caching(t, 20, 1<<30)
	one, two := d.written(t, 5), d.written(t, 4)
	d.written(t, 5)
	d.pages.cache.most = one.cost + two.cost
	d.written(t, 3)
	if d.written(t, 5) != one {
		t.Error("what was asked for lately was thrown out")
	}
	if d.written(t, 4) == two {
		t.Error("what nobody asked for again is still there")
	}
	if taken := d.pages.taken(); taken > d.pages.cache.most {
		t.Errorf("%d octets are kept, %d may be", taken, d.pages.cache.most)
	}
}

func TestNobodyWaitsForMemoryThatTheCacheHas(t *testing.T) {
	t.Parallel()
	d := caching(t, 60, 1<<30)
	for limit := 15; limit > 11; limit-- {
		d.written(t, limit)
	}
	if d.pages.taken() < 3*pageOctets {
		t.Fatalf("only %d octets are kept", d.pages.taken())
	}
	h := d.hold(t, 11)
	if h.page.Count == 0 || d.pages.taken() > 2*pageOctets {
		t.Errorf("a page of %d, with %d octets taken", h.page.Count, d.pages.taken())
	}
	d.pages.gate.crowded()
	h.leaveFrom(0)
	if d.pages.taken() != 0 || len(d.pages.held) != 0 {
		t.Errorf("%d octets are taken and %d pages held after all have gone", d.pages.taken(), len(d.pages.held))
	}
}

func TestAPageThatIsLargerThanTheCacheIsNotKept(t *testing.T) {
	t.Parallel()
	d := caching(t, 20, 16<<10)
	d.written(t, 5)
	if d.pages.taken() != 0 || d.pages.cache.pages.Len() != 0 {
		t.Errorf("%d octets are kept", d.pages.taken())
	}
}

func TestAKeptPageDoesNotOutliveTheKeyOfItsCursor(t *testing.T) {
	t.Parallel()
	d := caching(t, 20, 1<<30)
	first := d.written(t, 5)
	if _, err := d.x.Operator().RotateKey(t.Context(), "cursor", true); err != nil {
		t.Fatal(err)
	}
	if d.written(t, 5) == first {
		t.Error("the cursor of a page is sealed with a key that may be retired")
	}
}

func TestPagesOfACollectionThatHasChangedAreThrownOut(t *testing.T) {
	t.Parallel()
	d := caching(t, 20, 1<<30)
	for limit := 1; limit < 6; limit++ {
		d.written(t, limit)
	}
	if _, err := d.x.Operator().Add(t.Context(), "trust", "all", trial.Envelope(trial.Objects(1, 1)...)); err != nil {
		t.Fatal(err)
	}
	now := d.written(t, 5)
	if n := d.pages.cache.pages.Len(); n != 1 || d.pages.cache.octets != now.cost {
		t.Errorf("%d pages of %d octets are kept, want the one of now", n, d.pages.cache.octets)
	}
}

// What small pages take is not of the budget: to throw them out helps nobody who
// waits for it.
func TestSmallPagesDoNotPassForMemoryThatComesFree(t *testing.T) {
	t.Parallel()
	d := caching(t, 20, 1<<30)
	d.written(t, 1)
	if octets := d.pages.cache.clear(); octets != 0 || d.pages.cache.pages.Len() != 0 {
		t.Errorf("%d octets are said to come free", octets)
	}
	d.pages.gate.turns = []int64{7} // somebody waits
	d.written(t, 1)
	if d.pages.cache.pages.Len() != 0 {
		t.Error("a page is kept while somebody waits for memory")
	}
}

func TestTheCacheCountsAllThatAPageTakes(t *testing.T) {
	t.Parallel()
	d := caching(t, 20, 1<<30)
	h := d.written(t, 1)
	if least := int64(len(h.key)+len(h.page.Next)+cap(h.page.Chunks[0])) + keptBeside; h.cost < least {
		t.Errorf("a page of at least %d octets counts as %d", least, h.cost)
	}
}
