package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// maxJoined bounds the writes of one commit: enough that the disk's sync is
// shared by all who wait, few enough that the first does not wait long.
const maxJoined = 256

// rollbackTime bounds what the end of a failed transaction may take.
const rollbackTime = 10 * time.Second

// job is one write that waits for its commit, or records of the audit alone.
type job struct {
	do      func(*tx) error // nil: nothing but records
	records [][]byte
	spared  bool // it is carried out however full the disk is
	err     chan error
}

// tx is the transaction of one commit, as one job sees it.
type tx struct {
	*Store
	ctx   context.Context
	heads map[feed.ID]feed.Head // as this commit leaves them
	older map[feed.ID]feed.Head // as the jobs before this one leave them
	wiped bool                  // content was deleted
	sunk  bool                  // a floor has moved

	records [][]byte // of the audit, to be written with this commit
}

// do puts a write into the queue and waits until it is durable. A request that
// is given up while it waits in the queue may still be carried out.
func (s *Store) do(ctx context.Context, what string, write func(*tx) error) error {
	j := &job{do: write, spared: spared(what), err: make(chan error, 1)}
	if err := s.enqueue(ctx, j); err != nil {
		return err
	}
	return named(what, s.answered(j))
}

func (s *Store) enqueue(ctx context.Context, j *job) error {
	select {
	case s.jobs <- j:
		return nil
	case <-ctx.Done():
		return taxii.Errorf(taxii.Unavailable, "the server is busy; try again").Because(ctx.Err())
	case <-s.stopped:
		return taxii.Errorf(taxii.Unavailable, "the server is stopping; try again")
	}
}

// answered waits until it is known what became of a job.
func (s *Store) answered(j *job) error {
	select {
	case err := <-j.err:
		return err
	case <-s.done:
	}
	select { // the writer may have answered just before it ended
	case err := <-j.err:
		return err
	default:
		return taxii.Errorf(taxii.Unavailable, "the server is stopping; try again")
	}
}

