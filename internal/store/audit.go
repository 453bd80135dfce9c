package store

import (
	"bytes"
	"context"
	"database/sql"
	"slices"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Record puts records at the end of the audit: into the journal or, where there is
// none, with the next commit. It returns once they are handed over; written waits.
func (s *Store) Record(records ...[]byte) (written func() error) {
	if s.journal != nil {
		return s.journaled(records)
	}
	j := &job{records: records, err: make(chan error, 1)}
	if err := s.enqueue(context.Background(), j); err != nil { // who was answered has been: nobody may give it up
		return func() error { return err }
	}
	return func() error { return named("record", s.answered(j)) }
}

// note keeps a record for the block of this commit.
func (t *tx) note(record []byte) {
	if record != nil {
		t.records = append(t.records, record)
	}
}

// keepRecords writes the records of a commit as one block, the last thing of a
// transaction. Its places are known from memory, since nobody else writes: dense, and
// in the order of the commits.
func (t *tx) keepRecords() error {
	n := int64(len(t.records))
	if n == 0 {
		return nil
	}
	t.ledger.at = max(t.ledger.at, taxii.TimeOf(t.now()))
	return t.exec(`insert into audit (seq, first, at, records) values ($1, $2, $3, $4)`,
		t.ledger.place+n, t.ledger.place+1, t.ledger.at, append(bytes.Join(t.records, []byte{'\n'}), '\n'))
}

// recordsAlone is a commit of nothing but records: one statement, which is its own
// transaction, since a page that is read waits for it and costs little more itself.
func (s *Store) recordsAlone(t *tx, batch []*job) ([]error, error) {
	for _, j := range batch {
		t.records = append(t.records, j.records...)
	}
	if err := t.keepRecords(); err != nil {
		if s.engine.lost(s.write) {
			return nil, unknown(err)
		}
		return nil, err
	}
	s.ledger.place += int64(len(t.records))
	return make([]error, len(batch)), nil
}

func nothingButRecords(batch []*job) bool {
	return !slices.ContainsFunc(batch, func(j *job) bool { return j.do != nil })
}

// ledger is the end of the audit, as the last commit left it.
type ledger struct {
	place int64      // of the last record
	at    taxii.Time // of the last block
}

// loadLedger reads the end of the audit.
func (s *Store) loadLedger(ctx context.Context) error {
	return rowsOn(ctx, s.write, func(r *sql.Rows) error { return r.Scan(&s.ledger.place, &s.ledger.at) },
		`select seq, at from audit order by seq desc limit 1`)
}

// Audit visits blocks in their order. Their dates never go back, so that the first
// that is late enough is found by halving.
func (s *Store) Audit(ctx context.Context, after int64, since taxii.Time, most int, visit func(exchange.AuditBlock) bool) error {
	_ = s.settle() // where it cannot, what is in the table is shown
	if since > 0 {
		var err error
		if after, err = s.blocksBefore(ctx, after, since); err != nil {
			return err
		}
	}
	return s.blocks(ctx, after, most, visit)
}

// blocksBefore gives the place, at least after, of the last record that was written
// before a date.
func (s *Store) blocksBefore(ctx context.Context, after int64, since taxii.Time) (int64, error) {
	last := after
	err := s.each(ctx, func(r *sql.Rows) error { return r.Scan(&last) }, `select seq from audit order by seq desc limit 1`)
	for err == nil && after < last {
		var seq int64
		var at taxii.Time
		err = s.each(ctx, func(r *sql.Rows) error { return r.Scan(&seq, &at) },
			`select seq, at from audit where seq > $1 order by seq limit 1`, (after+last-1)/2)
		switch {
		case at < since:
			after = seq
		case seq >= last: // of those from the middle on the first is the last
			last = (after + last - 1) / 2
		default:
			last = seq
		}
	}
	return after, err
}

func (s *Store) blocks(ctx context.Context, after int64, most int, visit func(exchange.AuditBlock) bool) error {
	wanted := true
	return s.each(ctx, func(r *sql.Rows) error {
		if !wanted {
			return nil
		}
		var b exchange.AuditBlock
		var records sql.RawBytes
		if err := r.Scan(&b.First, &b.At, &records); err != nil {
			return err
		}
		b.Records = records
		wanted = visit(b)
		return nil
	}, `select first, at, records from audit where seq > $1 order by seq limit $2`, after, most)
}

// PurgeAudit removes the oldest blocks, a few at a time, but never the last: it says
// which place comes next.
func (s *Store) PurgeAudit(ctx context.Context, before taxii.Time) (more bool, err error) {
	err = s.do(ctx, "purge the audit", func(t *tx) error {
		n, err := t.changed(`delete from audit where seq in
			(select seq from (select seq, at from audit order by seq limit $2) oldest
			where at < $1 and seq < (select max(seq) from audit))`, before, lightMost)
		more = n == lightMost
		t.wiped = t.wiped || n > 0
		return err
	})
	return more, err
}

// Stays gives where the versions of an object stand and stood, by place.
func (s *Store) Stays(ctx context.Context, f feed.ID, id string) (list []exchange.Stay, err error) {
	for _, text := range []string{
		`select seq, 0, type, spec_version, version, version_key, version_time, level from entries where feed = $1 and id = $2`,
		`select old_seq, seq, type, spec_version, version, version_key, version_time, level from tombstones where feed = $1 and id = $2`,
	} {
		err := s.each(ctx, func(r *sql.Rows) error {
			var v exchange.Stay
			err := r.Scan(&v.Place, &v.Gone, &v.Type, &v.SpecVersion, &v.Version, &v.Key, &v.Time, &v.Level)
			list = append(list, v)
			return err
		}, text, f, id)
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, func(a, b exchange.Stay) int { return int(a.Place - b.Place) })
	return list, nil
}
