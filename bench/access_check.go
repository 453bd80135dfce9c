package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
)

// So many runs are made, in which the limits of a request are looked at so many
// times between two looks at the clock.
const (
	checkRuns    = 11
	checksATime  = 1000
	checksOfEach = 5 // a run takes that part of one of a row
)

// checkOfLimits gives how long it takes to look at the limits of a request, and to
// count what it was answered with, in microseconds: the median of the runs. The
// account has limits of each kind, and three groups with limits.
func checkOfLimits(ctx context.Context, dir string, each time.Duration) (_ float64, err error) {
	st, err := store.Open(ctx, filepath.Join(dir, "limits.db"), store.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	s, err := limited(ctx, st)
	if err != nil {
		return 0, err
	}
	var took []float64
	for range checkRuns {
		n, began := 0.0, time.Now()
		for n == 0 || time.Since(began) < each/checksOfEach {
			if err := checked(ctx, s); err != nil {
				return 0, err
			}
			n += checksATime
		}
		took = append(took, float64(time.Since(began))/float64(time.Microsecond)/n)
	}
	return median(took), nil
}

func checked(ctx context.Context, s *exchange.Session) error {
	asked := exchange.Request{Reads: true, Cursor: func() string { return "" }}
	for range checksATime {
		if _, err := s.Admit(ctx, asked); err != nil {
			return err
		}
		if err := s.Sent(1000); err != nil {
			return err
		}
	}
	return nil
}

// limited gives a Session of an account with limits.
func limited(ctx context.Context, st *store.Store) (*exchange.Session, error) {
	x, err := exchange.New(ctx, st, exchange.Options{MasterKey: make([]byte, exchange.MasterKeySize), Audit: exchange.AuditOff})
	if err != nil {
		return nil, err
	}
	all := exchange.Limits{Requests: 1_000_000, Burst: 10_000_000, Objects: 1 << 40, Octets: 1 << 50}
	op := x.Operator()
	if err := op.AddAccount(ctx, exchange.AccountSetting{Name: member, Limits: all}); err != nil {
		return nil, err
	}
	for i := range 3 {
		g := exchange.GroupSetting{Name: fmt.Sprintf("group-%d", i), Members: []string{member}, Limits: all}
		if err := op.AddGroup(ctx, g); err != nil {
			return nil, err
		}
	}
	token, _, err := op.CreateToken(ctx, exchange.TokenSetting{Account: member, Name: "bench"})
	if err != nil {
		return nil, err
	}
	return x.OpenToken(token)
}
