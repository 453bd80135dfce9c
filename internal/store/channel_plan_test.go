package store

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// someMessage is a draft of a Message.
func someMessage(id, content string) feed.Draft {
	return feed.Draft{
		ID: id, Type: "chat", Version: "0", VersionKey: feed.MessageKey, Content: []byte(content),
		Message: &feed.Message{MediaType: "text/plain", Marks: "2.1\ttool\t" + id + "\n"},
	}
}

// channel makes a Channel, and an account that may subscribe.
func (s *testStore) channel() (c exchange.Channel, account int64) {
	s.Helper()
	id := taxii.NewID()
	must(s, s.PutChannel(s.Context(), exchange.Channel{ID: id, Root: 1, Name: id, TTL: 60, ContentType: "*/*", Mode: taxii.ModeBoth}))
	account, err := s.PutAccount(s.Context(), exchange.Account{Name: id})
	must(s, err)
	cat, err := s.Catalog(s.Context())
	must(s, err)
	for _, v := range cat.Channels {
		if v.ID == id {
			return v, account
		}
	}
	s.Fatal("the Channel is not there")
	return c, 0
}

func (s *testStore) publish(f feed.ID, account int64, drafts ...feed.Draft) {
	s.Helper()
	_, err := s.Append(s.Context(), []feed.Add{{Feed: f, Account: account, Drafts: drafts, Status: feed.Status{ID: taxii.NewID(), At: 1}}})
	must(s, err)
}

// everythingOfChannels makes the store prepare all that it ever asks of Channels.
func (s *testStore) everythingOfChannels() {
	s.Helper()
	ctx := s.Context()
	c, account := s.channel()
	relayed := someMessage("c", "c")
	relayed.Message.Origin = "https://a.example/"
	s.publish(c.Feed, 1, someMessage("a", "a"), someMessage("b", "b"), relayed)
	s.publish(c.Feed, 2, someMessage("a", "other"))
	s.publish(c.Feed, 1, someMessage("d", "d"), someMessage("e", "e"))
	for _, q := range []feed.Query{{Messages: true}, {Messages: true, IDs: []string{"a"}}, {Fresh: true}, {Fresh: true, Types: []string{"a", "b"}}} {
		for _, q.Content = range []bool{true, false} {
			q.Upto, q.Limit = 9, 9
			must(s, s.Read(ctx, c.Feed, q, func(*feed.Entry) bool { return true }))
		}
	}
	lean := feed.Query{Upto: 9, Limit: 9, Messages: true, Content: true, Lean: true}
	must(s, s.Read(ctx, c.Feed, lean, func(*feed.Entry) bool { return true }))
	_, err := s.Append(ctx, []feed.Add{{Feed: c.Feed, Worker: &feed.Worker{Name: "w", To: 1}}})
	must(s, err)
	must(s, s.SetWorker(ctx, "w", 2))
	_, _, err = s.WorkerAt(ctx, "w")
	must(s, err)
	_, err = s.OctetsUpto(ctx, c.Feed, 2)
	must(s, err)
	_, err = s.DatedUpto(ctx, c.Feed, 5)
	must(s, err)
	_, err = s.Expire(ctx, c.Feed, 3)
	must(s, err)
	must(s, s.Reincarnate(ctx))
	must(s, s.StopRelay(ctx, c.ID, ""))
	s.everythingOfSubscriptions(c, account)
	must(s, s.RemoveAccount(ctx, account))
	must(s, s.RemoveChannel(ctx, c.ID))
	for more := true; more; {
		more, err = s.PurgeStep(ctx, 1)
		must(s, err)
	}
}

func (s *testStore) everythingOfSubscriptions(c exchange.Channel, account int64) {
	s.Helper()
	ctx := s.Context()
	v := exchange.Subscription{SubscriptionKey: exchange.SubscriptionKey{Channel: c.ID, Account: account}, ID: taxii.NewID(), IdleTimeout: 60}
	for range 2 {
		_, _, err := s.Subscribe(ctx, v, exchange.SubscriptionBounds{PerChannel: 9, PerAccount: 9})
		must(s, err)
		v.Created, v.Seen, v.ID = v.Created+61_000_000, v.Seen+61_000_000, taxii.NewID()
	}
	kept, err := s.SubscriptionOf(ctx, v.SubscriptionKey)
	must(s, err)
	_, err = s.Subscription(ctx, kept.ID)
	must(s, err)
	for _, of := range []int64{0, account} {
		_, err = s.Subscriptions(ctx, c.ID, of, "", 10)
		must(s, err)
	}
	_, err = s.Pushing(ctx)
	must(s, err)
	for _, edit := range []func(*exchange.Subscription){
		func(s *exchange.Subscription) { s.Place++ }, func(s *exchange.Subscription) { s.MaxPending++ },
	} {
		_, err = s.ChangeSubscription(ctx, kept.ID, func(s *exchange.Subscription) error { edit(s); return nil })
		must(s, err)
	}
	_, err = s.DiscardSubscriptions(ctx, 1)
	must(s, err)
	must(s, s.RemoveSubscription(ctx, taxii.NewID()))
	must(s, s.PutInvitation(ctx, exchange.Invitation{ID: taxii.NewID(), Channel: c.ID, TokenHash: "h", Rights: 1, Expires: 5, Uses: 3}))
	_, err = s.Invitations(ctx, c.ID)
	must(s, err)
	for range 2 {
		_, err = s.Redeem(ctx, c.ID, "h", account, 1, func(exchange.Invitation) bool { return true })
		must(s, err)
	}
	_ = s.RemoveInvitation(ctx, c.ID, taxii.NewID())
}

