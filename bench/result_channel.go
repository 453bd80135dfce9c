package main

import "github.com/hansom-taxii/hansom/bench/driver"

// channelled is what was measured of Channels.
type channelled struct {
	About     about      `json:"about"`
	Sync      float64    `json:"sync_ms"` // to append 1 KB to a file and wait until it is on the disk, the median
	Published []publish  `json:"publish,omitempty"`
	Fans      []fan      `json:"fan_out,omitempty"`
	Rests     []rest     `json:"rest,omitempty"`
	Behinds   []lag      `json:"behind,omitempty"`
	Stored    *stored    `json:"subscriptions,omitempty"`
	Stuck     *stuckness `json:"stuck,omitempty"`
	Targets   []target   `json:"targets,omitempty"`
	Skipped   []string   `json:"skipped,omitempty"`
}

// publish is one row of publishing: Messages of 1 KB, one a request.
type publish struct {
	Engine   string         `json:"engine"`
	Clients  int            `json:"clients"`
	Server   driver.Figures `json:"server"`
	Straight float64        `json:"straight,omitempty"` // Messages a second, written straight into the tables, as many in a commit as there are clients
	Ratio    float64        `json:"ratio,omitempty"`    // to that, median of the pairs
	Disk     float64        `json:"disk,omitempty"`     // appends of 1 KB a second, each synchronised, to a bare file
	OfDisk   float64        `json:"of_disk,omitempty"`  // ratio to that, likewise
}

// fan is one row of delivery: by event streams to followers, at a pace, or as fast
// as it goes.
type fan struct {
	Engine    string           `json:"engine"`
	Followers int              `json:"followers"`
	Pace      int              `json:"pace,omitempty"` // Messages a second; 0: as fast as it goes
	Server    driver.Delivered `json:"server"`
	Plain     driver.Delivered `json:"plain"`
	Ratio     float64          `json:"ratio"`     // deliveries a second of the server to those of the plain server, median of the pairs
	CPURatio  float64          `json:"cpu_ratio"` // processor time of the plain server for a delivery to that of the server, likewise
}

// rest is what the process of the server holds for followers to whom nothing
// happens, octets each.
type rest struct {
	TLS       bool    `json:"tls"`
	Followers int     `json:"followers"`
	Idle      float64 `json:"idle"`
	After     float64 `json:"after"` // when each has got 32 Messages, and some time has gone
}

// lag is how fast one who is far behind reads on. Each object is a Message, and
// stands in a Collection too.
type lag struct {
	Messages   int     `json:"messages"`
	Collection float64 `json:"collection"` // objects a second, by pages of 1000
	Pages      float64 `json:"pages"`      // Messages a second, by pages of 1000
	Stream     float64 `json:"stream"`     // Messages a second, by event stream
	PageRatio  float64 `json:"page_ratio"` // to the Collection, medians of the rounds
	FlowRatio  float64 `json:"flow_ratio"`
}

// stored is what Subscriptions cost that nobody uses.
type stored struct {
	Subscriptions int     `json:"subscriptions"`
	Before        int64   `json:"resident_before"` // memory of the server, octets, without them
	After         int64   `json:"resident_after"`  // and with them
	Disk          float64 `json:"disk"`            // octets of the file for each
	StartBefore   float64 `json:"start_before"`    // seconds until the server serves
	StartAfter    float64 `json:"start_after"`
}

// stuckness is what followers cost that have stopped reading.
type stuckness struct {
	Followers int     `json:"followers"`
	Octets    float64 `json:"octets"` // memory of the server for each, with Messages to be sent to it
	Before    float64 `json:"before"` // Messages a second that one publisher sends to one follower, without the stuck ones
	Beside    float64 `json:"beside"` // and beside them
}

// middleOf gives the run whose rate or, of runs at a pace, whose p99 is the median.
func middleOf(runs []driver.Delivered, pace int) driver.Delivered {
	by := func(d driver.Delivered) float64 { return d.PerSecond }
	if pace > 0 {
		by = func(d driver.Delivered) float64 { return d.P99 }
	}
	d := sorted(runs, by)[len(runs)/2]
	d.P50, d.P99 = medianOf(runs, func(d driver.Delivered) float64 { return d.P50 }), medianOf(runs, func(d driver.Delivered) float64 { return d.P99 })
	d.ServerCPU = medianOf(runs, func(d driver.Delivered) float64 { return d.ServerCPU })
	d.DriverCPU = medianOf(runs, func(d driver.Delivered) float64 { return d.DriverCPU })
	for _, r := range runs {
		d.MostResident = max(d.MostResident, r.MostResident)
	}
	return d
}
