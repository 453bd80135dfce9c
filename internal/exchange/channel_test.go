package exchange_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// made makes a Channel as the operator.
func (h *house) made(t *testing.T, root, name string, edits ...func(*exchange.ChannelSetting)) taxii.Channel {
	t.Helper()
	set := exchange.ChannelSetting{Root: root, Name: name}
	for _, edit := range edits {
		edit(&set)
	}
	c, err := h.op.AddChannel(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// seen gives a Channel as somebody sees it.
func seen(t *testing.T, s *exchange.Session, root, name string) taxii.Channel {
	t.Helper()
	c, _, err := s.Channel(t.Context(), root, name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// channelErr drops all but the error of a look at a Channel.
func channelErr(_ taxii.Channel, _ string, err error) error { return err }

// another gives an exchange on the same store with other options, and the Session
// of an account there.
func (h *house) another(t *testing.T, edit func(*exchange.Options)) (*exchange.Exchange, func(name string) *exchange.Session) {
	t.Helper()
	opt := options()
	edit(&opt)
	x, err := exchange.New(t.Context(), h.store, opt)
	if err != nil {
		t.Fatal(err)
	}
	return x, func(name string) *exchange.Session {
		t.Helper()
		s, err := x.Open(name, exchange.KindPassword, func(secret string) (bool, error) { return secret == "hash of password of "+name, nil })
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func TestAChannelBelongsToWhoMadeItAndHasDefaults(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	alice := h.account(t, "alice", "create on trust")
	c, err := alice.AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "alerts"})
	if err != nil {
		t.Fatal(err)
	}
	want := taxii.Channel{
		ID: c.ID, Name: "alerts", ContentType: taxii.MediaType, TTL: 604_800, Mode: taxii.ModeBoth, MaxMessageSize: 8_388_608,
		CanRead: true, CanWrite: true, CanManage: true, Created: c.Created, Earliest: c.Earliest, Latest: c.Latest, ETag: c.ETag,
		Grants: []taxii.ChannelGrant{{Account: "alice", CanRead: true, CanWrite: true, CanManage: true}},
	}
	if !reflect.DeepEqual(c, want) || !taxii.IsID(c.ID) || c.Created == 0 || c.Earliest == "" || c.Latest == "" {
		t.Errorf("made %+v, want %+v", c, want)
	}
	byID, tag, err := alice.Channel(t.Context(), "trust", c.ID)
	if err != nil || !reflect.DeepEqual(byID, c) || len(tag) < 4 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		t.Errorf("by its id it is %+v with tag %s, %v", byID, tag, err)
	}
	text, _ := json.Marshal(c)
	if strings.Contains(string(text), "permitted_messages") {
		t.Errorf("an unrestricted channel has permitted_messages: %s", text)
	}
	h.restart(t)
	if again := seen(t, h.signIn(t, "alice"), "trust", "alerts"); !reflect.DeepEqual(again, c) {
		t.Errorf("after a restart it is %+v, want %+v", again, c)
	}
	if made := h.made(t, "trust", "of-the-operator"); len(made.Grants) != 0 || !made.CanManage {
		t.Errorf("the operator's is %+v, want no grant: it has every right", made)
	}
}

func TestCreatingNeedsItsOwnRight(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	h.root(t, "lab")
	set := exchange.ChannelSetting{Root: "trust", Name: "alerts"}
	for _, c := range []struct {
		who, grant string
		want       taxii.Kind
	}{
		{"manager", "manage on trust", taxii.Forbidden}, {"keeper", "all on server", taxii.Forbidden}, {"reader", "read on trust", taxii.Forbidden},
		{"stranger", "create on lab", taxii.NotFound},
	} {
		wantKind(t, c.grant, second(h.account(t, c.who, c.grant).AddChannel(t.Context(), set)), c.want)
	}
	wantKind(t, "without credentials", second(h.Anonymous().AddChannel(t.Context(), set)), taxii.Unauthenticated)
	everywhere := h.account(t, "everywhere", "create on server")
	if _, err := everywhere.AddChannel(t.Context(), set); err != nil {
		t.Error(err)
	}
	h.grant(t, "anonymous", "trust", "create")
	set.Name = "ours"
	wantKind(t, "anonymous, who may create", second(h.Anonymous().AddChannel(t.Context(), set)), taxii.Forbidden)
	wantKind(t, "on no root", second(everywhere.AddChannel(t.Context(), exchange.ChannelSetting{Root: "none", Name: "x"})), taxii.NotFound)
}

// Who might make channels used to see all that there were.
func TestTheRightToCreateShowsNoChannelsOrCollections(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open")
	h.made(t, "trust", "alerts")
	for _, s := range []*exchange.Session{h.account(t, "alice", "create on trust", "push on trust"), h.account(t, "bob", "create,push on server")} {
		if list, err := s.Channels(t.Context(), "trust", 0, ""); err != nil || len(list.Channels) != 0 {
			t.Errorf("listed %+v, %v", list, err)
		}
		if list, err := s.Collections(t.Context(), "trust"); err != nil || len(list) != 0 {
			t.Errorf("listed %+v, %v", list, err)
		}
		wantKind(t, "the channel", channelErr(s.Channel(t.Context(), "trust", "alerts")), taxii.NotFound)
		wantKind(t, "the collection", second(s.Collection(t.Context(), "trust", "open")), taxii.NotFound)
	}
}

func TestNamesOfChannelsAreUniqueInTheirRootAndFreeAgain(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	h.root(t, "lab")
	first := h.made(t, "trust", "alerts")
	h.made(t, "lab", "alerts")
	wantKind(t, "a second one", second(h.op.AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "alerts"})), taxii.Conflict)
	if err := h.op.RemoveChannel(t.Context(), "trust", "alerts", nil); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "removed", channelErr(h.op.Channel(t.Context(), "trust", "alerts")), taxii.NotFound)
	wantKind(t, "removed, by id", channelErr(h.op.Channel(t.Context(), "trust", first.ID)), taxii.NotFound)
	if again := h.made(t, "trust", "alerts"); again.ID == first.ID || again.Latest == first.Latest {
		t.Errorf("the successor %+v is the one before", again)
	}
	wantKind(t, "of another root", channelErr(h.op.Channel(t.Context(), "lab", seen(t, h.op, "trust", "alerts").ID)), taxii.NotFound)
}

