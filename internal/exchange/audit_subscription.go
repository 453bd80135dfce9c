package exchange

import (
	"context"
	"net/url"
)

// subscribed records what an account did with a Subscription. Of the URL of a push
// it keeps the host: the rest may be a secret.
func (s *Session) subscribed(ctx context.Context, event string, c *Channel, v *Subscription) error {
	on := s.x.now.Load().name(resource{OnChannel, c.Root, c.ID})
	return s.done(ctx, event, on, func(r auditLine) auditLine {
		r = r.text("subscription", v.ID).text("filter", v.Selector)
		if v.Push != nil {
			r = r.text("url_host", hostOf(v.Push.URL))
		}
		if v.Account != s.account.ID && s.x.now.Load().accounts[v.Account] != nil {
			r = r.text("of", s.x.now.Load().accounts[v.Account].Name)
		}
		return r
	})
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// recorded records what is about to be pushed, and waits for that.
func (p *Pushes) recorded(ctx context.Context, at pushReading, sub *Subscription, b batch) error {
	if !p.x.audits() || len(b.page.Frames) == 0 {
		return nil
	}
	frames, c := b.page.Frames, resource{OnChannel, at.c.Root, at.c.ID}
	d := delivery{
		event: EventPush, on: at.snap.name(c), endpoint: "messages", feed: at.c.Feed, first: frames[0].place, last: frames[len(frames)-1].place,
		head: b.upto, count: len(frames), octets: b.page.Size, filter: sub.Selector, ceiling: at.s.ceiling(at.snap, c), unmarked: at.c.Unmarked,
		subscription: sub.ID,
	}
	return p.x.record(d.record(at.s.begin(ctx, d.event).text("url_host", hostOf(sub.Push.URL)))).Wait()
}

// answered records what became of a push. It waits for nothing: that it was sent is
// recorded.
func (p *Pushes) answered(sub *Subscription, r *PushRequest, a PushAnswer) {
	if !p.x.audits() {
		return
	}
	outcome := outcomeDone
	if a.Status < 200 || a.Status > 299 {
		outcome = "failed"
	}
	line := p.x.newRecord(EventPushed)
	if account := p.x.now.Load().accounts[sub.Account]; account != nil {
		line = line.text("account", account.Name).number("account_number", account.ID)
	}
	line = line.text("subscription", sub.ID).text("url_host", hostOf(r.URL)).number("last", int64(r.upto)).number("status", int64(a.Status))
	p.x.record(line.end(outcome))
}
