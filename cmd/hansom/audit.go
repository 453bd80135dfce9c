package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/spf13/cobra"
)

// auditing is what the flags of audit say.
type auditing struct {
	query        exchange.AuditQuery
	since, until string
	lines        bool
}

func (a *app) audit() *cobra.Command {
	var o auditing
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who did what: sign-ins, refusals, changes, adds, deletions, publications and reads",
		Long: `Shows the records of the audit, the oldest first: who, from where, with which credential,
what, how many objects, with what outcome, and the id of the request. No record holds
content or a secret.

Events are ` + strings.Join(exchange.RecordedEvents(), ", ") + `;
what stands before a dot stands for all that begin with it. Records are written while
the server runs; what was refused more than ten times in a minute from one source, and
requests that brought nothing, are counted and written every ten seconds.

--ndjson writes a line of JSON for each record, as an export; --json one list. A time is
such as 2026-01-31T12:00:00Z, or how long ago: 90m, 12h, 7d.`,
		Example: `  hansom audit --since 24h --account alice
  hansom audit --event grant --on trust
  hansom audit --since 2026-01-01T00:00:00Z --ndjson | gzip >audit.ndjson.gz
  hansom audit recall indicator--a932fcc6-e032-476c-826f-cb970a5a1ade`,
		Args: knownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runAudit(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.since, "since", "", "only records from this `TIME` on")
	flags.StringVar(&o.until, "until", "", "only records up to this `TIME`")
	flags.StringVar(&o.query.Account, "account", "", "only records of this account `NAME`")
	flags.StringVar(&o.query.Event, "event", "", "only records of this `EVENT`, such as sign-in or grant")
	flags.StringVar(&o.query.On, "on", "", "only records about this `RESOURCE` and what is in it")
	flags.StringVar(&o.query.Request, "request", "", "only records of the request with this `ID`")
	flags.StringVar(&o.query.From, "from", "", "only records of requests from this `ADDRESS`")
	flags.BoolVar(&o.lines, "ndjson", false, "write a line of JSON for each record")
	cmd.AddCommand(a.auditRecall())
	return a.printsJSON(cmd)
}

func (a *app) runAudit(ctx context.Context, o auditing) (err error) {
	if a.json && o.lines {
		return misused("--json and --ndjson exclude each other")
	}
	if o.query.Since, err = when(o.since); err != nil {
		return misused("--since: %w", err)
	}
	if o.query.Until, err = when(o.until); err != nil {
		return misused("--until: %w", err)
	}
	w := bufio.NewWriterSize(a.out, 64<<10)
	show := &auditShow{w: w, json: a.json, lines: o.lines}
	err = a.control(ctx, func(c *admin.Client) error { return tried(eachRecord(ctx, c, o.query, show.record), "read the audit") })
	if err == nil {
		show.end()
	}
	return errors.Join(err, w.Flush())
}

// when reads a time, or how long ago it was; 0 for "".
func when(text string) (taxii.Time, error) {
	if text == "" {
		return 0, nil
	}
	if at, err := taxii.ParseTime(text); err == nil {
		return at, nil
	}
	var ago span
	if ago.Set(text) != nil {
		return 0, fmt.Errorf("give a time such as 2026-01-31T12:00:00Z, or how long ago, such as 12h or 7d, not %q", text)
	}
	return taxii.TimeOf(time.Now().Add(-time.Duration(ago) * time.Second)), nil
}

// eachRecord asks for page after page.
func eachRecord(ctx context.Context, c *admin.Client, q exchange.AuditQuery, show func(json.RawMessage)) error {
	for {
		page, err := c.Audit(ctx, q)
		if err != nil {
			return err
		}
		for _, record := range page.Records {
			show(record)
		}
		if !page.More {
			return nil
		}
		q.After = page.Next
	}
}

// auditShow writes records as they come.
type auditShow struct {
	w           *bufio.Writer
	json, lines bool
	count       int
}

func (s *auditShow) record(r json.RawMessage) {
	switch {
	case s.lines:
		fmt.Fprintf(s.w, "%s\n", r)
	case s.json && s.count == 0:
		fmt.Fprintf(s.w, "[\n  %s", r)
	case s.json:
		fmt.Fprintf(s.w, ",\n  %s", r)
	default:
		fmt.Fprintln(s.w, printable(recordLine(r)))
	}
	s.count++
}

