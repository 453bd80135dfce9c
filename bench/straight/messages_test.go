package straight

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/jackc/pgx/v5"
)

// message is one Message with all that is kept of it.
type message struct {
	id, marks, status, taken, version string
	content                           []byte
	seq, octets                       int64
}

// messages are as those that are published, under ids of their own.
func messages(n int) []message {
	m, list := driver.NewMessages(uint64(time.Now().UnixNano())), make([]message, n)
	for i := range list {
		id, seq := m.ID(uint64(i)), int64(i+1)
		version := taxii.Time(seq).String()
		list[i] = message{
			id: id, seq: seq, version: version, octets: seq * driver.MessageSize, content: m.Append(nil, uint64(i)), status: taxii.NewID(),
			marks: "2.1\tindicator\tindicator--" + id + "\n",
			taken: `[{"id":"` + id + `","place":1,"published":1,"before":false,"message":""}]`,
		}
	}
	return list
}

// envelope is the type of Messages.
const envelope = "envelope"

// writeMessages gives the seconds that it took to write Messages straight into the
// tables: for each an entry, a live row, a message and a Status; and for each
// transaction the head of the feed.
func writeMessages(t *testing.T, o order) float64 {
	if o.Store != "" {
		return postgresMessages(t, o, messages(o.Objects))
	}
	return sqliteMessages(t, o, messages(o.Objects))
}

// The statements of internal/store for a publication.
const (
	insertPublished = `insert into entries
		(place, feed, seq, added, id, type, spec_version, version, version_key, version_time, level, superseded, outdone, account, request, origin, content)
		values ($1 * 1099511627776 + $2, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`
	insertMessage = `insert into messages (feed, seq, octets, media_type, marks) values ($1, $2, $3, $4, $5)`
	insertTaken   = `insert into statuses (feed, id, root, account, request, at, first, last, duplicates, failures, notes, taken)
		values ($1, $2, 1, 1, '', 1, $3, $3, '[]', '[]', '[]', $4)`
	moveHead = `update feeds set seq = $2, added = $3, octets = $4 where id = $1`
)

func sqliteMessages(t *testing.T, o order, list []message) float64 {
	db, prepare := emptyFile(t, filepath.Join(o.Dir, "hansom.db"))
	prepare(`insert into feeds (id, seq, added, incarnation) values (1, 0, 0, 'x')`)()
	begin, commit, entry, live := prepare("begin immediate"), prepare("commit"), prepare(insertPublished), prepare(insertLive)
	kept, taken, move := prepare(insertMessage), prepare(insertTaken), prepare(moveHead)
	began := time.Now()
	for from := 0; from < len(list); from += o.Batch {
		begin()
		part := list[from:min(from+o.Batch, len(list))]
		for _, m := range part {
			entry(1, m.seq, m.seq, m.id, envelope, "", m.version, feed.MessageKey, m.seq, 0, feed.Never, feed.Never, 1, "", nil, m.content)
			live(1, m.seq, m.id, envelope, "", feed.MessageKey, m.seq, 0, feed.Never, feed.Never)
			kept(1, m.seq, m.octets, taxii.MediaType, m.marks)
			taken(1, m.status, m.seq, m.taken)
		}
		last := part[len(part)-1]
		move(1, last.seq, last.seq, last.octets)
		commit()
	}
	took := time.Since(began).Seconds()
	var entries, kepts, statuses int
	must(t, db.QueryRowContext(t.Context(), `select (select count(*) from entries), (select count(*) from messages), (select count(*) from statuses)`).
		Scan(&entries, &kepts, &statuses))
	if entries != len(list) || kepts != len(list) || statuses != len(list) {
		t.Fatalf("%d entries, %d messages and %d statuses of %d", entries, kepts, statuses, len(list))
	}
	return took
}

// The statements of a publication in internal/store for PostgreSQL.
const insertMessages = `insert into messages (feed, seq, octets, media_type, marks)
	select $1, x.* from unnest(cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as text[]), cast($5 as text[])) as x`

// postgresMessages sends for each Message the statements that the store sends, by
// plain pgx.
func postgresMessages(t *testing.T, o order, list []message) float64 {
	s, err := store.Open(t.Context(), o.Store, store.Options{})
	must(t, err)
	must(t, s.Close())
	conn, err := pgx.Connect(t.Context(), o.Store)
	must(t, err)
	defer conn.Close(context.Background())
	exec := func(text string, args ...any) {
		_, err := conn.Exec(t.Context(), text, args...)
		must(t, err)
	}
	exec(`set enable_seqscan = off`)
	exec(`set plan_cache_mode = force_generic_plan`)
	exec(`insert into feeds (id, seq, added, incarnation) values (1, 0, 0, 'x')`)
	began := time.Now()
	for from := 0; from < len(list); from += o.Batch {
		exec(`begin`)
		for _, m := range list[from:min(from+o.Batch, len(list))] {
			one := []int64{m.seq}
			exec(`update feeds set seq = seq where id = 1 returning seq, added, incarnation`)
			exec(known, []string{m.id})
			exec(insertEntries, one, one, one, []int64{0}, []int64{feed.Never}, []int64{feed.Never}, []string{m.id}, []string{envelope}, []string{""},
				[]string{m.version}, []string{feed.MessageKey}, [][]byte{m.content})
			exec(insertMessages, 1, one, []int64{m.octets}, []string{taxii.MediaType}, []string{m.marks})
			exec(liveFromEntries, 1, m.seq, m.seq)
			exec(moveHead, 1, m.seq, m.seq, m.octets)
			exec(insertTaken, 1, m.status, m.seq, m.taken)
		}
		exec(`commit`)
	}
	took := time.Since(began).Seconds()
	var entries, kept int
	must(t, conn.QueryRow(t.Context(), `select (select count(*) from entries), (select count(*) from messages)`).Scan(&entries, &kept))
	if entries != len(list) || kept != len(list) {
		t.Fatalf("%d entries and %d messages of %d", entries, kept, len(list))
	}
	return took
}
