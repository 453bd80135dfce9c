package main

import "fmt"

// judge compares with the targets what was measured of Channels.
func (r *channelled) judge() {
	r.Targets = nil
	for _, row := range r.Published {
		r.published(row)
	}
	for _, row := range r.Fans {
		if row.Engine != "sqlite" {
			continue
		}
		who := plural(row.Followers, "follower")
		if row.Pace == 0 {
			r.reach("deliveries, "+who+": of the plain server", 0.5, false, row.Ratio)
			continue
		}
		r.latency(row, fmt.Sprintf("%s, %d messages/s", who, row.Pace))
	}
	r.atRest()
	for _, row := range r.Behinds {
		how := fmt.Sprintf("catching up with %d messages by ", row.Messages)
		r.reach(how+"pages: of a collection's pages", 0.5, false, row.PageRatio)
		r.reach(how+"stream: of a collection's pages", 0.5, false, row.FlowRatio)
	}
}

func (r *channelled) published(row publish) {
	if row.Engine == "sqlite" && row.Clients == 16 && row.Straight > 0 {
		r.reach("publish, 16 publishers: of the same rows written straight", 0.7, false, row.Ratio)
	}
}

// latency judges how long deliveries take: of few followers by how much more than
// the plain server's, of a thousand by how many times that, one sync of the disk
// set aside.
func (r *channelled) latency(row fan, what string) {
	if row.Followers < 1000 {
		r.reach("delivery, "+what+": p99 above the plain server's, ms", 10, true, row.Server.P99-row.Plain.P99)
		return
	}
	for _, p := range []struct {
		name        string
		ours, plain float64
	}{{"p50", row.Server.P50, row.Plain.P50}, {"p99", row.Server.P99, row.Plain.P99}} {
		if p.plain > 0 {
			r.reach("delivery, "+what+": "+p.name+" less a sync, to the plain server's", 1.5, true, (p.ours-r.Sync)/p.plain)
		}
	}
}

func (r *channelled) atRest() {
	for _, row := range r.Rests {
		name, most := "without TLS", 32.0
		if row.TLS {
			name, most = "with TLS", 56
		}
		r.reach(fmt.Sprintf("idle follower %s, of %d, KiB", name, row.Followers), most, true, row.Idle/1024)
	}
	if s := r.Stored; s != nil && s.Before > 0 {
		r.reach(fmt.Sprintf("memory with %d subscriptions at rest, to that without", s.Subscriptions), 1.1, true, float64(s.After)/float64(s.Before))
	}
}

func (r *channelled) reach(name string, want float64, atMost bool, got float64) {
	r.Targets = append(r.Targets, targetOf(name, want, atMost, got))
}
