package exchange

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"github.com/hansom-taxii/hansom/internal/feed"
)

// Frame is one Message as it goes out. It is shared: nobody changes it.
type Frame struct {
	JSON   []byte // the message resource
	Event  []byte // the same as an event of a stream, with its blank line; nil on a page from the store
	Cursor string // the place after it
	place  feed.Place
	lines  bool // JSON has line ends, which an event must not have
}

// octets is about what a Frame holds in memory. JSON mostly lies within Event.
func (f *Frame) octets() int {
	if f.lines {
		return cap(f.JSON) + len(f.Event)
	}
	return cap(f.Event)
}

// scribe writes the Messages of a Channel, as the catalogue is.
type scribe struct {
	snap *snapshot
	c    *Channel
	head feed.Head
}

// publisher gives the name of an account, where the Channel shows publishers.
func (s scribe) publisher(account int64) string {
	if a := s.snap.accounts[account]; s.c.ShowPublishers && a != nil {
		return a.Name
	}
	return ""
}

// frameRoom is more than a message resource and an event have around what is
// counted by roomFor.
const frameRoom = 400

// roomFor is the most octets that a Message takes, as a resource, without its
// content and with it.
func (s scribe) roomFor(e *feed.Entry) (bare, whole int64) {
	text := len(e.ID) + 6*(len(s.publisher(e.Account))+len(e.Message.Origin)+len(e.Message.MediaType)+len(e.Type)) + 2*len(s.c.Name)
	bare = int64(frameRoom + text)
	if isJSON(e.Message.MediaType) {
		return bare, bare + e.Size
	}
	return bare, bare + int64(base64.StdEncoding.EncodedLen(int(e.Size)))
}

// fits tells whether the resource of a Message with its content takes at most so
// many octets. Where that is not plain it is written without the content and
// measured.
func (s scribe) fits(e *feed.Entry, most int64) bool {
	_, whole := s.roomFor(e)
	if whole <= most || e.Size >= most {
		return whole <= most
	}
	empty := *e
	empty.Content = nil
	octets := int64(len(s.resource(nil, &empty, s.snap.cursorAt(s.c, s.head, e.Place), true)))
	if isJSON(e.Message.MediaType) {
		return octets+e.Size <= most
	}
	return octets+int64(base64.StdEncoding.EncodedLen(int(e.Size))) <= most
}

// frame writes a Message, once for every way it goes out in: the resource lies
// within the event. Without content it names where that is. The event of a
// resource with line ends is left out, see inLines.
func (s scribe) frame(e *feed.Entry, content bool) *Frame {
	bare, whole := s.roomFor(e)
	if !content {
		whole = bare
	}
	f := &Frame{Cursor: s.snap.cursorAt(s.c, s.head, e.Place), place: e.Place}
	b := make([]byte, 0, whole)
	b = append(append(append(b, "id: "...), f.Cursor...), "\nevent: message\ndata: "...)
	start := len(b)
	b = s.resource(b, e, f.Cursor, content)
	end := len(b)
	f.JSON = b[start:end]
	f.lines = bytes.IndexByte(f.JSON, '\n') >= 0 || bytes.IndexByte(f.JSON, '\r') >= 0
	if !f.lines {
		f.Event = append(b, "\n\n"...)
		f.JSON = f.Event[start:end:end]
	}
	return f
}

// resource appends the message resource (section 4), its content as published.
func (s scribe) resource(b []byte, e *feed.Entry, cursor string, content bool) []byte {
	b = append(append(append(b, `{"id":"`...), e.ID...), `","cursor":"`...)
	b = append(append(append(b, cursor...), `","published":"`...), e.Added.String()...)
	b = append(b, '"')
	for _, p := range [...]struct{ name, value string }{
		{`,"publisher":`, s.publisher(e.Account)}, {`,"origin":`, e.Message.Origin},
		{`,"type":`, e.Type}, {`,"media_type":`, e.Message.MediaType},
	} {
		if p.value != "" {
			b = quote(append(b, p.name...), p.value)
		}
	}
	b = strconv.AppendInt(append(b, `,"size":`...), e.Size, 10)
	switch {
	case !content:
		b = append(append(append(b, `,"content_url":"channels/`...), s.c.Name...), "/messages/"...)
		b = append(append(b, e.ID...), `/content/"`...)
	case isJSON(e.Message.MediaType):
		b = append(append(b, `,"content":`...), e.Content...)
	default:
		b = base64.StdEncoding.AppendEncode(append(b, `,"content_base64":"`...), e.Content)
		b = append(b, '"')
	}
	return append(b, '}')
}

// lineEnd is what the end of a line in a resource becomes in an event: the line
// goes on in a further field, and a reader sees a line end between them.
const lineEnd = "\ndata: "

// linesRoom is how many octets the event of a resource takes.
func linesRoom(f *Frame) int {
	ends := bytes.Count(f.JSON, []byte{'\n'}) + bytes.Count(f.JSON, []byte{'\r'}) - bytes.Count(f.JSON, []byte("\r\n"))
	return frameRoom/2 + len(f.JSON) + ends*len(lineEnd)
}

// inLines gives a Frame its event where the resource has line ends: CR, LF and
// CRLF begin a further data line (section 5.3). JSON has them only as white space.
func (f *Frame) inLines() {
	if f.Event != nil {
		return
	}
	b := make([]byte, 0, linesRoom(f))
	b = append(append(append(b, "id: "...), f.Cursor...), "\nevent: message\ndata: "...)
	for rest := f.JSON; ; {
		at := bytes.IndexAny(rest, "\r\n")
		if at < 0 {
			f.Event = append(append(b, rest...), "\n\n"...)
			return
		}
		b = append(append(b, rest[:at]...), lineEnd...)
		if rest[at] == '\r' && at+1 < len(rest) && rest[at+1] == '\n' {
			at++
		}
		rest = rest[at+1:]
	}
}
