package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// accessed is what was measured of who may do what.
type accessed struct {
	About about   `json:"about"`
	Check float64 `json:"check_us"` // to look at the limits of a request
	Tolls []toll  `json:"tolls"`

	Targets []target `json:"targets,omitempty"`
}

// toll is one row: what a request costs the server with everything off and on.
type toll struct {
	Kind        string         `json:"workload"`
	Limit       int            `json:"limit,omitempty"` // objects on a page or of a POST
	Anew        bool           `json:"anew,omitempty"`  // the pages are in no cache
	Connections int            `json:"connections"`
	Off         proof          `json:"off_by,omitempty"` // how the side without anything signs in
	On          proof          `json:"on_by,omitempty"`
	Most        float64        `json:"most,omitempty"` // that the ratio may be; 0: it is stated alone
	Without     driver.Figures `json:"off"`
	With        driver.Figures `json:"on"`

	Ratio     float64    `json:"ratio"`     // of processor time a request, on to off: median of the pairs
	Quartiles [2]float64 `json:"quartiles"` // of the pairs' ratios
}

// took notes the runs of both sides, pair by pair.
func (t *toll) took(off, on []driver.Figures) {
	t.Without, t.With = summary(off), summary(on)
	var list []float64
	for i := range off {
		if off[i].ServerCPU > 0 {
			list = append(list, on[i].ServerCPU/off[i].ServerCPU)
		}
	}
	slices.Sort(list)
	if n := len(list); n > 0 {
		t.Ratio, t.Quartiles = median(list), [2]float64{list[n/4], list[(3*n)/4]}
	}
}

// judge compares with the targets what was measured of who may do what.
func (r *accessed) judge() {
	r.Targets = nil
	for _, t := range r.Tolls {
		if t.Most > 0 {
			name := fmt.Sprintf("%s, %s: processor time with everything on, to that without", t.what(), plural(t.Connections, "connection"))
			r.Targets = append(r.Targets, targetOf(name, t.Most, true, t.Ratio))
		}
	}
	if r.Check > 0 {
		r.Targets = append(r.Targets, targetOf("the check of the limits of a request, us", mostCheck, true, r.Check))
	}
}

// mostCheck is what the check of the limits may take, in microseconds.
const mostCheck = 2

// markdown writes all that was measured of who may do what.
func (r *accessed) markdown(w io.Writer) {
	r.About.markdown(w)
	judged(w, r.Targets)
	list(w, "workload,conn.,off: requests/s,p50 ms,p99 ms,CPU us,on: requests/s,p50 ms,p99 ms,CPU us,CPU ratio,quartiles", r.Tolls)
}

// what is how a row is called.
func (t *toll) what() (name string) {
	switch t.Kind {
	case driver.Add:
		name = fmt.Sprintf("add, %d objects a POST", t.Limit)
	case driver.Pages:
		name = fmt.Sprintf("pages of %d", t.Limit)
		if t.Anew {
			name += ", read anew"
		}
	case driver.Poll:
		name = "poll with nothing new"
	default:
		name = "get by id"
	}
	switch {
	case t.Off == byToken:
		name += ", the audit alone"
	case t.On != "":
		name += ", by " + string(t.On)
	}
	return name
}

func (t toll) cells() []string {
	row := []string{t.what(), fmt.Sprint(t.Connections)}
	for _, f := range []driver.Figures{t.Without, t.With} {
		row = append(row, whole(f.RequestsPerSecond), fmt.Sprintf("%.2f", f.P50), fmt.Sprintf("%.2f", f.P99), whole(f.ServerCPU))
	}
	return append(row, short(t.Ratio), short(t.Quartiles[0])+" to "+short(t.Quartiles[1]))
}

// line is a row for who watches.
func (t toll) line() string {
	return fmt.Sprintf("%s, driver %.0f and %.0f us", strings.Join(t.cells(), "  "), t.Without.DriverCPU, t.With.DriverCPU)
}
