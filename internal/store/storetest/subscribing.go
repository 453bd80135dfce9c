package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func subscribing() map[string]check {
	return map[string]check{
		"a Subscription is kept as it is, and there is one of a key":                          {"", subscriptionKept},
		"who subscribes at once with one key gets one Subscription":                           {"", oneOfAKey},
		"the Subscriptions of an account are counted where they are made":                     {"", subscriptionsBounded},
		"bounds hold for many who subscribe at once":                                          {"", boundsAtOnce},
		"a change is made to the Subscription as it is, or not at all":                        {"", subscriptionChanged},
		"changes at once are all made":                                                        {"", changedAtOnce},
		"Subscriptions are listed by id, those of an account or all, page by page":            {"", subscriptionsListed},
		"those that ended are discarded in steps, and no others":                              {"", subscriptionsDiscarded},
		"a Subscription never ends before the ttl of its Channel, though that was lengthened": {"", subscriptionsOutliveTTL},
		"a Subscription that ended gives way to one with its key":                             {"", endedGivesWay},
		"a push is kept, and those that are not disabled are found":                           {"", pushKept},
		"the Subscriptions of a removed account are gone at once and purged":                  {"", accountsSubscriptions},
		"keys of any length and any signs are told apart":                                     {"", longKeys},
	}
}

func (r *rig) account(name string) int64 {
	r.Helper()
	id, err := r.PutAccount(r.Context(), exchange.Account{Name: name})
	r.must(err)
	return id
}

func (r *rig) subscription(c exchange.Channel, account int64, name string) exchange.Subscription {
	return exchange.Subscription{
		SubscriptionKey: exchange.SubscriptionKey{Channel: c.ID, Account: account, Selector: "match[type]=tool", Name: name},
		ID:              taxii.NewID(), IdleTimeout: 3600, Created: r.clock.taxii(), Seen: r.clock.taxii(),
	}
}

func (r *rig) subscribe(s exchange.Subscription) exchange.Subscription {
	r.Helper()
	kept, created, err := r.Subscribe(r.Context(), s, exchange.SubscriptionBounds{})
	r.must(err)
	r.same("created", created, true)
	return kept
}

func (r *rig) subscribed(id string) exchange.Subscription {
	r.Helper()
	s, err := r.Subscription(r.Context(), id)
	r.must(err)
	return s
}

func subscriptionKept(r *rig) {
	c, account := r.channel("alerts"), r.account("reader")
	r.flow(c.Feed, 1, 30, 1)
	s := exchange.Subscription{
		SubscriptionKey: exchange.SubscriptionKey{Channel: c.ID, Account: account, Selector: "match[type]=é,tool", Name: "n"},
		ID:              taxii.NewID(), Place: 7, Incarnation: 2, Moves: 3, MaxPending: 4, MaxPendingBytes: 5, IdleTimeout: 60,
		Created: noon + 1, Seen: noon + 2, Offered: 9, Explicit: true,
	}
	r.same("made", r.subscribe(s), s)
	again := s
	again.ID, again.Place = taxii.NewID(), 30
	for range 2 {
		kept, created, err := r.Subscribe(r.Context(), again, exchange.SubscriptionBounds{PerChannel: 1, PerAccount: 1})
		r.must(err)
		r.same("made again", []any{kept, created}, []any{s, false})
		r.same("by id", r.subscribed(s.ID), s)
		of, err := r.SubscriptionOf(r.Context(), s.SubscriptionKey)
		r.must(err)
		r.same("by key", of, s)
		r.restart()
	}
	_, err := r.Subscription(r.Context(), taxii.NewID())
	r.fails(err, taxii.NotFound)
	_, err = r.SubscriptionOf(r.Context(), exchange.SubscriptionKey{Channel: c.ID, Account: account, Selector: s.Selector})
	r.fails(err, taxii.NotFound)
	r.must(r.RemoveSubscription(r.Context(), s.ID))
	r.must(r.RemoveSubscription(r.Context(), s.ID))
	_, err = r.Subscription(r.Context(), s.ID)
	r.fails(err, taxii.NotFound)
	for what, wrong := range map[string]func(*exchange.Subscription){
		"no such channel": func(s *exchange.Subscription) { s.Channel = taxii.NewID() },
		"no such account": func(s *exchange.Subscription) { s.Account = 9999 },
	} {
		v := s
		wrong(&v)
		if _, _, err := r.Subscribe(r.Context(), v, exchange.SubscriptionBounds{}); taxii.KindOf(err) != taxii.NotFound {
			r.Errorf("%s: %v", what, err)
		}
	}
}

