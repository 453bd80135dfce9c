package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// conductor measures everything, one after the other.
type conductor struct {
	settings
	dir    string // where servers keep their data
	driver *child
	out    io.Writer
	blank  string // a prepared data directory for SQLite, "" before there is one
	result result
}

// settings are what the flags say.
type settings struct {
	binary  string // hansom
	direct  string // the program that writes straight into the tables; "": none
	loads   []load
	only    string // the workload that is measured; "": all
	engines []string
	again   string // a result to be judged again; "": one is measured
	json    string // files for the result
	doc     string
	pairs   int
	each    time.Duration
	quick   bool
	crowds  []int // how many follow a Channel
	far     int   // how many Messages a follower is behind, and how many Subscriptions rest
	marked  load  // what is read where it is measured who may do what
	turns   int   // pairs of runs of that
	skipped []string
}

// The two forms of `make bench`.
const (
	fullLoads  = "ics,10k,100k,1M"
	quickLoads = "ics,100k"
	fullEach   = time.Second
	quickEach  = 400 * time.Millisecond

	fullCrowds  = "1,100,1000,10k"
	quickCrowds = "1,100,1000"
	fullFar     = "1M"
	quickFar    = "100k"

	fullMarked = "10k" // stands in the page cache, and not in a little one
	fullTurns  = 11
	quickTurns = 5
)

func readFlags(args []string) (s settings, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&s.binary, "hansom", "bin/hansom", "the `BINARY` to measure")
	flags.StringVar(&s.direct, "straight", "", "the `BINARY` of bench/straight, which writes rows straight into the tables")
	engines := flags.String("engines", "sqlite,postgres", "which stores, separated by commas; PostgreSQL needs -straight")
	flags.StringVar(&s.again, "again", "", "measure nothing: judge the result in `FILE`, of -json, again")
	flags.StringVar(&s.json, "json", "", "`FILE` to write the result to")
	flags.StringVar(&s.doc, "doc", "", "`FILE` of Markdown whose results are to be replaced")
	flags.StringVar(&s.only, "only", "", "the one `WORKLOAD` to measure: add, pages, poll, get, type or manifest; or of Channels publish, fanout, latency, followers or behind, or all of these: channels; or what it costs to know who may do what: access")
	flags.BoolVar(&s.quick, "quick", false, "the short form: loads "+quickLoads+", SQLite alone, and short runs")
	crowds := flags.String("followers", fullCrowds, "how many follow a channel, separated by commas")
	far := flags.String("behind", fullFar, "how many messages a follower is behind, and how many subscriptions rest")
	loads := flags.String("loads", fullLoads, "what is read, separated by commas; a number, with k or M, is of generated objects")
	marked := flags.String("marked", fullMarked, "how many objects are read where it is measured who may do what")
	flags.IntVar(&s.pairs, "pairs", 5, "`HOW MANY` runs of each row, each of the server and of the limit")
	flags.DurationVar(&s.each, "each", fullEach, "how long a run takes")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	set := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { set[f.Name] = true })
	if s.quick && !set["loads"] {
		*loads = quickLoads
	}
	if s.quick && !set["engines"] {
		*engines = "sqlite"
	}
	if s.quick && !set["each"] {
		s.each = quickEach
	}
	if s.pairs < 1 || s.each <= 0 {
		return s, errors.New("-pairs and -each must be more than nothing")
	}
	if s.quick && !set["followers"] {
		*crowds = quickCrowds
	}
	if s.quick && !set["behind"] {
		*far = quickFar
	}
	if s.turns = fullTurns; set["pairs"] {
		s.turns = s.pairs
	} else if s.quick {
		s.turns = quickTurns
	}
	s.engines = strings.Split(*engines, ",")
	return s, errors.Join(s.readLoads(*loads), s.readCrowds(*crowds, *far), s.readMarked(*marked))
}

func (s *settings) readLoads(names string) error {
	for name := range strings.SplitSeq(names, ",") {
		l, err := loadOf(name)
		if err != nil {
			return err
		}
		if l.Number == 0 && l.File == "" {
			s.skipped = append(s.skipped, "the load ics: "+icsName+" is not there (HANSOM_TEST_DATA names its folder)")
			continue
		}
		s.loads = append(s.loads, l)
	}
	return nil
}

func (s *settings) readCrowds(crowds, far string) error {
	for name := range strings.SplitSeq(crowds, ",") {
		n, err := numberOf(name)
		if err != nil {
			return fmt.Errorf("-followers: %w", err)
		}
		s.crowds = append(s.crowds, int(n))
	}
	n, err := numberOf(far)
	s.far = int(n)
	return err
}

func (s *settings) readMarked(number string) error {
	n, err := numberOf(number)
	if s.marked = (load{Name: number, Number: n, Marked: true}); err != nil {
		return fmt.Errorf("-marked: %w", err)
	}
	return nil
}

