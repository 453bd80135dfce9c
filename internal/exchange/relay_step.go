package exchange

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/taxii"
)

// publish publishes what was added to the Collection after a place. What a
// deletion only moved was published when it was added.
func (r *relaying) publish(ctx context.Context, l *leg, at feed.Place, head feed.Head) error {
	p := packing{channel: l.channel, origin: l.collection.ID + "/" + head.Incarnation}
	ceiling := l.session.ceiling(r.now.Load(), resource{OnCollection, l.collection.Root, l.collection.ID})
	q := feed.Query{After: at, Upto: head.Place, Limit: relayEntries, Ceiling: ceiling, Content: true, Fresh: true}
	upto, visited, size := head.Place, 0, 0
	err := r.store.Read(ctx, l.collection.Feed, q, func(e *feed.Entry) bool {
		p.take(e)
		visited, size = visited+1, size+len(e.Content)
		if visited == relayEntries || size >= relayOctets {
			upto = e.Place
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	p.close()
	_, err = r.store.Append(ctx, []feed.Add{{
		Feed: l.channel.Feed, Drafts: p.drafts, Account: l.session.account.ID, Form: octets, Bounds: l.channel.bounds(),
		Worker: &feed.Worker{Name: r.worker(), From: at, To: upto},
	}})
	return err
}

// packing puts objects into Envelopes no larger than a Message of the Channel may
// be; one that is larger alone gets an Envelope of its own.
type packing struct {
	channel *Channel
	origin  string // the Collection and its incarnation
	drafts  []feed.Draft

	first           feed.Place // of the Envelope that is open
	level           Level      // of every object in it, in the Channel
	unmarked        bool
	envelope, marks []byte
}

const envelopeHead, envelopeTail = `{"objects":[`, `]}`

// take puts one object behind those before it, in an Envelope of its own level:
// who may see one of two must not wait for the other. One of a type that is not
// permitted is left out.
func (p *packing) take(e *feed.Entry) {
	permitted := p.channel.Permitted
	if len(permitted) > 0 && !listed(permitted, []byte(taxii.TypeEnvelope)) && !listed(permitted, []byte(e.Type)) {
		return
	}
	level, unmarked := p.levelOf(e)
	if p.envelope != nil && (level != p.level || int64(len(p.envelope)+1+len(e.Content)+len(envelopeTail)) > p.channel.MaxMessageSize) {
		p.close()
	}
	p.level, p.unmarked = level, p.unmarked || unmarked
	if p.envelope == nil {
		p.first, p.envelope = e.Place, append(make([]byte, 0, len(envelopeHead)+len(e.Content)+len(envelopeTail)), envelopeHead...)
	} else {
		p.envelope = append(p.envelope, ',')
	}
	p.envelope = append(p.envelope, e.Content...)
	p.marks = append(p.marks, e.SpecVersion+"\t"+e.Type+"\t"+e.ID+"\n"...)
}

// levelOf is the level of an object in the Channel: what has no marking counts as
// in the Collection or as in the Channel, whichever is higher.
func (p *packing) levelOf(e *feed.Entry) (level Level, unmarked bool) {
	if unmarked = stix.Marking(e.Content) == stix.Unmarked; unmarked {
		return max(e.Level, p.channel.Unmarked), true
	}
	return e.Level, false
}

// close makes a draft of the Envelope that is open. Its id follows from the place
// of its first object in the source: however often it is made, it is one Message.
func (p *packing) close() {
	if p.envelope == nil {
		return
	}
	p.drafts = append(p.drafts, feed.Draft{
		ID: derivedID(p.channel.ID, p.origin+"/"+strconv.FormatInt(int64(p.first), 10)), Type: taxii.TypeEnvelope,
		Version: strconv.Itoa(len(p.drafts)), VersionKey: feed.MessageKey,
		Content: append(p.envelope, envelopeTail...), Level: p.level, Unmarked: p.unmarked,
		Message: &feed.Message{MediaType: taxii.MediaType, Marks: string(p.marks)},
	})
	p.envelope, p.marks, p.unmarked = nil, nil, false
}

// add adds the objects of the Envelopes after a place to the Collection, as the
// account that named it would. What cannot be added is passed over and counted:
// it never blocks what comes after.
func (r *relaying) add(ctx context.Context, l *leg, at feed.Place, head feed.Head) error {
	validation, err := stix.ParseValidation(l.collection.Validation)
	if err != nil {
		return err
	}
	in := intake{
		at: taxii.TimeOf(r.opt.Now()), validation: validation, types: l.collection.Types, room: func(int64) error { return nil },
	}
	upto, err := r.unpack(ctx, l, max(at, head.Floor), head, &in)
	if err != nil {
		return err
	}
	results, err := r.store.Append(ctx, []feed.Add{{
		Feed: l.collection.Feed, Drafts: in.drafts, Account: l.session.account.ID, Form: form,
		Worker: &feed.Worker{Name: r.worker(), From: at, To: upto},
	}})
	if err != nil {
		return err
	}
	r.tell(l, at, head, &in, results[0].Outcomes)
	return nil
}

// unpack takes the objects out of the Envelopes after a place, and gives the place
// of the last Message that it looked at.
func (r *relaying) unpack(ctx context.Context, l *leg, after feed.Place, head feed.Head, in *intake) (upto feed.Place, err error) {
	q := feed.Query{After: after, Upto: head.Place, Limit: relayEntries, Ceiling: feed.NoCeiling, Content: true, Messages: true}
	upto, size := after, 0
	ceiling := l.channelCeiling(r.now.Load())
	err = r.store.Read(ctx, l.channel.Feed, q, func(e *feed.Entry) bool {
		upto, size = e.Place, size+len(e.Content)
		if e.Message.MediaType == taxii.MediaType && e.Level <= ceiling {
			in.envelope(e.ID, bytes.Clone(e.Content))
		}
		return size < relayOctets
	})
	return upto, err
}

// channelCeiling is the ceiling with which the Channel is read to be added to the
// Collection. Who may only write there, or manage the Channel, has none.
func (l *leg) channelCeiling(snap *snapshot) Level {
	return l.session.reach(snap, resource{OnChannel, l.channel.Root, l.channel.ID})
}

// envelope takes the objects of a Message that was checked when it was published.
func (in *intake) envelope(id string, content []byte) {
	raws, err := taxii.SplitEnvelope(content)
	if err != nil {
		in.fail(id, stix.Facts{}, err)
		return
	}
	for i, raw := range raws {
		_ = in.take(fmt.Sprintf("%s/objects/%d", id, i), raw, "") // its room is without end
	}
}

// tell says what of a step was not added, and why the first of it was not.
func (r *relaying) tell(l *leg, at feed.Place, head feed.Head, in *intake, outcomes []feed.Outcome) {
	if missed := head.Floor - at; missed > 0 {
		r.failed(fmt.Errorf("to_collection of channel %s: %d messages had expired before they were added", l.channel.ID, missed))
	}
	left, why := len(in.failures), ""
	if left > 0 {
		why = in.failures[0].ID + ": " + in.failures[0].Message
	}
	for i, o := range outcomes {
		if o.Fate == feed.Clash {
			left++
			why = in.drafts[i].ID + ": other content stands there under this id and version"
		}
	}
	if left > 0 {
		r.failed(fmt.Errorf("to_collection of channel %s: %d objects were not added, such as %s", l.channel.ID, left, why))
	}
}
