package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// A result is what one call of bench measured.
type result struct {
	About   about    `json:"about"`
	Fills   []fill   `json:"fills,omitempty"`
	Reads   []read   `json:"reads,omitempty"`
	Adds    []added  `json:"adds,omitempty"`
	Targets []target `json:"targets,omitempty"`

	Channels *channelled `json:"channels,omitempty"`
	Access   *accessed   `json:"access,omitempty"`

	Skipped []string `json:"skipped,omitempty"` // what was to be measured and could not be, and why
}

// about is where and how it was measured.
type about struct {
	Time    time.Time `json:"time"`
	Took    string    `json:"took"`
	Version string    `json:"version"` // of hansom
	Go      string    `json:"go"`
	System  string    `json:"system"`
	Cores   int       `json:"cores"`
	CPU     string    `json:"cpu"`
	Pairs   int       `json:"pairs"` // of runs, for each row
	Each    string    `json:"each"`  // how long a run takes
}

// fill is how long a load took to be imported.
type fill struct {
	Engine    string  `json:"engine"`
	Load      string  `json:"load"`
	Objects   int     `json:"objects"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"objects_per_second"`
}

// read is one row of reading: the medians of its runs.
type read struct {
	Engine      string         `json:"engine"`
	Load        string         `json:"load"`
	Kind        string         `json:"workload"`
	Limit       int            `json:"limit,omitempty"` // objects on a page
	Connections int            `json:"connections"`
	Server      driver.Figures `json:"server"`
	Bound       *figures       `json:"limit_server,omitempty"` // the limit's; absent where it was not run
	Ratio       float64        `json:"ratio,omitempty"`        // rate of the server to that of the limit, median of the pairs
	CPURatio    float64        `json:"cpu_ratio,omitempty"`    // processor time of the limit for a request to that of the server, likewise
}

type figures = driver.Figures

// added is one row of adding.
type added struct {
	Engine   string         `json:"engine"`
	Batch    int            `json:"batch"` // objects a POST
	Clients  int            `json:"clients"`
	Server   driver.Figures `json:"server"`
	Straight float64        `json:"straight,omitempty"` // objects a second, written straight into the tables in the same batches
	Ratio    float64        `json:"ratio,omitempty"`    // rate of the server to that, median of the pairs
}

// target is something that is to be reached.
type target struct {
	Name     string  `json:"name"`
	Want     float64 `json:"want"`
	AtMost   bool    `json:"at_most,omitempty"` // want is an upper bound
	Measured float64 `json:"measured"`
	Reached  bool    `json:"reached"`
}

// sorted gives runs in the order of a figure.
func sorted[T any](runs []T, by func(T) float64) []T {
	return slices.SortedFunc(slices.Values(runs), func(a, b T) int { return cmp.Compare(by(a), by(b)) })
}

// middle gives the run whose rate is the median: its figures belong together.
func middle(runs []driver.Figures) driver.Figures {
	return sorted(runs, func(f driver.Figures) float64 { return f.RequestsPerSecond })[len(runs)/2]
}

// median of numbers; 0 of none.
func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	if n := len(list); n%2 == 0 {
		return (list[n/2-1] + list[n/2]) / 2
	}
	return list[len(list)/2]
}

// medianOf is the median of what of gives for each run.
func medianOf[T any](runs []T, of func(T) float64) float64 {
	var list []float64
	for _, r := range runs {
		list = append(list, of(r))
	}
	return median(list)
}

// summary gives the figures of a row: those of the middle run, with the medians
// of processor time, which is counted coarsely, and the most memory of any.
func summary(runs []driver.Figures) driver.Figures {
	f := middle(runs)
	f.ServerCPU = medianOf(runs, func(f driver.Figures) float64 { return f.ServerCPU })
	f.DriverCPU = medianOf(runs, func(f driver.Figures) float64 { return f.DriverCPU })
	for _, r := range runs {
		f.MostResident = max(f.MostResident, r.MostResident)
	}
	return f
}

// ratios gives the median of a to b over pairs of runs.
func ratios[T any](a, b []T, of func(T) float64) float64 {
	var list []float64
	for i := range min(len(a), len(b)) {
		if d := of(b[i]); d > 0 {
			list = append(list, of(a[i])/d)
		}
	}
	return median(list)
}
