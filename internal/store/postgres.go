package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const (
	// postgresReaders bounds the connections that read: a process of the server
	// each, of the hundred that it allows by default.
	postgresReaders = 16
	// asideConns are those beside the writer's: for migrations and statistics.
	asideConns = 1
	// dialTime is how long a connection may take to be made, unless the URL says
	// otherwise: a server that has much to do makes a process for it in that.
	dialTime = 10 * time.Second
	// postgresWriteTime bounds a transaction of the writer: who can be reached no
	// more does not say so.
	postgresWriteTime = 2 * time.Minute
	// postgresReadTime bounds a read likewise: a page takes far less.
	postgresReadTime = 30 * time.Second
	// cancelTime is how long a statement that was cancelled may take to notice.
	cancelTime = 5 * time.Second
	// lockWait is how long the lock on the database is waited for: a process that
	// was killed loses it a moment later; and lockAsk how often it is tried.
	lockWait = 5 * time.Second
	lockAsk  = 20 * time.Millisecond
	// What one statement inserts at most: its rows exist several times on the way.
	insertRows   = 4096
	insertOctets = 8 << 20
)

// lockKey is what the lock on a schema of a database is called there.
const lockKey = 0x68616e73 // "hans"

// settings of every connection. With the plans of a small table a grown one is
// walked through, and plans for one value are made anew each time; so plans are
// made once, from indexes and nested loops alone, which are right for pages.
func settings() map[string]string {
	return map[string]string{
		"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
		"enable_hashagg": "off", "enable_material": "off",
		"max_parallel_workers_per_gather": "0", "jit": "off", "plan_cache_mode": "force_generic_plan",
		"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0",
		// A server that lost its client must give back the lock that it held for it.
		"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
	}
}

// postgresEngine is PostgreSQL: one schema of one database, which one process
// holds by a lock on the writer's connection.
type postgresEngine struct {
	read, writeDB *sql.DB
	analyst       *analyst
}

func openPostgres(ctx context.Context, where string, _ Options) (opened, error) {
	config, err := postgresConfig(where)
	if err != nil {
		return opened{}, err
	}
	e := &postgresEngine{
		// What lies in the pool may have been lost with the writer's: it is asked first.
		writeDB: postgresPool(config, 1+asideConns, nil, stdlib.OptionShouldPing(always)),
		read:    postgresPool(config, postgresReaders, map[string]string{"default_transaction_read_only": "on"}),
	}
	write, err := e.connect(ctx)
	if err == nil {
		err = e.prepare(ctx)
	}
	if err != nil {
		err = fmt.Errorf("open the database %s: %w", describe(config), advice(config, err))
		if write != nil {
			err = errors.Join(err, write.Close())
		}
		return opened{}, errors.Join(err, closeAll(e.writeDB, e.read))
	}
	e.analyst = startAnalyst(e.writeDB)
	return opened{engine: e, read: e.read, write: write, writeTime: postgresWriteTime, readTime: postgresReadTime}, nil
}

func always(context.Context, stdlib.ShouldPingParams) bool { return true }

func postgresPool(config *pgx.ConnConfig, most int, more map[string]string, options ...stdlib.OptionOpenDB) *sql.DB {
	c := config.Copy()
	for _, set := range []map[string]string{settings(), more} {
		for name, value := range set {
			c.RuntimeParams[name] = value
		}
	}
	// A read that is given up ends its statement, not its connection.
	c.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: cancelTime}
	}
	db := stdlib.OpenDB(*c, options...)
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db
}

// prepare brings the schema up to date, under the lock of the writer.
func (e *postgresEngine) prepare(ctx context.Context) error {
	return bringUp(ctx, goose.DialectPostgres, e.writeDB, "migrations/postgres")
}

func (e *postgresEngine) connect(ctx context.Context) (*sql.Conn, error) {
	conn, err := e.writeDB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err := hold(ctx, conn); err != nil {
		e.discard(conn)
		return nil, err
	}
	return conn, nil
}

// discard: in the pool the connection would keep the lock.
func (*postgresEngine) discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}

