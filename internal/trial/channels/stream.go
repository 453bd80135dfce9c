package channels

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// stream follows by an event stream, and connects again with the last id.
type stream struct {
	*client
	*Follower
	last string
}

func (s *stream) run() {
	for !over(s.stopped) {
		if !s.away() {
			s.connect()
		}
		s.pause(again)
	}
}

func (s *stream) connect() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go s.leave(ctx, cancel)
	path, headers := "messages/?after="+taxii.Earliest+s.selector(), []string{"Accept", "text/event-stream"}
	if s.last != "" {
		path, headers = "messages/?after="+url.QueryEscape(s.last)+s.selector(), append(headers, "Last-Event-ID", s.last)
	}
	response, err := s.request(ctx, http.MethodGet, path, nil, headers...)
	if err != nil {
		s.note(Entry{What: Failed})
		return
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusGone:
		var e taxii.Error
		if json.NewDecoder(response.Body).Decode(&e) != nil {
			return
		}
		if s.last, err = s.lost(&e); err != nil {
			s.note(Entry{What: Denied, Why: err.Error()})
		}
	case passing(response.StatusCode):
		s.note(Entry{What: Failed})
	case response.StatusCode != http.StatusOK:
		s.denied(response.StatusCode, nil)
	default:
		if err := s.events(response.Body); err != nil {
			s.note(Entry{What: Denied, Why: err.Error()})
		}
	}
}

// leave ends a connection when it is time to.
func (s *stream) leave(ctx context.Context, cancel func()) {
	defer cancel()
	for s.rests == nil || !s.rests.Load() {
		select {
		case <-s.stopped:
			return
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}

// event is one event of a stream.
type event struct {
	id, name string
	data     []string
}

// events takes the events until the stream ends.
func (s *stream) events(body io.Reader) error {
	lines := bufio.NewReaderSize(body, 64<<10)
	var e event
	for {
		text, err := lines.ReadString('\n')
		if err != nil {
			return nil // cut, stopped or ended; what is not whole does not count
		}
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
		if text != "" {
			e.field(text)
			continue
		}
		if err := s.event(e); err != nil {
			return err
		}
		e = event{}
	}
}

func (e *event) field(text string) {
	name, value, _ := strings.Cut(text, ":")
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "id":
		e.id = value
	case "event":
		e.name = value
	case "data":
		e.data = append(e.data, value)
	}
}

func (s *stream) event(e event) error {
	data := []byte(strings.Join(e.data, "\n"))
	switch e.name {
	case "message":
		var m taxii.Message
		if err := json.Unmarshal(data, &m); err != nil {
			return err
		}
		if m.Cursor != e.id {
			return errors.New("an event with the id " + e.id + " has the cursor " + m.Cursor)
		}
		s.note(Entry{What: Came, Seen: seen(m)})
	case "gap":
		var g taxii.Gap
		if err := json.Unmarshal(data, &g); err != nil {
			return err
		}
		s.gap(&g)
	}
	if e.id != "" {
		s.last = e.id
	}
	return nil
}
