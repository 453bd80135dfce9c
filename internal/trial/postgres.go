package trial

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresVariable names the environment variable with the URL of a superuser of
// a PostgreSQL that tests are to use instead of one that they start.
const PostgresVariable = "HANSOM_TEST_POSTGRES"

// noPostgres is what a machine lacks on which there is neither.
const noPostgres = "PostgreSQL: neither initdb nor " + PostgresVariable + " is there"

// postgresWithin is how long PostgreSQL may take to start, to stop or to make
// a database: on a busy machine much longer than it should.
const postgresWithin = 2 * time.Minute

// Postgres gives the URL of a fresh, empty database on a PostgreSQL that all
// tests of this process share, in which an ordinary role owns it; it is dropped
// when the test ends. The server starts with the first call and ends with the
// process. It does not wait for its disk (fsync is off): a test that crashes
// PostgreSQL itself takes PostgresDurable. Where the machine has no PostgreSQL
// the test ends as Need says.
//
// The database sorts text as English does where no column says otherwise, since
// those of most operators do.
func Postgres(t testing.TB) string {
	t.Helper()
	if given := os.Getenv(PostgresVariable); given != "" {
		return untilEnd(t, given, newDatabase(t, given, ""))
	}
	Need(t, postgresBinaries() != "", noPostgres)
	server, err := sharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	return untilEnd(t, server.superuser(), newDatabase(t, server.superuser(), ordinaryRole))
}

// untilEnd drops a database when the test ends.
func untilEnd(t testing.TB, superuser, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := withPostgres(superuser, func(ctx context.Context, c *pgx.Conn) error {
			_, err := c.Exec(ctx, "drop database if exists "+strings.TrimPrefix(u.Path, "/")+" with (force)")
			return err
		}); err != nil {
			t.Errorf("drop the database: %v", err)
		}
	})
	return database
}

// The roles: hansom works as the ordinary one, which may do no more than its
// owner may in each of its databases.
const (
	superRole    = "postgres"
	ordinaryRole = "hansom"
)

func (p *PostgresServer) superuser() string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword(superRole, p.password), Path: "/postgres",
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)), RawQuery: "sslmode=disable",
	}).String()
}

// newDatabase makes a database as the superuser of this URL and gives the URL
// under which the role owner, or for "" the superuser, has it.
func newDatabase(t testing.TB, superuser, owner string) string {
	t.Helper()
	u, err := url.Parse(superuser)
	if err != nil {
		t.Fatalf("%s is no URL", PostgresVariable)
	}
	name := "hansom_" + strings.ToLower(rand.Text())
	if err := withPostgres(superuser, func(ctx context.Context, c *pgx.Conn) error {
		text := "create database " + name + " template template0 encoding 'UTF8'" + english(ctx, c)
		if owner != "" {
			text += " owner " + owner
		}
		_, err := c.Exec(ctx, text)
		return err
	}); err != nil {
		t.Fatalf("make a database: %v", err)
	}
	u.Path = "/" + name
	if password, ok := u.User.Password(); ok && owner != "" {
		u.User = url.UserPassword(owner, password)
	}
	return u.String()
}

// english is the text that makes a database sort as people do, where the server
// can: then text that must be in the order of its octets, and does not say so,
// is found out.
func english(ctx context.Context, c *pgx.Conn) string {
	var can bool
	err := c.QueryRow(ctx, `select current_setting('server_version_num')::int >= 150000
		and exists (select from pg_collation where collprovider = 'i')`).Scan(&can)
	if err != nil || !can {
		return ""
	}
	return " locale_provider icu icu_locale 'en-US'"
}

func withPostgres(database string, do func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), postgresWithin)
	defer cancel()
	c, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, c), c.Close(ctx))
}