// errHeld: the lock on the database is another's.
var errHeld = errors.New("another process uses this database: stop it, or give this one a database of its own")

// hold takes the lock on the database for as long as the connection lives, and
// sees to it that what is committed is on disk.
func hold(ctx context.Context, conn *sql.Conn) error {
	var encoding string
	if err := conn.QueryRowContext(ctx, `select current_setting('server_encoding')`).Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database is encoded in %s: make one with createdb --encoding UTF8 --template template0", encoding)
	}
	if _, err := conn.ExecContext(ctx, `select set_config('synchronous_commit', 'on', false)
		where current_setting('synchronous_commit') = 'off'`); err != nil {
		return err
	}
	for end := time.Now().Add(lockWait); ; time.Sleep(lockAsk) {
		var got bool
		err := conn.QueryRowContext(ctx, `select pg_try_advisory_lock($1, hashtext(coalesce(current_schema(), '')))`, lockKey).Scan(&got)
		switch {
		case err != nil || got:
			return err
		case time.Now().After(end):
			return errHeld
		}
	}
}

// lost: the driver closes a connection on which anything went wrong but a
// statement.
func (*postgresEngine) lost(conn *sql.Conn) bool {
	return conn.Raw(func(c any) error {
		if c.(*stdlib.Conn).Conn().IsClosed() {
			return driver.ErrBadConn
		}
		return nil
	}) != nil
}

func (e *postgresEngine) close() error {
	e.analyst.close()
	return closeAll(e.writeDB, e.read)
}

func (*postgresEngine) begin() string { return "begin" }

func (*postgresEngine) snapshot() *sql.TxOptions {
	return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
}

func (*postgresEngine) oneOf(argument string) string { return " = any(" + argument + ")" }

func (*postgresEngine) values(list any) any { return list }

func (*postgresEngine) at(feed, places, join string) string {
	return " from (" + places + ") p join entries e on e.feed = " + feed + " and e.seq = p.seq" + join + " order by p.seq"
}

func (*postgresEngine) fresh(feed, places string) string {
	return " from (" + places + ") p join entries e on e.feed = " + feed + " and e.seq = p.seq order by p.at"
}

func (*postgresEngine) entryOf(v string) string {
	return "e.feed = " + v + ".feed and e.seq = " + v + ".seq"
}

func (*postgresEngine) entriesBetween(feed, after, upto string) string {
	return "e.feed = " + feed + " and e.seq > " + after + " and e.seq <= " + upto
}

func (*postgresEngine) order() string { return "e.seq" }

func (*postgresEngine) moved(seq string) string { return "seq = " + seq }

func (*postgresEngine) kept(f feed.ID, names []versionName) (string, []any) {
	ids, specs, keys := make([]string, len(names)), make([]string, len(names)), make([]string, len(names))
	for i, n := range names {
		ids[i], specs[i], keys[i] = n.id, n.spec, n.key
	}
	return `select e.id, e.spec_version, e.version_key, e.seq, e.version, e.added, e.account, e.level
		from unnest(cast($2 as text[]), cast($3 as text[]), cast($4 as text[])) as j (id, spec_version, version_key)
		join entries e on e.feed = $1 and e.id = j.id and e.spec_version = j.spec_version and e.version_key = j.version_key`,
		[]any{f, ids, specs, keys}
}

// insert writes many at once: each statement is a way to the server and back.
func (*postgresEngine) insert(t *tx, add *feed.Add, entries []newEntry) error {
	var c columns
	for i := range entries {
		c.add(&entries[i])
		if c.octets < insertOctets && len(c.seq) < insertRows && i < len(entries)-1 {
			continue
		}
		text, args := insertEntries, []any{add.Feed, add.Account, add.Request, c.seq, c.added, c.time, c.level, c.superseded, c.outdone,
			c.id, c.kind, c.spec, c.version, c.key, c.content}
		if c.origin != nil {
			text, args = insertRelayed, append(args, c.origin)
		}
		if err := t.exec(text, args...); err != nil {
			return err
		}
		c = columns{}
	}
	return nil
}

