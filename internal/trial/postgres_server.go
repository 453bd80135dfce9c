package trial

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Ports are taken from below those that a kernel gives out itself, so that
// nobody who asks for a free one gets this while PostgreSQL restarts.
const (
	lowestPort, highestPort = 20_000, 32_000
	portTries               = 20
)

// PostgresServer is a PostgreSQL that belongs to one test.
type PostgresServer struct {
	bin, folder string
	port        int
	password    string // of the superuser and of the ordinary role

	orders  io.WriteCloser // to the keeper; once it is closed PostgreSQL ends
	replies *bufio.Reader
}

// PostgresDurable starts a PostgreSQL of its own for a test that breaks it: one
// that keeps what it committed (fsync is on), whatever ends it. It ends with the
// test.
func PostgresDurable(t testing.TB) *PostgresServer {
	t.Helper()
	bin := postgresBinaries()
	Need(t, bin != "", "PostgreSQL: initdb is not there")
	p, err := startPostgres(bin, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.end(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// Database makes a database as Postgres does, on this server and for as long as
// it runs.
func (p *PostgresServer) Database(t testing.TB) string {
	t.Helper()
	return newDatabase(t, p.superuser(), ordinaryRole)
}

// Crash ends PostgreSQL as a loss of power does, but for what the system's cache
// keeps: no checkpoint, no word to its clients. Start starts it again.
func (p *PostgresServer) Crash(t testing.TB) {
	t.Helper()
	if err := p.order("stop immediate"); err != nil {
		t.Fatal(err)
	}
}

// Start starts PostgreSQL again, at the same address, and waits until it serves.
func (p *PostgresServer) Start(t testing.TB) {
	t.Helper()
	if err := p.order("start"); err != nil {
		t.Fatal(err)
	}
}

// KillBackends kills with SIGKILL one process that works for a client in the
// database of this URL, upon which PostgreSQL ends all others and recovers by
// itself.
func (p *PostgresServer) KillBackends(t testing.TB, database string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	err = withPostgres(p.superuser(), func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, `select pid from pg_stat_activity where datname = $1 and backend_type = 'client backend' limit 1`,
			strings.TrimPrefix(u.Path, "/")).Scan(&pid)
	})
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		t.Fatalf("kill a backend of %s: %v", u.Path, err)
	}
}

// sharedPostgres starts the server of this process.
var sharedPostgres = sync.OnceValues(func() (*PostgresServer, error) { return startPostgres(postgresBinaries(), false) })

// postgresBinaries gives the folder with initdb and pg_ctl: of Debian's packages
// the newest, else the one in PATH; "" if there is none.
func postgresBinaries() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is good
	if len(found) > 0 {
		version := func(file string) int {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(file))))
			return n
		}
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(version(a), version(b)) }))
	}
	file, err := exec.LookPath("initdb")
	if err != nil {
		return ""
	}
	return filepath.Dir(file)
}

// keeper is the shell program that has PostgreSQL started and stopped for a test
// process. It takes orders, a line each, and answers each with an exit code. The
// only writing end of the pipe that it reads is in the test process, and goes
// to no child of it: however that process ends, even by SIGKILL, the kernel
// closes the pipe, the loop ends, PostgreSQL is ended and its folder removed. A session
// of its own keeps it from signals of a terminal, which reach the tests; those
// that reach it end it in the same way.
const keeper = `
umask 077
finish() {
	trap '' HUP INT TERM
	"$bin/pg_ctl" stop -s -w -m immediate -D "$folder/data" >/dev/null 2>&1
	cd / && rm -rf "$folder"
}
trap '' PIPE
trap finish EXIT
trap exit HUP INT TERM
make() {
	printf '%s\n' "$password" >"$folder/password" &&
	"$bin/initdb" --no-sync -D "$folder/data" -U "$role" -A scram-sha-256 --pwfile="$folder/password" \
		--encoding=UTF8 --locale=C --no-instructions >>"$folder/log" 2>&1 &&
	printf '%s\n' "$settings" >>"$folder/data/postgresql.conf"
}
start() {
	[ -z "$1" ] || printf 'port = %s\n' "$1" >>"$folder/data/postgresql.conf"
	"$bin/pg_ctl" start -s -w -t "$patience" -D "$folder/data" -l "$folder/log" >>"$folder/log" 2>&1
}
stop() {
	"$bin/pg_ctl" stop -s -w -t "$patience" -m "$1" -D "$folder/data" >>"$folder/log" 2>&1
}
while read -r order detail; do
	case $order in
	make) make ;;
	start) start "$detail" ;;
	stop) stop "$detail" ;;
	esac
	echo $?
done
`