// The statements that every follower, acknowledgement and expiry asks: none costs
// more in a Channel of a million Messages or beside a million Subscriptions.
func TestHotStatementsOfChannelsAreServedByTheirIndexes(t *testing.T) {
	s := openStore(t, Options{})
	tail, _ := readText(s.engine, 1, 0, settled(feed.Query{Messages: true, Upto: 9, Limit: 9, Content: true}, feed.Head{Place: 9}))
	byID, _ := readText(s.engine, 1, 0, settled(feed.Query{Messages: true, IDs: []string{"a"}, Content: true}, feed.Head{Place: 9}))
	fresh, _ := readText(s.engine, 1, 0, settled(feed.Query{Fresh: true, Upto: 9, Limit: 9, Content: true}, feed.Head{Place: 9}))
	expire := `delete from entries as e where ` + s.engine.entriesBetween("$1", "$2", "$3")
	const (
		byPlace   = "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)"
		fromPlace = "SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"
		message   = "SEARCH m USING PRIMARY KEY (feed=? AND seq=?)"
	)
	for text, want := range map[string][]string{
		tail: {fromPlace, message},
		byID: {byPlace, message, "SEARCH v USING INDEX entries_version (feed=? AND id=?)"},
		fresh: {byPlace, "SEARCH t USING PRIMARY KEY (feed=? AND old_seq>? AND old_seq<?)",
			"SEARCH g USING INDEX tombstones_id (feed=? AND id=? AND old_seq<?)", "SEARCH d USING INDEX tombstones_id (feed=? AND id=? AND old_seq>?)"},
		expire:               {fromPlace},
		oldestMessages:       {"SEARCH messages USING PRIMARY KEY (feed=? AND seq>? AND seq<?)"},
		octetsUpto:           {"SEARCH messages USING PRIMARY KEY (feed=? AND seq=?)"},
		subscriptionByID:     {"SEARCH s USING INDEX sqlite_autoindex_subscriptions_1 (id=?)"},
		subscriptionByKey:    {"SEARCH s USING INDEX subscriptions_key (channel=? AND account=? AND fingerprint=?)"},
		subscriptionsOn:      {"SEARCH s USING INDEX subscriptions_channel (channel=? AND id>?)"},
		subscriptionsOf:      {"SEARCH s USING INDEX subscriptions_key (channel=? AND account=?)"},
		subscriptionsPush:    {"USING INDEX subscriptions_push"},
		moveSubscription:     {"SEARCH subscriptions USING INDEX sqlite_autoindex_subscriptions_1 (id=?)"},
		discardSubscriptions: {"SEARCH s USING INDEX subscriptions_ends (ends<?)"},
		raiseIdle:            {"SEARCH s USING INDEX subscriptions_ends (ends<?)"},
	} {
		steps := s.plan(text)
		for _, w := range want {
			if !strings.Contains(planText(steps), w) {
				t.Errorf("%s\nthe plan has no %q:%s", text, w, planText(steps))
			}
		}
		for _, p := range steps { // what is not part of another step carries the content
			if p.under == 0 && strings.Contains(p.what, "TEMP B-TREE") && text != subscriptionsOf {
				t.Errorf("%s\ncontent is sorted:%s", text, planText(steps))
			}
		}
	}
}

func TestHotStatementsOfChannelsAreServedByTheIndexesOfPostgreSQL(t *testing.T) {
	s := openPostgresStore(t, Options{})
	tail, _ := readText(s.engine, 1, 0, settled(feed.Query{Messages: true, Upto: 9, Limit: 9, Content: true}, feed.Head{Place: 9}))
	byID, _ := readText(s.engine, 1, 0, settled(feed.Query{Messages: true, IDs: []string{"a"}, Content: true}, feed.Head{Place: 9}))
	expire := `delete from entries as e where ` + s.engine.entriesBetween("$1", "$2", "$3")
	const message = `using messages_pkey on messages m\n +Index Cond: \(\(feed = \$1\) AND \(seq = \w+\.seq\)\)`
	for text, want := range map[string][]string{
		tail:                 {`using entries_pkey on entries e\n +Index Cond: \(\(feed = \$1\) AND \(seq > \$2\) AND \(seq <= \$3\)\)`, message},
		byID:                 {`using entries_version on entries v\n +Index Cond: \(\(feed = \$1\) AND \(id = \$5\)\)`, message},
		expire:               {`using entries_pkey on entries e\n +Index Cond: \(\(feed = \$1\) AND \(seq > \$2\) AND \(seq <= \$3\)\)`},
		oldestMessages:       {`using messages_pkey on messages\n +Index Cond: \(\(feed = \$1\) AND \(seq > \$2\) AND \(seq <= \$3\)\)`},
		subscriptionByID:     {`using subscriptions_pkey on subscriptions s\n +Index Cond: \(id = \$1\)`},
		subscriptionByKey:    {`using subscriptions_key on subscriptions s\n +Index Cond: \(\(channel = (\(\$1\)::text|\$1)\) AND \(account = \$2\) AND \(fingerprint = \$3\)\)`},
		subscriptionsOn:      {`using subscriptions_channel on subscriptions s\n +Index Cond: \(\(channel = (\(\$1\)::text|\$1)\) AND \(id > \$2\)\)`},
		moveSubscription:     {`using subscriptions_pkey on subscriptions\n +Index Cond: \(id = \$1\)`},
		discardSubscriptions: {`using subscriptions_ends on subscriptions`},
		raiseIdle:            {`using subscriptions_ends on subscriptions`},
	} {
		plan := s.planOnPostgres(text)
		for _, w := range want {
			if !regexp.MustCompile(w).MatchString(plan) {
				t.Errorf("%s\nthe plan has no %s:%s", text, w, plan)
			}
		}
	}
}
