package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// engine is a kind of store.
type engine struct {
	Name  string
	store func(ctx context.Context) (url string, err error) // makes an empty store for a new server; nil for SQLite
}

// make makes a server with an empty Collection in a folder that is not there.
func (c *conductor) make(ctx context.Context, e engine, dir string) (*server, error) {
	if e.store != nil {
		store, err := e.store(ctx)
		if err != nil {
			return nil, err
		}
		return makeServer(ctx, c.binary, dir, store)
	}
	if c.blank == "" {
		blank := filepath.Join(c.dir, "blank")
		if _, err := makeServer(ctx, c.binary, blank, ""); err != nil {
			return nil, err
		}
		c.blank = blank
	}
	// A copy is there sooner than a new one.
	if text, err := exec.CommandContext(ctx, "cp", "-a", c.blank, dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy a data directory: %w\n%s", err, text)
	}
	return &server{binary: c.binary, dir: dir}, nil
}

// lender is a process that lends databases of PostgreSQL, one at a time.
type lender struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// startLender starts the program of bench/straight, which knows how the tests
// come to a PostgreSQL. Nil where this machine has none.
func startLender(ctx context.Context, program string) (*lender, error) {
	l := &lender{cmd: exec.CommandContext(ctx, program, "-test.run", "Lent", "-test.v", "-test.timeout", "0")}
	l.cmd.Env = append(os.Environ(), "HANSOM_LEND=1")
	l.cmd.Stderr = os.Stderr
	in, err := l.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	l.in, l.out = in, bufio.NewScanner(out)
	return l, l.cmd.Start()
}

// errNoPostgres: the machine has none.
var errNoPostgres = errors.New("PostgreSQL is not there")

// database lends an empty database, and drops the one before.
func (l *lender) database(context.Context) (string, error) {
	if _, err := fmt.Fprintln(l.in); err != nil {
		return "", fmt.Errorf("ask for a database: %w", err)
	}
	for l.out.Scan() {
		if where, ok := strings.CutPrefix(l.out.Text(), "lent "); ok {
			return where, nil
		}
		if strings.Contains(l.out.Text(), "SKIPPED") {
			return "", errNoPostgres
		}
	}
	return "", errors.New("no database is lent: the program that lends them has ended")
}

func (l *lender) stop() error {
	err := l.in.Close()
	for l.out.Scan() { // so that it need not wait for who reads
		continue
	}
	return errors.Join(err, l.cmd.Wait())
}
