package exchange

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// messageType is what the type of a Message looks like.
var messageType = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// mediaOctets is the media type of content_base64 where a draft names none.
const mediaOctets = "application/octet-stream"

const (
	// deliveredSize is the size of an answer that every reader takes (section 5.4):
	// a Message above it may come to some by its content_url.
	deliveredSize = 9_437_184
	// messageFrame is about what a message resource has around its content.
	messageFrame = 1024
)

const largeNote = "readers may get a content_url instead of the content, since it takes more than 9437184 octets in JSON"

// publishing turns what was sent into drafts and failures.
type publishing struct {
	channel  *Channel
	room     func(octets int64) error
	drafts   []feed.Draft
	failures []feed.Failure
}

// body takes a publication in whichever of the three forms it has (section 4). An
// error means that nothing of it is taken.
func (p *publishing) body(sent Publication) error {
	key, ok := messageID(sent.Key)
	if sent.Key != "" && !ok {
		return malformed("the Idempotency-Key is no UUID")
	}
	if !isTAXII(sent.ContentType) {
		return p.other(sent, key)
	}
	b, err := readBody(sent.Body, p.channel.Permitted)
	if err != nil {
		return err
	}
	switch {
	case b.messages && b.objects:
		return malformed("messages and objects are both there: send one of them")
	case b.messages && sent.Key != "":
		return malformed("an Idempotency-Key goes with one message: drafts have ids of their own")
	case b.messages:
		return p.list(b.drafts)
	case !b.objects:
		return malformed(`neither objects nor messages is there: send {"objects":[...]} or {"messages":[...]}`)
	case b.flaw == emptyList || b.flaw == noList:
		return malformed("%s", b.flaw)
	case !admits(p.channel.ContentType, taxii.MediaType):
		return p.unsupported(sent.ContentType)
	}
	return p.one(key, taxii.MediaType, b.value)
}

// other takes a body of another media type as the content of one Message.
func (p *publishing) other(sent Publication, key string) error {
	if _, _, ok := parseMedia(sent.ContentType); !ok || !admits(p.channel.ContentType, sent.ContentType) {
		return p.unsupported(sent.ContentType)
	}
	v := value{raw: sent.Body}
	if isJSON(sent.ContentType) {
		var err error
		if v, err = readValue(sent.Body, nil); err != nil {
			return err
		}
	}
	return p.one(key, sent.ContentType, v)
}

func (p *publishing) unsupported(contentType string) error {
	return taxii.Errorf(taxii.UnsupportedMedia, "Content-Type %.100q is not taken here", contentType).
		Describe("This channel takes " + p.channel.ContentType + ", and lists of messages as " + taxii.MediaType + ".")
}

// one takes content that is a whole body.
func (p *publishing) one(id, mediaType string, v value) error {
	if id == "" {
		id = taxii.NewID()
	}
	d := p.draft(0)
	d.ID, d.Message.MediaType, d.Content = id, mediaType, v.raw
	p.judge(d, "", &v)
	return nil
}

