package storetest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func expiring() map[string]check {
	return map[string]check{
		"rows and floor agree after every step of an expiry":                   {"", floorAgrees},
		"a reader beside an expiry sees no hole without the floor":             {"", readsBesideExpiry},
		"an expiry removes what is up to a place and nothing after it":         {"", expiresUpto},
		"who publishes gets in between the steps of an expiry":                 {"", publishesBetweenSteps},
		"a place by date is never below the floor":                             {"", datedUpto},
		"octets are known for every place, purged ones as those of the floor":  {"", octetsUpto},
		"a removed Channel is invisible at once, with all that hangs on it":    {"", channelRemoved},
		"a removed Channel is purged with all that it holds, across a restart": {"", channelPurged},
		"an API Root that is removed takes its Channels with it":               {"", channelsOfRoot},
		"an id may be published again once its Message has expired":            {"", publishedAgain},
	}
}

// holds looks whether what is kept of a Channel is what lies between its floor
// and its head, and gives the head.
func (r *rig) holds(f feed.ID) feed.Head {
	r.Helper()
	h := r.headOf(f)
	next, total := h.Floor+1, h.FloorOctets
	for _, m := range r.messages(f, feed.Query{Upto: h.Place, Limit: 1 << 20}) {
		total += m.Size
		r.same("place and octets", []any{m.Place, m.Message.Octets}, []any{next, total})
		next++
	}
	r.same("end", []any{next - 1, total}, []any{h.Place, h.Octets})
	t := r.engine.Tables(r.T, r.Store, f)
	r.same("rows", []int{len(t.Entries), len(t.Live), len(t.Graves)}, []int{int(h.Place - h.Floor), int(h.Place - h.Floor), 0})
	return h
}

// expire purges up to a place, in as many steps as that takes on a busy machine.
func (r *rig) expire(f feed.ID, upto feed.Place) {
	r.Helper()
	for more := true; more; {
		var err error
		more, err = r.Expire(r.Context(), f, upto)
		r.must(err)
	}
}

func floorAgrees(r *rig) {
	f := r.channel("alerts").Feed
	for i := range 10 {
		r.flow(f, 50*i, 50, 10+i)
	}
	floor, steps := feed.Place(0), 0
	for more := true; more; steps++ {
		var err error
		more, err = r.Expire(r.Context(), f, 480)
		r.must(err)
		h := r.holds(f)
		if h.Floor <= floor {
			r.Fatalf("a step went from %d to %d", floor, h.Floor)
		}
		floor = h.Floor
		r.same("more", more, floor < 480)
		if steps == 2 {
			r.restart()
			r.same("floor after a restart", r.holds(f).Floor, floor)
		}
	}
	r.same("floor", floor, 480)
	if steps < 3 {
		r.Errorf("%d Messages went in %d steps", floor, steps)
	}
	again, err := r.Expire(r.Context(), f, 480)
	r.must(err)
	r.same("more after all", again, false)
}

func expiresUpto(r *rig) {
	f, other := r.channel("a").Feed, r.channel("b").Feed
	r.flow(f, 1, 3, 4)
	r.flow(other, 1, 3, 4)
	for upto, want := range []feed.Place{0, 1, 2, 3} {
		r.expire(f, feed.Place(upto))
		r.same("floor", r.holds(f).Floor, want)
	}
	r.expire(f, 1000) // no further than the head
	r.same("floor and head", []feed.Place{r.holds(f).Floor, r.headOf(f).Place}, []feed.Place{3, 3})
	r.flow(f, 4, 1, 4)
	r.same("the next place", r.holds(f).Place, 4)
	r.same("floor of the other", r.holds(other).Floor, 0)
	_, err := r.Expire(r.Context(), 9999, 1)
	r.fails(err, taxii.NotFound)
	r.fill(r.feed, 2)
	if _, err := r.Expire(r.Context(), r.feed, 1); err == nil {
		r.Error("objects of a Collection have expired")
	}
	r.same("entries of the Collection", len(r.tables().Entries), 2)
}

// readsBesideExpiry: what a reader finds begins right after the place that it
// reads on from, or else the floor has passed that place.
func readsBesideExpiry(r *rig) {
	f := r.channel("alerts").Feed
	for i := range 10 {
		r.flow(f, 100*i, 100, 200)
	}
	var over atomic.Bool
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			for !over.Load() {
				h, err := r.Head(r.Context(), f)
				if err != nil {
					r.Error(err)
					return
				}
				next := h.Floor + 1
				err = r.Read(r.Context(), f, feed.Query{After: h.Floor, Upto: h.Place, Limit: 50, Messages: true, Content: true}, func(e *feed.Entry) bool {
					if e.Place != next {
						if now, _ := r.Head(r.Context(), f); now.Floor < e.Place-1 {
							r.Errorf("place %d comes where %d is due, and the floor is at %d", e.Place, next, now.Floor)
						}
						return false
					}
					next++
					return true
				})
				if err != nil {
					r.Error(err)
					return
				}
			}
		})
	}
	for more := true; more; {
		var err error
		if more, err = r.Expire(r.Context(), f, 990); err != nil {
			r.Error(err)
			break
		}
	}
	over.Store(true)
	wait.Wait()
	r.same("floor", r.holds(f).Floor, 990)
}

