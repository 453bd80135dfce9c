// Package conformance checks any TAXII 2.1 server from outside: over HTTPS, as a
// client, by what the OASIS standard asks of it and what the clients in use break
// on. A check is data, with the numbers of the requirements that it shows
// (docs/spec: R for the standard, K for the clients, a row for the OASIS
// interoperability document; docs/channels.md: CH for its sections, S and Q for
// the rows of its section 12). It knows no server's inside and takes no server's
// word for anything: what it reads it has added itself.
//
// The checks add objects to one Collection that the caller names, and delete some
// of them. Beside it they make Channels, if the account may, and end them. They
// leave everything else as it is.
package conformance

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Check is one thing that a right server does.
type Check struct {
	ID      string   // stable, such as "paging/next-is-text"; the part before the slash names the section
	Title   string   // what a right server does, as a sentence
	Rules   []string // numbers of the requirements, such as R107 or K30; at least one
	Interop []string // rows of the interoperability document, such as 3.13.1.1

	run func(*probe)
}

// Section is what a check belongs to: the part of its ID before the slash.
func (c Check) Section() string {
	section, _, _ := strings.Cut(c.ID, "/")
	return section
}

// All gives every check in the order in which they run: what only reads comes
// before what adds, and that before what deletes.
func All() []Check {
	return slices.Concat(
		transportChecks(), authenticationChecks(), mediaChecks(), errorChecks(),
		discoveryChecks(), rootChecks(), collectionsChecks(), collectionChecks(),
		objectsChecks(), filterChecks(), pagingChecks(), headerChecks(), manifestChecks(), objectChecks(), versionsChecks(),
		addChecks(), contentChecks(), statusChecks(), accessChecks(), deleteChecks(), optionalChecks(), channelChecks(),
	)
}

// Outcome is what became of a check.
type Outcome string

// The outcomes. A check whose precondition is missing (too few objects, only one
// page) has failed; it is skipped only where the server does not claim, or the
// caller did not give, what it is about.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped"
)

// Result is what became of one check.
type Result struct {
	Check   string   `json:"check"`
	Section string   `json:"section"`
	Title   string   `json:"title"`
	Rules   []string `json:"rules"`
	Interop []string `json:"interop,omitempty"`
	Outcome Outcome  `json:"outcome"`
	// Why is what should have come, or why the check was skipped; empty if it passed.
	Why       string     `json:"why,omitempty"`
	Exchanges []Exchange `json:"exchanges,omitempty"` // the last ones of a check that failed, oldest first
	Seconds   float64    `json:"seconds"`
}

// Suite is a run of checks against one server. What the first check of a run
// prepares (the places of the server, objects of its own) serves all others. It is
// for one goroutine.
type Suite struct {
	target Target
	world  *world
	seeded *seed
	first  string // the id of the first Status of the run
	common *common
}

// New begins a run. It sends nothing yet.
func New(t Target) (*Suite, error) {
	t, err := t.ready()
	if err != nil {
		return nil, err
	}
	return &Suite{target: t, common: new(common)}, nil
}

// At gives the same run, with what it has prepared, against another address of the
// same server, such as that of a proxy before it, and whom to trust there.
func (s *Suite) At(address string, trust *tls.Config) (*Suite, error) {
	t := s.target
	t.URL, t.TLS = address, trust
	t, err := t.ready()
	if err != nil {
		return nil, err
	}
	other := &Suite{target: t, seeded: s.seeded, first: s.first, common: s.common}
	if s.world != nil {
		other.world = s.world.at(s.target.base, t.base)
	}
	return other, nil
}

// Prepare looks the server's places up, adds the objects that the reading checks
// read, and publishes their Messages where there are Channels. Run does the same
// when it is needed.
func (s *Suite) Prepare(ctx context.Context) error {
	for _, c := range []Check{
		{ID: "prepare/objects", run: func(p *probe) { p.seed() }},
		{ID: "prepare/messages", run: func(p *probe) { p.hall(); p.vast() }},
	} {
		if r := s.Run(ctx, c); r.Outcome == Failed {
			return fmt.Errorf("prepare: %s", r.Why)
		}
	}
	return nil
}

// Close ends the Channels that the run has made for several checks.
func (s *Suite) Close(ctx context.Context) { s.end(&probe{ctx: ctx, suite: s}) }

// Run carries one check out.
func (s *Suite) Run(ctx context.Context, c Check) Result {
	began := time.Now()
	p := &probe{ctx: ctx, suite: s}
	r := Result{Check: c.ID, Section: c.Section(), Title: c.Title, Rules: c.Rules, Interop: c.Interop}
	r.Outcome, r.Why = p.guarded(c.run)
	r.Why = printable(cut(r.Why))
	if r.Outcome == Failed {
		r.Exchanges = p.recent()
	}
	r.Seconds = time.Since(began).Seconds()
	return r
}

// RunAll carries checks out in their order, tells each (nil: nothing), and sums
// them up.
func (s *Suite) RunAll(ctx context.Context, checks []Check, each func(Result)) Report {
	report := Report{Target: s.target.base, Began: time.Now().UTC()}
	defer s.Close(ctx)
	for _, c := range checks {
		if ctx.Err() != nil {
			break
		}
		r := s.Run(ctx, c)
		report.add(r)
		if each != nil {
			each(r)
		}
	}
	report.Seconds = time.Since(report.Began).Seconds()
	return report
}

// Select gives the checks that any of the words names: a section, an id, the
// beginning of an id that ends in *, a rule or an interoperability row. No words
// give all. A word that names none is an error.
func Select(checks []Check, words ...string) ([]Check, error) {
	if len(words) == 0 {
		return checks, nil
	}
	for _, w := range words {
		if !slices.ContainsFunc(checks, func(c Check) bool { return c.named(w) }) {
			return nil, fmt.Errorf("no check, section, rule or row is named %q", w)
		}
	}
	return slices.DeleteFunc(slices.Clone(checks), func(c Check) bool { return !slices.ContainsFunc(words, c.named) }), nil
}

func (c Check) named(word string) bool {
	if start, open := strings.CutSuffix(word, "*"); open {
		return strings.HasPrefix(c.ID, start)
	}
	return word == c.ID || word == c.Section() || slices.Contains(c.Rules, word) || slices.Contains(c.Interop, word)
}