// conduct measures what the flags say, and writes what came.
func conduct(ctx context.Context, args []string, out io.Writer) (err error) {
	set, err := readFlags(args)
	if err != nil {
		return err
	}
	c := &conductor{settings: set, out: out}
	if set.again != "" {
		return c.judgeAgain()
	}
	c.result.Skipped = set.skipped
	if c.dir, err = os.MkdirTemp("", "hansom-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	if c.driver, err = startDriver(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.driver.stop()) }()
	c.result.About = c.aboutHere(ctx)
	failed := c.all(ctx)
	c.result.About.Took = time.Since(c.result.About.Time).Round(time.Second).String()
	c.result.judge()
	if failed != nil { // what was measured until then is not lost
		c.skip("what comes after this: " + failed.Error())
		c.doc = ""
	}
	c.say("")
	c.print()
	return errors.Join(failed, c.write())
}

// judgeAgain compares a result that was measured before with the targets of now.
func (c *conductor) judgeAgain() error {
	text, err := os.ReadFile(c.again)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &c.result); err != nil {
		return fmt.Errorf("%s: %w", c.again, err)
	}
	c.result.judge()
	c.print()
	return c.write()
}

// print writes what was measured for who watches.
func (c *conductor) print() {
	if !apart(c.only) {
		c.result.markdown(c.out)
	}
	if c.result.Channels != nil {
		c.result.Channels.markdown(c.out)
	}
	if c.result.Access != nil {
		c.result.Access.markdown(c.out)
	}
}

// all measures each engine: adding, and then reading. Of PostgreSQL one load is
// enough to set the two beside each other.
func (c *conductor) all(ctx context.Context) (err error) {
	if c.direct == "" {
		c.skip("PostgreSQL, and rows written straight into the tables: no -straight program is given")
	}
	if slices.Contains(c.engines, "sqlite") {
		if err := c.engine(ctx, engine{Name: "sqlite"}, c.loads); err != nil {
			return err
		}
		if c.only == "" || ofChannels(c.only) {
			if err := c.channels(ctx); err != nil {
				return err
			}
		}
		if c.only == "" || c.only == onlyAccess {
			if err := c.access(ctx); err != nil {
				return fmt.Errorf("who may do what: %w", err)
			}
		}
	}
	if c.only == onlyAccess || c.direct == "" || !slices.Contains(c.engines, "postgres") {
		return nil
	}
	l, err := startLender(ctx, c.direct)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.stop()) }()
	if _, err := l.database(ctx); errors.Is(err, errNoPostgres) {
		c.skip("PostgreSQL: neither initdb nor a URL in HANSOM_TEST_POSTGRES is there")
		return nil
	}
	i := max(0, slices.IndexFunc(c.loads, func(l load) bool { return l.Number == mostTaped }))
	e := engine{Name: "postgres", store: l.database}
	if err := c.engine(ctx, e, c.loads[i:min(i+1, len(c.loads))]); err != nil || c.result.Channels == nil {
		return err
	}
	return c.channelsOn(ctx, e)
}

func (c *conductor) skip(what string) { c.result.Skipped = append(c.result.Skipped, what) }

func (c *conductor) engine(ctx context.Context, e engine, loads []load) error {
	if c.only == "" || c.only == driver.Add {
		if err := c.adds(ctx, e); err != nil {
			return err
		}
	}
	for _, l := range loads {
		if c.only == driver.Add || apart(c.only) {
			break
		}
		if err := c.reads(ctx, e, l); err != nil {
			return err
		}
	}
	return nil
}

func (c *conductor) say(format string, args ...any) { fmt.Fprintf(c.out, format+"\n", args...) }

// write writes the files that are asked for.
func (c *conductor) write() error {
	if c.json != "" {
		text, err := json.MarshalIndent(c.result, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.json, append(text, '\n'), 0o600); err != nil {
			return err
		}
	}
	if c.doc == "" {
		return nil
	}
	page, err := os.ReadFile(c.doc)
	if err != nil {
		return err
	}
	if page, err = c.result.into(page); err != nil {
		return fmt.Errorf("%s: %w", c.doc, err)
	}
	return os.WriteFile(c.doc, page, 0o644) //nolint:gosec // a page for everyone
}

// The lines between which a page holds the results, those of Channels, and those of
// who may do what.
const (
	resultsBegin = "<!-- make bench writes what follows -->\n"
	resultsEnd   = "<!-- make bench wrote what is above -->\n"

	channelsBegin = "<!-- make bench writes of Channels what follows -->\n"
	channelsEnd   = "<!-- make bench wrote of Channels what is above -->\n"

	accessBegin = "<!-- make bench writes of who may do what what follows -->\n"
	accessEnd   = "<!-- make bench wrote of who may do what what is above -->\n"
)

// into gives a page with what was measured in the place of what was before. What
// was not measured stays.
func (r *result) into(page []byte) (_ []byte, err error) {
	var text bytes.Buffer
	if len(r.Reads)+len(r.Adds) > 0 {
		r.markdown(&text)
		if page, err = replaced(page, text.Bytes(), resultsBegin, resultsEnd); err != nil {
			return nil, err
		}
	}
	if r.Channels != nil {
		text.Reset()
		r.Channels.markdown(&text)
		if page, err = replaced(page, text.Bytes(), channelsBegin, channelsEnd); err != nil {
			return nil, err
		}
	}
	if r.Access == nil {
		return page, nil
	}
	text.Reset()
	r.Access.markdown(&text)
	return replaced(page, text.Bytes(), accessBegin, accessEnd)
}

// replaced gives a page with other results between two lines.
func replaced(page, results []byte, begin, end string) ([]byte, error) {
	before, rest, began := bytes.Cut(page, []byte(begin))
	_, after, ended := bytes.Cut(rest, []byte(end))
	if !began || !ended {
		return nil, errors.New("it has no lines between which results stand")
	}
	return slices.Concat(before, []byte(begin+"\n"), results, []byte(end), after), nil
}
