package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/taxii"
)

// MaxDrafts is how many Messages one request may publish.
const MaxDrafts = 1000

// Publish publishes up to [MaxDrafts] Messages, in this order, together and as
// their content stands, byte for byte. A draft without an id gets a random one
// before the first try, so that a repetition after a lost answer publishes nothing
// twice: it ends as a duplicate, which is a success.
//
// When it returns without error, what the Status counts as a success is on the
// server's stable storage. Some drafts may have failed: see FailureCount. If all
// have, the error is of Kind Unprocessable and the Status is given beside it. The
// details of a Status follow the order of the drafts within each list.
func (c *Client) Publish(ctx context.Context, channel string, drafts ...taxii.MessageDraft) (taxii.Status, error) {
	if len(drafts) == 0 || len(drafts) > MaxDrafts {
		return taxii.Status{}, fmt.Errorf("client: 1 to %d messages can be published together, not %d", MaxDrafts, len(drafts))
	}
	drafts = slices.Clone(drafts)
	for i := range drafts {
		if drafts[i].ID == "" {
			drafts[i].ID = taxii.NewID()
		}
	}
	body, err := AppendDrafts(nil, drafts...)
	if err != nil {
		return taxii.Status{}, err
	}
	return c.publish(ctx, channel, body, nil)
}

// PublishEnvelope publishes an Envelope as one Message whose content is just
// these octets. id is a UUID, or "" for a random one.
func (c *Client) PublishEnvelope(ctx context.Context, channel, id string, envelope []byte) (taxii.Status, error) {
	return c.PublishContent(ctx, channel, id, taxii.MediaType, envelope)
}

// PublishContent publishes content of any media type that the Channel admits as
// one Message. It goes out as it is, where [Client.Publish] would send what is no
// JSON a third larger. id is a UUID, or "" for a random one.
func (c *Client) PublishContent(ctx context.Context, channel, id, mediaType string, content []byte) (taxii.Status, error) {
	if id == "" {
		id = taxii.NewID()
	}
	if content == nil {
		content = []byte{}
	}
	return c.publish(ctx, channel, content, map[string]string{"Content-Type": mediaType, "Idempotency-Key": id})
}

func (c *Client) publish(ctx context.Context, channel string, body []byte, header map[string]string) (st taxii.Status, err error) {
	address, err := c.channelURL(channel, "messages")
	if err != nil {
		return st, err
	}
	err = c.ask(ctx, request{method: http.MethodPost, url: address, body: body, header: header}, &st)
	var e *taxii.Error
	if errors.As(err, &e) && e.Kind == taxii.Unprocessable {
		return statusIn(e), err
	}
	return st, err
}

// statusIn gives the Status that an error holds, if it does.
func statusIn(e *taxii.Error) (st taxii.Status) {
	text, err := json.Marshal(e.Details["status"])
	if err != nil || json.Unmarshal(text, &st) != nil {
		return taxii.Status{}
	}
	return st
}

// AppendDrafts appends the body of a request that publishes these drafts, as
// [Client.Publish] sends it. A draft has Content, one JSON value, or
// ContentBase64, and not both.
func AppendDrafts(b []byte, drafts ...taxii.MessageDraft) ([]byte, error) {
	b = append(b, `{"messages":[`...)
	for i, d := range drafts {
		if (d.Content == nil) == (d.ContentBase64 == nil) {
			return nil, fmt.Errorf("client: message %d has Content and ContentBase64, or neither", i)
		}
		if d.Content != nil && !d.Content.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
			return nil, fmt.Errorf("client: the content of message %d is no JSON", i)
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendDraft(b, d)
	}
	return append(b, "]}"...), nil
}

// appendDraft writes the content itself: encoding/json would change its octets.
func appendDraft(b []byte, d taxii.MessageDraft) []byte {
	b = append(b, '{')
	for _, m := range [...]struct{ name, value string }{
		{"id", d.ID}, {"type", d.Type}, {"media_type", d.MediaType}, {"origin", d.Origin},
	} {
		if m.value != "" {
			b = append(append(append(b, '"'), m.name...), `":`...)
			b, _ = jsontext.AppendQuote(b, m.value) // its only error, bad UTF-8, is mended
			b = append(b, ',')
		}
	}
	if d.Content != nil {
		b = append(append(b, `"content":`...), d.Content...)
	} else {
		b = append(b, `"content_base64":"`...)
		b = append(base64.StdEncoding.AppendEncode(b, d.ContentBase64), '"')
	}
	return append(b, '}')
}

// put sends a resource as JSON.
func (c *Client) put(ctx context.Context, method, address string, resource, into any) error {
	body, err := json.Marshal(resource)
	if err != nil {
		return err
	}
	return c.ask(ctx, request{method: method, url: address, body: body}, into)
}
