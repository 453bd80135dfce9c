// Command follow shows how a program of one's own follows a Channel with the
// SDK: it prints the ids of the STIX objects that are published, and keeps its
// place in a file, so that it goes on where it stopped.
//
//	PASSWORD=... go run ./examples/follow https://taxii.example.com/trust/channels/alerts/ alice place.txt
//
// The authority of the server's certificate must be one that the system trusts;
// SSL_CERT_FILE names another.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"

	"github.com/hansom-taxii/hansom/client"
	"github.com/hansom-taxii/hansom/taxii"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: follow URL ACCOUNT FILE")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := follow(ctx, os.Args[1], os.Args[2], os.Args[3]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "follow:", err)
		os.Exit(1)
	}
}

func follow(ctx context.Context, address, account, file string) error {
	root, channel, err := client.ParseChannelURL(address)
	if err != nil {
		return err
	}
	c, err := client.New(root, client.Options{Account: account, Password: os.Getenv("PASSWORD")})
	if err != nil {
		return err
	}
	cursor, err := recall(file)
	if err != nil {
		return err
	}
	for m, err := range c.Follow(ctx, channel, client.Following{After: cursor}) {
		var gap *client.GapError
		switch {
		case errors.As(err, &gap): // told, and gone on behind it
			fmt.Fprintln(os.Stderr, "follow:", gap)
			continue
		case err != nil:
			return err
		}
		if err := show(ctx, c, channel, m); err != nil {
			return err
		}
		// Only now is the Message done. A program with a database keeps the cursor in the
		// transaction of what it made of the Message, and so has that exactly once.
		if err := os.WriteFile(file, []byte(m.Cursor), 0o600); err != nil { //nolint:gosec // the file that the user names
			return err
		}
	}
	return nil
}

// recall reads the place of the last time; the first time it is the beginning.
func recall(file string) (string, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the file that the user names
	if errors.Is(err, fs.ErrNotExist) {
		return taxii.Earliest, nil
	}
	return strings.TrimSpace(string(text)), err
}

// show prints what a Message holds. Content also gets what is too large to come
// with it.
func show(ctx context.Context, c *client.Client, channel string, m taxii.Message) error {
	if m.MediaType != taxii.MediaType {
		fmt.Printf("%s  %s  %d octets of %s\n", m.Published, m.ID, m.Size, m.MediaType)
		return nil
	}
	content, err := c.Content(ctx, channel, m)
	if err != nil {
		return err
	}
	defer content.Close()
	var envelope struct {
		Objects []struct{ ID string }
	}
	if err := json.NewDecoder(content).Decode(&envelope); err != nil {
		return fmt.Errorf("read Message %s: %w", m.ID, err)
	}
	for _, o := range envelope.Objects {
		fmt.Printf("%s  %s  %s\n", m.Published, m.ID, o.ID)
	}
	return nil
}
