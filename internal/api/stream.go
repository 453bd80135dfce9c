package api

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// pace is when a stream does what it does by itself (docs/channels.md section 5.3).
type pace struct {
	keepAlive time.Duration // without traffic, after which a comment tells that the server is there
	progress  time.Duration // between two ids without data, at least
	life      time.Duration // of a stream; each ends up to a tenth sooner, so that not all come again at once
	again     time.Duration // until it is tried again where there was no memory
}

func usualPace() pace {
	return pace{keepAlive: 15 * time.Second, progress: time.Second, life: time.Hour, again: time.Second}
}

// streamBegins is the first that a stream sends: after a break a browser waits so
// many milliseconds before it comes again.
const streamBegins = "retry: 3000\n\n"

// stream is an answer that goes on. Between two writes it holds little more than
// its connection and where it is.
type stream struct {
	*reader
	control *http.ResponseController
	pace    pace
	leave   func() // counts it out
	ends    time.Time
	wrote   time.Time // the last traffic
	told    string    // the cursor that the client knows
	toldAt  time.Time // when it was told one without a Message
	gap     string    // where the gap that it knows ends
	unsent  bool      // something was written and not flushed
	octets  int64     // written, and not yet counted
	usedUp  error     // the account has had the octets of this day
	err     error     // the connection takes no more
}

func (a *Server) streamMessages(s *exchange.Session, w http.ResponseWriter, r *http.Request) (*stream, error) {
	q, err := readingOf(r)
	if err == nil {
		err = q.stream(r)
	}
	if err != nil {
		return nil, err
	}
	return a.stream(s, w, r, q.follow(r))
}

func (a *Server) streamSubscribed(s *exchange.Session, w http.ResponseWriter, r *http.Request) (*stream, error) {
	q, err := subscribedOf(r)
	if err == nil {
		err = q.stream(r)
	}
	if err != nil {
		return nil, err
	}
	return a.stream(s, w, r, q.followSubscription(r))
}

// stream opens what is read, to be answered with its Messages as events. It is
// counted among those that last at once, and no request in work once it is given.
func (a *Server) stream(s *exchange.Session, w http.ResponseWriter, r *http.Request, open func(*exchange.Session) (*exchange.Follower, error)) (*stream, error) {
	rd, err := a.read(s, w, r, open)
	if err != nil {
		return nil, err
	}
	leave, err := a.lasting.enter(s)
	if err != nil {
		rd.close()
		return nil, err
	}
	return &stream{reader: rd, control: http.NewResponseController(w), pace: a.pace, leave: leave}, nil
}

// last goes on until the client, the right, the Channel, the server or its time
// ends it.
func (st *stream) last() {
	defer st.shut()
	if l, ok := st.w.(lasting); ok {
		defer l.Lasts()()
	}
	st.begin()
	if st.r.Method == http.MethodHead {
		return
	}
	st.run()
	gone(st.r)
	if st.err != nil {
		panic(http.ErrAbortHandler)
	}
}

// shut gives back what a stream has.
func (st *stream) shut() {
	st.count()
	st.leave()
	st.close()
}

// begin sends the headers and the first octets at once.
func (st *stream) begin() {
	head := st.w.Header()
	head.Set("Content-Type", mediaStream)
	head.Set("X-Accel-Buffering", "no") // a proxy would wait for more
	if id := st.f.SubscriptionID(); id != "" && isDraft(st.r) {
		head.Set("Content-Location", st.a.subscriptionAt(st.r, id))
	}
	st.w.WriteHeader(http.StatusOK)
	st.told = st.f.Cursor()
	life := st.pace.life
	st.ends = time.Now().Add(life - rand.N(life/10+1)) //nolint:gosec // no secret
	st.put([]byte(streamBegins))
	st.flush()
}

// run sends what there is and waits for more, until something ends it.
func (st *stream) run() {
	for st.err == nil {
		more, err := st.next()
		if !more {
			st.flush()
		}
		if err == nil {
			if why := st.over(); why != nil {
				st.end(eventError(why))
				return
			}
			if !more {
				err = st.f.Wait(st.r.Context(), st.pause())
			}
		}
		if err != nil {
			st.end(st.failure(err))
			return
		}
		st.keepAlive()
	}
}