func TestEachAccountSeesOfAChannelWhatItsRightsShow(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "source")
	from := "source"
	h.made(t, "trust", "alerts", func(c *exchange.ChannelSetting) { c.From = &from })
	h.made(t, "trust", "drop-box", func(c *exchange.ChannelSetting) { c.Mode = taxii.ModeWriteOnly })
	h.made(t, "trust", "news", func(c *exchange.ChannelSetting) { c.Mode = taxii.ModeReadOnly })
	for _, c := range []struct {
		grant                               string
		read, write, manage, cursor, source bool
	}{
		{"read on trust/channel/alerts", true, false, false, true, false},
		{"write on trust/channel/alerts", false, true, false, false, false},
		{"manage on trust/channel/alerts", false, false, true, false, true},
		{"push on trust/channel/alerts", false, false, false, false, false},
		{"read,write on trust", true, true, false, true, true},
		{"all on server", true, true, true, true, true},
	} {
		s := h.account(t, strings.NewReplacer(" ", "_", "/", ".", ",", "").Replace(c.grant), c.grant)
		v := seen(t, s, "trust", "alerts")
		if v.CanRead != c.read || v.CanWrite != c.write || v.CanManage != c.manage {
			t.Errorf("%s: rights are shown as %t %t %t", c.grant, v.CanRead, v.CanWrite, v.CanManage)
		}
		if (v.Earliest != "") != c.cursor || (v.Latest != "") != c.cursor || (len(v.Grants) > 0) != c.manage || (v.FromCollection != "") != c.source {
			t.Errorf("%s: is shown %+v", c.grant, v)
		}
	}
	both := h.account(t, "both", "read,write on trust")
	if v := seen(t, both, "trust", "drop-box"); v.CanRead || !v.CanWrite || v.Latest != "" {
		t.Errorf("what nobody can read is shown as %+v", v)
	}
	if v := seen(t, both, "trust", "news"); !v.CanRead || v.CanWrite {
		t.Errorf("where only the server publishes is shown as %+v", v)
	}
	wantKind(t, "without credentials", channelErr(h.Anonymous().Channel(t.Context(), "trust", "alerts")), taxii.Unauthenticated)
}