// settings of PostgreSQL: reached over loopback alone, small, and quick.
func settings(durable bool) string {
	lines := []string{
		"listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", "max_connections = 300",
		"shared_buffers = 64MB", "max_wal_size = 256MB", "restart_after_crash = on",
	}
	if !durable {
		lines = append(lines, "fsync = off", "full_page_writes = off")
	}
	return strings.Join(lines, "\n")
}

// startPostgres makes a cluster in a temporary folder and starts it, as an
// ordinary user: PostgreSQL refuses to run as root.
func startPostgres(bin string, durable bool) (p *PostgresServer, err error) {
	folder, err := os.MkdirTemp("", "hansom-postgres-")
	if err != nil {
		return nil, err
	}
	p = &PostgresServer{bin: bin, folder: folder, password: rand.Text()}
	if err := p.keep(durable); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	err = p.order("make")
	if err == nil {
		err = p.startSomewhere()
	}
	if err == nil {
		err = withPostgres(p.superuser(), func(ctx context.Context, c *pgx.Conn) error {
			_, err := c.Exec(ctx, "create role "+ordinaryRole+" login password '"+p.password+"'")
			return err
		})
	}
	if err != nil {
		return nil, errors.Join(err, p.end())
	}
	return p, nil
}

// keep starts the keeper.
func (p *PostgresServer) keep(durable bool) error {
	cmd := exec.Command("/bin/sh", "-c", keeper)
	cmd.Dir = p.folder
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "bin=" + p.bin, "folder=" + p.folder, "password=" + p.password,
		"role=" + superRole, "settings=" + settings(durable), "patience=" + strconv.Itoa(int(postgresWithin.Seconds())),
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() == 0 {
		who, err := ordinaryUser()
		if err != nil {
			return err
		}
		if err := os.Chown(p.folder, int(who.Uid), int(who.Gid)); err != nil {
			return err
		}
		cmd.SysProcAttr.Credential = who
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL, as an ordinary user who must be able to enter %s: %w", p.folder, err)
	}
	p.orders, p.replies = in, bufio.NewReader(out)
	return nil
}

// ordinaryUser is whom PostgreSQL runs as where the tests run as root.
func ordinaryUser() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
	}
	return nil, errors.New("the tests run as root, as which PostgreSQL does not start, and there is no user postgres or nobody")
}

// startSomewhere starts PostgreSQL on a port that is free; another process may
// take it in the moment between, so it is tried again.
func (p *PostgresServer) startSomewhere() (err error) {
	for range portTries {
		n, _ := rand.Int(rand.Reader, big.NewInt(highestPort-lowestPort)) // never fails
		p.port = lowestPort + int(n.Int64())
		l, taken := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)))
		if taken != nil {
			err = taken
			continue
		}
		if err = errors.Join(l.Close(), p.order("start "+strconv.Itoa(p.port))); err == nil {
			return nil
		}
	}
	return err
}

// order has the keeper do something and waits until it is done.
func (p *PostgresServer) order(line string) error {
	if _, err := io.WriteString(p.orders, line+"\n"); err != nil {
		return fmt.Errorf("PostgreSQL: %s: %w", line, err)
	}
	reply, err := p.replies.ReadString('\n')
	if err == nil && reply != "0\n" {
		err = fmt.Errorf("exit code %s", strings.TrimSpace(reply))
	}
	if err == nil {
		return nil
	}
	text, _ := os.ReadFile(filepath.Join(p.folder, "log")) // may not be there
	return fmt.Errorf("PostgreSQL: %s: %w\n%s", line, err, text[max(0, len(text)-2000):])
}

// end ends PostgreSQL and waits until its folder is gone.
func (p *PostgresServer) end() error {
	err := p.orders.Close()
	if _, left := p.replies.ReadString('\n'); !errors.Is(left, io.EOF) {
		err = errors.Join(err, left)
	}
	if _, there := os.Stat(p.folder); !errors.Is(there, os.ErrNotExist) {
		err = errors.Join(err, fmt.Errorf("PostgreSQL left %s", p.folder))
	}
	return err
}
