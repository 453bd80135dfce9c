package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
)

// series is that of the generated loads.
const series = 0x68616e736f6d

// generate prints a bundle.
func generate(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	n := flags.Uint64("objects", 10_000, "`HOW MANY`")
	marked := flags.Bool("marked", false, "with TLP markings")
	if err := flags.Parse(args); err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 1<<20)
	o, raw := load{Marked: *marked}.objects(), []byte(nil)
	fmt.Fprint(w, `{"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000000","objects":[`)
	for i := range *n {
		raw = raw[:0]
		if i > 0 {
			raw = append(raw, ',')
		}
		if _, err := w.Write(o.Append(raw, i)); err != nil {
			return err
		}
	}
	fmt.Fprintln(w, `]}`)
	return w.Flush()
}
