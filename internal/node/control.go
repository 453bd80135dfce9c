package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
)

const (
	// socketPathMost is below what the system takes as the path of a socket (108
	// octets with its end).
	socketPathMost = 100
	// startingFor is how long a command waits for a server that has the data
	// directory and does not answer yet.
	startingFor = 5 * time.Second
	startingAsk = 50 * time.Millisecond
)

// controlServer serves administration on a socket in the data directory, which
// only its owner can open: whoever can is the operator.
type controlServer struct {
	httpServer
	listener net.Listener
	dir      *os.File
}

func (n *node) controlServer() (*controlServer, error) {
	operator := func(r *http.Request) (*exchange.Session, error) {
		s := n.x.Operator().From(exchange.Source{Addr: exchange.ControlSource, Bare: r.Method == http.MethodHead})
		signedIn(r, s)
		return s, nil
	}
	c := &controlServer{httpServer: httpServer{Server: n.httpServer(n.administration(operator))}}
	path, dir, err := socketPath(n.conf.Data)
	if err != nil {
		return nil, err
	}
	c.dir = dir
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // of a process that was killed; the lock is ours
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	if c.listener, err = net.Listen("unix", path); err != nil { //nolint:noctx // nothing to wait for
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("open the control socket: %w", err), c.listener.Close())
	}
	return c, nil
}

func (c *controlServer) run() error { return c.httpServer.run(c.listener) }

func (c *controlServer) stop(wait time.Duration) error {
	err := c.httpServer.stop(wait)
	if c.dir != nil {
		err = errors.Join(err, c.dir.Close())
	}
	return err
}

// socketPath gives the path of the control socket. Where it would be too long
// for the system it goes through the open directory, which is returned.
func socketPath(data string) (string, *os.File, error) {
	path := filepath.Join(data, "control.sock")
	if len(path) <= socketPathMost {
		return path, nil, nil
	}
	dir, err := os.Open(data)
	if err != nil {
		return "", nil, fmt.Errorf("open the control socket: %w", err)
	}
	return filepath.Join("/proc/self/fd", strconv.Itoa(int(dir.Fd())), "control.sock"), dir, nil
}

// Control gives local commands their way in: through the socket of the server
// that runs in the data directory or, where none does, through one that this
// process opens, with the lock, for as long as the command takes.
func Control(ctx context.Context, c Config) (*admin.Client, func() error, error) {
	deadline := time.Now().Add(startingFor)
	for {
		if client, done, err := dial(ctx, c.Data); err == nil {
			return client, done, nil // wherever its store is
		}
		if err := c.made(); err != nil {
			return nil, nil, err
		}
		client, done, err := alone(ctx, c)
		if !errors.Is(err, errLocked) {
			return client, done, err
		}
		if time.Now().After(deadline) {
			return nil, nil, fmt.Errorf("%w, and it does not answer on its control socket", err)
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(startingAsk):
		}
	}
}

// dial opens the socket of a running server.
func dial(ctx context.Context, data string) (*admin.Client, func() error, error) {
	path, dir, err := socketPath(data)
	if err != nil {
		return nil, nil, err
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
	done := func() error {
		transport.CloseIdleConnections()
		if dir != nil {
			return dir.Close()
		}
		return nil
	}
	client := &admin.Client{HTTP: &http.Client{Transport: transport}, Base: "http://control"}
	if _, err := client.Version(ctx); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return client, done, nil
}

// alone opens the store in this process and serves its control socket.
func alone(ctx context.Context, c Config) (*admin.Client, func() error, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})) // the cause of an error_id
	n, err := open(ctx, c, Options{Log: log})
	if err != nil {
		return nil, nil, err
	}
	n.bodies = n.face(func(*http.Request) (*exchange.Session, error) { return n.x.Operator(), nil })
	control, err := n.controlServer()
	if err != nil {
		return nil, nil, errors.Join(err, n.close())
	}
	n.start(func() { _ = control.run() }) // it ends with done, and what else ends it the client sees
	client, hangUp, err := dial(ctx, c.Data)
	done := func() error {
		if hangUp != nil {
			err = hangUp()
		}
		err = errors.Join(err, control.stop(c.DrainTimeout))
		n.running.Wait()
		return errors.Join(err, n.close())
	}
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return client, done, nil
}
