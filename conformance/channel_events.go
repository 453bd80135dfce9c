package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// eventTime bounds the wait for one event: what is published is normally
	// there within 50 ms, and a busy machine takes longer.
	eventTime = 10 * time.Second
	// promptTime is how long an answer may take that need not wait: half of what
	// the checks say that they would wait.
	promptTime = 10 * time.Second
	// shownEvents is how much of a stream a report shows, in octets.
	shownEvents = 2000
)

// stream is an event stream that is open.
type stream struct {
	*answer
	p      *probe
	blocks chan block
	cancel context.CancelFunc
	shown  int // the exchange in the report that it adds to
}

// block is what stands between two empty lines of a stream.
type block struct {
	id      *string
	event   string
	data    []string
	retry   string
	comment bool
	first   bool // of the stream
}

// text is the data as a reader of event streams sees it.
func (b block) text() string { return strings.Join(b.data, "\n") }

// follow opens an event stream. The caller ends it.
func (p *probe) follow(address string, options ...option) *stream {
	s := p.open(address, append([]option{header("Accept", "text/event-stream")}, options...)...)
	p.status(s.answer, http.StatusOK)
	p.want(s.blocks != nil, "Content-Type text/event-stream, not %q", s.header.Get("Content-Type"))
	return s
}

// open asks for something that may be an event stream. What is none is read whole.
func (p *probe) open(address string, options ...option) *stream {
	ctx, cancel := context.WithCancel(p.ctx)
	r := usual(http.MethodGet, address, p.suite.target.Account, nil)
	for _, o := range options {
		o(r)
	}
	a, body, err := p.suite.target.begin(ctx, r)
	s := &stream{answer: a, p: p, cancel: cancel}
	if err == nil && strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		s.blocks = make(chan block)
		go blocksOf(ctx, body, s.blocks)
	} else if err == nil {
		err = p.suite.target.whole(a, body)
		cancel()
	}
	p.exchanges = append(p.recent(), a.Exchange)
	s.shown = len(p.exchanges) - 1
	if err != nil {
		cancel()
	}
	p.want(err == nil, "an answer; there was none: %v", err)
	return s
}

// end closes the stream.
func (s *stream) end() { s.cancel() }

// next gives the next block of the stream that is more than a keep-alive, or
// nothing where it ends.
func (s *stream) next() (block, bool) {
	within := time.After(eventTime)
	for {
		select {
		case b, ok := <-s.blocks:
			if !ok {
				return b, false
			}
			s.note(b)
			if b.id != nil || b.data != nil || b.first {
				return b, true
			}
		case <-within:
			s.p.want(false, "an event within %v", eventTime)
		}
	}
}

// note adds a block to what a report shows of the stream.
func (s *stream) note(b block) {
	if s.shown >= len(s.p.exchanges) {
		return
	}
	came := &s.p.exchanges[s.shown].Came
	if room := shownEvents - len(*came); room > 0 {
		*came += "\n" + s.p.suite.target.hidden(cutTo("event: "+b.event+"\ndata: "+b.text(), room))
	}
}

func cutTo(text string, most int) string { return strings.ToValidUTF8(text[:min(len(text), most)], "") }

// event gives the next event of a name; events without data are passed over.
func (s *stream) event(name string) block {
	for {
		b, ok := s.next()
		s.p.want(ok, "an event %q, and the stream ended", name)
		if b.data != nil {
			s.p.want(b.event == name, "an event %q, not %q", name, b.event)
			return b
		}
	}
}

// message gives the next Message of the stream.
func (s *stream) message() (m message) {
	b := s.event("message")
	err := json.Unmarshal([]byte(b.text()), &m)
	s.p.want(err == nil, "a Message as the data of an event: %v", err)
	return m
}

// blocksOf reads a stream to its end, as the rules of event streams have it.
func blocksOf(ctx context.Context, body io.ReadCloser, to chan<- block) {
	defer body.Close()
	defer close(to)
	in := bufio.NewReader(io.LimitReader(body, mostBody))
	b, empty := block{first: true}, true
	for {
		text, err := in.ReadString('\n')
		if err != nil {
			return // what is not ended by an empty line was not sent whole
		}
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
		for line := range strings.SplitSeq(text, "\r") {
			if line != "" {
				b.take(line)
				empty = false
				continue
			}
			if empty {
				continue
			}
			select {
			case to <- b:
			case <-ctx.Done():
				return
			}
			b, empty = block{}, true
		}
	}
}

// take reads one line of a block.
func (b *block) take(line string) {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "":
		b.comment = true
	case "id":
		b.id = &value
	case "event":
		b.event = value
	case "data":
		b.data = append(b.data, value)
	case "retry":
		b.retry = value
	}
}

// reply is an answer that is still to come.
type reply struct {
	p    *probe
	done chan struct{}
	a    *answer
	err  error
}

// asks sends a request and lets the check go on.
func (p *probe) asks(address string, options ...option) *reply {
	r := usual(http.MethodGet, address, p.suite.target.Account, nil)
	for _, o := range options {
		o(r)
	}
	w := &reply{p: p, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.a, w.err = p.suite.target.send(p.ctx, r)
	}()
	return w
}

// came waits for the answer.
func (w *reply) came() *answer {
	<-w.done // the request has a time of its own
	if w.a != nil {
		w.p.exchanges = append(w.p.recent(), w.a.Exchange)
	}
	w.p.want(w.err == nil, "an answer; there was none: %v", w.err)
	return w.a
}

// here tells whether the answer has come.
func (w *reply) here() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// reads reads the data of an event.
func (s *stream) reads(b block, v any) {
	err := json.Unmarshal([]byte(b.text()), v)
	s.p.want(err == nil, "JSON as the data of an event: %v", err)
}
