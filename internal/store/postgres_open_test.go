package store

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestADatabaseThatCannotBeOpenedSaysWhyAndNeverShowsThePassword(t *testing.T) {
	t.Parallel()
	whole, err := url.Parse(trial.Postgres(t))
	must(t, err)
	const secret = "s3cret"
	with := func(change func(u *url.URL)) string {
		u := *whole
		change(&u)
		return u.String()
	}
	user := whole.User.Username()
	password, guarded := whole.User.Password()
	trial.Need(t, guarded, "a PostgreSQL that asks for passwords")
	absent := with(func(u *url.URL) { u.Path = "/absent" })
	for name, c := range map[string]struct{ where, want string }{
		"no such database":   {absent, `there is no database "absent": make it with createdb`},
		"a wrong password":   {with(func(u *url.URL) { u.User = url.UserPassword(user, secret) }), "check the user and the password"},
		"no such user":       {with(func(u *url.URL) { u.User = url.UserPassword("nobody-here", secret) }), "check the user and the password"},
		"nobody listens":     {fmt.Sprintf("postgresql://u:%s@127.0.0.1:1/db", secret), "PostgreSQL cannot be reached"},
		"a sign unescaped":   {fmt.Sprintf("postgres://u:%s/x@127.0.0.1/db", secret), "written as %2F"},
		"a broken escape":    {fmt.Sprintf("postgres://u:%%zz%s@127.0.0.1/db", secret), "written as %2F"},
		"an unknown sslmode": {fmt.Sprintf("postgres://u:%s@127.0.0.1/db?sslmode=maybe", secret), "is not valid"},
		"a port of letters":  {fmt.Sprintf("postgres://u:%s@127.0.0.1:port/db", secret), "cannot be read"},
		"in the query":       {fmt.Sprintf("postgres://u@127.0.0.1:1/db?password=%s", secret), "PostgreSQL cannot be reached"},
	} {
		s, err := Open(t.Context(), c.where, Options{})
		if err == nil {
			must(t, s.Close())
			t.Errorf("%s: opened", name)
			continue
		}
		if text := err.Error(); !strings.Contains(text, c.want) || strings.Contains(text, secret) || strings.Contains(text, password) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestADatabaseWhoseTablesTheUserMayNotMakeSaysSo(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(trial.Postgres(t))
	must(t, err)
	q := u.Query()
	q.Set("search_path", "pg_catalog")
	u.RawQuery = q.Encode()
	s, err := Open(t.Context(), u.String(), Options{})
	if err == nil {
		must(t, s.Close())
	}
	if err == nil || !strings.Contains(err.Error(), "make it the owner") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsCommittedIsOnDiskWhateverTheDatabaseWasTold(t *testing.T) {
	t.Parallel()
	where := trial.Postgres(t)
	u, err := url.Parse(where)
	must(t, err)
	_, err = beside(t, where).Exec(t.Context(), `alter database "`+strings.TrimPrefix(u.Path, "/")+`" set synchronous_commit = off`)
	must(t, err)
	s := collected(openStoreAt(t, where, Options{}))
	for range 2 {
		var is string
		must(t, s.do(t.Context(), "test", func(x *tx) error { return x.row([]any{&is}, `select current_setting('synchronous_commit')`) }))
		if is != "on" {
			t.Errorf("synchronous_commit is %s", is)
		}
		s.cut() // the next connection as well
	}
	if _, err := s.read.ExecContext(t.Context(), `delete from feeds`); err == nil {
		t.Error("a connection that reads could write")
	}
}

func TestErrorsOfPostgreSQLBecomeKinds(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t, Options{})
	for code, want := range map[string]taxii.Kind{
		"53100": taxii.Full, "53200": taxii.Unavailable, "53300": taxii.Unavailable, "57014": taxii.Unavailable, "57P01": taxii.Unavailable,
		"08006": taxii.Unavailable, "40001": taxii.Unavailable, "40P01": taxii.Unavailable, "22021": taxii.Unprocessable, "54000": taxii.Unprocessable,
		"22012": taxii.Internal,
	} {
		runs := 0
		err := s.do(t.Context(), "test", func(x *tx) error { runs++; return x.raise(code) })
		again := code == "40001" || code == "40P01"
		if taxii.KindOf(err) != want || runs != 1 && !again || runs != mostCarries && again {
			t.Errorf("%s: %v after %d runs, want one of kind %v", code, err, runs, want)
		}
	}
	err := s.do(t.Context(), "test", func(x *tx) error { return x.engine.taken(x.raise("23505"), "taken") })
	if taxii.KindOf(err) != taxii.Conflict {
		t.Errorf("a unique index: %v", err)
	}
	must(t, s.put(someDraft("tool--1", "1", "content")))
}

// raise fails with a SQLSTATE.
func (t *tx) raise(code string) error {
	_, err := t.write.ExecContext(t.ctx, `do $$ begin raise exception using errcode = '`+code+`'; end $$`)
	return t.engine.kind(err)
}

func TestAWriteThatOthersWereInTheWayOfIsCarriedOutAgain(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t, Options{})
	tries := 0
	must(t, s.do(t.Context(), "test", func(x *tx) error {
		if _, err := x.number("root"); err != nil {
			return err
		}
		if tries++; tries < 3 {
			return x.raise("40P01")
		}
		return nil
	}))
	var n int
	must(t, s.read.QueryRow(`select value from counters where name = 'root'`).Scan(&n))
	if tries != 3 || n != 1 {
		t.Errorf("%d tries, and %d of them count", tries, n)
	}
}

func TestATextThatPostgreSQLCannotKeepIsRefusedAndHarmsNobody(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t, Options{})
	for _, id := range []string{"tool--\x00", "tool--\xff"} {
		if err := s.put(someDraft("tool--1", "1", "content"), someDraft(id, "1", "content")); taxii.KindOf(err) != taxii.Unprocessable {
			t.Errorf("%q: %v, want one of kind %v", id, err, taxii.Unprocessable)
		}
		if _, err := s.Exists(t.Context(), s.feed, id, 0); taxii.KindOf(err) != taxii.Unprocessable {
			t.Errorf("%q: %v, want one of kind %v", id, err, taxii.Unprocessable)
		}
	}
	must(t, s.put(someDraft("tool--1", "1", "any\x00bytes\xff")))
	s.stands(feed.Head{Place: 1}, 1)
}

