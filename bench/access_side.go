package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
)

// A proof is how a side signs in; "" is as its side does: without anything on with a
// password, with everything on with an API token.
type proof string

const (
	byToken proof = "token"
	byJWT   proof = "JWT"
)

const (
	simple = "simple" // the account that is granted everything itself
	member = "member" // the one that is granted it by its group

	// generous are limits that never bite, one of each kind.
	generous = `{requests_per_second: 1000000, burst: 10000000, objects_per_day: 1000000000000, bytes_per_day: 1000000000000000, streams: 1000, subscriptions: 1000}`
)

// membership is what is declared of accounts.
const membership = `accounts:
  - {name: ` + simple + `, password: {file: password}}
  - {name: ` + member + `, password: {file: password}, limits: ` + generous + `}
groups:
  - {name: members, members: [` + member + `], limits: ` + generous + `}
grants:
  - {account: ` + simple + `, on: bench/collection/load, rights: [read, write]}
  - {group: members, on: bench/collection/load, rights: [read, write], ceiling: amber}
`

// founded is a data directory whose copies the servers of both sides have, so that
// they have the same content under the same dates.
type founded struct {
	*server
	token string // of member
}

// members makes a data directory with both accounts.
func (c *conductor) members(ctx context.Context, dir string) (*founded, error) {
	s, err := c.make(ctx, engine{Name: "sqlite"}, filepath.Join(dir, "founded"))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(s.dir, "password"), []byte(password), 0o600); err != nil {
		return nil, err
	}
	file := filepath.Join(s.dir, "members.yaml")
	if err := os.WriteFile(file, []byte(declaration+membership), 0o600); err != nil {
		return nil, err
	}
	if err := s.verb(ctx, nil, "apply", file, "--yes"); err != nil {
		return nil, err
	}
	text, err := s.command(ctx, "token", "create", member, "--name", "bench", "--json").Output()
	if err != nil {
		return nil, fmt.Errorf("make an API token: %w", err)
	}
	var made struct{ Token string }
	if err := json.Unmarshal(text, &made); err != nil {
		return nil, err
	}
	return &founded{s, made.Token}, nil
}

// side is one of the two servers.
type side struct {
	*server
	at     place  // with which it is asked
	token  string // of member
	driver *child // has learnt of this server, whose cursors are its own
}

// side starts a server on a copy, with everything on or off and a further setting.
// It is asked by the conductor's driver.
func (c *conductor) side(ctx context.Context, f *founded, on bool, setting string) (*side, error) {
	dir, err := os.MkdirTemp(c.dir, "side-")
	if err != nil {
		return nil, err
	}
	s := &side{server: &server{binary: c.binary, dir: filepath.Join(dir, "data")}, token: f.token, driver: c.driver}
	if s.env = []string{"HANSOM_AUDIT=off"}; on {
		s.env = []string{"HANSOM_AUDIT=on"}
	}
	if setting != "" {
		s.env = append(s.env, setting)
	}
	if text, err := exec.CommandContext(ctx, "cp", "-a", f.dir, s.dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy a data directory: %w\n%s", err, text)
	}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	if s.at = s.place(); on {
		s.at.Bearer = s.token
	} else {
		s.at.Account = simple
	}
	return s, nil
}

// end kills the server and removes its data.
func (s *side) end() error { return errors.Join(s.kill(), os.RemoveAll(filepath.Dir(s.dir))) }

// proven is where the side is asked with a proof.
func (s *side) proven(ctx context.Context, p proof) (at place, err error) {
	at = s.at
	switch p {
	case byToken:
		at.Bearer = s.token
	case byJWT:
		at.Bearer, err = s.jwt(ctx)
	}
	return at, err
}

// jwt gets a JWT for the API token.
func (s *side) jwt(ctx context.Context) (string, error) {
	ca, err := os.ReadFile(s.at.CAFile)
	if err != nil {
		return "", err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/auth/token", bytes.NewReader(nil))
	if err != nil {
		return "", err
	}
	r.SetBasicAuth(member, s.token)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close() // it was only read
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.Token == "" {
		return "", fmt.Errorf("POST /auth/token: %s (%w)", answer.Status, err)
	}
	return got.Token, nil
}

// sides are both at once.
type sides struct{ off, on *side }

// both starts both sides. The one with everything on has a driver of its own.
func (c *conductor) both(ctx context.Context, f *founded, setting string) (b *sides, err error) {
	b = &sides{}
	if b.off, err = c.side(ctx, f, false, setting); err != nil {
		return nil, err
	}
	if b.on, err = c.side(ctx, f, true, setting); err != nil {
		return nil, errors.Join(err, b.off.end())
	}
	if b.on.driver, err = startDriver(ctx); err != nil {
		return nil, errors.Join(err, b.off.end(), b.on.end())
	}
	return b, nil
}

func (b *sides) end() error { return errors.Join(b.on.driver.stop(), b.off.end(), b.on.end()) }
