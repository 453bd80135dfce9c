package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hansom-taxii/hansom/client"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/spf13/cobra"
)

// publishing is one call of `hansom publish`.
type publishing struct {
	reach
	mediaType, kind string
	lines           bool
	watch           string
	every           time.Duration // between two looks into a folder

	c    *client.Client
	most int64 // octets of one request
	done published
}

func (a *app) publish() *cobra.Command {
	p := &publishing{reach: reach{a: a}, every: lookEvery}
	cmd := &cobra.Command{
		Use:   "publish URL [FILE... | -]",
		Short: "Publish Messages on a Channel",
		Long: `Publishes files, or standard input, on a Channel of hansom or of any other server that has
Channels. URL is the Channel's, such as https://taxii.example.com/trust/channels/alerts/. Each
file is a Message: an Envelope goes out byte for byte; the objects of a STIX bundle, or a single
STIX object, become an Envelope. With --media-type it is content of that type as it stands.
With --ndjson each line is a Message.

All that fits is published in one request and together. Every Message has its id before the
first try, so a repetition after a lost answer publishes nothing twice. What was published is on
the server's stable storage when this says so. The exit code is 1 if a Message was rejected.

--watch publishes the files that appear in a folder, one after the other, until it is stopped.
Write a file elsewhere and rename it into the folder, or write it without pauses: it is taken
once it has not changed for 2 s. It then moves to published/ in that folder or, if it was
rejected, to failed/, with the reason beside it in NAME.error. Its id is derived from its name
and content, so a file is published once, whenever this or the server dies; the same name with
the same content again is no new Message while the server keeps the first. Names that begin with
a dot are left alone.`,
		Example: `  hansom publish https://taxii.example.com/trust/channels/alerts/ bundle.json --account alice --password-file pw.txt
  hansom export trust/indicators --format ndjson | hansom publish URL - --ndjson --account alice --password-file pw.txt
  hansom publish URL --watch /var/spool/alerts --account alice --password-file pw.txt
  hansom publish trust/alerts note.txt --media-type text/plain --ready-file ready.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if p.watch != "" {
				return takes("URL")(cmd, args)
			}
			return takes("URL", "FILE...")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return p.run(cmd.Context(), args[0], args[1:]) },
	}
	reachFlags(cmd, &p.reach)
	flags := cmd.Flags()
	flags.StringVar(&p.mediaType, "media-type", "", "media `TYPE` of the content (default an Envelope, a bundle, or an object)")
	flags.StringVar(&p.kind, "type", "", "`TYPE` of the Messages (default envelope, or content)")
	flags.BoolVar(&p.lines, "ndjson", false, "each line of a file is a Message")
	flags.StringVar(&p.watch, "watch", "", "publish the files that appear in `DIR`")
	return a.printsJSON(cmd)
}

func (p *publishing) run(ctx context.Context, address string, files []string) (err error) {
	for _, f := range files {
		if f == "-" && p.account != "" && p.passwordFile == "" && p.ready == "" {
			return misused("the password cannot come from standard input too: name a file with --password-file")
		}
	}
	if p.c, err = p.open(address); err != nil {
		return err
	}
	root, err := p.c.Root(ctx, p.channel)
	if err != nil {
		return p.failed(err, "publish on")
	}
	p.most = root.MaxContentLength
	if p.most <= 0 {
		p.most = leastContentLength
	}
	if p.watch != "" {
		return p.watching(ctx)
	}
	b := &parcel{p: p}
	for _, f := range files {
		if err = p.read(f, func(d draft) error { return b.add(ctx, d) }); err != nil {
			break
		}
	}
	if err == nil {
		err = b.flush(ctx)
	}
	return errors.Join(p.tell(), err, p.rejected())
}

// leastContentLength is what is sent together to a server that does not say how
// much it takes.
const leastContentLength = 1 << 20

// published is what publish prints as JSON.
type published struct {
	Accepted  int                `json:"accepted"`
	Duplicate int                `json:"duplicate"` // were there already
	Rejected  int                `json:"rejected"`
	Messages  []publishedMessage `json:"messages"` // in the order of the files
	Statuses  []string           `json:"statuses"` // ids, of each request
}

type publishedMessage struct {
	Source      string `json:"source"` // file, with the number of the line where lines are Messages
	ID          string `json:"id"`
	Disposition string `json:"disposition"`
	Published   string `json:"published,omitempty"`
	Cursor      string `json:"cursor,omitempty"` // for who may read
	Message     string `json:"message,omitempty"`
}

// take takes over what became of some drafts, which have their ids.
func (d *published) take(drafts []draft, st taxii.Status) {
	details := map[string]taxii.StatusDetail{}
	for _, s := range st.Successes {
		details[s.ID] = s
	}
	for _, f := range st.Failures {
		f.Disposition, f.Version = taxii.Rejected, ""
		details[f.ID] = f
	}
	if st.ID != "" {
		d.Statuses = append(d.Statuses, st.ID)
	}
	for _, one := range drafts {
		s := details[one.ID]
		switch s.Disposition {
		case taxii.Duplicate:
			d.Duplicate++
		case taxii.Rejected:
			d.Rejected++
		default:
			d.Accepted++
		}
		d.Messages = append(d.Messages, publishedMessage{one.source, one.ID, s.Disposition, s.Version, s.Cursor, s.Message})
	}
}

// tell prints what became of the Messages.
func (p *publishing) tell() error {
	if len(p.done.Messages) == 0 {
		return nil
	}
	return p.a.print(p.done, func() {
		for _, m := range p.done.Messages {
			if m.Disposition == taxii.Rejected || m.Message != "" {
				p.a.say("%s: %s: %s", m.Source, m.Disposition, m.Message)
			}
		}
		p.a.say("published on %s: %d; already there: %d; rejected: %d", p.address, p.done.Accepted, p.done.Duplicate, p.done.Rejected)
	})
}

// rejected ends the verb with exit code 1 if there were any.
func (p *publishing) rejected() error {
	if p.done.Rejected == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d messages were rejected", p.done.Rejected, len(p.done.Messages))
}
