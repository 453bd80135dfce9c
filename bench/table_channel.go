package main

import (
	"fmt"
	"io"
	"strings"
)

// markdown writes all that was measured of Channels.
func (r *channelled) markdown(w io.Writer) {
	r.About.markdown(w)
	fmt.Fprintf(w, "To append 1 KB to a file and wait until it is on the disk takes %.2f ms.\n\n", r.Sync)
	for _, s := range r.Skipped {
		fmt.Fprintf(w, "SKIPPED: %s.\n\n", s)
	}
	judged(w, r.Targets)
	list(w, "store,publishers,messages/s,p50 ms,p99 ms,CPU us,MB,straight: messages/s,ratio,disk: syncs/s,ratio", r.Published)
	list(w, "store,followers,messages/s,deliveries/s,p50 ms,p99 ms,CPU us,MB,plain: deliveries/s,p50 ms,p99 ms,CPU us,ratio,CPU ratio", r.Fans)
	list(w, "idle followers,connection,KiB each,KiB each after 32 messages", r.Rests)
	if r.Stuck != nil {
		list(w, "stuck followers,KiB each,one publisher and one follower: messages/s,beside the stuck ones", []stuckness{*r.Stuck})
	}
	if r.Stored != nil {
		list(w, "subscriptions at rest,octets on disk each,MB without,MB with,start without s,start with s", []stored{*r.Stored})
	}
	list(w, "messages behind,collection: objects/s,pages: messages/s,ratio,stream: messages/s,ratio", r.Behinds)
}

// list writes a table, if there are rows.
func list[T interface{ cells() []string }](w io.Writer, heads string, rows []T) {
	if len(rows) == 0 {
		return
	}
	lines := [][]string{strings.Split(heads, ",")}
	for _, row := range rows {
		lines = append(lines, row.cells())
	}
	table(w, lines)
}

func (p publish) cells() []string {
	f, straight, ratio := p.Server, "-", "-"
	if p.Straight > 0 {
		straight, ratio = whole(p.Straight), short(p.Ratio)
	}
	return []string{
		p.Engine, fmt.Sprint(p.Clients), whole(f.ObjectsPerSecond), fmt.Sprintf("%.2f", f.P50), fmt.Sprintf("%.2f", f.P99), whole(f.ServerCPU),
		megabytes(f.MostResident), straight, ratio, whole(p.Disk), short(p.OfDisk),
	}
}

func (f fan) cells() []string {
	pace, times := "most", func(p50, p99 float64) []string { return []string{"-", "-"} }
	if f.Pace > 0 {
		pace, times = fmt.Sprint(f.Pace), func(p50, p99 float64) []string { return []string{fmt.Sprintf("%.2f", p50), fmt.Sprintf("%.2f", p99)} }
	}
	row := []string{f.Engine, fmt.Sprint(f.Followers), pace, whole(f.Server.PerSecond)}
	row = append(append(row, times(f.Server.P50, f.Server.P99)...), fmt.Sprintf("%.1f", f.Server.ServerCPU), megabytes(f.Server.MostResident), whole(f.Plain.PerSecond))
	return append(append(row, times(f.Plain.P50, f.Plain.P99)...), fmt.Sprintf("%.1f", f.Plain.ServerCPU), short(f.Ratio), short(f.CPURatio))
}

func (r rest) cells() []string {
	kind := "HTTP"
	if r.TLS {
		kind = "TLS"
	}
	return []string{fmt.Sprint(r.Followers), kind, kibibytes(r.Idle), kibibytes(r.After)}
}

func (s stuckness) cells() []string {
	return []string{fmt.Sprint(s.Followers), kibibytes(s.Octets), whole(s.Before), whole(s.Beside)}
}

func (s stored) cells() []string {
	return []string{
		fmt.Sprint(s.Subscriptions), whole(s.Disk), fmt.Sprintf("%.1f", float64(s.Before)/1e6), fmt.Sprintf("%.1f", float64(s.After)/1e6),
		fmt.Sprintf("%.2f", s.StartBefore), fmt.Sprintf("%.2f", s.StartAfter),
	}
}

func (l lag) cells() []string {
	return []string{fmt.Sprint(l.Messages), whole(l.Collection), whole(l.Pages), short(l.PageRatio), whole(l.Stream), short(l.FlowRatio)}
}

func whole(x float64) string { return fmt.Sprintf("%.0f", x) }

func kibibytes(x float64) string { return fmt.Sprintf("%.1f", x/1024) }

// line is a row for who watches.
func (p publish) line() string {
	return fmt.Sprintf("%s, driver %.0f us", strings.Join(p.cells(), "  "), p.Server.DriverCPU)
}

func (f fan) line() string {
	return fmt.Sprintf("%s, driver %.1f us, published in %.2f of %.2f s", strings.Join(f.cells(), "  "), f.Server.DriverCPU, f.Server.Published, f.Server.Seconds)
}

func (r rest) line() string      { return strings.Join(r.cells(), "  ") }
func (s stuckness) line() string { return strings.Join(s.cells(), "  ") }
func (s stored) line() string    { return strings.Join(s.cells(), "  ") }
func (l lag) line() string       { return strings.Join(l.cells(), "  ") }
