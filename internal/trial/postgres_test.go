package trial

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestEachTestGetsAnEmptyDatabaseOfItsOwnInWhichAnOrdinaryRoleMayDoEverything(t *testing.T) {
	t.Parallel()
	first := Postgres(t)
	tables(t, first, 0)
	run(t, first, "create table kept (id text primary key)")
	tables(t, first, 1)
	tables(t, Postgres(t), 0)
	run(t, first, "insert into kept values ('a'), ('B')")
	var lowest string
	if err := withPostgres(first, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, "select min(id) from kept").Scan(&lowest)
	}); err != nil || lowest != "a" {
		t.Errorf("the lowest of a and B is %q, %v: the database sorts by octets", lowest, err)
	}
	if os.Getenv(PostgresVariable) != "" {
		return
	}
	err := withPostgres(first, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "create role another")
		return err
	})
	if refused := new(pgconn.PgError); !errors.As(err, &refused) || refused.Code != "42501" {
		t.Errorf("the role may make roles: %v", err)
	}
}

func TestADatabaseIsGoneWhenItsTestHasEnded(t *testing.T) {
	t.Parallel()
	var database string
	t.Run("one that ends", func(t *testing.T) { database = Postgres(t) })
	err := withPostgres(database, func(context.Context, *pgx.Conn) error { return nil })
	if refused := new(pgconn.PgError); !errors.As(err, &refused) || refused.Code != "3D000" {
		t.Errorf("want that there is no such database, got %v", err)
	}
}

func TestWhatPostgresCommittedIsThereAfterEachEndOfIt(t *testing.T) {
	t.Parallel()
	p := PostgresDurable(t)
	database := p.Database(t)
	run(t, database, "create table kept (n int)")
	run(t, database, "insert into kept values (1)")
	p.Crash(t)
	if err := withPostgres(database, func(context.Context, *pgx.Conn) error { return nil }); err == nil {
		t.Error("it takes connections after its end")
	}
	p.Start(t)
	run(t, database, "insert into kept values (2)")
	if err := withPostgres(database, func(ctx context.Context, c *pgx.Conn) error {
		p.KillBackends(t, database)
		_, err := c.Exec(ctx, "select 1")
		return err
	}); err == nil {
		t.Error("the process of this connection lives")
	}
	for deadline := time.Now().Add(postgresWithin); ; time.Sleep(20 * time.Millisecond) {
		var n int
		err := withPostgres(database, func(ctx context.Context, c *pgx.Conn) error {
			return c.QueryRow(ctx, "select count(*) from kept").Scan(&n)
		})
		if err == nil && n == 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d rows, %v", n, err)
		}
	}
}

// runawayVariable makes the test below the process that is killed.
const runawayVariable = "HANSOM_TEST_RUNAWAY"

// TestPostgresEndsWithAProcessThatIsKilled starts this very test in a process
// of its own, which has PostgreSQL running and is then killed.
func TestPostgresEndsWithAProcessThatIsKilled(t *testing.T) {
	t.Parallel()
	Need(t, postgresBinaries() != "", noPostgres)
	if os.Getenv(runawayVariable) != "" {
		p, err := sharedPostgres()
		fmt.Println("folder:", p.folder, err)
		time.Sleep(postgresWithin)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), postgresWithin)
	defer cancel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, program, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, PostgresVariable+"=") }), runawayVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var folder string
	for lines := bufio.NewScanner(out); folder == "" && lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "folder: "); ok {
			folder = strings.TrimSuffix(rest, " <nil>")
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil || syscall.Kill(pid, 0) != nil {
		t.Fatalf("PostgreSQL does not run: %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	for deadline := time.Now().Add(postgresWithin); ; time.Sleep(20 * time.Millisecond) {
		_, there := os.Stat(folder)
		if syscall.Kill(pid, 0) != nil && errors.Is(there, os.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the process was killed: PostgreSQL %d: %v, its folder: %v", pid, syscall.Kill(pid, 0), there)
		}
	}
}

func TestTheProgramUnderTestDoesNotHearOfTheTestsDatabase(t *testing.T) {
	t.Setenv(PostgresVariable, "postgres://somebody:a-secret@localhost/")
	for _, pair := range Environ() {
		if strings.Contains(pair, "a-secret") {
			t.Error(pair)
		}
	}
}

func run(t *testing.T, database, text string) {
	t.Helper()
	if err := withPostgres(database, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, text)
		return err
	}); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// tables tells how many tables a database should have.
func tables(t *testing.T, database string, want int) {
	t.Helper()
	var n int
	if err := withPostgres(database, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, "select count(*) from pg_tables where schemaname = 'public'").Scan(&n)
	}); err != nil || n != want {
		t.Errorf("%d tables, want %d, %v", n, want, err)
	}
}