func (p *publishing) list(drafts []draftRead) error {
	if len(drafts) == 0 {
		return malformed("messages is empty")
	}
	if err := p.room(int64(len(drafts)) * feed.DetailOctets); err != nil {
		return err
	}
	p.drafts = make([]feed.Draft, 0, len(drafts))
	for i := range drafts {
		if err := p.take(i, &drafts[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *publishing) draft(index int) feed.Draft {
	return feed.Draft{Version: strconv.Itoa(index), VersionKey: feed.MessageKey, Message: &feed.Message{}}
}

// take judges one draft of a list. An error is that there is no memory for it.
func (p *publishing) take(index int, sent *draftRead) error {
	d := p.draft(index)
	typ, why := p.name(&d, sent)
	if why != "" {
		p.reject(d, why)
		return nil
	}
	v, why, err := p.content(&d, sent)
	switch {
	case err != nil:
		return err
	case why != "":
		p.reject(d, why)
	default:
		p.judge(d, typ, v)
	}
	return nil
}

// name reads what a draft says of itself: id, type, media type, origin.
func (p *publishing) name(d *feed.Draft, sent *draftRead) (typ, why string) {
	if sent.broken != "" {
		return "", sent.broken
	}
	if why := p.identify(d, sent); why != "" {
		return "", why
	}
	if typ, why = said(sent.typ, "type"); why != "" {
		return "", why
	}
	d.Message.MediaType, why = said(sent.mediaType, "media_type")
	return typ, why
}

// identify finds the id of a draft. That of a relayed Message follows from its
// origin, so that nobody's choice of an id can block it.
func (p *publishing) identify(d *feed.Draft, sent *draftRead) (why string) {
	text, why := said(sent.id, "id")
	if why != "" {
		return why
	}
	if len(sent.id) > 0 {
		id, ok := messageID(text)
		if !ok {
			return "id is no UUID"
		}
		d.ID = id
	}
	text, why = said(sent.origin, "origin")
	if why != "" || len(sent.origin) == 0 {
		return why
	}
	origin, id, ok := relayedID(text)
	switch {
	case !ok:
		return "origin must be the id of a channel, a slash, and the id of a message"
	case d.ID != "" && d.ID != id:
		return "a message with this origin has the id " + id
	}
	d.ID, d.Message.Origin = id, origin
	return ""
}

// said gives the text of a member that is a string; "" where it is absent.
func said(raw jsontext.Value, name string) (text, why string) {
	if len(raw) == 0 {
		return "", ""
	}
	if raw.Kind() != '"' {
		return "", name + " must be a string"
	}
	return string(unquoted(raw)), ""
}

// content finds the content of a draft and its media type.
func (p *publishing) content(d *feed.Draft, sent *draftRead) (v *value, why string, err error) {
	media := &d.Message.MediaType
	switch {
	case sent.content != nil && len(sent.base64) > 0:
		return nil, "content and content_base64 are both there: send one of them", nil
	case sent.content != nil:
		if *media == "" {
			*media = taxii.MediaType
		}
		if !isJSON(*media) {
			return nil, "content is for JSON media types: send other content as content_base64", nil
		}
		d.Content = sent.content.raw
		return sent.content, "", nil
	case len(sent.base64) == 0:
		return nil, "neither content nor content_base64 is there", nil
	}
	if *media == "" {
		*media = mediaOctets
	}
	return p.decode(d, sent.base64)
}

// decode takes content that is sent in base64.
func (p *publishing) decode(d *feed.Draft, raw jsontext.Value) (v *value, why string, err error) {
	if raw.Kind() != '"' {
		return nil, "content_base64 must be a string", nil
	}
	coded := unquoted(raw)
	if err := p.room(int64(base64.StdEncoding.DecodedLen(len(coded)))); err != nil {
		return nil, "", err
	}
	content := make([]byte, base64.StdEncoding.DecodedLen(len(coded)))
	n, wrong := base64.StdEncoding.Strict().Decode(content, coded)
	if wrong != nil || bytes.ContainsAny(coded, "\r\n") { // which Decode passes over
		return nil, "content_base64 is not base64 (RFC 4648 section 4, with padding)", nil
	}
	d.Content = content[:n]
	v = &value{raw: d.Content}
	if isJSON(d.Message.MediaType) {
		read, wrong := readValue(d.Content, p.channel.Permitted)
		if wrong != nil {
			return nil, "the content is no JSON: " + wrong.Error(), nil
		}
		v = &read
	}
	return v, "", nil
}

// judge takes a draft whose content is known, or rejects it.
func (p *publishing) judge(d feed.Draft, typ string, v *value) {
	if isTAXII(d.Message.MediaType) {
		d.Message.MediaType = taxii.MediaType
		d.Message.Marks = string(v.marks)
	}
	d.Level, d.Unmarked = v.level()
	if d.Type = typ; typ == "" {
		d.Type = defaultType(d.Message.MediaType)
	}
	if why := p.refuses(&d, v); why != "" {
		p.reject(d, why)
		return
	}
	if d.ID == "" {
		d.ID = taxii.NewID()
	}
	if sizeInJSON(&d) > deliveredSize {
		d.Note = largeNote
	}
	p.drafts = append(p.drafts, d)
}

func defaultType(mediaType string) string {
	if mediaType == taxii.MediaType {
		return taxii.TypeEnvelope
	}
	return taxii.TypeContent
}

// refuses tells why a Channel does not take a draft; "": it does.
func (p *publishing) refuses(d *feed.Draft, v *value) (why string) {
	media, isEnvelope := d.Message.MediaType, d.Message.MediaType == taxii.MediaType
	named := isEnvelope
	if !named {
		_, _, named = parseMedia(media)
	}
	permitted := len(p.channel.Permitted) == 0 || listed(p.channel.Permitted, []byte(d.Type))
	switch {
	case d.Type != taxii.TypeEnvelope && !messageType.MatchString(d.Type):
		return "type must be 1 to 64 small letters, digits or '-', not beginning with '-'"
	case !named:
		return "media_type is no media type"
	case !admits(p.channel.ContentType, media):
		return "this channel takes " + p.channel.ContentType + ", not " + media
	case int64(len(d.Content)) > p.channel.MaxMessageSize:
		return "the content has more than " + strconv.FormatInt(p.channel.MaxMessageSize, 10) + " octets"
	case !permitted && (!isEnvelope || v.flaw != "" && d.Type != taxii.TypeEnvelope):
		return "type " + d.Type + " is not permitted here"
	case isEnvelope && v.flaw != "":
		return v.flaw
	case !permitted && v.foreign != "":
		return "objects of type " + v.foreign + " are not permitted here"
	}
	return ""
}

// sizeInJSON is about what the message resource takes.
func sizeInJSON(d *feed.Draft) int {
	if isJSON(d.Message.MediaType) {
		return messageFrame + len(d.Content)
	}
	return messageFrame + base64.StdEncoding.EncodedLen(len(d.Content))
}

// reject notes why a draft is not taken. One without an id gets a fresh one.
func (p *publishing) reject(d feed.Draft, why string) {
	if d.ID == "" {
		d.ID = taxii.NewID()
	}
	p.failures = append(p.failures, feed.Failure{ID: d.ID, Version: d.Version, Message: why})
}
