package store

import (
	"context"
	"database/sql"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// AddUsage adds to what accounts used up on days, and forgets days before oldest
// (0: none). What is of an account that is not there is left out.
func (s *Store) AddUsage(ctx context.Context, used []exchange.Usage, oldest int64) error {
	return s.do(ctx, "keep what accounts used up", func(t *tx) error {
		for _, u := range used {
			err := t.exec(`insert into usage (account, day, objects, octets)
				select cast($1 as bigint), cast($2 as bigint), cast($3 as bigint), cast($4 as bigint)
				where exists (select 1 from accounts where id = $1 and state = 'active')
				on conflict (account, day) do update set objects = usage.objects + excluded.objects, octets = usage.octets + excluded.octets`,
				u.Account, u.Day, u.Objects, u.Octets)
			if err != nil {
				return err
			}
		}
		if oldest == 0 {
			return nil
		}
		return t.exec(`delete from usage where day < $1`, oldest)
	})
}

const (
	usageOf  = `select account, day, objects, octets from usage where account = $1 and day >= $2 order by day`
	usageAll = `select account, day, objects, octets from usage where day >= $1 order by account, day`
)

// Usage gives what one account, or for 0 each, used up on a day and later, by
// account and day.
func (s *Store) Usage(ctx context.Context, account, since int64) (list []exchange.Usage, err error) {
	text, args := usageOf, []any{account, since}
	if account == 0 {
		text, args = usageAll, []any{since}
	}
	err = s.each(ctx, func(r *sql.Rows) error {
		var u exchange.Usage
		err := r.Scan(&u.Account, &u.Day, &u.Objects, &u.Octets)
		list = append(list, u)
		return err
	}, text, args...)
	return list, named("read what accounts used up", err)
}
