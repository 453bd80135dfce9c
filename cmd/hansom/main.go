// Command hansom is a TAXII 2.1 server and what one does with it: serve, init
// and demo start one; the other verbs act on the server whose data directory is
// named, through its control socket while it runs, and on its store otherwise.
//
// It exits with 0, with 1 if what was asked could not be done, or with 2 if the
// command line could not be understood. The one line on standard error says why.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set when the binary is built: -ldflags "-X main.version=v1.2.3".
var version = ""

func main() { os.Exit(run()) }

// run is main with an exit code. On SIGINT or SIGTERM the work ends in order; a
// second signal ends the process at once.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Environ()}
	return a.run(ctx, os.Args[1:])
}
