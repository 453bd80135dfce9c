package driver

import (
	"os"
	"slices"
	"time"
)

// Delivered is what a run of a Crowd measured.
type Delivered struct {
	Messages   int     `json:"messages"`
	Deliveries int     `json:"deliveries"` // to all followers together
	Seconds    float64 `json:"seconds"`    // from the first request until the last follower had all
	Published  float64 `json:"published"`  // of them, until the last request was answered
	PerSecond  float64 `json:"deliveries_per_second"`

	// From the moment a Message was to be published to that at which a follower
	// had it, over all deliveries; 0 where Messages were published all at once.
	P50 float64 `json:"p50_ms,omitempty"`
	P99 float64 `json:"p99_ms,omitempty"`

	ServerCPU    float64 `json:"server_cpu_us"` // processor time of the server for a delivery, microseconds
	DriverCPU    float64 `json:"driver_cpu_us"` // the same of the driver
	MostResident int64   `json:"most_resident,omitempty"`
}

// ahead is how many batches are published before the first of them has reached
// all: with batches of Batch less than a server is bound to keep at hand.
const ahead = 4

// Batch is how many Messages Burst publishes in a request.
const Batch = 32

// Burst publishes n Messages as fast as one publisher can, but never more than
// ahead batches before the slowest follower. heard, if it is not nil, gets every
// event of the first follower.
func (c *Crowd) Burst(n int, heard func(i int, text []byte)) (Delivered, error) {
	r := c.begin(n, Batch)
	r.heard = heard
	return c.measure(r, func() (time.Time, error) {
		for k := range r.left {
			if k >= ahead {
				if err := c.reached(r); err != nil {
					return time.Time{}, err
				}
			}
			if err := c.publish(r.from+uint64(k*Batch), min(Batch, n-k*Batch)); err != nil {
				return time.Time{}, err
			}
		}
		published := time.Now()
		for range min(len(r.left), ahead) {
			if err := c.reached(r); err != nil {
				return published, err
			}
		}
		return published, nil
	})
}

// Beat publishes n Messages, each alone, at a pace: one every so often. One that
// could not be sent in time, because the one before was not answered yet, counts
// from when it was due.
func (c *Crowd) Beat(n int, every time.Duration) (Delivered, error) {
	r := c.begin(n, 1)
	r.timed = true
	for i := range r.took {
		r.took[i] = make([]time.Duration, 0, n)
	}
	d, err := c.measure(r, func() (time.Time, error) {
		began := time.Now()
		for i := range n {
			due := began.Add(time.Duration(i) * every)
			time.Sleep(time.Until(due))
			r.slots[i].sent.Store(due.UnixNano())
			if err := c.publish(r.from+uint64(i), 1); err != nil {
				return time.Time{}, err
			}
		}
		published := time.Now()
		for range n {
			if err := c.reached(r); err != nil {
				return published, err
			}
		}
		return published, nil
	})
	if err != nil {
		return d, err
	}
	all := slices.Concat(r.took...)
	slices.Sort(all)
	d.P50, d.P99 = microseconds(all[len(all)/2])/1000, microseconds(all[len(all)*99/100])/1000
	return d, nil
}

// measure lets a run happen.
func (c *Crowd) measure(r *run, do func() (time.Time, error)) (Delivered, error) {
	if err := c.Settled(); err != nil {
		return Delivered{}, err
	}
	if err := c.ready(); err != nil {
		return Delivered{}, err
	}
	c.run.Store(r)
	pid := c.t.PID
	forget(pid)
	server, driver, began := processor(pid), processor(os.Getpid()), time.Now()
	published, err := do()
	if err != nil {
		return Delivered{}, err
	}
	took := time.Since(began)
	d := Delivered{Messages: len(r.slots), Deliveries: len(r.slots) * len(c.followers), Seconds: took.Seconds(), Published: published.Sub(began).Seconds()}
	count := float64(d.Deliveries)
	d.PerSecond = count / d.Seconds
	d.ServerCPU = microseconds(processor(pid)-server) / count
	d.DriverCPU = microseconds(processor(os.Getpid())-driver) / count
	_, d.MostResident = memory(pid)
	return d, nil
}