func TestChannelsAreListedInPagesOfWhatIsVisible(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	h.root(t, "empty")
	for _, name := range []string{"d", "b", "hidden", "a", "c"} {
		h.made(t, "trust", name)
	}
	alice := h.account(t, "alice", "read on trust/channel/a", "write on trust/channel/b", "manage on trust/channel/c", "read on trust/channel/d", "read on empty")
	var names []string
	next := ""
	for {
		page, err := alice.Channels(t.Context(), "trust", 2, next)
		if err != nil || len(page.Channels) > 2 || page.More != (page.Next != "") {
			t.Fatalf("got %+v, %v", page, err)
		}
		for _, c := range page.Channels {
			names = append(names, c.Name)
		}
		if next = page.Next; !page.More {
			break
		}
	}
	if !slices.Equal(names, []string{"a", "b", "c", "d"}) {
		t.Errorf("listed %q", names)
	}
	if page, err := alice.Channels(t.Context(), "trust", 0, ""); err != nil || len(page.Channels) != 4 || page.More {
		t.Errorf("all at once: %+v, %v", page, err)
	}
	empty, err := alice.Channels(t.Context(), "empty", 0, "")
	if text, _ := json.Marshal(empty); err != nil || string(text) != "{}" {
		t.Errorf("an empty list is %s, %v", text, err)
	}
	for _, limit := range []int{-1, 1001} {
		wantKind(t, "a limit out of bounds", second(alice.Channels(t.Context(), "trust", limit, "")), taxii.Malformed)
	}
	wantKind(t, "a next of nowhere", second(alice.Channels(t.Context(), "trust", 0, "Not A Name")), taxii.Malformed)
	wantKind(t, "a hidden root", second(h.account(t, "nobody").Channels(t.Context(), "trust", 0, "")), taxii.NotFound)
	wantKind(t, "a root that is not there", second(alice.Channels(t.Context(), "nowhere", 0, "")), taxii.NotFound)
}

func TestWhatIsNotTheAccountsToChangeIsRefused(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	h.made(t, "trust", "alerts")
	h.made(t, "trust", "closed")
	reader := h.account(t, "alice", "read,write on trust/channel/alerts")
	ctx := t.Context()
	deeds := func(s *exchange.Session, name string) map[string]error {
		keep := func(*exchange.ChannelSetting) error { return nil }
		return map[string]error{
			"set": second(s.SetChannel(ctx, "trust", name, nil, keep)), "remove": s.RemoveChannel(ctx, "trust", name, nil),
			"grants":     channelGrantsErr(s.ChannelGrants(ctx, "trust", name)),
			"set grants": second(s.SetChannelGrants(ctx, "trust", name, nil, taxii.ChannelGrants{})),
			"invite":     second(s.Invite(ctx, "trust", name, exchange.InvitationSetting{})), "invitations": second(s.Invitations(ctx, "trust", name)),
			"revoke": s.RevokeInvitation(ctx, "trust", name, taxii.NewID()),
		}
	}
	for deed, err := range deeds(reader, "alerts") {
		wantKind(t, deed, err, taxii.Forbidden)
	}
	absent := deeds(reader, "nowhere")
	for deed, err := range deeds(reader, "closed") {
		wantKind(t, deed+" what is hidden", err, taxii.NotFound)
		if err == nil || absent[deed] == nil || err.Error() != absent[deed].Error() {
			t.Errorf("%s: hidden is %v, where nothing is %v", deed, err, absent[deed])
		}
	}
	for deed, err := range deeds(h.Anonymous(), "alerts") {
		wantKind(t, deed+" without credentials", err, taxii.Unauthenticated)
	}
	h.account(t, "manager", "all,create on trust")
	fixed, open := h.another(t, func(o *exchange.Options) { o.ChannelsFixed = true })
	for deed, err := range deeds(open("manager"), "alerts") {
		wantKind(t, deed+" where channels are fixed", err, taxii.Unsupported)
	}
	for deed, err := range deeds(open("alice"), "closed") {
		wantKind(t, deed+" what is hidden, where channels are fixed", err, taxii.NotFound)
	}
	set := exchange.ChannelSetting{Root: "trust", Name: "more"}
	wantKind(t, "to create where channels are fixed", second(open("manager").AddChannel(ctx, set)), taxii.Unsupported)
	wantKind(t, "to create without the right where channels are fixed", second(open("alice").AddChannel(ctx, set)), taxii.Unsupported)
	if _, err := fixed.Operator().AddChannel(ctx, set); err != nil {
		t.Errorf("the operator, who fixes them: %v", err)
	}
}

