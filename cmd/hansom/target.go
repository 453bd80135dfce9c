package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// target is how a verb reaches a server, any TAXII server, as a client.
type target struct {
	account, passwordFile string
	ca, cert, key         string
}

// targetFlags gives a verb the flags that say how.
func targetFlags(cmd *cobra.Command, t *target) {
	flags := cmd.Flags()
	flags.StringVar(&t.account, "account", "", "`NAME` to sign in with (HTTP Basic); without it nobody signs in")
	flags.StringVar(&t.passwordFile, "password-file", "", "`FILE` with the account's password (default: asked for, or the first line of standard input)")
	flags.StringVar(&t.ca, "ca", "", "PEM `FILE` of the authorities to trust instead of the system's")
	flags.StringVar(&t.cert, "cert", "", "PEM `FILE` of a client certificate")
	flags.StringVar(&t.key, "key", "", "PEM `FILE` of the client certificate's key")
}

// tls says whom to trust, and who we are.
func (t *target) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.ca != "" {
		text, err := os.ReadFile(t.ca)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, misused("--ca: there is no certificate in %s", t.ca)
		}
	}
	if (t.cert == "") != (t.key == "") {
		return nil, misused("--cert and --key belong together")
	}
	if t.cert != "" {
		pair, err := tls.LoadX509KeyPair(t.cert, t.key)
		if err != nil {
			return nil, fmt.Errorf("--cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// passwordOf gives the password of an account: of the file, or else of standard
// input. It may be as short as that server lets it be.
func (a *app) passwordOf(account, file string) (string, error) {
	if account == "" {
		return "", nil
	}
	if file != "" {
		text, err := os.ReadFile(file)
		return firstLine(text), tried(err, "read the password of %s", account)
	}
	if f, ok := a.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(a.err, "Password of %s: ", printable(account))
		text, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(a.err)
		return firstLine(text), tried(err, "read the password")
	}
	text, err := io.ReadAll(io.LimitReader(a.in, maxPassword+2))
	if err == nil && len(text) == 0 {
		err = errors.New("there is none on standard input; --password-file names a file")
	}
	return firstLine(text), tried(err, "read the password of %s", account)
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r")
}

// readyOf reads the ready file of a demo, which says all that a verb needs to
// know to reach it.
func readyOf(file string) (r readyFile, err error) {
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, tried(err, "read the ready file of a demo")
}

// as gives an account of the demo by its role.
func (r readyFile) as(role string) (readyAccount, error) {
	for _, one := range r.Accounts {
		if one.Role == role {
			return one, nil
		}
	}
	return readyAccount{}, fmt.Errorf("the demo has no %s", role)
}

// collection gives the first Collection with these rights of the member.
func (r readyFile) collection(readable, writable bool) readyCollection {
	for _, c := range r.Collections {
		if c.Readable == readable && c.Writable == writable {
			return c
		}
	}
	return readyCollection{}
}