const (
	entryColumns = `feed, account, request, seq, added, version_time, level, superseded, outdone, id, type, spec_version, version, version_key, content`
	entryArrays  = `cast($4 as bigint[]), cast($5 as bigint[]), cast($6 as bigint[]), cast($7 as bigint[]),
		cast($8 as bigint[]), cast($9 as bigint[]), cast($10 as text[]), cast($11 as text[]), cast($12 as text[]), cast($13 as text[]),
		cast($14 as text[]), cast($15 as bytea[])`
	insertEntries = `insert into entries (` + entryColumns + `) select $1, $2, $3, x.* from unnest(` + entryArrays + `) as x`
	insertRelayed = `insert into entries (` + entryColumns + `, origin)
		select $1, $2, $3, x.* from unnest(` + entryArrays + `, cast($16 as text[])) as x`
)

func (*postgresEngine) insertMessages(t *tx, f feed.ID, list []newMessage) error {
	for len(list) > 0 {
		var places, octets []int64
		var types, marks []string
		size := 0
		for _, m := range list[:min(insertRows, len(list))] {
			if size += len(m.Marks); size > insertOctets && len(places) > 0 {
				break
			}
			places, octets = append(places, int64(m.place)), append(octets, m.octets)
			types, marks = append(types, m.MediaType), append(marks, m.Marks)
		}
		if err := t.exec(insertMessages, f, places, octets, types, marks); err != nil {
			return err
		}
		list = list[len(places):]
	}
	return nil
}

const insertMessages = `insert into messages (feed, seq, octets, media_type, marks)
	select $1, x.* from unnest(cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as text[]), cast($5 as text[])) as x`

// columns are the entries of one statement, column by column.
type columns struct {
	seq, added, time, level, superseded, outdone []int64
	id, kind, spec, version, key                 []string
	content                                      [][]byte
	origin                                       []any // nil in a Collection

	octets int
}

func (c *columns) add(e *newEntry) {
	c.seq, c.added, c.time = append(c.seq, int64(e.at.Place)), append(c.added, int64(e.added)), append(c.time, e.at.Time)
	c.level, c.superseded, c.outdone = append(c.level, e.at.Level), append(c.superseded, e.at.Superseded), append(c.outdone, e.at.Outdone)
	c.id, c.kind, c.spec = append(c.id, e.ID), append(c.kind, e.Type), append(c.spec, e.SpecVersion)
	c.version, c.key, c.content = append(c.version, e.version), append(c.key, e.VersionKey), append(c.content, e.Content)
	if e.Message != nil {
		c.origin = append(c.origin, e.origin())
	}
	c.octets += len(e.Content)
}

func (*postgresEngine) supersede(t *tx, f feed.ID, older []*feed.Standing) error {
	if len(older) == 0 {
		return nil
	}
	var all, superseded, dead []int64
	for _, s := range older {
		all, superseded = append(all, int64(s.Place)), append(superseded, s.Superseded)
		if !s.Live() {
			dead = append(dead, int64(s.Place))
		}
	}
	if len(dead) > 0 {
		err := t.exec(`delete from live where feed = $1 and seq in (select unnest(cast($2 as bigint[])))`, f, dead)
		if err != nil {
			return err
		}
	}
	for _, table := range []string{"entries", "live"} {
		if table == "live" && len(dead) == len(all) {
			continue
		}
		err := t.exec(`update `+table+` e set superseded = x.superseded
			from unnest(cast($2 as bigint[]), cast($3 as bigint[])) as x (seq, superseded)
			where e.feed = $1 and e.seq = x.seq`, f, all, superseded)
		if err != nil {
			return err
		}
	}
	return nil
}

// stepMost: what is removed is only marked, but each statement is a way to the
// server and back.
func (*postgresEngine) stepMost() int { return 16 }

// committed: what was removed is out of reach at once, and out of the files when
// PostgreSQL has vacuumed them and has used its log anew.
func (e *postgresEngine) committed(_ bool, places feed.Place) { e.analyst.grown(int64(places)) }
