package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/spf13/cobra"
)

// importing is what the flags of import say.
type importing struct {
	to, as, failures string
	batch            int
	root, name       string // of the Collection
}

func (a *app) importing() *cobra.Command {
	var o importing
	cmd := &cobra.Command{
		Use:   "import FILE --to ROOT/NAME",
		Short: "Import the objects of a STIX bundle",
		Long: `Imports the objects of a STIX bundle or an envelope into a Collection, from a file or,
for -, from standard input; gzip is recognised. Each object is stored as its bytes
stand in the file. The file is read as it is sent, never as a whole.

One bad object does not harm the others. In the end stands how many were new, were
here already with the same content, or failed; the first failures are printed, all of
them with --json or into the file of --failures. Importing the same file again is harmless.

The exit code is 1 if any object failed.`,
		Example: `  hansom import bundle.json --to trust/indicators
  hansom import feed.json.gz --to trust/indicators --as alice --failures failed.ndjson
  curl -s https://example.com/bundle.json | hansom import - --to trust/indicators`,
		Args: takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runImport(cmd.Context(), args[0], o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.to, "to", "", "the Collection, `ROOT/NAME`")
	flags.StringVar(&o.as, "as", "", "let the account `NAME` add them, with its rights (default operator)")
	flags.IntVar(&o.batch, "batch", maxBatch, "most objects that are sent together; at most 1000")
	flags.StringVar(&o.failures, "failures", "", "write all failures to `FILE`, a line of JSON for each")
	return a.printsJSON(cmd)
}

func (a *app) runImport(ctx context.Context, file string, o importing) (err error) {
	switch {
	case o.to == "":
		return misused("--to is missing")
	case o.batch < 1 || o.batch > maxBatch:
		return misused("--batch takes 1 to %d, got %d", maxBatch, o.batch)
	}
	if o.root, o.name, err = collectionName(o.to); err != nil {
		return err
	}
	src, err := openSource(file, a.in)
	if err != nil {
		return tried(err, "import %s", file)
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	tally, err := a.newTally(o)
	if err != nil {
		return tried(err, "import %s", src.name)
	}
	err = a.control(ctx, func(c *admin.Client) error {
		b := &batch{o: o, tally: tally, send: func(body []byte) (sent, error) { return send(ctx, c, o, body) }}
		progress := a.progress(src)
		defer progress.end()
		return b.all(&watched{src, progress})
	})
	if err := errors.Join(tried(err, "import %s into %s", src.name, o.to), tally.end(err)); err != nil {
		return err
	}
	if tally.Failed > 0 {
		return fmt.Errorf("%d of %d objects failed", tally.Failed, tally.Objects)
	}
	return nil
}
