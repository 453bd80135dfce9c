package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
)

// listening is an open address, and whether clients are asked for certificates
// there.
type listening struct {
	net.Listener
	certificates string
}

// listenAll opens all addresses, that of `listen` first. Where one cannot be
// opened, none is.
func listenAll(ctx context.Context, c Config) (list []listening, err error) {
	defer func() {
		if err != nil {
			closeAll(list)
		}
	}()
	all, err := c.allListeners()
	if err != nil {
		return nil, err
	}
	for i, each := range all {
		l, err := listen(ctx, each.Address)
		if err != nil {
			key := "--listen"
			if i > 0 {
				key = "listeners"
			}
			return list, fmt.Errorf("listen on %s: %w; choose another address with %s", each.Address, err, key)
		}
		list = append(list, listening{l, each.Certificates})
	}
	return list, nil
}

func closeAll(list []listening) {
	for _, l := range list {
		_ = l.Close() // it is closed before, unless there was another error
	}
}

// tellOf says in the log which addresses are served beside the first.
func (n *node) tellOf(further []listening) {
	for _, l := range further {
		n.log.Info("serving here too", slog.String("listen", l.Addr().String()), slog.String("client_certificates", l.certificates))
	}
}

// watchingAll lets all addresses share the connections that there may be.
func watchingAll(list []listening, most int) (all []net.Listener) {
	turns := make(chan struct{}, most)
	for _, l := range list {
		all = append(all, newWatching(l.Listener, turns, l.certificates))
	}
	return all
}

// runAll serves several listeners until the server is stopped or one of them
// fails.
func (s *httpServer) runAll(list []net.Listener) error {
	ended := make(chan error, len(list))
	for _, l := range list {
		go func() { ended <- s.run(l) }()
	}
	var err error
	for range list {
		if one := <-ended; one != nil && err == nil {
			err = errors.Join(one, s.Close()) // the others end too
		}
	}
	return err
}
