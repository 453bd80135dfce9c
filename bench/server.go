package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	account    = "admin"
	password   = "a password for measuring"
	collection = "6f1c2a3e-0000-4000-8000-00000000bec4"
	rootPath   = "/bench/"
	loadPath   = rootPath + "collections/" + collection + "/"
	channel    = "feed"
	feedPath   = rootPath + "channels/" + channel + "/"
	postPath   = feedPath + "messages/"

	readyWithin = 2 * time.Minute
)

// declaration is what every measured server has.
const declaration = `roots: [{name: bench, title: Bench}]
collections: [{root: bench, id: ` + collection + `, alias: load, title: Load}]
channels: [{root: bench, name: ` + channel + `, title: Feed}]
`

// server is a hansom that is measured, the real binary with its default
// settings; its log, with a line for each request, goes to a file.
type server struct {
	binary, dir string
	store       string   // --store, or "" for SQLite
	env         []string // further settings
	bare        bool     // it serves plain HTTP, as behind a proxy
	log         *os.File
	cmd         *exec.Cmd
	base        string
}

// makeServer makes a server with an empty Collection in a new folder.
func makeServer(ctx context.Context, binary, dir, store string) (*server, error) {
	s := &server{binary: binary, dir: dir, store: store}
	if err := s.verb(ctx, strings.NewReader(password), "init", "--listen", "127.0.0.1:0", "--password-stdin"); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "bench.yaml")
	if err := os.WriteFile(file, []byte(declaration), 0o600); err != nil {
		return nil, err
	}
	return s, s.verb(ctx, nil, "apply", file, "--yes")
}

// command is a verb on the server's data directory.
func (s *server) command(ctx context.Context, args ...string) *exec.Cmd {
	if s.store != "" && (args[0] == "init" || args[0] == "serve") {
		args = append(args, "--store", s.store)
	}
	cmd := exec.CommandContext(ctx, s.binary, append(args, "--data", s.dir)...)
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "HANSOM_") { // the settings of another server, or of tests
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(cmd.Env, s.env...)
	return cmd
}

func (s *server) verb(ctx context.Context, in *strings.Reader, args ...string) error {
	cmd := s.command(ctx, args...)
	if in != nil {
		cmd.Stdin = in
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("hansom %s: %w\n%s", strings.Join(args, " "), err, text)
	}
	return nil
}

// fill imports a load.
func (s *server) fill(ctx context.Context, l load) error {
	if l.File != "" {
		return s.verb(ctx, nil, "import", l.File, "--to", "bench/load")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	source := exec.CommandContext(ctx, self, "generate", "-objects", fmt.Sprint(l.Number), "-marked="+fmt.Sprint(l.Marked))
	source.Stderr = os.Stderr
	pipe, err := source.StdoutPipe()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	sink := s.command(ctx, "import", "-", "--to", "bench/load")
	sink.Stdin, sink.Stdout, sink.Stderr = pipe, &text, &text
	if err := errors.Join(source.Start(), sink.Start()); err != nil {
		return err
	}
	err = sink.Wait()
	if err := errors.Join(err, source.Wait()); err != nil {
		return fmt.Errorf("fill with %s: %w\n%s", l.Name, err, &text)
	}
	return nil
}

// start serves, and waits until it does.
func (s *server) start(ctx context.Context) (err error) {
	if s.log, err = os.Create(filepath.Join(s.dir, "log.jsonl")); err != nil {
		return err
	}
	s.cmd = s.command(ctx, "serve", "--listen", "127.0.0.1:0")
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(readyWithin); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if s.base = s.serving(); s.base != "" {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("the server does not serve after %v; its log is %s", readyWithin, s.log.Name()), s.kill())
}

// serving is the URL that the log names, or "".
func (s *server) serving() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(text) {
		var said struct{ Msg, Listen string }
		if json.Unmarshal(line, &said) == nil && said.Msg == "serving" {
			if s.bare {
				return "http://" + said.Listen
			}
			return "https://" + said.Listen
		}
	}
	return ""
}

func (s *server) place() place {
	return place{Base: s.base, Account: account, Password: password, CAFile: filepath.Join(s.dir, "tls", "ca.pem"), PID: s.cmd.Process.Pid}
}

// kill ends the server at once; its data are not needed again.
func (s *server) kill() error {
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed, and says so
	return errors.Join(err, s.log.Close())
}

// limit is a process that a server is compared with.
type limit struct {
	cmd *exec.Cmd
	at  place
}

func startLimit(ctx context.Context, s *server, tape string) (*limit, error) {
	return startBeside(ctx, s, "limit", "-tape", tape)
}

// startPlain starts the limit of following.
func startPlain(ctx context.Context, s *server) (*limit, error) { return startBeside(ctx, s, "plain") }

// startBeside starts this program again as a server with the certificate of one
// that is measured.
func startBeside(ctx context.Context, s *server, args ...string) (*limit, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	tls := filepath.Join(s.dir, "tls")
	args = append(args, "-cert", filepath.Join(tls, "cert.pem"), "-key", filepath.Join(tls, "key.pem"))
	l := &limit{cmd: exec.CommandContext(ctx, self, args...)}
	l.cmd.Stderr = os.Stderr
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := l.cmd.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the limit does not serve: %w", err), l.stop())
	}
	l.at = s.place()
	l.at.Base, l.at.PID = "https://"+strings.TrimSpace(address), l.cmd.Process.Pid
	if _, _, err := net.SplitHostPort(strings.TrimSpace(address)); err != nil {
		return nil, errors.Join(err, l.stop())
	}
	return l, nil
}

func (l *limit) stop() error {
	err := l.cmd.Process.Kill()
	_ = l.cmd.Wait() // it was killed, and says so
	return err
}
