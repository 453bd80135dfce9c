// Command bench measures hansom against the limit, and writes what came as a
// table, as JSON and into docs/performance.md. The limit is a plain net/http
// server with the same TLS that repeats the same answers from memory. Server,
// limit and driver are each a process of their own; docs/performance.md says how
// they take turns and what is compared with what.
//
// Without a subcommand it is the conductor. It starts itself again as
//
//	bench drive     the driver: orders on standard input, figures on standard output
//	bench limit     the limit: serves the answers of a file
//	bench plain     the limit of following: sends on what is POSTed to all who GET
//	bench generate  prints a STIX bundle of generated objects
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) { // the help has been printed
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "drive":
			return drive(ctx, os.Stdin, os.Stdout)
		case "limit":
			return serveLimit(ctx, args[1:], os.Stdout)
		case "plain":
			return servePlain(ctx, args[1:], os.Stdout)
		case "generate":
			return generate(args[1:], os.Stdout)
		}
	}
	return conduct(ctx, args, os.Stdout)
}