func channelGrantsErr(_ taxii.ChannelGrants, _ string, err error) error { return err }

func TestAChangeKeepsWhatItDoesNotNameAndMovesTheTag(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	was := h.made(t, "trust", "alerts", func(c *exchange.ChannelSetting) { c.Title, c.Description, c.MaxMessages = "Alerts", "All of them", 10 })
	_, tag, _ := h.op.Channel(t.Context(), "trust", "alerts")
	now, err := h.op.SetChannel(t.Context(), "trust", "alerts", nil, func(c *exchange.ChannelSetting) error {
		c.Title, c.TTL, c.PermittedMessages, c.MaxMessages, c.MaxBytes, c.MaxMessageSize, c.ShowPublishers = "News", 60, []string{"indicator"}, 0, 7, 8, true
		return nil
	})
	want := was
	want.ETag = now.ETag
	want.Title, want.TTL, want.PermittedMessages, want.MaxMessages, want.MaxBytes, want.MaxMessageSize, want.ShowPublishers = "News", 60, []string{"indicator"}, 0, 7, 8, true
	if err != nil || !reflect.DeepEqual(now, want) {
		t.Errorf("changed to %+v, %v, want %+v", now, err, want)
	}
	_, moved, _ := h.op.Channel(t.Context(), "trust", "alerts")
	if now.ETag != moved || was.ETag != tag { // it used to be asked for later, when it could be that of another change
		t.Errorf("the tag of the answers is %s, then %s", was.ETag, now.ETag)
	}
	if moved == tag || moved == "" {
		t.Errorf("the tag was %s and is %s", tag, moved)
	}
	h.grant(t, "anonymous", "trust/channel/alerts", "read")
	if _, same, _ := h.Anonymous().Channel(t.Context(), "trust", "alerts"); same != moved {
		t.Errorf("a grant, or another account, moved the tag from %s to %s", moved, same)
	}
	refused := errors.New("another version")
	cond := func(have string) error {
		if have != moved {
			t.Errorf("the condition is given %s, want %s", have, moved)
		}
		return refused
	}
	for what, err := range map[string]error{
		"change": second(h.op.SetChannel(t.Context(), "trust", "alerts", cond, func(c *exchange.ChannelSetting) error { c.Title = "x"; return nil })),
		"remove": h.op.RemoveChannel(t.Context(), "trust", "alerts", cond),
	} {
		if !errors.Is(err, refused) {
			t.Errorf("%s under a condition that does not hold: %v", what, err)
		}
	}
	if v := seen(t, h.op, "trust", "alerts"); v.Title != "News" {
		t.Errorf("it is %+v all the same", v)
	}
	if _, err := h.op.SetChannel(t.Context(), "trust", "alerts", nil, func(*exchange.ChannelSetting) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("an edit that fails: %v", err)
	}
}

func TestWhatAChannelWasCreatedWithStays(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	h.account(t, "alice")
	h.made(t, "trust", "alerts", func(c *exchange.ChannelSetting) { c.Grants = []taxii.ChannelGrant{{Account: "alice", CanRead: true}} })
	for what, edit := range map[string]func(*exchange.ChannelSetting){
		"name": func(c *exchange.ChannelSetting) { c.Name = "news" }, "root": func(c *exchange.ChannelSetting) { c.Root = "lab" },
		"content_type": func(c *exchange.ChannelSetting) { c.ContentType = "*/*" }, "mode": func(c *exchange.ChannelSetting) { c.Mode = taxii.ModeReadOnly },
		"grants": func(c *exchange.ChannelSetting) {
			c.Grants = []taxii.ChannelGrant{{Account: "alice", CanRead: true, CanWrite: true}}
		},
		"ttl":     func(c *exchange.ChannelSetting) { c.TTL = 59 },
		"a title": func(c *exchange.ChannelSetting) { c.Title = strings.Repeat("x", 1001) },
	} {
		_, err := h.op.SetChannel(t.Context(), "trust", "alerts", nil, func(c *exchange.ChannelSetting) error { edit(c); return nil })
		wantKind(t, what, err, taxii.Unprocessable)
	}
	// A client that sends back what it was given changes nothing.
	v := seen(t, h.op, "trust", "alerts")
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.op.SetChannel(t.Context(), "trust", "alerts", nil, func(c *exchange.ChannelSetting) error { return exchange.ReadChannel(text, c) })
	if err != nil || !reflect.DeepEqual(again, v) {
		t.Errorf("what was sent back made %+v, %v of %+v", again, err, v)
	}
}

