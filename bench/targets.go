package main

import (
	"fmt"
	"slices"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// bounded are the loads for which the limit ran, in the order in which they were
// filled. Pages of the small ones stand in the server's page cache after the first
// walk, those of the large ones do not: that is told apart, not averaged.
func (r *result) bounded(engine string) (names []string) {
	for _, f := range r.Fills {
		has := func(row read) bool { return row.Engine == engine && row.Load == f.Load && row.Bound != nil }
		if f.Engine == engine && slices.ContainsFunc(r.Reads, has) {
			names = append(names, f.Load)
		}
	}
	return names
}

func (r *result) read(engine, load, kind string, limit, connections int) *read {
	for i, row := range r.Reads {
		if row.Engine == engine && row.Load == load && row.Kind == kind && row.Limit == limit && row.Connections == connections {
			return &r.Reads[i]
		}
	}
	return nil
}

func (r *result) add(engine string, batch, clients int) *added {
	for i, row := range r.Adds {
		if row.Engine == engine && row.Batch == batch && row.Clients == clients {
			return &r.Adds[i]
		}
	}
	return nil
}

// judge compares with the targets what was measured of them.
func (r *result) judge() {
	if r.Targets = nil; r.Channels != nil {
		r.Channels.judge()
	}
	if r.Access != nil {
		r.Access.judge()
	}
	for _, load := range r.bounded("sqlite") {
		r.ofLimit(fmt.Sprintf("pages of 1000, 16 connections, %s: of the limit", load), 0.5, r.read("sqlite", load, driver.Pages, 1000, 16))
		for _, n := range connections() {
			r.ofLimit(fmt.Sprintf("poll with nothing new, %s, %s: of the limit", plural(n, "connection"), load), 0.6, r.read("sqlite", load, driver.Poll, 100, n))
			r.ofLimit(fmt.Sprintf("get by id, %s, %s: of the limit", plural(n, "connection"), load), 0.5, r.read("sqlite", load, driver.Get, 0, n))
		}
	}
	for _, clients := range []int{1, 16} {
		r.ofStraight(fmt.Sprintf("add, 1000 objects a POST, %s: of the same rows written straight", plural(clients, "client")), 0.7, r.add("sqlite", 1000, clients))
	}
	if one, many := r.add("sqlite", 1, 1), r.add("sqlite", 1, 16); one != nil && many != nil {
		r.reach("add, 1 object a POST: 16 clients to 1 client", 2, false, many.Server.ObjectsPerSecond/one.Server.ObjectsPerSecond)
	}
	r.growth("pages of 1000, read anew: processor time a page at 1M to that at 10k", "10k, read anew", driver.Pages, 1000)
	r.growth("poll with nothing new: processor time at 1M to that at 10k", "10k", driver.Poll, 100)
	r.memory()
	for _, clients := range []int{1, 16} {
		r.ofStraight(fmt.Sprintf("PostgreSQL: add, 1000 objects a POST, %s: of the same statements by pgx", plural(clients, "client")), 0.6, r.add("postgres", 1000, clients))
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func targetOf(name string, want float64, atMost bool, got float64) target {
	reached := got >= want
	if atMost {
		reached = got <= want
	}
	return target{name, want, atMost, got, reached}
}

func (r *result) reach(name string, want float64, atMost bool, got float64) {
	r.Targets = append(r.Targets, targetOf(name, want, atMost, got))
}

func (r *result) ofLimit(name string, want float64, row *read) {
	if row != nil {
		r.reach(name, want, false, row.Ratio)
	}
}

func (r *result) ofStraight(name string, want float64, row *added) {
	if row != nil && row.Straight > 0 {
		r.reach(name, want, false, row.Ratio)
	}
}

// growth compares what a request costs. One connection is asked on, because of
// a small load 16 would share pages.
func (r *result) growth(name, small10k, kind string, limit int) {
	small, large := r.read("sqlite", small10k, kind, limit, 1), r.read("sqlite", "1M", kind, limit, 1)
	if small != nil && large != nil && small.Server.ServerCPU > 0 {
		r.reach(name, 1.3, true, large.Server.ServerCPU/small.Server.ServerCPU)
	}
}

// memory is the most that any run at 1M with 16 clients needed.
func (r *result) memory() {
	most, measured := int64(0), false
	for _, row := range r.Reads {
		if row.Engine == "sqlite" && row.Load == "1M" && row.Connections == 16 {
			most, measured = max(most, row.Server.MostResident), true
		}
	}
	if measured && most > 0 {
		r.reach("resident memory at 1M with 16 clients, MB", 200, true, float64(most)/1e6)
	}
}
