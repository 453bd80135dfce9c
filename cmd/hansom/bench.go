package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
	"github.com/spf13/cobra"
)

// benching is one call of `hansom bench`.
type benching struct {
	a *app
	target
	order driver.Order
	rows  []driver.Row
}

// mostConnections bounds what one call does to a server of others.
const mostConnections = 256

func (a *app) bench() *cobra.Command {
	b := &benching{a: a}
	cmd := &cobra.Command{
		Use:   "bench URL",
		Short: "Measure how fast any TAXII 2.1 server is",
		Long: `Measures a TAXII 2.1 server, hansom or any other, over HTTPS as its clients see it: walks by
pages of 100 and 1000, polls with nothing new, objects by id, a filter by type, and the manifest,
each with 1 and with 16 connections. URL is that of the server or of one of its API Roots.

Everything is checked: every page is compared with a first walk, which itself must be without
gaps and repetitions and agree with the manifest. A server that answers wrongly is not measured:
the exit code is 1, and the message says which request was answered how.

With --writable it also adds objects of its own, 1, 100 and 1000 in a POST, and reads them back.
They stay there: name a collection that was made for it. Nobody else may add to either
collection meanwhile.`,
		Example: `  hansom bench https://taxii.example.com --account alice
  hansom bench https://taxii.example.com/trust/ --account alice --password-file pw.txt \
      --collection indicators --writable scratch --for 5s`,
		Args: takes("URL"),
		RunE: func(cmd *cobra.Command, args []string) error { return b.run(cmd.Context(), args[0]) },
	}
	targetFlags(cmd, &b.target)
	flags := cmd.Flags()
	flags.StringVar(&b.order.Collection, "collection", "", "`ID`, alias or title of the collection to read (default the first that may be read)")
	flags.StringVar(&b.order.Writable, "writable", "", "`ID`, alias or title of a collection to add to; without it nothing is added")
	flags.IntSliceVar(&b.order.Connections, "connections", []int{1, 16}, "how many connections ask at once: `NUMBERS`, of which each is measured")
	flags.DurationVar(&b.order.For, "for", 2*time.Second, "how long each run takes")
	return a.printsJSON(cmd)
}

func (b *benching) run(ctx context.Context, address string) error {
	for _, n := range b.order.Connections {
		if n < 1 || n > mostConnections {
			return misused("--connections takes numbers from 1 to %d, got %d", mostConnections, n)
		}
	}
	if b.order.For <= 0 {
		return misused("--for must be more than nothing")
	}
	if !strings.Contains(address, "://") {
		return misused("%q is no https URL", address)
	}
	b.order.URL = address
	conf, err := b.tls()
	if err != nil {
		return err
	}
	t := driver.Target{Account: b.account, TLS: conf}
	if t.Password, err = b.a.passwordOf(b.account, b.passwordFile); err != nil {
		return err
	}
	if err := driver.Bench(ctx, t, b.order, b.heard); err != nil {
		return err
	}
	return b.a.print(b.rows, func() {})
}

// heard takes a row and, for people, prints it at once: all of them take a while.
func (b *benching) heard(r driver.Row) {
	b.rows = append(b.rows, r)
	if b.a.json {
		return
	}
	const form = "%-16s %11s %12s %12s %9s %9s\n"
	if len(b.rows) == 1 {
		fmt.Fprintf(b.a.out, form, "WORKLOAD", "CONNECTIONS", "REQUESTS/S", "OBJECTS/S", "P50 MS", "P99 MS")
	}
	name := r.Workload
	if r.Size > 0 && r.Workload != driver.Poll {
		name = fmt.Sprintf("%s of %d", r.Workload, r.Size)
	}
	fmt.Fprintf(b.a.out, form, name, fmt.Sprint(r.Connections), fmt.Sprintf("%.0f", r.RequestsPerSecond), fmt.Sprintf("%.0f", r.ObjectsPerSecond),
		fmt.Sprintf("%.2f", r.P50), fmt.Sprintf("%.2f", r.P99))
}