func (s *auditShow) end() {
	switch {
	case s.json && s.count == 0:
		fmt.Fprintln(s.w, "[]")
	case s.json:
		fmt.Fprintln(s.w, "\n]")
	}
}

// recordLine writes a record for people: when, who, what, and the rest as it is called.
func recordLine(text json.RawMessage) string {
	var r struct{ At, Event, Account, From, On, Outcome string }
	var all map[string]any
	if json.Unmarshal(text, &r) != nil || json.Unmarshal(text, &all) != nil {
		return string(text)
	}
	parts := []string{r.At, r.Event, firstOf(r.Account, "-"), firstOf(r.On, "-")}
	if r.From != "" {
		parts = append(parts, "from "+r.From)
	}
	for _, name := range []string{"by", "way", "credential", "beside", "beside_credential", "change", "asked", "why", "endpoint", "object", "filter", "ceiling",
		"first", "last", "count", "octets", "duplicates", "failures", "empty", "other", "minute", "url_host", "status", "request"} {
		if value := all[name]; value != nil {
			parts = append(parts, name+"="+valueText(value))
		}
	}
	if r.Outcome != "done" {
		parts = append(parts, r.Outcome)
	}
	return strings.Join(parts, "  ")
}

func valueText(value any) string {
	if n, ok := value.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

func (a *app) auditRecall() *cobra.Command {
	var on, since string
	cmd := a.printsJSON(&cobra.Command{
		Use:   "recall OBJECT-ID",
		Short: "Tell every account that was sent a version of an object, and when",
		Long: `Looks through the audit for whoever was sent a version of an object: through pages, by its
id, by export, in the messages of a channel, or pushed to a URL. "may have" stands where
the records do not say for certain: where a stream was cut by a crash or goes on, or
where the level of what has no marking was changed since.

Lists of ids and versions (manifest, versions) bring no content and do not count. Channels
are covered as far as their messages are kept, collections until they are removed.`,
		Example: "  hansom audit recall indicator--a932fcc6-e032-476c-826f-cb970a5a1ade --on trust/collection/indicators",
		Args:    takes("OBJECT-ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := when(since)
			if err != nil {
				return misused("--since: %w", err)
			}
			return a.control(cmd.Context(), func(c *admin.Client) error {
				r, err := c.Recall(cmd.Context(), exchange.RecallQuery{Object: args[0], On: on, Since: at})
				if err != nil {
					return tried(err, "recall %s", args[0])
				}
				return a.print(r, func() { a.sayRecall(r) })
			})
		},
	})
	cmd.Flags().StringVar(&on, "on", "", "look only at this `RESOURCE`: ROOT, ROOT/collection/NAME or ROOT/channel/NAME")
	cmd.Flags().StringVar(&since, "since", "", "look only at records from this `TIME` on")
	return cmd
}

func (a *app) sayRecall(r exchange.Recall) {
	if len(r.Found) == 0 {
		a.say("%s is not here, and no trace of it", r.Object)
	}
	if len(r.Receipts) > 0 {
		rows := [][]string{{"ACCOUNT", "CREDENTIAL", "ON", "VERSION OR MESSAGE", "VIA", "FIRST", "LAST", "TIMES", "NOTE"}}
		for _, v := range r.Receipts {
			rows = append(rows, receiptRow(v))
		}
		a.table(rows...)
	} else {
		a.say("no record says that anybody was sent it")
	}
	if r.Begins != nil {
		a.say("records begin at %s", r.Begins)
	}
	for _, note := range r.Notes {
		a.say("%s", note)
	}
}

func receiptRow(v exchange.RecallReceipt) []string {
	may := ""
	if v.MayHave {
		may = "may have"
	}
	return []string{
		v.Account, strings.TrimSpace(v.Way + " " + v.Credential), v.On, v.Version + v.Message, strings.Join(v.Via, ", "),
		v.First.String(), v.Last.String(), strconv.Itoa(v.Times), may,
	}
}
