package exchange

import (
	"context"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Content is the content of a Message, as published.
type Content struct {
	MediaType string
	ETag      string // strong, quoted
	Bytes     []byte
}

// Message gives one message resource, at most maxSize octets (X-Max-Size; 0:
// 9437184): with a larger content it names where that is. NotFound, also once it
// has expired.
func (s *Session) Message(ctx context.Context, root, channel, id string, maxSize int64) ([]byte, error) {
	r := Reading{MaxSize: maxSize}
	if err := r.check(); err != nil {
		return nil, err
	}
	m, err := s.findMessage(ctx, root, channel, id)
	if err != nil {
		return nil, err
	}
	room, whole := m.pen.roomFor(&m.about)
	content := m.pen.fits(&m.about, r.MaxSize)
	if content {
		room = whole
	}
	if err := s.take(room); err != nil {
		return nil, err
	}
	var frame *Frame
	err = m.read(ctx, s, content, func(e *feed.Entry) { frame = m.pen.frame(e, content) })
	if err != nil {
		return nil, err
	}
	return frame.JSON, s.deliverOne(ctx, m, "message", len(frame.JSON))
}

// MessageContent gives the content of one Message. NotFound, also once it has
// expired.
func (s *Session) MessageContent(ctx context.Context, root, channel, id string) (*Content, error) {
	m, err := s.findMessage(ctx, root, channel, id)
	if err != nil {
		return nil, err
	}
	if err := s.take(m.about.Size); err != nil {
		return nil, err
	}
	// The same id may be published anew after it has expired; never at the same date.
	c := &Content{ETag: `"` + m.about.ID + "-" + num(int64(m.about.Added)) + `"`}
	err = m.read(ctx, s, true, func(e *feed.Entry) {
		c.MediaType = e.Message.MediaType
		c.Bytes = append(make([]byte, 0, len(e.Content)), e.Content...)
	})
	if err != nil {
		return c, err
	}
	return c, s.deliverOne(ctx, m, "content", len(c.Bytes))
}

// found is one Message of a Channel, without its content.
type found struct {
	pen   scribe
	about feed.Entry
}

func (s *Session) findMessage(ctx context.Context, root, channel, id string) (*found, error) {
	snap := s.x.now.Load()
	_, c, _, err := s.mayChannel(snap, Read, root, channel)
	if err != nil {
		return nil, err
	}
	head, err := s.x.store.Head(ctx, c.Feed)
	if err != nil {
		return nil, s.gone(err)
	}
	normal, ok := messageID(id)
	if !ok {
		return nil, noMessage()
	}
	m := &found{pen: scribe{snap, c, head}, about: feed.Entry{ID: normal}}
	err = m.read(ctx, s, false, func(e *feed.Entry) {
		m.about = *e
		message := *e.Message
		m.about.Message = &message
	})
	if err == nil && m.about.Level > s.channelCeiling(snap, c) {
		err = noMessage()
	}
	return m, err
}

// read reads the Message that is named, with its content or without.
func (m *found) read(ctx context.Context, s *Session, content bool, visit func(*feed.Entry)) error {
	head, there := m.pen.head, false
	q := allMessages(head.Floor, head.Place, 1)
	q.IDs, q.Content = []string{m.about.ID}, content
	err := s.x.store.Read(ctx, m.pen.c.Feed, q, func(e *feed.Entry) bool {
		there = true
		visit(e)
		return false
	})
	switch {
	case err != nil:
		return s.gone(err)
	case !there:
		return noMessage()
	}
	return nil
}

func noMessage() error {
	return taxii.Errorf(taxii.NotFound, "not found").Describe("This message is not here: it may have expired.")
}