func oneOfAKey(r *rig) {
	c, account := r.channel("alerts"), r.account("reader")
	var made atomic.Int64
	var ids sync.Map
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			s, created, err := r.Subscribe(r.Context(), r.subscription(c, account, ""), exchange.SubscriptionBounds{PerChannel: 1})
			if err != nil {
				r.Error(err)
			}
			if created {
				made.Add(1)
			}
			ids.Store(s.ID, true)
		})
	}
	wait.Wait()
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	r.same("made, and ids", []int{int(made.Load()), n}, []int{1, 1})
}

func subscriptionsBounded(r *rig) {
	a, b, account, other := r.channel("a"), r.channel("b"), r.account("reader"), r.account("other")
	most := exchange.SubscriptionBounds{PerChannel: 2, PerAccount: 3}
	try := func(s exchange.Subscription) error {
		_, _, err := r.Subscribe(r.Context(), s, most)
		return err
	}
	r.must(try(r.subscription(a, account, "1")))
	r.must(try(r.subscription(a, account, "2")))
	r.fails(try(r.subscription(a, account, "3")), taxii.TooMany)
	r.must(try(r.subscription(a, account, "2"))) // there already
	r.must(try(r.subscription(b, account, "1")))
	r.fails(try(r.subscription(b, account, "2")), taxii.TooMany)
	r.must(try(r.subscription(a, other, "1")))
	r.clock.add(2 * time.Hour) // all have ended, whether or not they are discarded yet
	r.must(try(r.subscription(b, account, "2")))
	r.must(try(r.subscription(a, account, "3")))
}

func boundsAtOnce(r *rig) {
	c, account := r.channel("alerts"), r.account("reader")
	var made, refused atomic.Int64
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			switch _, _, err := r.Subscribe(r.Context(), r.subscription(c, account, fmt.Sprint(i)), exchange.SubscriptionBounds{PerAccount: 5}); {
			case err == nil:
				made.Add(1)
			case taxii.KindOf(err) == taxii.TooMany:
				refused.Add(1)
			default:
				r.Error(err)
			}
		})
	}
	wait.Wait()
	r.same("made and refused", []int64{made.Load(), refused.Load()}, []int64{5, 15})
}

func subscriptionChanged(r *rig) {
	c, account := r.channel("alerts"), r.account("reader")
	r.flow(c.Feed, 1, 30, 1)
	s := r.subscribe(r.subscription(c, account, ""))
	change := func(edit func(*exchange.Subscription) error) (exchange.Subscription, error) {
		return r.ChangeSubscription(r.Context(), s.ID, edit)
	}
	for _, edit := range []func(*exchange.Subscription){
		func(s *exchange.Subscription) {
			s.Place, s.Moves, s.Incarnation, s.Offered, s.Explicit = 4, 5, 1, 6, true
		},
		func(s *exchange.Subscription) { s.Seen += 1_000_000 },
		func(s *exchange.Subscription) { s.Seen += 3_600_000_000 },
		func(s *exchange.Subscription) { s.MaxPending, s.MaxPendingBytes, s.IdleTimeout = 9, 10, 11 },
		func(s *exchange.Subscription) {
			s.Push = &exchange.PushState{URL: "https://a.example/", Secret: []byte("s")}
		},
		func(s *exchange.Subscription) { s.Push.Secret[0], s.Push.Failures = 't', 3 },
		func(s *exchange.Subscription) { s.Push = nil },
		func(*exchange.Subscription) {},
	} {
		edit(&s)
		if got, err := change(func(v *exchange.Subscription) error { edit(v); return nil }); err != nil || show(got) != show(s) {
			r.Fatalf("%v:\n got %s\nwant %s", err, show(got), show(s))
		}
		if got := r.subscribed(s.ID); show(got) != show(s) {
			r.Fatalf("kept:\n got %s\nwant %s", show(got), show(s))
		}
	}
	mine := errors.New("not so")
	_, err := change(func(v *exchange.Subscription) error { v.Place = 30; return mine })
	if !errors.Is(err, mine) {
		r.Errorf("error %v", err)
	}
	got, err := change(func(v *exchange.Subscription) error {
		v.ID, v.Channel, v.Account, v.Created, v.Selector, v.Name = "x", "x", 99, 1, "x", "x"
		return nil
	})
	r.must(err)
	r.same("what never changes", show(got), show(s))
	r.same("kept", show(r.subscribed(s.ID)), show(s))
	_, err = r.ChangeSubscription(r.Context(), taxii.NewID(), func(*exchange.Subscription) error { return nil })
	r.fails(err, taxii.NotFound)
}

