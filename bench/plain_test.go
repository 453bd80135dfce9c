package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/bench/driver"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// startedPlain serves with the certificate of a server, in this process.
func startedPlain(t *testing.T, s *trial.Server) string {
	t.Helper()
	r, w := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	dir := filepath.Join(s.Dir, "tls")
	go func() {
		ended <- servePlain(ctx, []string{"-cert", filepath.Join(dir, "cert.pem"), "-key", filepath.Join(dir, "key.pem")}, w)
	}()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
	address, err := bufio.NewReader(r).ReadString('\n')
	must(t, err)
	return "https://" + strings.TrimSpace(address)
}

func TestThePlainServerSendsWhatTheServerSent(t *testing.T) {
	t.Parallel()
	s := trial.Start(t)
	target := driver.Target{
		Base: s.URL, Account: "member", Password: s.Password(t, "member"), TLS: &tls.Config{RootCAs: authority(t, s), MinVersion: tls.VersionTLS12},
	}
	crowd, err := driver.Gather(t.Context(), &target, driver.ChannelFeed("/trust/channels/alerts/messages/", driver.NewMessages(5)), 2)
	must(t, err)
	defer crowd.Leave()
	var tape driver.Tape
	_, err = crowd.Burst(10, tape.Heard)
	must(t, err)
	file := filepath.Join(t.TempDir(), "events")
	must(t, saveEvents(file, &tape))
	same, err := loadEvents(file)
	must(t, err)

	target.Base = startedPlain(t, s)
	plain, err := driver.Gather(t.Context(), &target, same.Feed("/"), 5)
	must(t, err)
	defer plain.Leave()
	for range 2 { // each event is compared with that of the tape
		d, err := plain.Burst(15, nil)
		must(t, err)
		if d.Deliveries != 75 {
			t.Errorf("got %+v", d)
		}
	}
	must(t, plain.Settled())
	if _, err := loadEvents(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a tape that is not there is no fault")
	}
}
