package exchange

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hansom-taxii/hansom/taxii"
)

// ChannelSetting is a Channel as who makes or changes it states it
// (docs/channels.md section 4). What is left zero has its default.
type ChannelSetting struct {
	Root              string   `json:"root,omitempty" yaml:"root"`
	Name              string   `json:"name" yaml:"name"` // unique in its API Root; never changed
	Title             string   `json:"title,omitempty" yaml:"title,omitempty"`
	Description       string   `json:"description,omitempty" yaml:"description,omitempty"`
	PermittedMessages []string `json:"permitted_messages,omitempty" yaml:"permitted_messages,omitempty"` // types of Messages or of STIX objects; empty: all
	ContentType       string   `json:"content_type,omitempty" yaml:"content_type,omitempty"`             // a media type or */*; default Envelopes; never changed
	TTL               int64    `json:"ttl,omitempty" yaml:"ttl,omitempty"`                               // seconds, 60 to 31536000; default 604800
	Mode              string   `json:"mode,omitempty" yaml:"mode,omitempty"`                             // both (the default), read-only or write-only; never changed
	// From and To are Collections of the same API Root, by id or alias; "" ends what
	// was named, and nil leaves it.
	From           *string `json:"from_collection,omitempty" yaml:"from_collection,omitempty"`
	To             *string `json:"to_collection,omitempty" yaml:"to_collection,omitempty"`
	MaxMessageSize int64   `json:"max_message_size,omitempty" yaml:"max_message_size,omitempty"` // octets; default 8388608 or, if that is less, max_content_length
	MaxMessages    int64   `json:"max_messages,omitempty" yaml:"max_messages,omitempty"`         // 0: no bound
	MaxBytes       int64   `json:"max_bytes,omitempty" yaml:"max_bytes,omitempty"`               // 0: no bound
	ShowPublishers bool    `json:"show_publishers,omitempty" yaml:"show_publishers,omitempty"`
	Unmarked       string  `json:"unmarked,omitempty" yaml:"unmarked,omitempty"` // marking level of Messages in which something has no TLP marking, at least; default clear

	Grants []taxii.ChannelGrant `json:"grants,omitempty" yaml:"-"` // only of a new one; see Session.SetChannelGrants
}

// The bounds and defaults of settings of a Channel.
const (
	minTTL             = 60         // what is purged sooner, a follower that reconnects would miss
	maxTTL             = 31_536_000 // a year: a Channel is a feed and no archive
	defaultTTL         = 604_800
	defaultMessageSize = 8_388_608 // a Message fits into an answer of the least X-Max-Size
	maxPermitted       = 1_000     // every object that is published is held against them
)