func named(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (s *Store) writer() {
	defer close(s.done)
	for {
		select {
		case first := <-s.jobs:
			s.commit(s.join(first))
		case <-s.broken():
			_ = s.connected() // who writes next is told why not
		case <-s.stopped:
			for len(s.jobs) > 0 {
				s.commit(s.join(<-s.jobs))
			}
			return
		}
	}
}

// join takes what waits, in the order in which it came.
func (s *Store) join(first *job) []*job {
	batch := []*job{first}
	for len(batch) < maxJoined {
		select {
		case next := <-s.jobs:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// commit carries out a batch as one transaction. If that fails as a whole, each
// write gets a transaction of its own, so that one bad write harms no other.
func (s *Store) commit(batch []*job) {
	if batch = s.spare(batch); len(batch) == 0 {
		return
	}
	errs, err := s.carry(batch)
	switch {
	case err == nil:
		for i, j := range batch {
			j.err <- errs[i]
		}
	case len(batch) == 1 || hopeless(err):
		for _, j := range batch {
			j.err <- err
		}
	default:
		s.oneByOne(batch)
	}
}

// hopeless tells that to carry out one write after the other would be of no use,
// and long.
func hopeless(err error) bool {
	return errors.Is(err, errCut) || errors.Is(err, context.DeadlineExceeded)
}

// oneByOne gives each write a transaction of its own, for as long as there is hope.
func (s *Store) oneByOne(batch []*job) {
	var end error
	for _, j := range batch {
		if end != nil {
			j.err <- end
			continue
		}
		errs, err := s.carry([]*job{j})
		if err == nil {
			err = errs[0]
		} else if hopeless(err) {
			end = err
		}
		j.err <- err
	}
}

func (s *Store) transaction(batch []*job) ([]error, error) {
	ctx, cancel := s.writing()
	defer cancel()
	t := &tx{Store: s, ctx: ctx, heads: map[feed.ID]feed.Head{}}
	if nothingButRecords(batch) {
		return s.recordsAlone(t, batch)
	}
	if err := t.exec(s.engine.begin()); err != nil {
		return nil, err
	}
	if len(batch) == 1 {
		return s.alone(t, batch[0])
	}
	errs := make([]error, len(batch))
	for i, j := range batch {
		if j.do == nil { // nothing of it can fail alone
			t.records = append(t.records, j.records...)
			continue
		}
		if errs[i] = t.guarded(j); errs[i] != nil && (errors.Is(errs[i], errBroken) || s.engine.again(errs[i])) {
			return nil, errors.Join(errs[i], t.rollback())
		}
	}
	return errs, s.end(t)
}

// alone carries out the one write of a transaction. It needs no savepoint, for
// which the database would keep every page as it was before.
func (s *Store) alone(t *tx, j *job) ([]error, error) {
	if err := j.do(t); err != nil {
		undo := t.rollback()
		if undo != nil || s.engine.again(err) {
			return nil, errors.Join(err, undo)
		}
		return []error{err}, nil
	}
	return []error{nil}, s.end(t)
}

// end commits a transaction and makes known what it changed.
func (s *Store) end(t *tx) error {
	if t.sunk {
		s.sinking.Lock()
		defer s.sinking.Unlock()
	}
	if err := t.keepRecords(); err != nil {
		return errors.Join(err, t.rollback())
	}
	if err := t.exec("commit"); err != nil {
		if s.engine.lost(s.write) {
			return unknown(err)
		}
		return errors.Join(err, t.rollback())
	}
	s.ledger.place += int64(len(t.records))
	s.published(t)
	return nil
}

// errBroken: the whole transaction is lost, not just one write of it.
var errBroken = errors.New("the transaction was lost")

// guarded runs one write under a savepoint of its own.
func (t *tx) guarded(j *job) error {
	if err := t.exec("savepoint job"); err != nil {
		return errors.Join(errBroken, err)
	}
	one := &tx{Store: t.Store, ctx: t.ctx, heads: map[feed.ID]feed.Head{}, older: t.heads}
	if err := j.do(one); err != nil {
		if undo := t.exec("rollback to job"); undo != nil {
			return errors.Join(errBroken, err, undo)
		}
		if undo := t.exec("release job"); undo != nil {
			return errors.Join(errBroken, err, undo)
		}
		return err
	}
	if err := t.exec("release job"); err != nil {
		return errors.Join(errBroken, err)
	}
	t.wiped, t.sunk = t.wiped || one.wiped, t.sunk || one.sunk
	t.records = append(t.records, one.records...)
	for id, h := range one.heads {
		t.heads[id] = h
	}
	return nil
}

// rollback ends a transaction that failed. Where the database has ended it
// already there is nothing to end.
func (t *tx) rollback() error {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	t.ctx = ctx // that of the transaction may have run out
	if err := t.exec("rollback"); err != nil && !t.engine.noTransaction(err) {
		t.engine.discard(t.write) // the next transaction must not become part of this one
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

// published makes known what a commit changed.
func (s *Store) published(t *tx) {
	var places feed.Place
	var rung []feed.ID
	s.mu.Lock()
	for id, h := range t.heads {
		was := s.heads[id]
		if moved(was, h) {
			rung = append(rung, id)
		}
		if h.Place < 0 {
			delete(s.heads, id)
			continue
		}
		places += h.Place - was.Place
		s.heads[id] = h
	}
	s.mu.Unlock()
	for _, id := range rung { // after the heads: who is woken asks for them
		s.bell.Ring(id)
	}
	s.engine.committed(t.wiped, places)
}

// prepared gives the compiled form of a statement of the writer.
func (t *tx) prepared(text string) (*sql.Stmt, error) {
	if stmt, ok := t.compiled[text]; ok {
		return stmt, nil
	}
	stmt, err := t.write.PrepareContext(t.ctx, text)
	if err != nil {
		return nil, t.engine.kind(err)
	}
	t.compiled[text] = stmt
	return stmt, nil
}

func (t *tx) exec(text string, args ...any) error {
	_, err := t.changed(text, args...)
	return err
}

// changed runs a statement and gives the number of rows that it changed.
func (t *tx) changed(text string, args ...any) (int64, error) {
	stmt, err := t.prepared(text)
	if err != nil {
		return 0, err
	}
	r, err := stmt.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, t.engine.kind(err)
	}
	return r.RowsAffected()
}

// row reads the one row of a statement; sql.ErrNoRows where there is none.
func (t *tx) row(dest []any, text string, args ...any) error {
	stmt, err := t.prepared(text)
	if err != nil {
		return err
	}
	return t.engine.kind(stmt.QueryRowContext(t.ctx, args...).Scan(dest...))
}

// rows visits the rows of a statement.
func (t *tx) rows(visit func(*sql.Rows) error, text string, args ...any) error {
	stmt, err := t.prepared(text)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(t.ctx, args...)
	if err != nil {
		return t.engine.kind(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return err
		}
	}
	return t.engine.kind(rows.Err())
}

// lock takes the head of a feed for this commit: until it ends no other write
// to the feed can begin.
func (t *tx) lock(id feed.ID) (feed.Head, error) {
	var h feed.Head
	err := t.row(headOf(&h), `update feeds set seq = seq where id = $1 returning `+headColumns, id)
	if errors.Is(err, sql.ErrNoRows) {
		return h, taxii.Errorf(taxii.NotFound, "no feed %d", id)
	}
	h.Past = t.past(id)
	return h, err
}

// past gives the earlier incarnations of a feed, which are known from memory.
func (t *tx) past(id feed.ID) []feed.Place {
	for _, heads := range []map[feed.ID]feed.Head{t.heads, t.older} {
		if h, ok := heads[id]; ok {
			return h.Past
		}
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.Store.heads[id].Past
}

// advance moves the head of a feed that this transaction has locked.
func (t *tx) advance(id feed.ID, h feed.Head) error {
	t.heads[id] = h
	return t.exec(`update feeds set seq = $2, added = $3, octets = $4 where id = $1`, id, h.Place, h.Added, h.Octets)
}

// number gives the next number of a kind; it is never given again.
func (t *tx) number(kind string) (n int64, err error) {
	err = t.row([]any{&n}, `update counters set value = value + 1 where name = $1 returning value`, kind)
	return n, err
}
