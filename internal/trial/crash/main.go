// Command crash kills a server again and again while it is written to, and
// looks afterwards whether it kept what it had promised: what clients were told
// is recorded and judged by package history, and the store checks itself.
//
//	go run ./internal/trial/crash -rounds 50
//
// It starts the real binary (hansom demo) on a data directory of its own. With
// -broken it is the small server of package broken instead, which must be found
// out; then the exit code is 0 if it was.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/broken"
)

// options of a run.
type options struct {
	rounds      int
	seed        uint64
	least, most time.Duration // how long the server is written to until it is killed
	adds, verbs int64         // and until so many Adds and verbs of operators are done
	start       time.Duration // the longest that it may take to serve again; 0: as long as it likes
}

// The time in which the server is written to, in each round: long enough for
// several hundred commits, short enough that all rounds take two minutes.
const (
	leastLife  = 300 * time.Millisecond
	mostLife   = 2 * time.Second
	leastAdds  = 10
	leastVerbs = 1
)

// postgresWord stands for a PostgreSQL that is started for the run.
const postgresWord = "postgres"

func main() {
	if len(os.Args) > 1 && os.Args[1] == broken.Verb {
		os.Exit(broken.Main(os.Args[2:]))
	}
	o := options{least: leastLife, most: mostLife, adds: leastAdds, verbs: leastVerbs}
	var place, fault string
	flag.IntVar(&o.rounds, "rounds", 50, "how often the server is killed")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64(), "what the moments and the contents follow from; a new one each time")
	flag.DurationVar(&o.start, "start", 2*time.Second, "the longest that a start may take; 0: as long as it likes")
	flag.StringVar(&place, "store", "sqlite", "sqlite, a URL postgres://..., or postgres for one that is started here")
	flag.StringVar(&fault, "broken", "", "a server with a broken store instead: early or headless, or none")
	flag.Parse()
	os.Exit(console(func(c *terminal) { run(c, o, place, broken.Fault(fault)) }))
}

// run makes the server, breaks it as often as asked, and prints what it found.
func run(c *terminal, o options, place string, fault broken.Fault) {
	switch place {
	case "sqlite":
		place = ""
	case postgresWord:
		place = trial.Postgres(c)
	}
	var server target
	if fault != "" {
		server, o.start = startBroken(c, place, fault, nil), 0
	} else {
		server = startDemo(c, place)
	}
	c.Logf("seed %d, %d rounds", o.seed, o.rounds)
	r := torment(c, server, o)
	c.Logf("%s", r)
	for _, text := range r.found() {
		c.Logf("%s", text)
	}
	found := len(r.breaches)+len(r.faults) > 0
	switch mustFind := fault != "" && fault != broken.None; {
	case found && !mustFind:
		c.Errorf("%d breaches of what clients were told, %d faults of the store", len(r.breaches), len(r.faults))
	case !found && mustFind:
		c.Errorf("the fault %q was not found", fault)
	case found:
		c.Logf("the fault %q was found, as it must be", fault)
	default:
		c.Logf("nothing is missing, nothing is there twice, and all is in order")
	}
}

func (r *result) String() string {
	return fmt.Sprintf("%d objects acknowledged in %d requests, %d deletions, %d imports and %d changes of accounts acknowledged; "+
		"%d requests without an answer; %d objects read by %d followers; %d objects there in the end; "+
		"%d kills while it was written to, %d while it started; slowest start %.2f s, median %.2f s",
		r.objects, r.requests, r.deletions, r.imports, r.changes, r.unanswered, r.read, r.followers, r.there,
		r.kills, r.stillborn, r.slowest().Seconds(), r.median().Seconds())
}
