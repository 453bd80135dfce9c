package soak

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	publishers = 16
	ttl        = time.Minute
	measureFor = 10 * time.Second // the most that can be published
	plainFor   = time.Minute      // how long that is published at half that pace which does not expire
	// lagMost is how much later than its ttl a Message may be there: what has expired
	// and is there is less than what is published meanwhile.
	lagMost = 10 * time.Second
	// slowerMost is how much slower the slowest hundredth may be beside a purge, but
	// for what a busy machine adds.
	slowerMost, slowerMore = 2, 5 * time.Millisecond
	// The size may grow by so much in the last two minutes, and by the Statuses, which
	// are kept for a day whatever the ttl is: so many octets for each publication.
	levelFor, growthMost, statusMost = 2 * time.Minute, 0.10, 512
)

// TestAChannelWhoseMessagesExpireAsFastAsTheyComeStaysAsItIs publishes at half the
// most that it can.
func TestAChannelWhoseMessagesExpireAsFastAsTheyComeStaysAsItIs(t *testing.T) {
	if *steadyFlag < ttl+levelFor {
		t.Skip("SKIPPED: it takes minutes; make soak has it")
	}
	t.Run(string(trial.SQLite), func(t *testing.T) {
		s := trial.Start(t, "--empty")
		steady(t, s, func() int64 { return folder(t, s.Dir) })
	})
	t.Run(string(trial.PostgreSQL), func(t *testing.T) {
		s := trial.StartOn(t, trial.PostgresDurable(t).Database(t), "--empty")
		steady(t, s, func() int64 { return database(t, s.Store) })
	})
}

func steady(t *testing.T, s *trial.Server, size func() int64) {
	kept, going := s.NewChannel(t, "kept"), s.NewChannel(t, "going", fmt.Sprintf(`"ttl":%d`, int(ttl.Seconds())))
	most := publish(t, kept, measureFor, 0)
	pace := most.perSecond() / 2
	plain := publish(t, kept, plainFor, pace)
	t.Logf("as fast as it goes, %s", &most)
	t.Logf("half of it, keeping all, %s", &plain)

	w := &watch{size: size}
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { w.run(t, ctx, going) })
	first := publish(t, going, ttl+lagMost, pace) // nothing expires yet, or the first
	rest := publish(t, going, *steadyFlag-ttl-lagMost, pace)
	stop()
	watching.Wait()
	t.Logf("before anything expires, %s", &first)
	t.Logf("while as much expires, %s", &rest)
	t.Logf("longest lag %v; sizes in MB every 10 s: %v", w.lag.Round(time.Millisecond), w.sizes())
	if w.lag > lagMost {
		t.Errorf("what had expired was there for %v, at most %v are allowed", w.lag, lagMost)
	}
	if w.oldest < ttl-time.Second {
		t.Errorf("the oldest Message was %v old, and older ones were gone", w.oldest)
	}
	if took, allowed := rest.slow(), slowerMost*plain.slow()+slowerMore; took > allowed {
		t.Errorf("beside the purge the slowest hundredth takes %v or more, at most %v are allowed", took, allowed)
	}
	if rest.perSecond() < 0.95*pace {
		t.Errorf("%.0f/s were published, %.0f/s were to be", rest.perSecond(), pace)
	}
	from, to := w.between(levelFor)
	statuses := rest.perSecond() * levelFor.Seconds() * statusMost
	t.Logf("in the last %v the size went from %d to %d octets; Statuses may take %.0f", levelFor, from, to, statuses)
	if float64(to) > (1+growthMost)*float64(from)+statuses {
		t.Errorf("in the last %v it grew from %d to %d octets", levelFor, from, to)
	}
}

// published tells how long each publication took.
type published struct {
	took    []time.Duration   // in order of size
	windows [][]time.Duration // likewise, by when they were due
	all     time.Duration
}

// window is over what time slow ones are looked at together: what else the machine
// does for a while shall not decide.
const window = 10 * time.Second

func (p *published) perSecond() float64 { return float64(len(p.took)) / p.all.Seconds() }

func at(took []time.Duration, part float64) time.Duration {
	return took[int(part*float64(len(took)-1))].Round(10 * time.Microsecond)
}

// each gives the 99th percentile in each window.
func (p *published) each() (list []time.Duration) {
	for _, took := range p.windows {
		list = append(list, at(took, 0.99).Round(time.Millisecond))
	}
	return list
}

