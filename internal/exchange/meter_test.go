package exchange

import (
	"context"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// noon is 2026-01-02T12:00:00Z.
const noon = int64(1_767_355_200) * int64(time.Second)

func bucketFor(rate float64, burst, nodes int) bucket {
	x := &Exchange{opt: Options{Nodes: nodes}}
	return x.bucketOf(Limits{Requests: rate, Burst: burst})
}

func TestABucketGivesItsBurstAtOnceAndThenItsRate(t *testing.T) {
	b, m, now := bucketFor(10, 5, 1), &meter{}, noon
	for i := range 5 {
		if wait, ok := m.request(now, b, 0); !ok || wait != 0 {
			t.Fatalf("request %d: %v, %v", i, wait, ok)
		}
	}
	for range 3 { // to be refused costs nothing
		if wait, ok := m.request(now, b, 0); ok || wait != 100*time.Millisecond {
			t.Fatalf("one more: %v, %v", wait, ok)
		}
	}
	if _, ok := m.request(now+int64(99*time.Millisecond), b, 0); ok {
		t.Error("99 ms later there is one")
	}
	if _, ok := m.request(now+int64(100*time.Millisecond), b, 0); !ok {
		t.Error("100 ms later there is none")
	}
	given := 0
	for i := range 1000 { // each 10 ms, for 10 s, from where there is none
		if _, ok := m.request(now+int64(100+10*(i+1))*int64(time.Millisecond), b, 0); ok {
			given++
		}
	}
	if given != 100 {
		t.Errorf("in 10 s there were %d, at 10 in a second", given)
	}
}

func TestWhatWasPromisedATurnGoesBeforeWhatComesLater(t *testing.T) {
	b, m := bucketFor(10, 1, 1), &meter{}
	m.request(noon, b, 0)
	for i := range 3 {
		if wait, ok := m.request(noon, b, maxPause); !ok || wait != time.Duration(i+1)*100*time.Millisecond {
			t.Fatalf("turn %d: %v, %v", i, wait, ok)
		}
	}
	if _, ok := m.request(noon+int64(350*time.Millisecond), b, 0); ok {
		t.Error("who does not wait overtakes")
	}
	if _, ok := m.request(noon+int64(400*time.Millisecond), b, 0); !ok {
		t.Error("after all turns there is none")
	}
}

func TestAWaitIsBoundedInTimeAndInNumber(t *testing.T) {
	slow, m := bucketFor(1, 1, 1), &meter{}
	m.request(noon, slow, 0)
	for i, want := range []bool{true, true, false} {
		if wait, ok := m.request(noon, slow, maxPause); ok != want {
			t.Errorf("wait %d is %v, %v", i, wait, ok)
		}
	}
	fast, n := bucketFor(1000, 1, 1), &meter{}
	n.request(noon, fast, 0)
	for i := range maxPaused {
		if _, ok := n.request(noon, fast, maxPause); !ok {
			t.Fatalf("%d do not wait", i)
		}
	}
	if _, ok := n.request(noon, fast, maxPause); ok {
		t.Errorf("more than %d wait", maxPaused)
	}
	n.resumed()
	if _, ok := n.request(noon, fast, maxPause); !ok {
		t.Error("one has had its turn, and none may wait")
	}
}

// A clock that was an hour ahead and is set back would otherwise refuse for an hour.
func TestAClockThatIsSetBackDoesNotShutAnAccountOut(t *testing.T) {
	b, m := bucketFor(10, 5, 1), &meter{}
	m.request(noon+int64(time.Hour), b, 0)
	if wait, ok := m.request(noon, b, maxPause); !ok || wait > time.Second {
		t.Errorf("it waits %v, %v", wait, ok)
	}
	m.add(noon+int64(day), 7, Unlimited)
	on, _, _ := m.add(noon, 1, Unlimited)
	if _, today := m.read(noon); on != noon/int64(day) || today.Objects != 1 {
		t.Errorf("on day %d there are %d", on, today.Objects)
	}
}

func TestNodesShareALimit(t *testing.T) {
	if one, four := bucketFor(8, 40, 1), bucketFor(8, 40, 4); four.interval != 4*one.interval || four.burst != 10 {
		t.Errorf("one %v, a quarter %v", one, four)
	}
	if b := bucketFor(8, 0, 4); b.burst != 20 {
		t.Errorf("a quarter of ten seconds at 8 is %d", b.burst)
	}
	x := &Exchange{opt: Options{Nodes: 4}}
	if x.share(100) != 25 || x.share(2) != 1 || x.share(0) != Unlimited || x.share(Unlimited) != Unlimited {
		t.Errorf("shares are %d, %d, %d, %d", x.share(100), x.share(2), x.share(0), x.share(Unlimited))
	}
}

func TestAnAllowanceTellsWhatIsLeftAndWhenAllIsThere(t *testing.T) {
	b, m := bucketFor(2, 10, 1), &meter{}
	for range 4 {
		m.request(noon, b, 0)
	}
	full, _ := m.read(noon)
	want := taxii.Allowance{Name: "requests", PerMinute: 120, Quota: 10, Window: 5 * time.Second, Left: 6, Resets: 2 * time.Second}
	if got := b.allowance(noon, full); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := b.allowance(noon+int64(time.Minute), full); got.Left != 10 || got.Resets != 0 {
		t.Errorf("a minute later %+v", got)
	}
	if got := objectsPerDay(100, 30, noon); got.Left != 70 || got.Resets != 12*time.Hour || got.Window != day {
		t.Errorf("of the day %+v", got)
	}
	if got := octetsPerDay(100, 130, noon); got.Left != 0 {
		t.Errorf("of a day that is used up %+v", got)
	}
}

func TestALimitIsTheAccountsElseTheLargestOfItsGroupsElseTheServers(t *testing.T) {
	x := &Exchange{opt: Options{Limits: Limits{Requests: 5, Objects: 50, Octets: 500}}}
	snap := &snapshot{
		accounts: map[int64]*Account{1: {ID: 1, Limits: Limits{Objects: 7}}, 2: {ID: 2}, 3: {ID: 3, Limits: Limits{Requests: Unlimited}}},
		memberOf: map[int64][]int64{1: {10, 11}, 2: {10}},
		groups:   map[int64]*Group{10: {Limits: Limits{Requests: 20, Objects: 1000}}, 11: {Limits: Limits{Requests: 30, Octets: Unlimited}}},
	}
	for _, row := range []struct {
		account int64
		groups  []int64
		want    Limits
	}{
		{1, nil, Limits{Requests: 30, Objects: 7, Octets: Unlimited}},
		{2, nil, Limits{Requests: 20, Objects: 1000, Octets: 500}},
		{2, []int64{11, 99}, Limits{Requests: 30, Objects: 1000, Octets: Unlimited}}, // by an issuer's word
		{3, nil, Limits{Requests: Unlimited, Objects: 50, Octets: 500}},
		{4, nil, Limits{Requests: 5, Objects: 50, Octets: 500}},
	} {
		if got := x.limitsOf(snap, row.account, row.groups); got != row.want {
			t.Errorf("account %d: %+v, want %+v", row.account, got, row.want)
		}
	}
}

// metered gives the Session of an account with every limit.
func metered() *Session {
	all := Limits{Requests: 1_000_000, Burst: 10_000_000, Objects: 1 << 40, Octets: 1 << 50}
	x := &Exchange{opt: Options{Now: time.Now}}
	x.now.Store(&snapshot{
		accounts: map[int64]*Account{7: {ID: 7}},
		memberOf: map[int64][]int64{7: {10, 11, 12}}, groups: map[int64]*Group{10: {}, 11: {Limits: all}, 12: {}},
	})
	return &Session{x: x, account: x.now.Load().accounts[7]}
}

func TestAdmittingARequestAllocatesNothing(t *testing.T) {
	s, ctx := metered(), context.Background()
	r := Request{Reads: true, Cursor: func() string { return "" }}
	n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Admit(ctx, r); err != nil {
			t.Fatal(err)
		}
		if err := s.Sent(1000); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAdmit(b *testing.B) {
	s, ctx := metered(), context.Background()
	r := Request{Reads: true, Cursor: func() string { return "" }}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Admit(ctx, r); err != nil {
				b.Fatal(err)
			}
			_ = s.Sent(1000)
		}
	})
}