var (
	channelName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,127}$`)
	uuidForm    = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// ReadChannel reads the JSON of a request into settings: those of a new Channel,
// or of one that there is, whose other settings stay. Members that it does not
// know, such as those that only the server gives, are ignored. A body that is no
// JSON object is Malformed; null, a value of another type, and a 0 or "" that
// would stand for a default are Unprocessable.
func ReadChannel(body []byte, set *ChannelSetting) error {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return taxii.Errorf(taxii.Malformed, "the body must be a JSON object: %w", err)
	}
	delete(members, "root") // is in the path
	for name, value := range members {
		if value.Kind() == 'n' && slices.Contains(channelMembers[:], name) {
			return invalid(name, "is null; leave it out")
		}
	}
	rest, err := json.Marshal(members)
	if err != nil {
		return err
	}
	var wrong *json.SemanticError
	if err := json.Unmarshal(rest, set); errors.As(err, &wrong) {
		return taxii.Errorf(taxii.Unprocessable, "%.100s has another type than it should have: %w", strings.TrimPrefix(string(wrong.JSONPointer), "/"), err)
	} else if err != nil {
		return err
	}
	for name, empty := range map[string]bool{
		"name": set.Name == "", "content_type": set.ContentType == "", "mode": set.Mode == "",
		"ttl": set.TTL == 0, "max_message_size": set.MaxMessageSize == 0,
	} {
		if _, stated := members[name]; stated && empty {
			return invalid(name, "has no value")
		}
	}
	return nil
}

// channelMembers are the members of a channel that a request may state; never
// written to.
var channelMembers = [...]string{
	"name", "title", "description", "permitted_messages", "content_type", "ttl", "mode", "from_collection", "to_collection",
	"max_message_size", "max_messages", "max_bytes", "show_publishers", "unmarked", "grants",
}

// check fills in defaults and tells whether a Channel can be as stated, where the
// server takes bodies of so many octets.
func (set *ChannelSetting) check(maxContentLength int64) error {
	set.fill(maxContentLength)
	_, _, isMedia := parseMedia(set.ContentType)
	switch {
	case !channelName.MatchString(set.Name) || uuidForm.MatchString(set.Name):
		return invalid("name", "must begin with a letter in lower case or a digit and have only those and . _ -, at most 128, and be no UUID")
	case !isMedia && set.ContentType != anyMedia:
		return invalid("content_type", "must be a media type, or */* for any")
	case set.TTL < minTTL || set.TTL > maxTTL:
		return invalid("ttl", "must be from 60 to 31536000 seconds")
	case set.Mode != taxii.ModeBoth && set.Mode != taxii.ModeReadOnly && set.Mode != taxii.ModeWriteOnly:
		return invalid("mode", "must be both, read-only or write-only")
	case set.MaxMessageSize < 1 || set.MaxMessageSize > maxContentLength:
		return invalid("max_message_size", "must be from 1 to "+strconv.FormatInt(maxContentLength, 10)+" octets, the max_content_length of this API Root")
	case set.MaxMessages < 0:
		return invalid("max_messages", "cannot be below 0")
	case set.MaxBytes < 0:
		return invalid("max_bytes", "cannot be below 0")
	case len(set.PermittedMessages) > maxPermitted:
		return invalid("permitted_messages", "has more than 1,000 types")
	}
	if _, err := parseUnmarked(set.Unmarked); err != nil {
		return err
	}
	for _, t := range set.PermittedMessages {
		if !typeForm.MatchString(t) {
			return invalid("permitted_messages", "has a value that is no type of messages or objects")
		}
	}
	return texts(set.Title, set.Description)
}

// fill puts defaults where nothing is stated.
func (set *ChannelSetting) fill(maxContentLength int64) {
	if set.ContentType == "" {
		set.ContentType = taxii.MediaType
	}
	if set.TTL == 0 {
		set.TTL = defaultTTL
	}
	if set.Mode == "" {
		set.Mode = taxii.ModeBoth
	}
	if set.MaxMessageSize == 0 {
		set.MaxMessageSize = min(defaultMessageSize, maxContentLength)
	}
}

// anyMedia is the content_type of a Channel that admits every media type.
const anyMedia = "*/*"

// applyTo writes what can be changed to a Channel, but for the Collections.
func (set *ChannelSetting) applyTo(c *Channel) {
	c.Title, c.Description, c.Permitted = set.Title, set.Description, set.PermittedMessages
	c.TTL, c.MaxMessageSize, c.MaxMessages, c.MaxBytes = set.TTL, set.MaxMessageSize, set.MaxMessages, set.MaxBytes
	c.ShowPublishers = set.ShowPublishers
	c.Unmarked, _ = parseUnmarked(set.Unmarked) // check has read it
}

// setting gives a Channel as it would be stated.
func (c *Channel) setting(r *Root) ChannelSetting {
	set := ChannelSetting{
		Root: r.Name, Name: c.Name, Title: c.Title, Description: c.Description, PermittedMessages: slices.Clone(c.Permitted),
		ContentType: c.ContentType, TTL: c.TTL, Mode: c.Mode,
		MaxMessageSize: c.MaxMessageSize, MaxMessages: c.MaxMessages, MaxBytes: c.MaxBytes, ShowPublishers: c.ShowPublishers, Unmarked: unmarkedName(c.Unmarked),
	}
	if from := c.From; from != "" {
		set.From = &from
	}
	if to := c.To; to != "" {
		set.To = &to
	}
	return set
}

// keeps refuses to change of a Channel what stays as it was made.
func (set *ChannelSetting) keeps(snap *snapshot, r *Root, c *Channel) error {
	switch {
	case set.Name != c.Name || set.Root != r.Name:
		return invalid("name", "stays: there is no renaming; create another channel")
	case set.ContentType != c.ContentType:
		return invalid("content_type", "stays as it was created")
	case set.Mode != c.Mode:
		return invalid("mode", "stays as it was created")
	case set.Grants != nil && !slices.Equal(set.Grants, snap.channelGrants(c)):
		return invalid("grants", "are changed at grants/")
	}
	for _, end := range []struct {
		what  string
		named *string
		held  string
	}{{"from_collection", set.From, c.From}, {"to_collection", set.To, c.To}} {
		if end.named == nil || *end.named == "" || *end.named == end.held {
			continue
		}
		if found := snap.collection(r.ID, *end.named); end.held == "" || found == nil || found.ID != end.held {
			return invalid(end.what, "can be named again or ended; another one needs another channel")
		}
	}
	return nil
}

// nameCollections lets a Channel be fed from, or feed, the Collections that a
// setting names, in the name of the account that asks. A Collection on which it
// may not do that is answered as one that is not there.
func (s *Session) nameCollections(snap *snapshot, r *Root, c *Channel, set *ChannelSetting) error {
	for _, end := range []struct {
		what  string
		named *string
		held  *string
		need  Rights
	}{{"from_collection", set.From, &c.From, Read}, {"to_collection", set.To, &c.To, Write}} {
		if end.named == nil || *end.named == "" {
			continue
		}
		found := snap.collection(r.ID, *end.named)
		if found == nil || !s.onCollection(snap, r, found).Has(end.need) {
			return invalid(end.what, "is no collection of this API Root that this account could name")
		}
		if err := s.curbed(end.what); err != nil {
			return err
		}
		*end.held, c.Namer = found.ID, s.account.ID
	}
	switch {
	case c.From != "" && c.From == c.To:
		return invalid("to_collection", "is from_collection too: what is published would come back without end")
	case (c.From != "" || c.To != "") && !admits(c.ContentType, taxii.MediaType):
		return invalid("content_type", "admits no Envelopes, which are all that a collection gives or takes")
	}
	return s.namesBoth(snap, r, c)
}

// namesBoth refuses to keep in the name of the account that asks what it could
// not have named itself: both ends of a Channel are kept in one name.
func (s *Session) namesBoth(snap *snapshot, r *Root, c *Channel) error {
	if c.Namer != s.account.ID {
		return nil
	}
	from, to := snap.byID[c.From], snap.byID[c.To]
	if from != nil && !s.onCollection(snap, r, from).Has(Read) || to != nil && !s.onCollection(snap, r, to).Has(Write) {
		return taxii.Errorf(taxii.Unprocessable, "from_collection and to_collection are kept in one name: that of an account which could name both")
	}
	return nil
}
