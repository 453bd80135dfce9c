package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

const (
	// passwordAlphabet has no characters that are mistaken for each other; there
	// are 32 of them, so that an octet cut to five bits chooses evenly.
	passwordAlphabet = "abcdefghjkmnpqrstuvwxyz23456789A"
	// passwordLength characters of it are 120 bits.
	passwordLength = 24
	// The exchange takes passwords of this many octets.
	minPassword, maxPassword = 8, 1024
)

// newPassword makes a password that nobody can guess and everybody can type.
func newPassword() string {
	var b [passwordLength]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = passwordAlphabet[b[i]&31]
	}
	return string(b[:])
}

// readPassword reads a password from standard input: up to the end of the line,
// which must be the last. On a terminal it asks, and shows nothing.
func (a *app) readPassword() (string, error) {
	var content []byte
	var err error
	if f, ok := a.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(a.err, "Password: ")
		content, err = term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(a.err)
	} else {
		content, err = io.ReadAll(io.LimitReader(a.in, maxPassword+3))
	}
	if err != nil {
		return "", fmt.Errorf("read the password from standard input: %w", err)
	}
	return checkedPassword(string(content))
}

// checkedPassword cuts the end of the line off and checks the bounds.
func checkedPassword(text string) (string, error) {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	switch {
	case text == "":
		return "", errors.New("the password is empty")
	case strings.ContainsAny(text, "\r\n\x00"):
		return "", errors.New("the password has several lines")
	case len(text) < minPassword:
		return "", fmt.Errorf("the password is shorter than %d characters", minPassword)
	case len(text) > maxPassword:
		return "", fmt.Errorf("the password is longer than %d octets", maxPassword)
	}
	return text, nil
}

// passwordFrom gives the password of standard input, or a new one that is to
// be shown, since nobody knows it yet.
func (a *app) passwordFrom(stdin bool) (password string, made bool, err error) {
	if stdin {
		password, err = a.readPassword()
		return password, false, err
	}
	return newPassword(), true, nil
}
