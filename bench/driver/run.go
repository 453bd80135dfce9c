package driver

import (
	"context"
	"os"
	"slices"
	"sync"
	"time"
)

// Load says how hard a server is asked.
type Load struct {
	Connections int           // at least 1
	For         time.Duration // the time in which requests begin
}

// Figures are what a run measured. Times are of whole requests, from sending to
// the end of the answer.
type Figures struct {
	Requests          int     `json:"requests"`
	Objects           int     `json:"objects"` // read or added
	Octets            int64   `json:"octets"`  // of bodies
	Seconds           float64 `json:"seconds"` // from the first request to the end of the last
	RequestsPerSecond float64 `json:"requests_per_second"`
	ObjectsPerSecond  float64 `json:"objects_per_second"`
	P50               float64 `json:"p50_ms"`
	P99               float64 `json:"p99_ms"`

	DriverCPU    float64 `json:"driver_cpu_us"`           // processor time of the driver for a request, microseconds
	ServerCPU    float64 `json:"server_cpu_us,omitempty"` // the same of the server; 0: not measured
	Resident     int64   `json:"resident,omitempty"`      // the server's memory afterwards, octets; 0: not measured
	MostResident int64   `json:"most_resident,omitempty"` // the most during the run, or since the server's start where the system tells no better
}

// worker is one connection at work.
type worker struct {
	conn    *conn
	objects int
	octets  int64
	took    []time.Duration
}

func (w *worker) did(objects int, octets int) {
	w.took = append(w.took, w.conn.last)
	w.objects += objects
	w.octets += int64(octets)
}

// turn is the work of one connection until its time is over, at least one
// request. It returns early with the first fault.
type turn func(ctx context.Context, w *worker, index int, until time.Time) error

// measure opens the connections, warms each up, and lets all of them work at
// once.
func measure(ctx context.Context, t *Target, l Load, warm func(context.Context, *conn) error, do turn) (Figures, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	workers := make([]*worker, max(l.Connections, 1))
	for i := range workers {
		c, err := t.dial(ctx)
		if err != nil {
			return Figures{}, err
		}
		defer c.close()
		if err := warm(ctx, c); err != nil {
			return Figures{}, err
		}
		workers[i] = &worker{conn: c, took: make([]time.Duration, 0, 4096)}
	}
	var wait sync.WaitGroup
	forget(t.PID)
	server, driver, began := processor(t.PID), processor(os.Getpid()), time.Now()
	for i, w := range workers {
		wait.Go(func() {
			if err := do(ctx, w, i, began.Add(l.For)); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	took := time.Since(began)
	if err := context.Cause(ctx); err != nil {
		return Figures{}, err
	}
	f := sum(workers, took)
	f.ServerCPU = microseconds(processor(t.PID)-server) / float64(f.Requests)
	f.DriverCPU = microseconds(processor(os.Getpid())-driver) / float64(f.Requests)
	f.Resident, f.MostResident = memory(t.PID)
	return f, nil
}

func sum(workers []*worker, took time.Duration) Figures {
	f := Figures{Seconds: took.Seconds()}
	var all []time.Duration
	for _, w := range workers {
		all = append(all, w.took...)
		f.Objects += w.objects
		f.Octets += w.octets
	}
	f.Requests = len(all)
	f.RequestsPerSecond, f.ObjectsPerSecond = float64(f.Requests)/f.Seconds, float64(f.Objects)/f.Seconds
	slices.Sort(all)
	f.P50, f.P99 = microseconds(all[len(all)/2])/1000, microseconds(all[len(all)*99/100])/1000
	return f
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// Run asks what the script says until the time is over. An answer that is not
// as it must be ends the run with an error that says which and why.
func (s *Script) Run(ctx context.Context, t *Target, l Load) (Figures, error) {
	warm := func(ctx context.Context, c *conn) error {
		a, err := c.get(ctx, s.steps[0].uri)
		if err == nil {
			_, err = s.steps[0].check(a)
		}
		return err
	}
	return measure(ctx, t, l, warm, func(ctx context.Context, w *worker, index int, until time.Time) error {
		at := 0
		if !s.chain || s.again { // apart, so that they do not all ask for the same at once
			at = index * len(s.steps) / max(l.Connections, 1)
		}
		return s.turn(ctx, w, at, until)
	})
}

// turn goes round the steps, from the one at an index.
func (s *Script) turn(ctx context.Context, w *worker, at int, until time.Time) error {
	for uri := s.steps[at].uri; ; {
		a, err := w.conn.get(ctx, uri)
		if err != nil {
			return fault(uri, "%w", err)
		}
		st := &s.steps[at]
		next, err := st.check(a)
		if err != nil {
			return err
		}
		w.did(len(st.sums), len(a.body))
		if at++; at == len(s.steps) {
			at = 0
		}
		if uri = s.steps[at].uri; s.chain && at > 0 && next != "" {
			uri = nextURI(s.base, next)
		}
		if !time.Now().Before(until) {
			return nil
		}
	}
}