func TestSettingsOfAChannelAreChecked(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	for what, c := range map[string]exchange.ChannelSetting{
		"no name": {}, "capitals": {Name: "Alerts"}, "a slash": {Name: "a/b"}, "a dot in front": {Name: ".a"}, "too long a name": {Name: strings.Repeat("a", 129)},
		"a UUID":      {Name: "91a7b528-80eb-42ed-a74d-c6fbd5a26116"},
		"a short ttl": {Name: "a", TTL: 59}, "a long ttl": {Name: "a", TTL: 31_536_001}, "a negative ttl": {Name: "a", TTL: -1},
		"a mode": {Name: "a", Mode: "readonly"}, "a media type": {Name: "a", ContentType: "json"}, "a range": {Name: "a", ContentType: "text/*"},
		"a large size": {Name: "a", MaxMessageSize: exchange.DefaultMaxContentLength + 1}, "a negative size": {Name: "a", MaxMessageSize: -1},
		"a negative bound": {Name: "a", MaxMessages: -1}, "negative octets": {Name: "a", MaxBytes: -1},
		"a type": {Name: "a", PermittedMessages: []string{"Indicator"}}, "an empty type": {Name: "a", PermittedMessages: []string{""}},
		"many types":  {Name: "a", PermittedMessages: slices.Repeat([]string{"a"}, 1001)},
		"a long text": {Name: "a", Description: strings.Repeat("x", 10_001)},
	} {
		c.Root = "trust"
		wantKind(t, what, second(h.op.AddChannel(t.Context(), c)), taxii.Unprocessable)
	}
	for what, c := range map[string]exchange.ChannelSetting{
		"the longest name": {Name: strings.Repeat("a", 128)}, "digits and marks": {Name: "0._-"}, "the shortest ttl": {Name: "a", TTL: 60},
		"the longest ttl": {Name: "b", TTL: 31_536_000}, "any type": {Name: "c", ContentType: "*/*"}, "a type with parameters": {Name: "d", ContentType: "text/csv; charset=utf-8"},
		"the largest size": {Name: "e", MaxMessageSize: exchange.DefaultMaxContentLength}, "types": {Name: "f", PermittedMessages: []string{"x-1", "indicator"}},
	} {
		c.Root = "trust"
		if _, err := h.op.AddChannel(t.Context(), c); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	small, _ := h.another(t, func(o *exchange.Options) { o.MaxContentLength = 1000 })
	if c, err := small.Operator().AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "small"}); err != nil || c.MaxMessageSize != 1000 {
		t.Errorf("where bodies are small the default is %d, %v", c.MaxMessageSize, err)
	}
	if c, _, err := small.Operator().Channel(t.Context(), "trust", "e"); err != nil || c.MaxMessageSize != 1000 {
		t.Errorf("where bodies became small, max_message_size is %d, %v", c.MaxMessageSize, err)
	}
}