// publishesBetweenSteps: after each Append there were Messages still to expire.
func publishesBetweenSteps(r *rig) {
	f, other := r.channel("a").Feed, r.channel("b").Feed
	for i := range purged / 500 {
		r.flow(f, 500*i, 500, 100)
	}
	upto := r.headOf(f).Place
	var more atomic.Bool
	more.Store(true)
	over := make(chan error, 1)
	go func() {
		again, err := true, error(nil)
		for again && err == nil {
			again, err = r.Expire(r.Context(), f, upto)
			more.Store(again)
		}
		over <- err
	}()
	const adds = 3
	for i := range adds {
		_, err := r.Append(r.Context(), []feed.Add{r.publication(other, message(fmt.Sprint(i), "x", 0))})
		if r.must(err); !more.Load() {
			r.Fatalf("Add %d of %d waited until the expiry had ended", i+1, adds)
		}
	}
	r.must(<-over)
	r.same("places", []feed.Place{r.holds(f).Floor, r.holds(other).Place}, []feed.Place{upto, adds})
}

func datedUpto(r *rig) {
	f := r.channel("alerts").Feed
	at := func(date taxii.Time) feed.Place {
		r.Helper()
		place, err := r.DatedUpto(r.Context(), f, date)
		r.must(err)
		return place
	}
	r.same("of none", at(noon), feed.Place(0))
	var dates []taxii.Time
	for i := range 4 {
		dates = append(dates, r.publish(f, message(fmt.Sprint(i), "x", 0)).Outcomes[0].Added)
		r.clock.add(time.Minute)
	}
	r.same("before all, at the second, after it, at the end", []feed.Place{at(1), at(dates[1]), at(dates[2] - 1), at(dates[3]), at(dates[3] + 1)},
		[]feed.Place{0, 2, 2, 4, 4})
	r.expire(f, 2)
	r.same("of what is purged", []feed.Place{at(1), at(dates[1]), at(dates[2])}, []feed.Place{2, 2, 3})
	r.expire(f, 4)
	r.same("when all is purged", []feed.Place{at(1), at(dates[3] + 5)}, []feed.Place{4, 4})
	_, err := r.DatedUpto(r.Context(), 9999, 1)
	r.fails(err, taxii.NotFound)
}

func octetsUpto(r *rig) {
	f := r.channel("alerts").Feed
	r.flow(f, 1, 5, 10)
	at := func() (list []int64) {
		r.Helper()
		for place := range feed.Place(7) {
			octets, err := r.OctetsUpto(r.Context(), f, place)
			r.must(err)
			list = append(list, octets)
		}
		return list
	}
	r.same("octets", at(), []int64{0, 10, 20, 30, 40, 50, 50})
	r.expire(f, 2)
	r.same("octets above the floor", at(), []int64{20, 20, 20, 30, 40, 50, 50})
}

func publishedAgain(r *rig) {
	f := r.channel("alerts").Feed
	r.publish(f, message("a", "one", 0))
	r.expire(f, 1)
	r.same("fate", fates(r.publish(f, message("a", "two", 0))), []feed.Fate{feed.Appended})
	r.same("Messages", r.messages(f, feed.Query{IDs: []string{"a"}, Content: true})[0].Content, "two")
}

// inhabited is a Channel with a bit of everything that hangs on one.
func (r *rig) inhabited(name string, account int64) exchange.Channel {
	r.Helper()
	c := r.channel(name)
	r.flow(c.Feed, 1, 30, 10)
	r.must(r.PutGrant(r.Context(), exchange.Grant{Account: account, Scope: exchange.OnChannel, Root: r.root, Item: c.ID, Rights: exchange.Read}))
	for i := range 120 {
		s := r.subscription(c, account, fmt.Sprint("n", i))
		if i == 0 {
			s.Push = &exchange.PushState{URL: "https://a.example/", State: taxii.PushActive}
		}
		_, _, err := r.Subscribe(r.Context(), s, exchange.SubscriptionBounds{})
		r.must(err)
	}
	r.must(r.PutInvitation(r.Context(), r.invitation(c, "hash of "+c.ID)))
	r.must(r.SetWorker(r.Context(), "from:"+c.ID, 1))
	r.must(r.SetWorker(r.Context(), "to:"+c.ID, 1))
	return c
}

