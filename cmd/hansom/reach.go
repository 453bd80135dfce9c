package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/hansom-taxii/hansom/client"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// reach is how a verb reaches a Channel of a server, any that has Channels.
type reach struct {
	a *app
	target
	ready   string // the ready file of a demo
	retries int

	address string // of the Channel
	channel string // its name
}

// reachFlags gives a verb the flags that say how.
func reachFlags(cmd *cobra.Command, r *reach) {
	targetFlags(cmd, &r.target)
	flags := cmd.Flags()
	flags.StringVar(&r.ready, "ready-file", "", "ready `FILE` of a running demo: then ROOT/NAME does as URL, and the account is its member")
	flags.IntVar(&r.retries, "retries", 4, "how often to try again, in 1 to 60 s, where the server cannot be reached or has no time")
}

// open gives a client for the Channel at an address, which is its URL or, with
// the ready file of a demo, ROOT/NAME.
func (r *reach) open(address string) (*client.Client, error) {
	if r.retries < 0 {
		return nil, misused("--retries cannot be below 0")
	}
	password, err := "", error(nil)
	if r.ready != "" {
		address, password, err = r.demo(address)
	} else {
		password, err = r.a.passwordOf(r.account, r.passwordFile)
	}
	if err != nil {
		return nil, err
	}
	root := ""
	if root, r.channel, err = client.ParseChannelURL(address); err != nil {
		return nil, misused("%s", strings.TrimPrefix(err.Error(), "client: "))
	}
	r.address = root + "channels/" + url.PathEscape(r.channel) + "/"
	trust, err := r.tls()
	if err != nil {
		return nil, err
	}
	retries := r.retries
	if retries == 0 {
		retries = -1 // 0 stands for the default
	}
	c, err := client.New(root, client.Options{
		TLS: trust, Account: r.account, Password: password, UserAgent: "hansom/" + thisBuild().Version, Retries: retries,
		Waiting: func(err error, wait time.Duration) {
			r.warn("%s: %s; again in %v", r.address, advised(err), wait.Round(100*time.Millisecond))
		},
	})
	if err != nil {
		return nil, misused("%s", strings.TrimPrefix(err.Error(), "client: "))
	}
	return c, nil
}

// demo takes from the ready file of a demo what the flags do not say.
func (r *reach) demo(name string) (address, password string, err error) {
	ready, err := readyOf(r.ready)
	if err != nil {
		return "", "", err
	}
	r.account = firstOf(r.account, roleMember)
	account, err := ready.as(r.account)
	if err != nil {
		return "", "", err
	}
	r.ca = firstOf(r.ca, ready.CAFile)
	if strings.Contains(name, "://") {
		return name, account.Password, nil
	}
	at := strings.LastIndex(name, "/")
	if at < 1 || at == len(name)-1 {
		return "", "", misused("%q names no channel; the form is ROOT/NAME", name)
	}
	return ready.URL + "/" + strings.Trim(name[:at], "/") + "/channels/" + name[at+1:] + "/", account.Password, nil
}

// warn writes a line for people beside the output.
func (r *reach) warn(format string, args ...any) {
	fmt.Fprintln(r.a.err, "hansom:", printable(fmt.Sprintf(format, args...)))
}

// failed says what was tried on the Channel, what came, and what to do.
func (r *reach) failed(err error, verb string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", verb, r.address, advisedError{err})
}

// advisedError is an error with advice behind it.
type advisedError struct{ error }

func (e advisedError) Error() string { return advised(e.error) }
func (e advisedError) Unwrap() error { return e.error }

// advised adds to an error of a client what may be done about it.
func advised(err error) string {
	if what := advice(err); what != "" {
		return strings.TrimSuffix(err.Error(), ".") + "; " + what
	}
	return err.Error()
}

func advice(err error) string {
	var unknown x509.UnknownAuthorityError
	var e *taxii.Error
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "--ca names the authority to trust"
	case errors.As(err, &plain):
		return "is that an https server?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "no server listens there"
	case !errors.As(err, &e):
		return ""
	}
	switch e.Kind {
	case taxii.Unauthenticated:
		return "--account and --password-file say who asks"
	case taxii.NotFound:
		return "either there is no such channel or the account may not see it"
	case taxii.Forbidden:
		return "who manages the channel can grant it"
	case taxii.Full:
		return "Messages must expire first, or the channel's bounds be raised"
	}
	return ""
}

// onTerminal tells whether a stream is a terminal.
func onTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
