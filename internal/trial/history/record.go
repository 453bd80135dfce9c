package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// event is one line of a record.
type event struct {
	What      string   `json:"what"` // a Kind, or one of the following
	At        int64    `json:"at"`
	Request   int      `json:"request,omitempty"` // number among those of this client
	Feed      string   `json:"feed,omitempty"`
	Objects   []Object `json:"objects,omitempty"`
	Batch     int      `json:"batch,omitempty"`
	ID        string   `json:"id,omitempty"`
	Version   string   `json:"version,omitempty"`
	Value     string   `json:"value,omitempty"`
	Outcome   Outcome  `json:"outcome,omitempty"`
	Status    int      `json:"status,omitempty"`
	Successes []Object `json:"successes,omitempty"`
	Failures  []Object `json:"failures,omitempty"`
	Manifest  bool     `json:"manifest,omitempty"`
	First     string   `json:"first,omitempty"`
	Last      string   `json:"last,omitempty"`
	Problem   string   `json:"problem,omitempty"`
}

// The events that are no requests.
const (
	told    = "told"
	page    = "page"
	reading = "reading"
	end     = "end" // Objects, or with Manifest the records, of a feed
)

// extension is how the name of a record ends; before it stands its client.
const extension = ".ndjson"

// Book is the folder in which clients keep their records, under one clock.
type Book struct {
	dir   string
	began time.Time
}

// NewBook begins a history in a folder that is there.
func NewBook(dir string) *Book { return &Book{dir: dir, began: time.Now()} }

// Recorder keeps the record of one client. It is not for concurrent use.
type Recorder struct {
	book *Book
	file *os.File
	sent int
	err  error // the first that there was
}

// Client opens the record of a client, whose lines are only ever added to.
func (b *Book) Client(name string) (*Recorder, error) {
	f, err := os.OpenFile(filepath.Join(b.dir, name+extension), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("record client %s: %w", name, err)
	}
	return &Recorder{book: b, file: f}, nil
}

// Close ends the record and tells whether all of it was written.
func (r *Recorder) Close() error { return errors.Join(r.err, r.file.Close()) }

// write adds one line, whole.
func (r *Recorder) write(e event) {
	e.At = time.Since(r.book.began).Nanoseconds()
	line, err := json.Marshal(e)
	if err == nil {
		_, err = r.file.Write(append(line, '\n'))
	}
	if r.err == nil {
		r.err = err
	}
}

// Send records a request before it goes out, and gives its number.
func (r *Recorder) Send(q Request) int {
	r.sent++
	r.write(event{What: string(q.Kind), Request: r.sent, Feed: q.Feed, Objects: q.Objects, Batch: q.Batch,
		ID: q.ID, Version: q.Version, Value: q.Value})
	return r.sent
}

// Told records the answer to a request, as soon as it is there.
func (r *Recorder) Told(request int, a Answer) {
	r.write(event{What: told, Request: request, Outcome: a.Outcome, Status: a.Status, Successes: a.Successes, Failures: a.Failures})
}

// Page records a page of a follower.
func (r *Recorder) Page(feed string, manifest bool, p Page) {
	r.write(event{What: page, Feed: feed, Manifest: manifest, First: p.First, Last: p.Last, Objects: p.Objects, Problem: p.Problem})
}

// Read records what a setting is.
func (r *Recorder) Read(name, value string) { r.write(event{What: reading, ID: name, Value: value}) }

// End records what a feed holds in the end.
func (r *Recorder) End(e End) {
	r.write(event{What: end, Feed: e.Feed, Objects: e.Objects})
	r.write(event{What: end, Feed: e.Feed, Objects: e.Records, Manifest: true})
}

// Load reads the records of a folder.
func Load(dir string) (History, error) {
	var h History
	files, err := filepath.Glob(filepath.Join(dir, "*"+extension))
	if err != nil {
		return h, err
	}
	for _, file := range files {
		if err := h.load(file); err != nil {
			return h, fmt.Errorf("read the record %s: %w", file, err)
		}
	}
	return h, nil
}

func (h *History) load(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	c := client{h: h, name: strings.TrimSuffix(filepath.Base(file), extension), at: map[int]int{}}
	d := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	for {
		var e event
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := c.take(e); err != nil {
			return err
		}
	}
}

// client is the record of one client while it is read.
type client struct {
	h    *History
	name string
	at   map[int]int // number of a request -> where it is
}

func (c *client) take(e event) error {
	switch e.What {
	case string(Add), string(Import), string(Delete), string(Set):
		c.at[e.Request] = len(c.h.Requests)
		c.h.Requests = append(c.h.Requests, Request{
			Client: c.name, Kind: Kind(e.What), Feed: e.Feed, Objects: e.Objects, Batch: e.Batch, ID: e.ID, Version: e.Version,
			Value: e.Value, Start: e.At, End: never, Answer: Answer{Outcome: Unknown},
		})
	case told:
		i, ok := c.at[e.Request]
		if !ok {
			return fmt.Errorf("an answer to request %d, which was not sent", e.Request)
		}
		q := &c.h.Requests[i]
		q.Answer = Answer{Outcome: e.Outcome, Status: e.Status, Successes: e.Successes, Failures: e.Failures}
		if e.Outcome != Unknown {
			q.End = e.At
		}
	case page:
		f := c.h.follower(c.name, e.Feed, e.Manifest)
		f.Pages = append(f.Pages, Page{First: e.First, Last: e.Last, Objects: e.Objects, Problem: e.Problem})
	case reading:
		c.h.Readings = append(c.h.Readings, Reading{Name: e.ID, Value: e.Value, At: e.At})
	case end:
		c.h.end(e)
	default:
		return fmt.Errorf("an unknown event %q", e.What)
	}
	return nil
}

func (h *History) follower(name, feed string, manifest bool) *Follower {
	i := slices.IndexFunc(h.Followers, func(f Follower) bool { return f.Name == name })
	if i < 0 {
		i = len(h.Followers)
		h.Followers = append(h.Followers, Follower{Name: name, Feed: feed, Manifest: manifest})
	}
	return &h.Followers[i]
}

func (h *History) end(e event) {
	i := slices.IndexFunc(h.Ends, func(f End) bool { return f.Feed == e.Feed })
	if i < 0 {
		i = len(h.Ends)
		h.Ends = append(h.Ends, End{Feed: e.Feed})
	}
	if e.Manifest {
		h.Ends[i].Records = e.Objects
	} else {
		h.Ends[i].Objects = e.Objects
	}
}
