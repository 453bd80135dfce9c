package channels

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// client is who asks one server over a line.
type client struct {
	http               *http.Client
	root, base         string // of the API Root and of the Channel, each with a final slash
	account, password  string
	history            *History
	stopped, published <-chan struct{} // nobody goes on; nothing more is published
	rests              *atomic.Bool    // set while it is away; nil: it never is
	resting            atomic.Bool     // it is away, and has had all that it asked for
	breath             time.Duration   // between two requests, on average
	chooses            bool            // it reads with a Selector, which passes all that there is
}

const (
	// answerWithin is how long a client waits for an answer that is no stream.
	answerWithin = 20 * time.Second
	// again is how soon a client asks again after an answer that it did not get.
	again = 20 * time.Millisecond
)

// over tells that a channel is closed.
func over(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// away tells that it takes a rest now.
func (c *client) away() bool {
	away := c.rests != nil && c.rests.Load()
	c.resting.Store(away)
	return away
}

// selector is what a reader adds to the query of its URL.
func (c *client) selector() string {
	if c.chooses {
		return "&match[message_type]=" + taxii.TypeEnvelope
	}
	return ""
}

// pause waits, or until all is stopped.
func (c *client) pause(d time.Duration) {
	select {
	case <-c.stopped:
	case <-time.After(d):
	}
}

// request makes a request below the Channel.
func (c *client) request(ctx context.Context, method, path string, body []byte, headers ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth(c.account, c.password)
	r.Header.Set("Accept", taxii.MediaType)
	if body != nil {
		r.Header.Set("Content-Type", taxii.MediaType)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return c.http.Do(r)
}

// ask is request with an answer that is read whole, into a value where it is one
// of success.
func (c *client) ask(method, path string, body any, into any, headers ...string) (status int, problem *taxii.Error, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	response, err := c.request(ctx, method, path, text, headers...)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	if text, err = io.ReadAll(response.Body); err != nil {
		return 0, nil, err
	}
	if response.StatusCode >= 400 {
		problem = &taxii.Error{}
		return response.StatusCode, problem, json.Unmarshal(text, problem)
	}
	if into != nil && len(text) > 0 {
		err = json.Unmarshal(text, into)
	}
	return response.StatusCode, nil, err
}

// oldest is the date of the oldest Message that is there, later than any date
// where there is none; 0: it is not known.
func (c *client) oldest() taxii.Time {
	var page taxii.Messages
	status, _, err := c.ask(http.MethodGet, "messages/?limit=1"+c.selector(), nil, &page)
	switch {
	case err != nil || status != http.StatusOK:
		return 0
	case len(page.Messages) == 0:
		return forever
	}
	return page.Messages[0].Published
}

// passing tells of a status that is no breach of anything while a server stops
// and starts: it is asked again.
func passing(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests || status == http.StatusBadGateway
}

// seen is a Message as it came.
func seen(m taxii.Message) Seen {
	return Seen{ID: m.ID, Cursor: m.Cursor, Published: m.Published, Hash: hashOf(m.Content)}
}

func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:16])
}

// take records what came, and the gap before it.
func (f *Follower) take(page taxii.Messages) {
	if page.Gap != nil {
		f.gap(page.Gap)
	}
	for _, m := range page.Messages {
		f.note(Entry{What: Came, Seen: seen(m)})
	}
}

func (f *Follower) gap(g *taxii.Gap) {
	missed := int64(-1)
	if g.Missed != nil {
		missed = *g.Missed
	}
	f.note(Entry{What: Gap, Missed: missed})
}

// lost records that a cursor was not honoured, and gives the one to go on from.
func (f *Follower) lost(e *taxii.Error) (earliest string, err error) {
	earliest, _ = e.Details["earliest"].(string)
	reason, _ := e.Details["reason"].(string)
	missed, told := e.Details["missed"].(float64)
	if earliest == "" || reason != "expired" || !told {
		return "", errors.New("410 with details " + fmt.Sprint(e.Details))
	}
	f.note(Entry{What: Gap, Missed: int64(missed)})
	return earliest, nil
}

// denied records an answer that is none.
func (f *Follower) denied(status int, e *taxii.Error) {
	why := fmt.Sprint(status)
	if e != nil {
		why += " " + strings.TrimSpace(e.Error())
	}
	f.note(Entry{What: Denied, Why: why})
}