// show prints a Subscription with its push.
func show(s exchange.Subscription) string {
	push := s.Push
	s.Push = nil
	if push == nil {
		return fmt.Sprintf("%+v without push", s)
	}
	return fmt.Sprintf("%+v %+v", s, *push)
}

func changedAtOnce(r *rig) {
	c, account := r.channel("alerts"), r.account("reader")
	r.flow(c.Feed, 1, 100, 1)
	s := r.subscribe(r.subscription(c, account, ""))
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for k := range 10 {
				_, err := r.ChangeSubscription(r.Context(), s.ID, func(v *exchange.Subscription) error {
					v.Moves++
					v.Place = max(v.Place, feed.Place(10*k+i))
					return nil
				})
				if err != nil {
					r.Error(err)
				}
			}
		})
	}
	wait.Wait()
	got := r.subscribed(s.ID)
	r.same("moves and place", []any{got.Moves, got.Place}, []any{80, 97})
}

func subscriptionsListed(r *rig) {
	c, other, reader, account := r.channel("alerts"), r.channel("other"), r.account("reader"), r.account("second")
	var all, own []string
	for i := range 25 {
		of := []int64{reader, account}[i%2]
		s := r.subscribe(r.subscription(c, of, fmt.Sprint(i)))
		r.subscribe(r.subscription(other, of, fmt.Sprint(i)))
		all = append(all, s.ID)
		if of == account {
			own = append(own, s.ID)
		}
	}
	slices.Sort(all)
	slices.Sort(own)
	for _, of := range []struct {
		account int64
		want    []string
	}{{0, all}, {account, own}} {
		for _, most := range []int{1, 7, 100} {
			var got []string
			for after := ""; ; {
				page, err := r.Subscriptions(r.Context(), c.ID, of.account, after, most)
				r.must(err)
				for _, s := range page {
					got, after = append(got, s.ID), s.ID
				}
				if len(page) < most {
					break
				}
			}
			r.same(fmt.Sprintf("those of %d by %d", of.account, most), got, of.want)
		}
	}
}

func subscriptionsDiscarded(r *rig) {
	c, account := r.channel("alerts"), r.account("reader")
	var keep, end []string
	for i := range 130 {
		s := r.subscription(c, account, fmt.Sprint(i))
		switch i % 13 {
		case 0:
			s.IdleTimeout = 7200
			keep = append(keep, r.subscribe(s).ID)
		case 1:
			s.Seen += 1 // it ends a microsecond later than most, in the same minute
			keep = append(keep, r.subscribe(s).ID)
		default:
			end = append(end, r.subscribe(s).ID)
		}
	}
	ends := r.subscribed(end[0]).Ends()
	discard := func(now taxii.Time) {
		for more := true; more; {
			var err error
			more, err = r.DiscardSubscriptions(r.Context(), now)
			r.must(err)
		}
	}
	discard(ends) // it has not ended before that
	r.subscribed(end[0])
	discard(ends + 1)
	for _, id := range end {
		if _, err := r.Subscription(r.Context(), id); taxii.KindOf(err) != taxii.NotFound {
			r.Fatalf("what has ended: %v", err)
		}
	}
	for _, id := range keep {
		r.subscribed(id)
	}
	_, err := r.ChangeSubscription(r.Context(), keep[0], func(s *exchange.Subscription) error { s.Seen += 86_400_000_000; return nil })
	r.must(err)
	discard(ends + 80_000_000_000) // all but the one that was used
	left, err := r.Subscriptions(r.Context(), c.ID, 0, "", 100)
	r.must(err)
	r.same("left", []any{len(left), left[0].ID}, []any{1, keep[0]})
}

