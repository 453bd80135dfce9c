package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// reader is one request that reads a Channel.
type reader struct {
	a *Server
	s *exchange.Session
	w http.ResponseWriter
	r *http.Request
	f *exchange.Follower

	held    int64 // octets of the budget of pages that the last page has
	small   int64 // octets that it has beside the budget
	starved bool  // there was no memory for a page
}

// read opens what a request reads, with open. Pages that come from the store take
// their memory from the budget of pages; those that many share take none.
func (a *Server) read(s *exchange.Session, w http.ResponseWriter, r *http.Request, open func(*exchange.Session) (*exchange.Follower, error)) (*reader, error) {
	rd := &reader{a: a, w: w, r: r}
	rd.s = s.Within(rd.room)
	var err error
	if rd.f, err = open(rd.s); err != nil {
		rd.release()
		gone(r)
		return nil, err
	}
	return rd, nil
}

func (rd *reader) close() {
	rd.release()
	rd.f.Close()
}

// room takes octets of the budget, beside few that do not count.
func (rd *reader) room(octets int64) error {
	if rd.small+octets < uncounted {
		rd.small += octets
		return nil
	}
	account, _ := rd.s.Account()
	if err := rd.a.pages.gate.enter(rd.r.Context(), account, octets); err != nil {
		rd.starved = true
		return err
	}
	rd.held += octets
	return nil
}

// release gives the memory of the last page back.
func (rd *reader) release() {
	if rd.held > 0 {
		rd.a.pages.gate.leave(rd.held)
	}
	rd.held, rd.small, rd.starved = 0, 0, false
}

// page reads on.
func (rd *reader) page() (*exchange.MessagePage, error) {
	rd.release()
	return rd.f.Page(rd.r.Context())
}

// await gives the next page that has Messages or, after the wait, one that has
// none.
func (rd *reader) await(wait time.Duration) (*exchange.MessagePage, error) {
	page, err := rd.page()
	if err != nil || wait == 0 || !nothing(page) || rd.r.Method == http.MethodHead {
		return page, err
	}
	ended, err := rd.a.lasts(rd.s, rd.w)
	if err != nil {
		return nil, err
	}
	defer ended()
	for until := time.Now().Add(wait); nothing(page) && !rd.f.Ending() && !rd.f.Ended(); {
		left := time.Until(until)
		if left <= 0 {
			break
		}
		if err := rd.f.Wait(rd.r.Context(), left); err != nil {
			return nil, err
		}
		if page, err = rd.page(); err != nil {
			return nil, err
		}
	}
	return page, rd.f.Check()
}

// recorded waits until it is recorded that the page goes out.
func (rd *reader) recorded() error {
	receipt, err := rd.f.Deliver(rd.r.Context())
	if err != nil {
		return err
	}
	return receipt.Wait()
}

// nothing tells a page on which there is nothing to be said yet.
func nothing(p *exchange.MessagePage) bool { return len(p.Frames) == 0 && !p.More }

// send writes a page as a messages resource, and tells whether it was written
// whole.
func (rd *reader) send(p *exchange.MessagePage, created bool) error {
	head, tail := aroundMessages(p, created)
	size := len(head) + len(tail)
	for _, f := range p.Frames {
		size += len(f.JSON) + 1
	}
	if len(p.Frames) > 0 {
		size-- // between n there are n-1 commas
	}
	o := answer(rd.w, rd.r, http.StatusOK, size)
	rd.written(func(out *batch) {
		out.add(head)
		for i, f := range p.Frames {
			if i > 0 {
				out.add([]byte{','})
			}
			out.add(f.JSON)
		}
		out.add(tail)
	}, o.Write)
	return o.end()
}

// written writes what fill adds, while it can be seen that the connection takes
// it: one that does not is closed where others wait for the memory it holds.
func (rd *reader) written(fill func(*batch), write func([]byte)) {
	took := func() {}
	if rd.held > 0 {
		g := rd.a.pages.alone(rd.held, http.NewResponseController(rd.w))
		defer rd.a.pages.ended(g)
		took = g.took
	}
	b := &batch{write: func(portion []byte) { write(portion); took() }}
	fill(b)
	b.flush()
}

// aroundMessages gives what stands before and after the Messages of a page; the
// cursor goes out first, so that a client can fetch ahead.
func aroundMessages(p *exchange.MessagePage, created bool) (head, tail []byte) {
	head = strconv.AppendBool([]byte(`{"more":`), p.More)
	head = appendJSON(append(head, `,"next":`...), p.Next)
	if p.Gap != nil {
		head = appendJSON(append(head, `,"gap":`...), p.Gap)
	}
	if created {
		head = append(head, `,"created":true`...)
	}
	if len(p.Frames) == 0 {
		return append(head, '}'), nil
	}
	return append(head, `,"messages":[`...), []byte(`]}`)
}

func (a *Server) getMessages(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	q, err := readingOf(r)
	if err != nil {
		return err
	}
	return a.answerPage(s, w, r, q.wait, q.follow(r))
}

// getSubscribed reads on from the position of a Subscription, and moves nothing.
func (a *Server) getSubscribed(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	q, err := subscribedOf(r)
	if err != nil {
		return err
	}
	return a.answerPage(s, w, r, q.wait, q.followSubscription(r))
}

func (a *Server) answerPage(s *exchange.Session, w http.ResponseWriter, r *http.Request, wait time.Duration, open func(*exchange.Session) (*exchange.Follower, error)) error {
	rd, err := a.read(s, w, r, open)
	if err != nil {
		return err
	}
	defer rd.close()
	p, err := rd.await(wait)
	if err == nil {
		err = rd.recorded()
	}
	if err != nil {
		gone(r)
		return err
	}
	if rd.send(p, false) != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// getMessage answers with one Message; one that has expired is not there.
func (a *Server) getMessage(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	size, err := maxSize(r)
	if err != nil {
		return err
	}
	rd := &reader{a: a, w: w, r: r}
	rd.s = s.Within(rd.room)
	defer rd.release()
	body, err := rd.s.Message(r.Context(), r.PathValue("root"), r.PathValue("channel"), r.PathValue("message"), size)
	if err != nil {
		return err
	}
	o := answer(w, r, http.StatusOK, len(body))
	defer o.close()
	rd.written(func(out *batch) { out.add(body) }, o.Write)
	return nil
}
