package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/client"
	"github.com/hansom-taxii/hansom/taxii"
)

// draft is a Message to be published, and where it comes from.
type draft struct {
	taxii.MessageDraft
	source string
	raw    []byte // its content
}

// read gives every Message of a file, or of standard input for "-".
func (p *publishing) read(file string, take func(draft) error) (err error) {
	in, source := p.a.in, "standard input"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return tried(err, "publish %s", file)
		}
		defer func() { _ = f.Close() }() // it was only read
		in, source = f, file
	}
	if p.lines {
		return tried(p.eachLine(in, source, take), "publish %s", source)
	}
	content, err := io.ReadAll(io.LimitReader(in, p.most+1))
	if err == nil && int64(len(content)) > p.most {
		err = fmt.Errorf("it is larger than the %d octets that this API Root takes", p.most)
	}
	if err != nil {
		return tried(err, "publish %s", source)
	}
	d, err := p.draft(source, content)
	if err != nil {
		return tried(err, "publish %s", source)
	}
	return take(d)
}

// eachLine gives every line that is not blank as a Message.
func (p *publishing) eachLine(in io.Reader, source string, take func(draft) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, int(p.most))
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		d, err := p.draft(fmt.Sprintf("%s:%d", source, n), bytes.Clone(lines.Bytes()))
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := take(d); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line is larger than the %d octets that this API Root takes", p.most)
	}
	return lines.Err()
}

// draft makes a Message of content.
func (p *publishing) draft(source string, content []byte) (d draft, err error) {
	d = draft{source: source, raw: content}
	d.ID, d.Type, d.MediaType = taxii.NewID(), p.kind, p.mediaType
	if p.mediaType == "" {
		var made bool
		if d.raw, made, err = envelope(content); err != nil {
			return d, err
		}
		if made && !p.lines {
			p.warn("%s is no Envelope: its objects are published as one", source)
		}
	}
	if p.mediaType == "" || isJSON(p.mediaType) {
		d.Content = jsontext.Value(bytes.Trim(d.raw, " \t\r\n"))
		if !d.Content.IsValid() {
			return d, fmt.Errorf("it is no JSON, as %s should be", p.mediaType)
		}
		return d, nil
	}
	if d.ContentBase64 = d.raw; d.raw == nil {
		d.ContentBase64 = []byte{}
	}
	return d, nil
}

// isJSON tells whether content of a media type is JSON.
func isJSON(mediaType string) bool {
	name, _, err := mime.ParseMediaType(mediaType)
	return err == nil && (name == "application/json" || strings.HasSuffix(name, "+json"))
}

// envelope gives content as an Envelope: itself if it is one, and otherwise one
// that was made of the objects of a bundle, or of one object.
func envelope(content []byte) (body []byte, made bool, err error) {
	var top struct {
		Type, ID string
		Objects  jsontext.Value
	}
	if err := json.Unmarshal(content, &top); err == nil && top.Type != "" && top.Type != "bundle" && top.ID != "" && top.Objects == nil {
		return append(append([]byte(`{"objects":[`), bytes.TrimSpace(content)...), "]}"...), true, nil
	}
	objects, err := taxii.SplitEnvelope(content)
	if err != nil {
		return nil, false, fmt.Errorf("%w; --media-type says what it is if it is no STIX", err)
	}
	if top.Type != "bundle" {
		return content, false, nil
	}
	body = append([]byte(`{"objects":[`), bytes.Join(objects, []byte{','})...)
	return append(body, "]}"...), true, nil
}

// parcel collects Messages that go out together.
type parcel struct {
	p      *publishing
	drafts []draft
	size   int64
}

// aroundDrafts is what a request has around its drafts, at the most.
const aroundDrafts = 64

// add takes a Message, and sends what is full.
func (b *parcel) add(ctx context.Context, d draft) error {
	body, err := client.AppendDrafts(nil, d.MessageDraft)
	if err != nil {
		return tried(err, "publish %s", d.source)
	}
	size := int64(len(body))
	if len(b.drafts) == client.MaxDrafts || len(b.drafts) > 0 && b.size+size+aroundDrafts > b.p.most {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	b.drafts, b.size = append(b.drafts, d), b.size+size
	return nil
}

// flush sends what there is.
func (b *parcel) flush(ctx context.Context) error {
	if len(b.drafts) == 0 {
		return nil
	}
	st, err := b.send(ctx)
	if err != nil && st.FailureCount == 0 {
		return b.p.failed(err, "publish on")
	}
	b.p.done.take(b.drafts, st) // all rejected is an error with a Status
	b.drafts, b.size = nil, 0
	return nil
}

func (b *parcel) send(ctx context.Context) (taxii.Status, error) {
	if d := b.drafts[0]; len(b.drafts) == 1 && d.Type == "" && b.size+aroundDrafts > b.p.most { // fits only as it is
		return b.p.c.PublishContent(ctx, b.p.channel, d.ID, firstOf(d.MediaType, taxii.MediaType), d.raw)
	}
	drafts := make([]taxii.MessageDraft, len(b.drafts))
	for i, d := range b.drafts {
		drafts[i] = d.MessageDraft
	}
	return b.p.c.Publish(ctx, b.p.channel, drafts...)
}