// Where ttl had been lengthened, a Subscription went after the idle_timeout that it
// was made with, and with it the place of a follower that came back within ttl.
func subscriptionsOutliveTTL(r *rig) {
	c, account := r.channel("alerts"), r.account("reader")
	c.TTL = 3600
	r.must(r.PutChannel(r.Context(), c))
	v := r.subscription(c, account, "")
	v.IdleTimeout = 3600
	v = r.subscribe(v)
	c.TTL = 7200
	r.must(r.PutChannel(r.Context(), c))
	discard := func(now taxii.Time) {
		for more := true; more; {
			var err error
			more, err = r.DiscardSubscriptions(r.Context(), now)
			r.must(err)
		}
	}
	const second = 1_000_000
	r.clock.add(5000 * time.Second)
	again := r.subscription(c, account, "")
	kept, created, err := r.Subscribe(r.Context(), again, exchange.SubscriptionBounds{})
	r.must(err)
	r.same("one that its idle_timeout alone would end", []any{kept.ID, created}, []any{v.ID, false})
	other := r.subscription(c, account, "other")
	_, _, err = r.Subscribe(r.Context(), other, exchange.SubscriptionBounds{PerChannel: 1})
	r.same("it is counted", taxii.KindOf(err), taxii.TooMany)
	discard(v.Seen + 7200*second)
	r.same("idle_timeout after the step", r.subscribed(v.ID).IdleTimeout, int64(7200))
	discard(v.Seen + 7200*second + 60*second)
	if _, err := r.Subscription(r.Context(), v.ID); taxii.KindOf(err) != taxii.NotFound {
		r.Fatalf("after ttl: %v", err)
	}
}

func endedGivesWay(r *rig) {
	c, account := r.channel("alerts"), r.account("reader")
	old := r.subscribe(r.subscription(c, account, ""))
	r.clock.add(time.Hour)
	_, created, err := r.Subscribe(r.Context(), r.subscription(c, account, ""), exchange.SubscriptionBounds{})
	r.must(err)
	r.same("created at the last moment", created, false)
	r.clock.add(time.Microsecond)
	made := r.subscribe(r.subscription(c, account, ""))
	r.subscribed(made.ID)
	_, err = r.Subscription(r.Context(), old.ID)
	r.fails(err, taxii.NotFound)
}

func pushKept(r *rig) {
	c, account := r.channel("alerts"), r.account("reader")
	want := map[string]bool{}
	for i, state := range []string{"", taxii.PushUnverified, taxii.PushActive, taxii.PushFailing, taxii.PushDisabled} {
		s := r.subscription(c, account, state)
		s.Push = &exchange.PushState{
			URL: "https://a.example/hook", Secret: []byte{0, 1, 255}, Previous: []byte("old"), PreviousUntil: 5, State: state,
			LastError: "503", Failures: i, FailingSince: 6, RetryAt: 7,
		}
		r.same("push", show(r.subscribed(r.subscribe(s).ID)), show(s))
		if state != taxii.PushDisabled {
			want[s.ID] = true
		}
	}
	r.subscribe(r.subscription(c, account, "none"))
	list, err := r.Pushing(r.Context())
	r.must(err)
	for _, s := range list {
		if !want[s.ID] {
			r.Errorf("%s is pushing", show(s))
		}
	}
	r.same("pushing", len(list), len(want))
}

func accountsSubscriptions(r *rig) {
	c, account, other := r.channel("alerts"), r.account("reader"), r.account("other")
	var one exchange.Subscription
	for i := range 300 {
		one = r.subscription(c, account, fmt.Sprint(i))
		one.Push = &exchange.PushState{URL: "https://a.example/"}
		r.subscribe(one)
	}
	stays := r.subscribe(r.subscription(c, other, ""))
	r.must(r.RemoveAccount(r.Context(), account))
	_, err := r.Subscription(r.Context(), one.ID)
	r.fails(err, taxii.NotFound)
	pushing, err := r.Pushing(r.Context())
	r.must(err)
	list, err := r.Subscriptions(r.Context(), c.ID, 0, "", 1000)
	r.must(err)
	r.same("pushing and listed", []any{len(pushing), len(list), list[0].ID}, []any{0, 1, stays.ID})
	r.restart()
	r.purge(0)
	r.same("steps when nothing is left", r.purge(0), 1)
	r.subscribed(stays.ID)
}

func longKeys(r *rig) {
	c, account := r.channel("alerts"), r.account("reader")
	long := strings.Repeat("é%'\"{}", 700)
	keys := [][2]string{{long, ""}, {"", long}, {long, "a"}, {long + "a", ""}, {"", ""}, {"a", "b"}, {"ab", ""}}
	for _, k := range keys {
		s := r.subscription(c, account, k[1])
		s.Selector = k[0]
		r.subscribe(s)
		got, err := r.SubscriptionOf(r.Context(), s.SubscriptionKey)
		r.must(err)
		r.same("by key", got, s)
	}
}