func TestTablesAreAnalyzedWhenTheyHaveGrown(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t, Options{})
	rows := func() (n int) {
		must(t, s.read.QueryRow(`select cast(reltuples as bigint) from pg_class where oid = cast('entries' as regclass)`).Scan(&n))
		return n
	}
	if n := rows(); n > 0 {
		t.Fatalf("PostgreSQL takes the empty table for %d rows", n)
	}
	for from := 0; from < 2*perBatch; from += perBatch {
		must(t, s.put(batch(from)...))
	}
	for end := time.Now().Add(20 * time.Second); rows() < perBatch; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("PostgreSQL takes the table for %d rows", rows())
		}
	}
}

func TestAScanOfPostgreSQLThatNoIndexServesEndsInTime(t *testing.T) {
	trial.Covers(t, "K44")
	t.Parallel()
	n := 100_000
	s := openPostgresStore(t, Options{ScanTime: 5 * time.Millisecond})
	s.flood(n)
	q := feed.Query{Upto: feed.Place(n), Limit: 10, Versions: feed.Versions{Keys: []feed.VersionKey{{Key: "absent"}}}}
	for range 5 { // the connections are still good
		err := s.Read(t.Context(), s.feed, q, func(*feed.Entry) bool { return true })
		if taxii.KindOf(err) != taxii.Unavailable {
			t.Errorf("error %v, want one of kind %v", err, taxii.Unavailable)
		}
	}
}