func TestTheJSONOfAChannelIsReadStrictlyWhereItMatters(t *testing.T) {
	for text, want := range map[string]taxii.Kind{
		``: taxii.Malformed, `[]`: taxii.Malformed, `null`: taxii.Malformed, `{"name":"a","name":"b"}`: taxii.Malformed, `{"name":"a"`: taxii.Malformed,
		`{"name":1}`: taxii.Unprocessable, `{"name":null}`: taxii.Unprocessable, `{"name":""}`: taxii.Unprocessable,
		`{"name":"a","ttl":0}`: taxii.Unprocessable, `{"name":"a","ttl":"60"}`: taxii.Unprocessable, `{"name":"a","ttl":60.5}`: taxii.Unprocessable,
		`{"name":"a","ttl":null}`: taxii.Unprocessable, `{"name":"a","max_message_size":0}`: taxii.Unprocessable,
		`{"name":"a","mode":""}`: taxii.Unprocessable, `{"name":"a","permitted_messages":"indicator"}`: taxii.Unprocessable,
		`{"name":"a","permitted_messages":[1]}`: taxii.Unprocessable, `{"name":"a","grants":[{"account":1}]}`: taxii.Unprocessable,
		`{"name":"a","from_collection":null}`: taxii.Unprocessable, `{"name":"a","show_publishers":"yes"}`: taxii.Unprocessable,
	} {
		set := exchange.ChannelSetting{Root: "trust"}
		wantKind(t, text, exchange.ReadChannel([]byte(text), &set), want)
	}
	set := exchange.ChannelSetting{Root: "trust", Title: "stays", TTL: 60}
	err := exchange.ReadChannel([]byte(`{"name":"a","root":"other","id":5,"x":null,"max_messages":0,"from_collection":""}`), &set)
	if err != nil || set.Root != "trust" || set.Name != "a" || set.Title != "stays" || set.TTL != 60 || set.From == nil || *set.From != "" || set.To != nil {
		t.Errorf("read %+v, %v", set, err)
	}
}

func TestARootHasRoomForAThousandChannels(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	h.root(t, "lab")
	root := int64(0)
	catalog, err := h.store.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range catalog.Roots {
		if r.Name == "trust" {
			root = r.ID
		}
	}
	var all sync.WaitGroup
	for i := range 999 {
		all.Go(func() {
			name := "c" + strings.Repeat("x", i%100) + string(rune('a'+i/100))
			c := exchange.Channel{ID: taxii.NewID(), Root: root, Name: name, ContentType: "*/*", TTL: 60, Mode: taxii.ModeBoth, MaxMessageSize: 1}
			if err := h.store.PutChannel(context.WithoutCancel(t.Context()), c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	x, _ := h.another(t, func(*exchange.Options) {})
	if _, err := x.Operator().AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "last"}); err != nil {
		t.Errorf("the thousandth: %v", err)
	}
	wantKind(t, "one more", second(x.Operator().AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "one-more"})), taxii.TooMany)
	if _, err := x.Operator().AddChannel(t.Context(), exchange.ChannelSetting{Root: "lab", Name: "first"}); err != nil {
		t.Errorf("in another root: %v", err)
	}
}

func TestARootWithChannelsIsNotAdvertisedElsewhereAndTakesThemWithIt(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	h.made(t, "trust", "alerts")
	_, err := h.op.SetRoot(t.Context(), "trust", func(r *exchange.RootSetting) error { r.Advertise = "https://other.example.com/x/"; return nil })
	wantKind(t, "to advertise it elsewhere", err, taxii.Conflict)
	if err := h.op.RemoveRoot(t.Context(), "trust"); err != nil {
		t.Fatal(err)
	}
	h.root(t, "trust")
	if list, err := h.op.Channels(t.Context(), "trust", 0, ""); err != nil || len(list.Channels) != 0 {
		t.Errorf("the new root has %+v, %v", list, err)
	}
	away := exchange.RootSetting{Name: "away", Advertise: "https://other.example.com/x/"}
	if _, err := h.op.AddRoot(t.Context(), away); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a channel of a root elsewhere", second(h.op.AddChannel(t.Context(), exchange.ChannelSetting{Root: "away", Name: "a"})), taxii.NotFound)
	wantKind(t, "the channels of a root elsewhere", second(h.op.Channels(t.Context(), "away", 0, "")), taxii.NotFound)
}

func TestRestoredNeedsTheServer(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	h.made(t, "trust", "alerts")
	wantKind(t, "who manages a root", h.account(t, "alice", "all on trust").Restored(t.Context()), taxii.Forbidden)
	before := seen(t, h.op, "trust", "alerts")
	if err := h.account(t, "bob", "manage on server").Restored(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := seen(t, h.op, "trust", "alerts"); after.Latest == before.Latest {
		t.Error("the cursors are of the incarnation before")
	}
}
