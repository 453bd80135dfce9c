package exchange_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// open begins to follow the Channel alerts of the root trust.
func open(t *testing.T, s *exchange.Session, r exchange.Reading) *exchange.Follower {
	t.Helper()
	f, err := s.Follow(t.Context(), "trust", "alerts", r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// say publishes Messages of these numbers, each an Envelope with one object of
// a type of its own.
func say(t *testing.T, s *exchange.Session, numbers ...int) []taxii.StatusDetail {
	t.Helper()
	drafts := make([]string, len(numbers))
	for i, n := range numbers {
		drafts[i] = fmt.Sprintf(`{"id":%q,"content":{"objects":[{"type":"t%d","id":"t%d--1","spec_version":"2.1"}]}}`, id(n), n%3, n)
	}
	st, err := publish(t, s, "alerts", drafts...)
	if err != nil || st.SuccessCount != len(numbers) {
		t.Fatalf("%v: %+v", err, st)
	}
	return st.Successes
}

// frames reads on until there is no more for now.
func frames(t *testing.T, f *exchange.Follower) (list []*exchange.Frame) {
	t.Helper()
	for {
		p, err := f.Page(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if list = append(list, p.Frames...); !p.More {
			return list
		}
	}
}

// numbered gives the numbers of Messages.
func numbered(t *testing.T, list []*exchange.Frame) (numbers []int) {
	t.Helper()
	for _, frame := range list {
		var m taxii.Message
		if err := json.Unmarshal(frame.JSON, &m); err != nil {
			t.Fatalf("%v: %s", err, frame.JSON)
		}
		if m.Cursor != frame.Cursor {
			t.Errorf("the cursor in %s is not %s", frame.JSON, frame.Cursor)
		}
		var n int
		if _, err := fmt.Sscanf(m.ID[:4], "%x", &n); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func read(t *testing.T, f *exchange.Follower) []int {
	t.Helper()
	return numbered(t, frames(t, f))
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i+1)
	}
	return list
}

func wantNumbers(t *testing.T, what string, got []int, want ...int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// alerts builds a house with a Channel of that name.
func alerts(t *testing.T, edit ...func(*exchange.ChannelSetting)) *house {
	t.Helper()
	h := build(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts", edit...)
	return h
}

func TestAFollowerBeginsWhereItSays(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	said := say(t, h.op, 1, 2, 3, 4)
	date := func(i int) *taxii.Time {
		at, err := taxii.ParseTime(said[i].Version)
		if err != nil {
			t.Fatal(err)
		}
		return &at
	}
	for _, c := range []struct {
		what string
		r    exchange.Reading
		want []int
	}{
		{"nothing", exchange.Reading{}, upTo(4)},
		{"earliest", exchange.Reading{After: taxii.Earliest}, upTo(4)},
		{"latest", exchange.Reading{After: taxii.Latest}, nil},
		{"a stream", exchange.Reading{Stream: true}, nil},
		{"a stream from the earliest", exchange.Reading{Stream: true, After: taxii.Earliest}, upTo(4)},
		{"after a cursor", exchange.Reading{After: said[1].Cursor}, []int{3, 4}},
		{"next", exchange.Reading{Next: said[2].Cursor}, []int{4}},
		{"both, agreeing", exchange.Reading{Next: said[2].Cursor, After: said[2].Cursor}, []int{4}},
		{"Last-Event-ID before after", exchange.Reading{Stream: true, After: said[0].Cursor, LastEventID: said[2].Cursor}, []int{4}},
		{"Last-Event-ID of what is no stream", exchange.Reading{After: said[2].Cursor, LastEventID: said[0].Cursor}, []int{4}},
		{"added_after", exchange.Reading{AddedAfter: date(1)}, []int{3, 4}},
		{"added_after the last", exchange.Reading{AddedAfter: date(3)}, nil},
		{"small pages", exchange.Reading{Limit: 1}, upTo(4)},
	} {
		wantNumbers(t, c.what, read(t, open(t, h.op, c.r)), c.want...)
	}
	for what, r := range map[string]exchange.Reading{
		"limit 1001": {Limit: 1001}, "limit -1": {Limit: -1}, "added_after and after": {AddedAfter: date(0), After: taxii.Latest},
		"two cursors": {After: said[0].Cursor, Next: said[1].Cursor}, "X-Max-Size": {MaxSize: exchange.LeastMaxSize - 1},
		"no cursor": {After: "nonsense"}, "match[publisher]": {Selector: selector(t, "match[publisher]=operator")},
	} {
		_, err := h.op.Follow(t.Context(), "trust", "alerts", r)
		wantKind(t, what, err, taxii.Malformed)
	}
}

func selector(t *testing.T, query string) exchange.Selector {
	t.Helper()
	s, err := exchange.ParseSelector(query)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A date that is yet to come let all through that was published before it.
func TestWhatIsPublishedBeforeAddedAfterDoesNotPass(t *testing.T) {
	t.Parallel()
	h, now := timed(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts")
	later := taxii.TimeOf(now.now().Add(time.Hour))
	f := open(t, h.op, exchange.Reading{AddedAfter: &later})
	say(t, h.op, 1)
	wantNumbers(t, "before", read(t, f))
	now.advance(2 * time.Hour)
	say(t, h.op, 2)
	wantNumbers(t, "after", read(t, f), 2)
}

func TestPagesAreBoundedAndTellHowFarTheyLooked(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	numbers := upTo(700) // more than memory holds
	for part := range slices.Chunk(numbers, 100) {
		say(t, h.op, part...)
	}
	for _, limit := range []int{1, 7, 100, 1000} {
		wantNumbers(t, fmt.Sprint("limit ", limit), read(t, open(t, h.op, exchange.Reading{Limit: limit})), numbers...)
	}
	one := selector(t, "match[id]=t650--1,t3--1")
	f := open(t, h.op, exchange.Reading{Selector: one})
	p, err := f.Page(t.Context())
	if err != nil || p.Examined != 700 || p.More || !slices.Equal(numbered(t, p.Frames), []int{3, 650}) {
		t.Fatalf("%v: %+v", err, p)
	}
	g := open(t, h.op, exchange.Reading{After: p.Next})
	if next, err := g.Page(t.Context()); err != nil || len(next.Frames) > 0 || next.Next != p.Next || next.More {
		t.Errorf("after the end: %v, %+v", err, next)
	}
	some := selector(t, "match[type]=t1")
	want := slices.DeleteFunc(slices.Clone(numbers), func(n int) bool { return n%3 != 1 })
	wantNumbers(t, "by type", read(t, open(t, h.op, exchange.Reading{Selector: some, Limit: 9})), want...)
}

func TestAPageLooksAtTenThousandMessagesAtMost(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	for part := range slices.Chunk(upTo(10_500), 700) {
		say(t, h.op, part...)
	}
	f := open(t, h.op, exchange.Reading{Selector: selector(t, "match[id]=t10400--1")})
	p, err := f.Page(t.Context())
	if err != nil || p.Examined != 10_000 || len(p.Frames) != 0 || !p.More {
		t.Fatalf("%v: examined %d, %d messages, more %v", err, p.Examined, len(p.Frames), p.More)
	}
	wantNumbers(t, "the rest", read(t, open(t, h.op, exchange.Reading{After: p.Next, Selector: selector(t, "match[id]=t10400--1")})), 10_400)
}

// The rules of section 8, by cursor, from memory and from the store.
func TestASelectorChoosesWholeMessages(t *testing.T) {
	t.Parallel()
	h := alerts(t, anyMedia, func(set *exchange.ChannelSetting) { set.ShowPublishers = true })
	other := h.account(t, "other", "read,write on trust")
	must[taxii.Status](t)(publish(t, h.op, "alerts",
		`{"id":"`+id(1)+`","content":{"objects":[{"type":"malware","id":"malware--1","spec_version":"2.1"},{"type":"tool","id":"tool--1","spec_version":"2.0"}]}}`,
		`{"id":"`+id(2)+`","content":{"objects":[{"type":"tool","id":"tool--1","spec_version":"2.1"}]}}`,
		`{"id":"`+id(3)+`","type":"chat","media_type":"application/json","content":{"objects":[{"type":"tool","id":"tool--1"}]}}`))
	must[taxii.Status](t)(publish(t, other, "alerts",
		`{"id":"`+id(4)+`","content":{"objects":[{"type":"malware","id":"malware--2","spec_version":"2.1"}]}}`,
		`{"id":"`+id(5)+`","media_type":"text/plain","content_base64":"aGk="}`))
	for query, want := range map[string][]int{
		"":                         {1, 2, 3, 4, 5},
		"match[type]=malware":      {1, 4},
		"match[type]=malware,tool": {1, 2, 4},
		"match[id]=tool--1":        {1, 2},
		"match[type]=tool&match[spec_version]=2.0":       {1},
		"match[type]=malware&match[spec_version]=2.0":    nil, // not of one and the same object
		"match[type]=malware&match[id]=tool--1":          nil,
		"match[spec_version]=2.1":                        {1, 2, 4},
		"match[message_type]=chat,content":               {3, 5},
		"match[message_type]=envelope&match[type]=tool":  {1, 2},
		"match[publisher]=other":                         {4, 5},
		"match[publisher]=other&match[type]=malware":     {4},
		"match[publisher]=operator,other":                {1, 2, 3, 4, 5},
		"match[publisher]=nobody":                        nil,
		"match[version]=all&match[message_type]=content": {5},
	} {
		r := exchange.Reading{Selector: selector(t, query)}
		behind := open(t, other, exchange.Reading{After: taxii.Earliest, Selector: r.Selector, Limit: 1}) // one by one
		wantNumbers(t, query, read(t, open(t, other, r)), want...)
		wantNumbers(t, query+", one by one", read(t, behind), want...)
	}
}

// G6: content as published, in every form; events with their line ends as lines.
func TestContentIsDeliveredAsPublished(t *testing.T) {
	t.Parallel()
	h := alerts(t, anyMedia)
	spaced := "{\n \"objects\" : [\r\n{\"id\":\"a--1\",\r\"type\":\"a\", \"x\": 1.50e2, \"y\":\"\\u003c\\/\"}\t]  }"
	sent := []struct{ media, body string }{
		{taxii.MediaType, spaced}, {taxii.MediaType, `{"objects":[{"type":"a","id":"a--2"}]}`},
		{"text/plain", "one\r\ntwo\nthree\r\xff"}, {"application/json", `[ 1,` + "\r\r" + ` 2 ]`}, {"text/x-nothing", ""},
	}
	for i, m := range sent {
		p := exchange.Publication{ContentType: m.media, Key: id(i + 1), Body: []byte(m.body)}
		must[taxii.Status](t)(h.op.Publish(t.Context(), "trust", "alerts", p))
	}
	for _, limit := range []int{100, 1} {
		got := frames(t, open(t, h.op, exchange.Reading{Stream: true, After: taxii.Earliest, Limit: limit}))
		if len(got) != len(sent) {
			t.Fatalf("%d frames", len(got))
		}
		for i, frame := range got {
			var m taxii.Message
			if err := json.Unmarshal(frame.JSON, &m); err != nil {
				t.Fatal(err)
			}
			content := string(m.ContentBase64)
			if strings.Contains(sent[i].media, "json") {
				content = string(m.Content)
			}
			if content != sent[i].body || m.MediaType != sent[i].media || m.Size != int64(len(sent[i].body)) || m.ID != id(i+1) {
				t.Errorf("%q became %q: %s", sent[i].body, content, frame.JSON)
			}
			wantEvent(t, frame)
			alone := must[*exchange.Content](t)(h.op.MessageContent(t.Context(), "trust", "alerts", m.ID))
			if string(alone.Bytes) != sent[i].body || alone.MediaType != sent[i].media || alone.ETag == "" {
				t.Errorf("the content alone: %+v", alone)
			}
			if one := must[[]byte](t)(h.op.Message(t.Context(), "trust", "alerts", m.ID, 0)); !bytes.Equal(one, frame.JSON) {
				t.Errorf("the message alone is %s, in a page %s", one, frame.JSON)
			}
		}
	}
	for _, id := range []string{id(99), "nonsense", ""} {
		wantKind(t, id, second(h.op.Message(t.Context(), "trust", "alerts", id, 0)), taxii.NotFound)
		wantKind(t, id, second(h.op.MessageContent(t.Context(), "trust", "alerts", id)), taxii.NotFound)
	}
}

// wantEvent reads an event as the event stream's standard says: it is the
// resource with its line ends, of all three kinds, as one kind.
func wantEvent(t *testing.T, frame *exchange.Frame) {
	t.Helper()
	text, found := strings.CutSuffix(string(frame.Event), "\n\n")
	if !found || strings.ContainsAny(text, "\r") {
		t.Errorf("%q is no event", frame.Event)
	}
	lines := strings.Split(text, "\n")
	if lines[0] != "id: "+frame.Cursor || lines[1] != "event: message" {
		t.Errorf("an event begins with %q", lines[:2])
	}
	var data []string
	for _, line := range lines[2:] {
		value, found := strings.CutPrefix(line, "data: ")
		if !found {
			t.Errorf("%q is no line of data", line)
		}
		data = append(data, value)
	}
	want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(frame.JSON))
	if got := strings.Join(data, "\n"); got != want || !json.Valid([]byte(got)) {
		t.Errorf("the event %q of %s", frame.Event, frame.JSON)
	}
}

func TestAMessageThatDoesNotFitIsNamedInItsPlace(t *testing.T) {
	t.Parallel()
	h := alerts(t, anyMedia)
	large := bytes.Repeat([]byte{0xff}, 8<<20) // as base64 above the least X-Max-Size
	say(t, h.op, 1)
	must[taxii.Status](t)(h.op.Publish(t.Context(), "trust", "alerts", exchange.Publication{ContentType: "image/x-any", Key: id(2), Body: large}))
	say(t, h.op, 3)
	var m taxii.Message
	for i, frame := range frames(t, open(t, h.op, exchange.Reading{})) {
		if wantNumbers(t, "in its place", numbered(t, []*exchange.Frame{frame}), i+1); i == 1 && json.Unmarshal(frame.JSON, &m) != nil {
			t.Errorf("%.300s", frame.JSON)
		}
	}
	if m.ContentURL != "channels/alerts/messages/"+id(2)+"/content/" || m.Size != int64(len(large)) || m.ContentBase64 != nil {
		t.Errorf("%.300s", asJSON(t, m))
	}
	whole := frames(t, open(t, h.op, exchange.Reading{MaxSize: 12 << 20, Stream: true, After: taxii.Earliest}))
	if len(whole) != 3 || !bytes.Contains(whole[1].JSON, []byte(base64.StdEncoding.EncodeToString(large[:3000]))) {
		t.Error("with a larger X-Max-Size the content is not there")
	}
	if one := must[[]byte](t)(h.op.Message(t.Context(), "trust", "alerts", id(2), 0)); len(one) > 1000 {
		t.Errorf("the message alone has %d octets", len(one))
	}
	if one := must[[]byte](t)(h.op.Message(t.Context(), "trust", "alerts", id(2), 12<<20)); len(one) < len(large) {
		t.Errorf("with a larger X-Max-Size the message alone has %d octets", len(one))
	}
}

// Every line end takes six octets more in an event: a Message of line ends went
// out as an event of seven times X-Max-Size.
func TestAnEventThatDoesNotFitByItsLineEndsIsNamedToo(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	body := `{"objects":[{"type":"a","id":"a--1"}` + strings.Repeat("\n", 2<<20) + `]}`
	must[taxii.Status](t)(h.op.Publish(t.Context(), "trust", "alerts", exchange.Publication{ContentType: taxii.MediaType, Key: id(1), Body: []byte(body)}))
	p := must[*exchange.MessagePage](t)(open(t, h.op, exchange.Reading{Stream: true, After: taxii.Earliest}).Page(t.Context()))
	if len(p.Frames) != 1 || len(p.Frames[0].Event) > 1000 || !bytes.Contains(p.Frames[0].Event, []byte("content_url")) {
		t.Errorf("%d frames", len(p.Frames))
	}
	p = must[*exchange.MessagePage](t)(open(t, h.op, exchange.Reading{}).Page(t.Context()))
	if len(p.Frames) != 1 || len(p.Frames[0].JSON) < len(body) {
		t.Errorf("a page: %d frames", len(p.Frames))
	}
}

func TestPagesOfLargeMessagesAreReadWithinTheRoomThereIs(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	for n := range 9 {
		body := fmt.Sprintf(`{"objects":[{"type":"a","id":"a--%d","x":%q}]}`, n, strings.Repeat("x", 1<<20))
		must[taxii.Status](t)(h.op.Publish(t.Context(), "trust", "alerts", exchange.Publication{ContentType: taxii.MediaType, Key: id(n + 1), Body: []byte(body)}))
	}
	var asked int64
	within := h.op.Within(func(octets int64) error { asked += octets; return nil })
	f := open(t, within, exchange.Reading{})
	var list []int
	for more := true; more; {
		asked = 0
		p := must[*exchange.MessagePage](t)(f.Page(t.Context()))
		if size := int64(p.Size); size > exchange.DefaultPageBytes || asked < size || asked > size+1<<20 {
			t.Errorf("a page of %d octets asked for %d", size, asked)
		}
		list, more = append(list, numbered(t, p.Frames)...), p.More
	}
	wantNumbers(t, "all", list, upTo(9)...)
	full := errors.New("no room")
	g := open(t, h.op.Within(func(int64) error { return full }), exchange.Reading{})
	if _, err := g.Page(t.Context()); !errors.Is(err, full) {
		t.Errorf("without room: %v", err)
	}
	stuck := open(t, within, exchange.Reading{Stream: true, After: taxii.Earliest})
	if p := must[*exchange.MessagePage](t)(stuck.Page(t.Context())); len(p.Frames) != 1 || !p.More {
		t.Errorf("a stream holds %d large messages", len(p.Frames))
	}
}

func TestACursorWhoseMessagesWerePurgedIsGoneAndAStreamIsTold(t *testing.T) {
	t.Parallel()
	h, now := timed(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts", ttl(60))
	said := say(t, h.op, 1, 2, 3)
	stream, page := open(t, h.op, exchange.Reading{Stream: true, After: said[0].Cursor}), open(t, h.op, exchange.Reading{After: said[0].Cursor})
	oldest, late := open(t, h.op, exchange.Reading{}), open(t, h.op, exchange.Reading{After: said[0].Cursor, Stream: true, Limit: 1})
	wantNumbers(t, "before", read(t, stream), 2, 3)
	if p := must[*exchange.MessagePage](t)(late.Page(t.Context())); !p.More || p.Gap != nil {
		t.Fatalf("%+v", p)
	}
	now.advance(50 * time.Second)
	say(t, h.op, 4, 5)
	now.advance(11 * time.Second)
	housekeep(t, h.Exchange)
	eventually(t, "three are purged", func() bool { return h.left(t, "alerts") == 2 })

	_, err := h.op.Follow(t.Context(), "trust", "alerts", exchange.Reading{After: said[0].Cursor})
	wantGone(t, "a new one", err, "expired", 2)
	_, err = page.Page(t.Context())
	wantGone(t, "one that had begun", err, "expired", 2)
	wantNumbers(t, "at the place of the floor", read(t, open(t, h.op, exchange.Reading{After: said[2].Cursor})), 4, 5)
	wantNumbers(t, "from the earliest, that moved", read(t, oldest), 4, 5)
	wantNumbers(t, "the stream", read(t, stream), 4, 5)
	p := must[*exchange.MessagePage](t)(late.Page(t.Context()))
	if p.Gap == nil || *p.Gap.Missed != 1 || p.Gap.From != said[1].Cursor || p.Gap.To != said[2].Cursor || p.Gap.Reason != taxii.GapTTL {
		t.Errorf("a stream that was slow: gap %+v", p.Gap)
	}
	wantNumbers(t, "and its messages", slices.Concat(numbered(t, p.Frames), read(t, late)), 4, 5)
}

// wantGone fails unless err says why a cursor cannot be honoured.
func wantGone(t *testing.T, what string, err error, reason string, missed int64) {
	t.Helper()
	var e *taxii.Error
	if !errors.As(err, &e) || e.Kind != taxii.Gone || e.Details["reason"] != reason || e.Details["earliest"] == nil {
		t.Fatalf("%s: %v", what, err)
	}
	if got, ok := e.Details["missed"]; ok && got != missed || !ok && missed > 0 {
		t.Errorf("%s: missed %v, want %d", what, got, missed)
	}
}

func TestCursorsOfAnotherChannelOfTheNameAndOfAnotherCopyAreGone(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	said := say(t, h.op, 1, 2)
	h.channel(t, "trust", "others")
	_, err := h.op.Follow(t.Context(), "trust", "others", exchange.Reading{After: said[0].Cursor})
	wantKind(t, "another channel's", err, taxii.Malformed)

	f := open(t, h.op, exchange.Reading{After: said[0].Cursor})
	if err := h.store.Reincarnate(t.Context()); err != nil {
		t.Fatal(err)
	}
	later := say(t, h.op, 3)
	wantNumbers(t, "of before the restore", read(t, f), 2, 3)
	wantNumbers(t, "of the last place in common", read(t, open(t, h.op, exchange.Reading{After: said[1].Cursor})), 3)
	if later[0].Cursor == said[1].Cursor {
		t.Error("a cursor came twice")
	}
	g := open(t, h.op, exchange.Reading{})
	if err := h.op.RemoveChannel(t.Context(), "trust", "alerts", nil); err != nil {
		t.Fatal(err)
	}
	_, err = g.Page(t.Context())
	wantKind(t, "a follower of a removed channel", err, taxii.NotFound)
	h.channel(t, "trust", "alerts")
	_, err = g.Page(t.Context())
	wantKind(t, "made anew under the name", err, taxii.NotFound)
	_, err = h.op.Follow(t.Context(), "trust", "alerts", exchange.Reading{After: said[0].Cursor})
	wantGone(t, "its cursor", err, "replaced", 0)
}

func TestWhatAFollowerIsGivenFollowsTheSettings(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	member := h.account(t, "member", "read,write on trust")
	say(t, member, 1)
	first := func() *exchange.Frame {
		return must[*exchange.MessagePage](t)(open(t, h.op, exchange.Reading{}).Page(t.Context())).Frames[0]
	}
	was := first()
	if bytes.Contains(was.JSON, []byte("publisher")) {
		t.Errorf("%s", was.JSON)
	}
	if same := first(); same != was {
		t.Error("a message is written for each follower anew")
	}
	named := open(t, h.op, exchange.Reading{Stream: true})
	show := func(shown bool) {
		if _, err := h.op.SetChannel(t.Context(), "trust", "alerts", nil, func(set *exchange.ChannelSetting) error { set.ShowPublishers = shown; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	show(true)
	if now := first(); !bytes.Contains(now.JSON, []byte(`"publisher":"member"`)) {
		t.Errorf("publishers are shown: %s", now.JSON)
	}
	by := open(t, h.op, exchange.Reading{Selector: selector(t, "match[publisher]=member")})
	wantNumbers(t, "by its name", read(t, by), 1)
	if err := h.op.RemoveAccount(t.Context(), "member"); err != nil {
		t.Fatal(err)
	}
	if now := first(); !bytes.Contains(now.JSON, []byte(`"publisher":"member"`)) {
		t.Errorf("its account is removed: %s", now.JSON)
	}
	show(false)
	if now := first(); bytes.Contains(now.JSON, []byte("publisher")) {
		t.Errorf("publishers are hidden: %s", now.JSON)
	}
	_, err := by.Page(t.Context())
	wantKind(t, "by a name that is hidden now", err, taxii.Malformed)
	if _, err := h.op.RotateKey(t.Context(), "cursor", true); err != nil {
		t.Fatal(err)
	}
	now := first()
	if now.Cursor == was.Cursor || bytes.Contains(now.JSON, []byte(was.Cursor)) {
		t.Error("a cursor is sealed with a key of before")
	}
	wantNumbers(t, "an older cursor", read(t, open(t, h.op, exchange.Reading{After: was.Cursor})))
	say(t, h.op, 2)
	wantNumbers(t, "one that followed all the time", read(t, named), 2)
}

func TestAWaitEndsWithNewsTimeRightsAndTheServer(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	member := h.account(t, "member", "read on trust/channel/alerts")
	f := open(t, member, exchange.Reading{Stream: true})
	if err := f.Wait(t.Context(), time.Millisecond); err != nil {
		t.Errorf("the time is over: %v", err)
	}
	waiting := func(f *exchange.Follower) <-chan error {
		done := make(chan error, 1)
		go func() { done <- f.Wait(t.Context(), time.Hour) }()
		return done
	}
	done := waiting(f)
	say(t, h.op, 1)
	if err := <-done; err != nil {
		t.Errorf("news: %v", err)
	}
	wantNumbers(t, "the news", read(t, f), 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Wait(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("the client went: %v", err)
	}

	done = waiting(f)
	h.grant(t, "member", "trust/channel/alerts", "write")
	wantKind(t, "the right ended", <-done, taxii.Forbidden)
	h.grant(t, "member", "trust/channel/alerts", "read")
	f = open(t, member, exchange.Reading{Stream: true})
	done = waiting(f)
	if err := h.op.SetAccount(t.Context(), "member", func(a *exchange.AccountSetting) error { a.Password = "quite another"; return nil }); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "the credential ended", <-done, taxii.Unauthenticated)

	f = open(t, h.op, exchange.Reading{Stream: true})
	done = waiting(f)
	if err := h.op.RemoveChannel(t.Context(), "trust", "alerts", nil); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "the channel went", <-done, taxii.NotFound)

	h.channel(t, "trust", "alerts")
	f = open(t, h.op, exchange.Reading{Stream: true})
	if f.Ending() {
		t.Error("it ends at the beginning")
	}
	done = waiting(f)
	h.Stop()
	if err := <-done; err != nil || !f.Ending() {
		t.Errorf("the server stops: %v, %v", err, f.Ending())
	}
	if err := f.Wait(t.Context(), time.Hour); err != nil {
		t.Errorf("a wait that begins then: %v", err)
	}
	h.Stop()
}

// G2, G3 and no wake-up lost: whoever follows sees every Message once and in one
// order, however publishing, reading and waiting meet.
func TestFollowersSeeEveryMessageInOneOrderWhileManyPublish(t *testing.T) {
	t.Parallel()
	const publishers, each, followers = 4, 60, 12
	h := alerts(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var all sync.WaitGroup
	seen := make([][]string, followers)
	for i := range followers {
		r := exchange.Reading{After: taxii.Earliest, Stream: i%2 == 0, Limit: 1 + i*7%50}
		if i%3 == 0 {
			r.Selector = selector(t, fmt.Sprintf("match[type]=t0,t1,t2,x%d", i%2)) // all pass
		}
		f := open(t, h.op, r)
		all.Go(func() {
			for len(seen[i]) < publishers*each {
				p, err := f.Page(ctx)
				if err != nil {
					t.Errorf("follower %d: %v", i, err)
					return
				}
				for _, frame := range p.Frames {
					seen[i] = append(seen[i], frame.Cursor)
				}
				if p.More || len(seen[i]) == publishers*each {
					continue
				}
				if err := f.Wait(ctx, time.Hour); err != nil {
					t.Errorf("follower %d has %d: %v", i, len(seen[i]), err)
					return
				}
			}
		})
	}
	for p := range publishers {
		all.Go(func() {
			for n := range each {
				say(t, h.op, 1+p*each+n)
			}
		})
	}
	all.Wait()
	for i := range seen {
		if !slices.Equal(seen[i], seen[0]) {
			t.Errorf("follower %d saw %d, in another order than the first", i, len(seen[i]))
		}
	}
	if slices.Sort(seen[0]); len(slices.Compact(seen[0])) != publishers*each {
		t.Errorf("%d of %d messages", len(seen[0]), publishers*each)
	}
}

func TestReadingChangesNothing(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	say(t, h.op, 1, 2, 3)
	before := asJSON(t, seen(t, h.op, "trust", "alerts"))
	for range 3 {
		wantNumbers(t, "by cursor", read(t, open(t, h.op, exchange.Reading{})), 1, 2, 3)
	}
	if after := asJSON(t, seen(t, h.op, "trust", "alerts")); after != before {
		t.Errorf("the channel was %s and is %s", before, after)
	}
	h.restart(t)
	wantNumbers(t, "after a restart", read(t, open(t, h.op, exchange.Reading{})), 1, 2, 3)
}

func TestWhoMayNotReadDoesNotFollow(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	h.channel(t, "trust", "box", func(set *exchange.ChannelSetting) { set.Mode = taxii.ModeWriteOnly })
	writer, nobody := h.account(t, "writer", "write on trust/channel/alerts"), h.account(t, "nobody")
	reader := h.account(t, "reader", "read on trust/channel/box")
	for _, c := range []struct {
		s       *exchange.Session
		channel string
		want    taxii.Kind
	}{
		{writer, "alerts", taxii.Forbidden}, {nobody, "alerts", taxii.NotFound}, {h.Anonymous(), "alerts", taxii.Unauthenticated},
		{reader, "box", taxii.Unsupported}, {h.op, "nothing", taxii.NotFound},
	} {
		_, name := c.s.Account()
		ctx := t.Context()
		wantKind(t, name, second(c.s.Follow(ctx, "trust", c.channel, exchange.Reading{})), c.want)
		wantKind(t, name, second(c.s.FollowDraft(ctx, "trust", c.channel, "", exchange.Reading{})), c.want)
		wantKind(t, name, second(c.s.FollowSubscription(ctx, "trust", c.channel, taxii.NewID(), exchange.Reading{})), c.want)
		wantKind(t, name, second(c.s.Message(ctx, "trust", c.channel, id(1), 0)), c.want)
		wantKind(t, name, second(c.s.MessageContent(ctx, "trust", c.channel, id(1))), c.want)
		wantKind(t, name, second(c.s.Subscriptions(ctx, "trust", c.channel, 0, "")), c.want)
		wantKind(t, name, second(c.s.SetPosition(ctx, "trust", c.channel, taxii.NewID(), taxii.Position{Cursor: taxii.Latest})), c.want)
		_, _, err := c.s.Subscribe(ctx, "trust", c.channel, taxii.NewSubscription{})
		wantKind(t, name, err, c.want)
	}
}
