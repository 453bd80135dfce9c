package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// The writer's connection to a database server may break at any time. What was
// not committed then is carried out again; what was being committed is answered
// with an error, since nobody can know; and nothing goes on before the heads in
// memory are what the database says.

const (
	// mostCarries bounds how often a transaction is carried out that fails for no
	// fault of its own.
	mostCarries = 4
	// reconnectEvery is how long a broken connection waits, while nobody writes,
	// until it is made anew: readers see no head that was committed as it broke.
	reconnectEvery = time.Second
	// reconnectTime bounds one attempt, in which all writers wait: to connect, and
	// for the lock.
	reconnectTime = 15 * time.Second
)

// errCut: there is no connection, or it broke at the commit. To carry out the
// same again, or one by one, would be of no use, or twice.
var errCut = errors.New("the connection to the database is lost")

// unknown is the error of writes whose commit may have been carried out.
func unknown(err error) error {
	return taxii.Errorf(taxii.Unavailable, "the database went away while this was being stored, and it may or may not have been: send it again").
		Because(errors.Join(errCut, err))
}

// carry carries out a batch as one transaction, and again where that failed for
// no fault of its own.
func (s *Store) carry(batch []*job) (errs []error, err error) {
	for try := 1; ; try++ {
		if err := s.connected(); err != nil {
			return nil, err
		}
		errs, err = s.transaction(batch)
		if err == nil || errors.Is(err, errCut) {
			return errs, err
		}
		lost := s.engine.lost(s.write)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return nil, taxii.Errorf(taxii.Unavailable, "the database took too long, and nothing was stored; try again").Because(err)
		case !lost && !s.engine.again(err):
			return nil, err
		case try < mostCarries:
		case lost:
			return nil, taxii.Errorf(taxii.Unavailable, "the database went away, and nothing was stored; try again").Because(err)
		default:
			return nil, taxii.Errorf(taxii.Unavailable, "others were in the way, and nothing was stored; try again").Because(err)
		}
	}
}

// connected sees to it that the writer has a connection, with the heads as they
// are in the database.
func (s *Store) connected() error {
	if !s.engine.lost(s.write) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), reconnectTime)
	defer cancel()
	if err := s.reconnect(ctx); err != nil {
		return taxii.Errorf(taxii.Unavailable, "the database cannot be written to now; try again").
			Because(errors.Join(errCut, fmt.Errorf("connect to the database again: %w", err)))
	}
	return nil
}

func (s *Store) reconnect(ctx context.Context) error {
	for _, stmt := range s.compiled {
		_ = stmt.Close()
	}
	s.compiled = map[string]*sql.Stmt{}
	_ = s.write.Close() // of what is lost nothing is left to be closed but its place in the pool
	conn, err := s.engine.connect(ctx)
	if err != nil {
		return err
	}
	s.write = conn
	if err := errors.Join(s.loadHeads(ctx), s.loadLedger(ctx)); err != nil {
		s.engine.discard(conn)
		return err
	}
	return nil
}

// broken rings when a broken connection is to be made anew; never while it is
// whole.
func (s *Store) broken() <-chan time.Time {
	if !s.engine.lost(s.write) {
		return nil
	}
	return time.After(reconnectEvery)
}

// writing is the context of a transaction. The writer's work is not given up
// half way when a client hangs up.
func (s *Store) writing() (context.Context, context.CancelFunc) {
	if s.writeTime == 0 {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), s.writeTime)
}
