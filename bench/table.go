package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// cells writes a row of a table in Markdown, padded so that it is one in a
// terminal too.
func cells(w io.Writer, widths []int, row ...string) {
	for i, cell := range row {
		if i < len(widths) {
			cell += strings.Repeat(" ", max(0, widths[i]-len(cell)))
		}
		fmt.Fprintf(w, "| %s ", cell)
	}
	fmt.Fprintln(w, "|")
}

// table writes rows, the first of which are the heads.
func table(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	cells(w, widths, rows[0]...)
	rule := make([]string, len(widths))
	for i, n := range widths {
		rule[i] = strings.Repeat("-", n)
	}
	cells(w, widths, rule...)
	for _, row := range rows[1:] {
		cells(w, widths, row...)
	}
	fmt.Fprintln(w)
}

// markdown writes where and how it was measured.
func (a *about) markdown(w io.Writer) {
	fmt.Fprintf(w, "Measured %s in %s: hansom %s, %s, %s, %d cores (%s); medians of %d pairs of runs of %s.\n\n",
		a.Time.UTC().Format("2006-01-02 15:04 UTC"), a.Took, a.Version, a.Go, a.System, a.Cores, a.CPU, a.Pairs, a.Each)
}

// judged writes what was to be reached.
func judged(w io.Writer, list []target) {
	if len(list) == 0 {
		return
	}
	rows := [][]string{{"target", "wanted", "measured", ""}}
	for _, t := range list {
		rows = append(rows, t.cells())
	}
	table(w, rows)
}

// markdown writes all that was measured but of Channels.
func (r *result) markdown(w io.Writer) {
	r.About.markdown(w)
	for _, s := range r.Skipped {
		fmt.Fprintf(w, "SKIPPED: %s.\n\n", s)
	}
	judged(w, r.Targets)
	list(w, "store,load,workload,conn.,requests/s,objects/s,p50 ms,p99 ms,CPU us,MB,limit: requests/s,CPU us,ratio,CPU ratio", r.Reads)
	list(w, "store,objects a POST,clients,POSTs/s,objects/s,p50 ms,p99 ms,CPU us,MB,straight: objects/s,ratio", r.Adds)
	list(w, "store,load,objects,import s,objects/s", r.Fills)
}

func (f fill) cells() []string {
	return []string{f.Engine, f.Load, fmt.Sprint(f.Objects), fmt.Sprintf("%.1f", f.Seconds), fmt.Sprintf("%.0f", f.PerSecond)}
}

func (t target) cells() []string {
	bound, verdict := "at least ", "MISSED"
	if t.AtMost {
		bound = "at most "
	}
	if t.Reached {
		verdict = "reached"
	}
	return []string{t.Name, bound + short(t.Want), short(t.Measured), verdict}
}

// short writes a ratio or a number of megabytes.
func short(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

func (r read) cells() []string {
	f := r.Server
	row := []string{
		r.Engine, r.Load, r.workload(), fmt.Sprint(r.Connections), fmt.Sprintf("%.0f", f.RequestsPerSecond), fmt.Sprintf("%.0f", f.ObjectsPerSecond),
		fmt.Sprintf("%.2f", f.P50), fmt.Sprintf("%.2f", f.P99), fmt.Sprintf("%.0f", f.ServerCPU), megabytes(f.MostResident),
	}
	if r.Bound == nil {
		return append(row, "-", "-", "-", "-")
	}
	return append(row, fmt.Sprintf("%.0f", r.Bound.RequestsPerSecond), fmt.Sprintf("%.0f", r.Bound.ServerCPU), short(r.Ratio), short(r.CPURatio))
}

// workload is how a row is called.
func (r read) workload() string {
	switch r.Kind {
	case driver.Poll, driver.Get:
		return r.Kind
	}
	return fmt.Sprintf("%s of %d", r.Kind, r.Limit)
}

func (a added) cells() []string {
	f, straight, ratio := a.Server, "-", "-"
	if a.Straight > 0 {
		straight, ratio = fmt.Sprintf("%.0f", a.Straight), short(a.Ratio)
	}
	return []string{
		a.Engine, fmt.Sprint(a.Batch), fmt.Sprint(a.Clients), fmt.Sprintf("%.0f", f.RequestsPerSecond), fmt.Sprintf("%.0f", f.ObjectsPerSecond),
		fmt.Sprintf("%.2f", f.P50), fmt.Sprintf("%.2f", f.P99), fmt.Sprintf("%.0f", f.ServerCPU), megabytes(f.MostResident), straight, ratio,
	}
}

func megabytes(octets int64) string { return fmt.Sprintf("%.0f", float64(octets)/1e6) }

// line is a row for who watches: the figures, and the driver's own share.
func (r read) line() string {
	return fmt.Sprintf("%s, driver %.0f us", strings.Join(r.cells(), "  "), r.Server.DriverCPU)
}

func (a added) line() string {
	return fmt.Sprintf("%s, driver %.0f us", strings.Join(a.cells(), "  "), a.Server.DriverCPU)
}