// slow is the 99th percentile, as it is in the median window.
func (p *published) slow() time.Duration { return median(p.each()) }

func (p *published) String() string {
	return fmt.Sprintf("%.0f/s for %v: p50 %v, p99 %v, in each window of %v %v",
		p.perSecond(), p.all.Round(time.Second), at(p.took, 0.5), at(p.took, 0.99), window, p.each())
}

// publish publishes Messages of 1 KB, so many in a second, or as fast as it goes (0).
// One that is due while all publishers are busy counts from when it was due.
func publish(t *testing.T, c *trial.Channel, how time.Duration, perSecond float64) (p published) {
	t.Helper()
	began := time.Now()
	next := func() time.Time { return time.Now() }
	if perSecond > 0 {
		var number atomic.Int64
		next = func() time.Time {
			return began.Add(time.Duration(float64(number.Add(1)) / perSecond * float64(time.Second)))
		}
	}
	type one struct{ due, took time.Duration }
	parts := make([][]one, publishers)
	var all sync.WaitGroup
	for n := range publishers {
		all.Go(func() {
			for due := next(); due.Before(began.Add(how)); due = next() {
				time.Sleep(time.Until(due))
				a, err := c.Try(t, "member", http.MethodPost, c.Path+"messages/", body(1000))
				if err != nil || a.Status != http.StatusAccepted {
					t.Errorf("publish: %d %.300s %v", a.Status, a.Body, err)
					return
				}
				parts[n] = append(parts[n], one{due.Sub(began), time.Since(due)})
			}
		})
	}
	all.Wait()
	p.all = time.Since(began)
	p.windows = make([][]time.Duration, int(how/window))
	for _, o := range slices.Concat(parts...) {
		n := min(int(o.due/window), len(p.windows)-1)
		p.windows[n] = append(p.windows[n], o.took)
		p.took = append(p.took, o.took)
	}
	for _, took := range append(p.windows, p.took) {
		if slices.Sort(took); len(took) == 0 {
			t.Fatal("nothing was published")
		}
	}
	return p
}

// watch looks at a Channel every second, and at how large everything is every ten.
type watch struct {
	size   func() int64
	lag    time.Duration // the longest that what had expired was there
	oldest time.Duration // the least age of the oldest Message once others had gone
	taken  []sample
}

type sample struct {
	at   time.Time
	size int64
}

func (w *watch) run(t *testing.T, ctx context.Context, c *trial.Channel) {
	w.oldest = time.Hour
	first := ""
	for n := 0; ctx.Err() == nil; n++ {
		var page taxii.Messages
		before := time.Now()
		a, err := c.Try(t, "member", http.MethodGet, c.Path+"messages/?limit=1", nil)
		if err != nil || a.Status != http.StatusOK {
			t.Errorf("read: %d %.300s %v", a.Status, a.Body, err)
			return
		}
		if a.JSON(t, &page); len(page.Messages) == 1 {
			m := page.Messages[0]
			age := before.Sub(m.Published.Time())
			w.lag = max(w.lag, age-ttl)
			if first == "" {
				first = m.ID
			}
			if m.ID != first { // others that were hardly older have gone
				w.oldest = min(w.oldest, time.Since(m.Published.Time()))
			}
		}
		if n%10 == 0 {
			w.taken = append(w.taken, sample{before, w.size()})
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// between gives the size so long before the last look, and at it.
func (w *watch) between(d time.Duration) (from, to int64) {
	last := w.taken[len(w.taken)-1]
	for _, s := range w.taken {
		if from = s.size; last.at.Sub(s.at) <= d {
			break
		}
	}
	return from, last.size
}

func (w *watch) sizes() (list []int64) {
	for _, s := range w.taken {
		list = append(list, s.size/1_000_000)
	}
	return list
}

// folder is how large the files of a data directory are.
func folder(t *testing.T, dir string) (octets int64) {
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(entry.Name(), "hansom.db") {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			octets += info.Size()
		}
		return err
	})
	if err != nil {
		t.Errorf("the size of %s: %v", dir, err)
	}
	return octets
}

// database is how large a database of PostgreSQL is.
func database(t *testing.T, url string) (octets int64) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err == nil {
		err = c.QueryRow(ctx, "select pg_database_size(current_database())").Scan(&octets)
		_ = c.Close(ctx)
	}
	if err != nil {
		t.Errorf("the size of the database: %v", err)
	}
	return octets
}
