package exchange

import (
	"context"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// maxPublishing bounds the publications of a node that wait for their commit
// (section 10): each holds its body, and behind so many the last would wait for
// longer than its publisher does.
const maxPublishing = 4096

// MayPublish tells, before a body is taken, whether this account may publish
// there, and the most octets that the body may have.
func (s *Session) MayPublish(root, channel string) (most int64, err error) {
	_, _, _, err = s.mayChannel(s.x.now.Load(), Write, root, channel)
	return s.x.opt.MaxContentLength, err
}

// Publication is the body of one request that publishes: an Envelope, a list of
// drafts, or, under another media type, other content.
type Publication struct {
	ContentType string
	Key         string // Idempotency-Key, or ""
	Body        []byte // not changed, and not kept
}

// Publish publishes what was sent to a Channel (docs/channels.md section 4). An
// error other than Unprocessable means that nothing was stored; otherwise the
// Status is complete, what it accepts is on stable storage, and each failure says
// why. Where nothing was accepted it is in Details["status"] of the error.
func (s *Session) Publish(ctx context.Context, root, channel string, sent Publication) (taxii.Status, error) {
	snap := s.x.now.Load()
	r, c, rights, err := s.mayChannel(snap, Write, root, channel)
	if err != nil {
		return taxii.Status{}, err
	}
	p := publishing{channel: c, room: s.take}
	if err := p.body(sent); err != nil {
		return taxii.Status{}, err
	}
	counted := s.spend(snap, p.drafts)
	results, err := s.x.commit(ctx, feed.Add{
		Admits: counted.admits(),
		Feed:   c.Feed, Drafts: p.drafts, Account: s.account.ID, Request: RequestOf(ctx), Form: octets, Bounds: c.bounds(),
		Record: s.added(ctx, EventPublish, snap.name(resource{OnChannel, r.ID, c.ID}), c.Feed),
		Status: feed.Status{ID: taxii.NewID(), Root: r.ID, At: taxii.TimeOf(s.x.opt.Now()), Failures: p.failures},
	})
	counted.settle(results)
	if err != nil {
		return taxii.Status{}, s.gone(err)
	}
	status, err := s.x.publication(ctx, snap, c, results[0].Status, rights.Has(Read))
	if err != nil {
		return taxii.Status{}, s.gone(err)
	}
	if status.SuccessCount == 0 {
		e := taxii.Errorf(taxii.Unprocessable, "no message was accepted").Describe("details.status says why of each.")
		e.Details = map[string]any{"status": status}
		return status, e
	}
	return status, nil
}

// commit hands one publication to the store.
func (x *Exchange) commit(ctx context.Context, add feed.Add) ([]feed.Result, error) {
	if x.publishing.Add(1) > maxPublishing {
		x.publishing.Add(-1)
		e := taxii.Errorf(taxii.Unavailable, "too many messages wait to be stored; try again")
		e.RetryAfter = time.Second
		return nil, e
	}
	defer x.publishing.Add(-1)
	return x.store.Append(ctx, []feed.Add{add})
}

// octets is the form of Messages: two with one id are the same where their octets
// are.
func octets(content []byte) []byte { return content }

func (c *Channel) bounds() feed.Bounds {
	return feed.Bounds{Messages: c.MaxMessages, Octets: c.MaxBytes}
}

// publication gives the Status resource of a publication, the same in its answer
// and whenever it is asked for later. Only who may read is told cursors.
func (x *Exchange) publication(ctx context.Context, snap *snapshot, c *Channel, st feed.Status, reads bool) (taxii.Status, error) {
	head, err := x.store.Head(ctx, c.Feed)
	if err != nil {
		return taxii.Status{}, err
	}
	d := taxii.Status{
		ID: st.ID, Status: taxii.StatusComplete, RequestTimestamp: st.At,
		TotalCount: len(st.Taken) + len(st.Failures), SuccessCount: len(st.Taken), FailureCount: len(st.Failures),
	}
	for _, t := range st.Taken {
		one := taxii.StatusDetail{ID: t.ID, Version: t.Published.String(), Message: t.Message, Disposition: taxii.Accepted}
		if t.Before {
			one.Disposition = taxii.Duplicate
		}
		if reads {
			one.Cursor = snap.cursorAt(c, head, t.Place)
		}
		d.Successes = append(d.Successes, one)
	}
	for _, f := range st.Failures {
		d.Failures = append(d.Failures, taxii.StatusDetail{ID: f.ID, Version: f.Version, Message: f.Message, Disposition: taxii.Rejected})
	}
	return d, nil
}