func channelRemoved(r *rig) {
	account := r.account("reader")
	c := r.inhabited("alerts", account)
	kept, err := r.SubscriptionOf(r.Context(), r.subscription(c, account, "n7").SubscriptionKey)
	r.must(err)
	r.must(r.RemoveChannel(r.Context(), c.ID))
	cat := r.catalog()
	r.same("Channels and grants", []int{len(cat.Channels), len(cat.Grants)}, []int{0, 0})
	_, err = r.Subscription(r.Context(), kept.ID)
	r.fails(err, taxii.NotFound)
	_, err = r.SubscriptionOf(r.Context(), kept.SubscriptionKey)
	r.fails(err, taxii.NotFound)
	_, err = r.ChangeSubscription(r.Context(), kept.ID, func(*exchange.Subscription) error { return nil })
	r.fails(err, taxii.NotFound)
	_, _, err = r.Subscribe(r.Context(), r.subscription(c, account, "late"), exchange.SubscriptionBounds{})
	r.fails(err, taxii.NotFound)
	r.fails(r.PutInvitation(r.Context(), r.invitation(c, "late")), taxii.NotFound)
	_, err = r.Redeem(r.Context(), c.ID, "hash of "+c.ID, account, noon, func(exchange.Invitation) bool { return true })
	r.fails(err, taxii.NotFound)
	for what, list := range map[string]func() (int, error){
		"subscriptions": func() (int, error) { l, err := r.Subscriptions(r.Context(), c.ID, 0, "", 10); return len(l), err },
		"of an account": func() (int, error) { l, err := r.Subscriptions(r.Context(), c.ID, account, "", 10); return len(l), err },
		"pushing":       func() (int, error) { l, err := r.Pushing(r.Context()); return len(l), err },
		"invitations":   func() (int, error) { l, err := r.Invitations(r.Context(), c.ID); return len(l), err },
	} {
		n, err := list()
		r.must(err)
		r.same(what, n, 0)
	}
	bounds := exchange.SubscriptionBounds{PerAccount: 1} // what is not purged yet does not count
	again := r.channel("alerts")
	if again.Feed == c.Feed || again.ID == c.ID {
		r.Errorf("the new Channel is the old one: %+v", again)
	}
	_, created, err := r.Subscribe(r.Context(), r.subscription(again, account, ""), bounds)
	r.must(err)
	r.same("created", created, true)
	r.same("head of the new one", r.headOf(again.Feed).Place, 0)
	r.fails(r.PutChannel(r.Context(), c), taxii.Conflict)
}

func channelPurged(r *rig) {
	account := r.account("reader")
	c, other := r.inhabited("alerts", account), r.inhabited("other", account)
	r.must(r.Reincarnate(r.Context()))
	r.expire(c.Feed, 5)
	r.must(r.RemoveChannel(r.Context(), c.ID))
	_, err := r.PurgeStep(r.Context(), 0)
	r.must(err)
	r.restart()
	for r.steps() {
	}
	r.same("tables", r.engine.Tables(r.T, r.Store, c.Feed), Tables{})
	_, err = r.Head(r.Context(), c.Feed)
	r.fails(err, taxii.NotFound)
	r.same("cursors of its Workers", []feed.Place{r.workerAt("from:" + c.ID), r.workerAt("to:" + c.ID)}, []feed.Place{-1, -1})
	r.same("floor and head of the other", []feed.Place{r.holds(other.Feed).Floor, r.holds(other.Feed).Place}, []feed.Place{0, 30})
	list, err := r.Subscriptions(r.Context(), other.ID, 0, "", 1000)
	r.must(err)
	r.same("subscriptions of the other", len(list), 120)
	r.same("cursor of the other", r.workerAt("from:"+other.ID), feed.Place(1))
	r.fails(r.PutChannel(r.Context(), c), taxii.NotFound) // a late change of it makes nothing
	c.Feed = 0
	r.must(r.PutChannel(r.Context(), c)) // its id is free again
	_, err = r.SubscriptionOf(r.Context(), r.subscription(c, account, "n7").SubscriptionKey)
	r.fails(err, taxii.NotFound)
}

func channelsOfRoot(r *rig) {
	account := r.account("reader")
	c := r.inhabited("alerts", account)
	r.must(r.RemoveRoot(r.Context(), r.root))
	r.same("Channels", len(r.catalog().Channels), 0)
	list, err := r.Subscriptions(r.Context(), c.ID, 0, "", 10)
	r.must(err)
	r.same("subscriptions", len(list), 0)
	r.purge(0)
	_, err = r.Head(r.Context(), c.Feed)
	r.fails(err, taxii.NotFound)
	r.same("what is left", strings.TrimSpace(fmt.Sprintf("%+v", r.engine.Tables(r.T, r.Store, c.Feed))), fmt.Sprintf("%+v", Tables{}))
}
