package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// isPostgres tells a URL of PostgreSQL from the path of a file.
func isPostgres(where string) bool {
	return strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://")
}

// postgresConfig reads the URL of a database. No error shows any of it, since a
// password that was not escaped may be anywhere in it.
func postgresConfig(where string) (*pgx.ConnConfig, error) {
	const want = "postgres://USER:PASSWORD@HOST:PORT/DATABASE is expected, with signs such as / @ : # in the password written as %2F %40 %3A %23"
	if _, err := url.Parse(where); err != nil {
		return nil, errors.New("the URL of the store cannot be read: " + want)
	}
	config, err := pgx.ParseConfig(where)
	if err != nil {
		return nil, errors.New("the URL of the store, or a setting in it or in a variable PG..., is not valid: " + want)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = dialTime
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "hansom"
	}
	return config, nil
}

// describe names a database without its password.
func describe(c *pgx.ConnConfig) string {
	u := url.URL{Scheme: "postgres", User: url.User(c.User), Host: net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), Path: "/" + c.Database}
	return u.String()
}

// codeOf gives the SQLSTATE of an error, "" for what PostgreSQL did not send.
func codeOf(err error) string {
	var failed *pgconn.PgError
	if errors.As(err, &failed) {
		return failed.Code
	}
	return ""
}

// advice says what an operator can do about a database that cannot be opened.
func advice(c *pgx.ConnConfig, err error) error {
	what := ""
	switch code := codeOf(err); {
	case errors.Is(err, errHeld):
	case code == "3D000":
		what = fmt.Sprintf("there is no database %q: make it with createdb --owner %s --encoding UTF8 --template template0 %s", c.Database, c.User, c.Database)
	case code == "28P01" || code == "28000":
		what = fmt.Sprintf("PostgreSQL does not let %q in: check the user and the password of the URL, and pg_hba.conf", c.User)
	case code == "42501":
		what = fmt.Sprintf("%q may not do this: make it the owner of the database %q", c.User, c.Database)
	case code == "53300":
		what = "PostgreSQL has no connection left: raise its max_connections"
	case code == "" && disconnected(err):
		what = "PostgreSQL cannot be reached: check that it runs, and the host and port of the URL"
	}
	if what == "" {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// disconnected tells that a connection could not be made or has broken.
func disconnected(err error) bool {
	var dial *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &dial) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func (*postgresEngine) kind(err error) error {
	code := codeOf(err)
	switch {
	case err == nil:
		return nil
	case code == "53100": // disk_full
		return full(err)
	case code == "22021" || code == "22P05": // character_not_in_repertoire, untranslatable_character
		return taxii.Errorf(taxii.Unprocessable, "a text is not UTF-8 or has the character U+0000, which cannot be stored").Because(err)
	case code == "54000": // program_limit_exceeded: an index takes no text of several thousand octets
		return taxii.Errorf(taxii.Unprocessable, "a name is too long to be stored").Because(err)
	case passing(code) || code == "" && disconnected(err):
		return taxii.Errorf(taxii.Unavailable, "the database cannot answer now; try again").Because(err)
	}
	return err
}

// passing tells of a code that it has to do with the moment and not with the
// statement.
func passing(code string) bool {
	switch code {
	case "40001", "40P01", "55P03", // serialization_failure, deadlock_detected, lock_not_available
		"25006", // read_only_sql_transaction: a standby, or one that has just become it
		"57014": // query_canceled
		return true
	}
	switch {
	case strings.HasPrefix(code, "08"), // connections
		strings.HasPrefix(code, "53"),  // resources
		strings.HasPrefix(code, "57P"): // stopping, starting, restarting
		return true
	}
	return false
}

func (*postgresEngine) taken(err error, format string, args ...any) error {
	if codeOf(err) == "23505" { // unique_violation
		return taxii.Errorf(taxii.Conflict, format, args...).Because(err)
	}
	return err
}

func (*postgresEngine) again(err error) bool {
	code := codeOf(err)
	return code == "40001" || code == "40P01"
}

// stale: a connection that could not even be made is not.
func (*postgresEngine) stale(err error) bool {
	var dial *pgconn.ConnectError
	code := codeOf(err)
	return !errors.As(err, &dial) && (strings.HasPrefix(code, "57P") || code == "" && disconnected(err))
}

// noTransaction: PostgreSQL takes a rollback without a transaction.
func (*postgresEngine) noTransaction(error) bool { return false }
