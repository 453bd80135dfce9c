package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// A page that is read waits for its record to be on disk, and a commit of SQLite for
// each would cost a tenth of the page and more. So there a record that goes with no
// other write is appended to a journal first. Once a second, and before the audit is
// read, what is in it becomes a block of the table, in one commit; after a crash that
// is done when the store is opened.

// settleEvery is how long records stay in the journal.
const settleEvery = time.Second

// openJournal opens the journal, if the engine wants one.
func (s *Store) openJournal(ctx context.Context) (err error) {
	if s.journalPath == "" {
		return nil
	}
	var gen int64
	err = rowsOn(ctx, s.write, func(r *sql.Rows) error { return r.Scan(&gen) }, `select value from counters where name = 'audit_journal'`)
	if err == nil {
		s.journal, err = openJournal(s.journalPath, uint64(gen)) //nolint:gosec // it counts from 0
	}
	return err
}

// settle makes a block of what is in the journal.
func (s *Store) settle() error {
	j := s.journal
	if j == nil {
		return nil
	}
	j.settling.Lock()
	defer j.settling.Unlock()
	records, gen := j.turn()
	if gen == 0 {
		return nil
	}
	err := s.do(context.Background(), "settle the audit", func(t *tx) error { // nobody may give it up
		n, err := t.changed(`update counters set value = $1 where name = 'audit_journal' and value < $1`, int64(gen)) //nolint:gosec // one a second
		if n > 0 {                                                                                                    // else the last try was carried out, though an error was the answer
			t.records = append(t.records, records...)
		}
		return err
	})
	if err == nil {
		j.settled()
	}
	return err
}

// settler settles until the store closes.
func (s *Store) settler() {
	defer close(s.settled)
	for {
		_ = s.settle() // once there is no room, who records is told
		select {
		case <-s.closing:
			return
		case <-time.After(settleEvery):
		}
	}
}

// journaled is Record with a journal. Where too many records wait, they are written
// first: so who records is told what keeps them from the disk.
func (s *Store) journaled(records [][]byte) (written func() error) {
	upto, taken := s.journal.put(records)
	return func() error {
		err := s.drained(upto)
		if err == nil && !taken {
			if upto, taken = s.journal.put(records); !taken { // others were faster
				err = taxii.Errorf(taxii.Unavailable, "too many records of the audit wait to be written; try again")
			} else {
				err = s.drained(upto)
			}
		}
		return named("record", err)
	}
}

// drained returns when the records up to one are on disk.
func (s *Store) drained(upto uint64) error {
	for {
		err := s.journal.wait(upto)
		if !errors.Is(err, errJournalFull) {
			return err
		}
		if err := s.settle(); err != nil {
			return err
		}
	}
}

// closeJournal settles what is left.
func (s *Store) closeJournal() error {
	close(s.closing)
	<-s.settled
	if s.journal == nil {
		return nil
	}
	return s.settle()
}