// next sends what there is at once, and tells whether there is more. Where there is
// no memory for it, it is tried again later.
func (st *stream) next() (more bool, err error) {
	defer st.release()
	p, err := st.page()
	if err != nil && st.starved && st.r.Context().Err() == nil {
		st.flush()
		return false, st.rest()
	}
	if err != nil {
		return false, err
	}
	fresh := p.Gap != nil && p.Gap.To != st.gap
	if len(p.Frames) > 0 || fresh {
		if err := st.f.Check(); err != nil {
			return false, err
		}
		if err := st.recorded(); err != nil {
			return false, err
		}
		st.events(p, fresh)
	}
	st.progress(p.Next)
	st.count()
	return p.More, nil
}

// rest waits a moment where there was no memory.
func (st *stream) rest() error {
	select {
	case <-time.After(st.pace.again):
	case <-st.r.Context().Done():
	}
	return st.f.Check()
}

// events sends Messages, and before them a gap that the client does not know.
func (st *stream) events(p *exchange.MessagePage, fresh bool) {
	st.written(func(out *batch) {
		if fresh {
			st.gap = p.Gap.To
			out.add(append(appendJSON([]byte("event: gap\ndata: "), p.Gap), "\n\n"...))
		}
		for i, f := range p.Frames {
			p.Frames[i] = nil // a stream that is stuck holds no more than it must
			out.add(f.Event)
			st.told = f.Cursor
		}
	}, st.put)
}

// progress tells how far the server has looked where it has passed Messages that
// the Selector leaves out, now and then.
func (st *stream) progress(next string) {
	if next == st.told || time.Since(st.toldAt) < st.pace.progress {
		return
	}
	st.told, st.toldAt = next, time.Now()
	st.put([]byte("id: " + next + "\n\n"))
	st.flush() // also where there is more: to look through a long feed takes a while
}

// keepAlive tells that the server is there, where it has said nothing for long.
func (st *stream) keepAlive() {
	if time.Since(st.wrote) >= st.pace.keepAlive {
		st.put([]byte(": keep-alive\n\n"))
		st.flush()
	}
}

// pause is how long there is nothing to be done unless a Message comes.
func (st *stream) pause() time.Duration {
	pause := min(time.Until(st.ends), st.pace.keepAlive-time.Since(st.wrote))
	if st.f.Cursor() != st.told {
		pause = min(pause, st.pace.progress-time.Since(st.toldAt))
	}
	return max(pause, time.Millisecond)
}

// over tells why a stream ends that nothing has failed for, or nil.
func (st *stream) over() *taxii.Error {
	var why *taxii.Error
	switch {
	case st.f.Ending():
		return taxii.Errorf(taxii.Unavailable, "the server stops; go on with the last id, here or at another node")
	case errors.As(st.usedUp, &why):
		return why
	case st.f.Ended():
		return taxii.Errorf(taxii.Conflict, "a newer read of this subscription has taken its place")
	case time.Now().After(st.ends):
		return taxii.Errorf(taxii.Unavailable, "a stream lives no longer; go on with the last id")
	}
	return nil
}

// failure gives an error as a request would be answered with it; it is logged
// likewise.
func (st *stream) failure(err error) []byte {
	as := &captured{head: http.Header{}}
	if st.r.Context().Err() == nil {
		st.a.fail(as, st.r, err)
	}
	return as.body
}

// end tells how far the stream has come and why it ends.
func (st *stream) end(why []byte) {
	if st.r.Context().Err() != nil {
		return
	}
	_ = st.f.Ends(st.r.Context()) // it has what it has; that it ended is no delivery
	st.toldAt = time.Time{}
	st.progress(st.f.Cursor())
	st.put(append(append([]byte("event: end\ndata: "), why...), "\n\n"...))
	st.flush()
}

// put writes octets; after an error no more.
func (st *stream) put(octets []byte) {
	if st.err == nil {
		_, st.err = st.w.Write(octets)
		st.octets += int64(len(octets))
		st.wrote, st.unsent = time.Now(), true
	}
}

// count counts what was written against what the account may be sent in a day.
func (st *stream) count() {
	if err := st.s.Sent(st.octets); err != nil {
		st.usedUp = err
	}
	st.octets = 0
}

// flush sends what was written. Then nothing is to be written that could take too
// long.
func (st *stream) flush() {
	if st.err != nil || !st.unsent {
		return
	}
	st.err, st.unsent = st.control.Flush(), false
	if l, ok := st.w.(lasting); ok {
		l.Rests()
	}
}

// captured takes an answer where none can be sent any more.
type captured struct {
	head http.Header
	body []byte
}

func (c *captured) Header() http.Header { return c.head }

func (c *captured) WriteHeader(int) {}

func (c *captured) Write(b []byte) (int, error) {
	c.body = append(c.body, b...)
	return len(b), nil
}
