package exchange

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// AuditQuery says which records are wanted: those that match every member that is
// not zero.
type AuditQuery struct {
	After        int64 // the place of a record; only later ones
	Since, Until taxii.Time
	Account      string
	Event        string // or what stands before its dot: grant for grant.set
	On           string // a resource, or what it is in
	Request      string
	From         string
	Limit        int // records, 1 to MostAuditRecords; 0: that many
}

// AuditPage is a part of the audit. More says to ask again after Next, though there
// may be no record on this page: the search has come so far.
type AuditPage struct {
	Records []json.RawMessage `json:"records"`
	More    bool              `json:"more"`
	Next    int64             `json:"next"` // the place up to which was looked
}

const (
	// MostAuditRecords bounds the records of a page.
	MostAuditRecords = 1000
	// auditPageOctets bounds them in octets, beside one that is larger.
	auditPageOctets = 2 << 20
	// auditBlocks is how many blocks are read at a time, and auditSearch how many are
	// looked through for one page.
	auditBlocks = 64
	auditSearch = 50 * auditBlocks
	// recordsLate is more than a record waits for its commit: no block that much
	// later than Until has one from before it.
	recordsLate = taxii.Time(time.Hour / time.Microsecond)
)

// Audit gives records, the oldest first, to who manages the server.
func (s *Session) Audit(ctx context.Context, q AuditQuery) (page AuditPage, err error) {
	if err := s.manages(s.x.now.Load(), resource{scope: OnServer}); err != nil {
		return page, err
	}
	if q.Limit < 0 || q.Limit > MostAuditRecords {
		return page, taxii.Errorf(taxii.Malformed, "limit must be from 1 to %d", MostAuditRecords)
	}
	if event, _, _ := strings.Cut(q.Event, "."); q.Event != "" && !slices.Contains(RecordedEvents(), event) {
		return page, taxii.Errorf(taxii.Malformed, "unknown event %q: events are %s", event, strings.Join(RecordedEvents(), ", "))
	}
	if q.After == 0 {
		s.consults(ctx, EventAudit, "", "")
	}
	w := &auditWalk{q: q, page: AuditPage{Records: []json.RawMessage{}, Next: q.After}}
	w.q.Limit = cmp.Or(q.Limit, MostAuditRecords)
	err = s.x.walkAudit(ctx, q.After, q.Since, auditSearch, w.block)
	if err != nil {
		return page, err
	}
	w.page.More = w.full || w.blocks == auditSearch
	return w.page, nil
}

// consults records that the audit is read, with the first look of an account from an
// address in five minutes, and each search for an object. It waits for that, since
// what was recorded before is then there too; that it cannot be recorded is no reason
// not to show why.
func (s *Session) consults(ctx context.Context, event, on, object string) {
	look := s.sighting()
	look.way = Way(event)
	if s.bare() || object == "" && !s.x.audit.seen.first(look, s.x.opt.Now()) {
		return
	}
	_ = s.x.record(s.begin(ctx, event).text("on", on).text("object", object).end(outcomeDone)).Wait()
}

// walkAudit visits blocks, a few at a time, so that no read is held for long.
func (x *Exchange) walkAudit(ctx context.Context, after int64, since taxii.Time, most int, visit func(AuditBlock) bool) error {
	wanted := true
	for seen := 0; wanted && seen < most; {
		n := 0
		err := x.store.Audit(ctx, after, since, min(auditBlocks, most-seen), func(b AuditBlock) bool {
			n++
			after = b.last()
			wanted = visit(b)
			return wanted
		})
		if err != nil || n < auditBlocks {
			return err
		}
		seen += n
	}
	return nil
}

// last is the place of the last record.
func (b AuditBlock) last() int64 { return b.First + int64(bytes.Count(b.Records, []byte{'\n'})) - 1 }

// auditWalk collects one page.
type auditWalk struct {
	q      AuditQuery
	page   AuditPage
	octets int
	blocks int
	full   bool
}

func (w *auditWalk) block(b AuditBlock) bool {
	if w.q.Until > 0 && b.At > w.q.Until+recordsLate {
		return false
	}
	w.blocks++
	if w.idle(b.Records) {
		w.page.Next = b.last()
		return true
	}
	place := b.First
	for line := range bytes.Lines(b.Records) {
		if place > w.q.After && !w.line(place, line) {
			w.full = true
			return false
		}
		w.page.Next = max(w.page.Next, place)
		place++
	}
	return true
}

// idle tells quickly that no record of a block can match.
func (w *auditWalk) idle(records []byte) bool {
	for _, text := range []string{w.q.Account, w.q.Request, w.q.From} {
		if text != "" && !bytes.Contains(records, quote(nil, text)) {
			return true
		}
	}
	return false
}

// line takes a record, if it matches; false: there is no room for it.
func (w *auditWalk) line(place int64, line []byte) bool {
	var r recorded
	if json.Unmarshal(line, &r) != nil || !r.matches(w.q) {
		return true
	}
	if len(w.page.Records) == w.q.Limit || w.octets+len(line) > auditPageOctets && w.octets > 0 {
		return false
	}
	w.octets += len(line)
	out := strconv.AppendInt([]byte(`{"place":`), place, 10)
	out = append(append(out, ','), bytes.TrimSuffix(line[1:], []byte{'\n'})...)
	w.page.Records = append(w.page.Records, out)
	return true
}

// recorded is a record that is read.
type recorded struct {
	At           taxii.Time
	Event        string
	Account      string
	Number       int64 `json:"account_number"`
	By           string
	From         string
	Way          string
	Credential   string
	Request      string
	On           string
	Feed         int64
	Endpoint     string
	First, Last  int64
	Head         int64
	Object       string
	Filter       string
	Ceiling      string
	Unmarked     string
	Subscription string
	Host         string `json:"url_host"`
	End          int
}

func (r *recorded) matches(q AuditQuery) bool {
	return r.At >= q.Since && (q.Until == 0 || r.At <= q.Until) &&
		(q.Account == "" || r.Account == q.Account || r.By == q.Account) &&
		within(r.Event, q.Event, '.') && within(r.On, q.On, '/') &&
		(q.Request == "" || r.Request == q.Request) && (q.From == "" || r.From == q.From)
}

// within tells whether a name is the one that was asked for, or in it.
func within(name, in string, divider byte) bool {
	rest, ok := strings.CutPrefix(name, in)
	return ok && (in == "" || rest == "" || rest[0] == divider)
}
