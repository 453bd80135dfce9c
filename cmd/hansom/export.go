package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/spf13/cobra"
)

// exporting is what the flags of export say.
type exporting struct {
	format, since, output string
	records               bool
	root, name            string // of the Collection
}

func (a *app) export() *cobra.Command {
	var o exporting
	cmd := &cobra.Command{
		Use:   "export ROOT/NAME",
		Short: "Export everything that a Collection holds",
		Long: `Exports every version of every object of a Collection, in the order in which they were
added, as their bytes were added.

--format bundle writes one STIX bundle, envelope one TAXII envelope; hansom import reads
both. ndjson writes a line for each object; line breaks inside of an object, which mean
nothing there, become spaces.

--records writes a line for each object with its record: place, date_added, version, the
account that added it (number and name, also of removed accounts), the id of its request,
and the object.

--json prints a summary of what was written to the file of -o.`,
		Example: `  hansom export trust/indicators -o indicators.json
  hansom export trust/indicators --format ndjson --since 2026-01-01T00:00:00Z
  hansom export trust/indicators --records | gzip >records.ndjson.gz`,
		Args: takes("ROOT/NAME"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runExport(cmd, args[0], o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.format, "format", "bundle", "`bundle|envelope|ndjson`")
	flags.BoolVar(&o.records, "records", false, "write lines with records")
	flags.StringVar(&o.since, "since", "", "only what was added after this `TIME`, such as 2026-01-31T12:00:00Z")
	flags.StringVarP(&o.output, "output", "o", "", "write to `FILE`, whole or not at all (default standard output)")
	return a.printsJSON(cmd)
}

// exported is what export prints as JSON.
type exported struct {
	Collection string `json:"collection"`
	Objects    int    `json:"objects"` // versions of objects
	Bytes      int64  `json:"bytes"`   // of the file
	File       string `json:"file"`
}

func (a *app) runExport(cmd *cobra.Command, name string, o exporting) (err error) {
	if err := o.check(name, cmd.Flags().Changed("format")); err != nil {
		return err
	}
	if a.json && toStandardOutput(o.output) {
		return misused("--json prints a summary, and standard output is where the objects go: name a file for them with -o FILE")
	}
	done := exported{Collection: o.root + "/" + o.name, File: o.output}
	err = a.control(cmd.Context(), func(c *admin.Client) error {
		err := a.writeTo(o.output, func(w io.Writer) (err error) {
			out := &written{Writer: w}
			done.Objects, err = export(cmd.Context(), c, o, out)
			done.Bytes = out.n
			return err
		})
		return tried(err, "export %s", name)
	})
	if err != nil {
		return err
	}
	return a.print(done, func() {})
}

// check completes what the flags say for the Collection of this name.
func (o *exporting) check(name string, formatted bool) (err error) {
	if o.root, o.name, err = collectionName(name); err != nil {
		return err
	}
	if o.since != "" {
		at, err := taxii.ParseTime(o.since)
		if err != nil {
			return misused("--since: %w", err)
		}
		o.since = at.String()
	}
	if o.records && formatted && o.format != "ndjson" {
		return misused("--records writes lines (ndjson), not one %s", o.format)
	}
	if o.records {
		o.format = "ndjson"
	}
	if o.format != "bundle" && o.format != "envelope" && o.format != "ndjson" {
		return misused("--format takes bundle, envelope or ndjson, got %q", o.format)
	}
	return nil
}

func toStandardOutput(name string) bool { return name == "" || name == "-" }

// written counts what is written through it.
type written struct {
	io.Writer
	n int64
}

func (w *written) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.n += int64(n)
	return n, err
}

// writeTo gives a writer to standard output or to a file, which is there whole
// in the end or, after an error, not at all.
func (a *app) writeTo(name string, write func(io.Writer) error) error {
	if toStandardOutput(name) {
		w := bufio.NewWriterSize(a.out, 64<<10)
		return errors.Join(write(w), w.Flush())
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already if all went well
	w := bufio.NewWriterSize(f, 64<<10)
	if err := errors.Join(write(w), w.Flush(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// export writes all pages in the form that was asked for, and counts the
// objects.
func export(ctx context.Context, c *admin.Client, o exporting, w io.Writer) (count int, err error) {
	begin, between, end := o.frame()
	names := &accountNames{client: c}
	next := ""
	for {
		page, err := c.Export(ctx, o.root, o.name, next, 0, o.since)
		if err != nil {
			return count, err
		}
		for _, e := range page.Entries {
			item := []byte(e.Object)
			if o.records {
				if item, err = names.record(ctx, e); err != nil {
					return count, err
				}
			}
			if o.format == "ndjson" {
				item = oneLine(item)
			}
			sep := between
			if count++; count == 1 {
				sep = begin
			}
			if err := writeAll(w, []byte(sep), item); err != nil {
				return count, err
			}
		}
		if next = page.Next; !page.More {
			break
		}
	}
	if count == 0 {
		end = o.empty()
	}
	return count, writeAll(w, []byte(end))
}

func writeAll(w io.Writer, parts ...[]byte) error {
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// frame is what stands before the first object, between two, and at the end.
func (o *exporting) frame() (begin, between, end string) {
	switch o.format {
	case "bundle":
		return `{"type":"bundle","id":"bundle--` + taxii.NewID() + `","objects":[` + "\n", ",\n", "\n]}\n"
	case "envelope":
		return `{"more":false,"objects":[` + "\n", ",\n", "\n]}\n"
	}
	return "", "\n", "\n"
}

// empty is all that is written where there is nothing; a list without elements
// is left out, as STIX and TAXII have it.
func (o *exporting) empty() string {
	switch o.format {
	case "bundle":
		return `{"type":"bundle","id":"bundle--` + taxii.NewID() + `"}` + "\n"
	case "envelope":
		return `{"more":false}` + "\n"
	}
	return ""
}

// oneLine puts JSON on one line: a line break can only stand between its tokens.
func oneLine(item []byte) []byte {
	for i, b := range item {
		if b == '\n' || b == '\r' {
			item[i] = ' '
		}
	}
	return item
}

// accountNames knows the names of accounts by their numbers.
type accountNames struct {
	client *admin.Client
	names  map[int64]string
}

// exportedAccount is who added an entry.
type exportedAccount struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// record writes the line of an entry with its record.
func (n *accountNames) record(ctx context.Context, e admin.ExportEntry) ([]byte, error) {
	name, err := n.of(ctx, e.Account)
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(struct {
		Place   int64           `json:"place"`
		Added   taxii.Time      `json:"date_added"`
		Version string          `json:"version"`
		Account exportedAccount `json:"account"`
		Request string          `json:"request"`
	}{e.Place, e.Record.DateAdded, e.Record.Version, exportedAccount{e.Account, name}, e.Request})
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(head[:len(head)-1], `,"object":%s}`, e.Object), nil
}

// of asks for the names again when there is a number that is not known yet.
func (n *accountNames) of(ctx context.Context, id int64) (string, error) {
	if name, ok := n.names[id]; ok {
		return name, nil
	}
	list, err := n.client.Accounts(ctx)
	if err != nil {
		return "", err
	}
	n.names = map[int64]string{id: ""} // of an account that is not listed there is no name to ask for
	for _, a := range list {
		n.names[a.ID] = a.Name
	}
	return n.names[id], nil
}
