package exchange

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// publishTo judges a publication for a Channel that takes everything its setting
// does not exclude.
func publishTo(c Channel, sent Publication) (*publishing, error) {
	if c.ContentType == "" {
		c.ContentType = taxii.MediaType
	}
	if c.MaxMessageSize == 0 {
		c.MaxMessageSize = 8 << 20
	}
	p := &publishing{channel: &c, room: func(int64) error { return nil }}
	return p, p.body(sent)
}

const sco = `{"type":"x-a","id":"x-a--11111111-1111-4111-8111-111111111111"}`

func envelopeOf(objects ...string) string { return `{"objects":[` + strings.Join(objects, ",") + `]}` }

func TestWhatIsNoBodyIsRefusedWhole(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`[`, 61) + strings.Repeat(`]`, 61)
	for name, body := range map[string]string{
		"nothing": ``, "white space": " \n", "half an object": `{"objects":[`, "a list": `[]`, "text": `"objects"`,
		"a byte order mark": "\ufeff" + envelopeOf(sco), "two values": envelopeOf(sco) + `{}`,
		"a name twice": `{"objects":[{"type":"x-a","type":"x-a","id":"x"}]}`, "a name twice outside": `{"a":1,"a":1,"objects":[` + sco + `]}`,
		"bad UTF-8":        "{\"objects\":[{\"type\":\"x-a\",\"id\":\"\xff\"}]}",
		"a lone surrogate": `{"objects":[{"type":"x-a","id":"x","n":"\ud800"}]}`, "one in a name": `{"objects":[{"type":"x-a","id":"x","\udc00":1}]}`,
		"a noncharacter": "{\"objects\":[{\"type\":\"x-a\",\"id\":\"x\",\"n\":\"\ufdd0\"}]}", "an escaped one": `{"objects":[{"type":"x-a","id":"x","n":"\uFFFE"}]}`,
		"one of a higher plane": `{"objects":[{"type":"x-a","id":"x","n":"\ud83f\udfff"}]}`, "one in a name of the body": "{\"\U0001fffe\":1,\"objects\":[" + sco + "]}",
		"65 levels": `{"objects":[{"type":"x-a","id":"x","n":[` + deep + `]}]}`, "no objects": `{}`, "objects of another name": `{"object":[` + sco + `]}`,
		"an empty list": `{"objects":[]}`, "objects that are no list": `{"objects":` + sco + `}`,
		"messages beside objects": `{"messages":[{"content":1}],"objects":[` + sco + `]}`, "messages that are no list": `{"messages":{}}`,
		"no messages": `{"messages":[]}`, "1001 drafts": `{"messages":[{}` + strings.Repeat(`,{}`, 1000) + `]}`,
	} {
		if p, err := publishTo(Channel{}, Publication{ContentType: taxii.MediaType, Body: []byte(body)}); taxii.KindOf(err) != taxii.Malformed {
			t.Errorf("%s: %v, drafts %v, failures %v", name, err, p.drafts, p.failures)
		}
	}
	for _, good := range []string{
		envelopeOf(sco), " " + envelopeOf(sco) + "\r\n", `{"more":false,"objects":[` + sco + `],"custom":{"a":[1]}}`,
		`{"objects":[{"type":"x-a","id":"x","n":[` + deep[1:len(deep)-1] + `]}]}`,
		"{\"objects\":[{\"type\":\"x-a\",\"id\":\"x\",\"n\":\"\uffef \U0001f600 \\ud83d\\ude00 \ufffd \\\\ \\\"\"}]}",
	} {
		p, err := publishTo(Channel{}, Publication{ContentType: taxii.MediaType, Body: []byte(good)})
		if err != nil || len(p.drafts) != 1 || string(p.drafts[0].Content) != good {
			t.Errorf("%s: %v, %+v", good, err, p.failures)
		}
	}
}

func TestAMalformedEnvelopeIsAFailureThatSaysWhere(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		envelopeOf(sco, `7`):                                               "objects/1 is no JSON object",
		envelopeOf(`{"type":"x-a"}`):                                       "objects/0: id",
		envelopeOf(`{"type":"x-a","id":7}`):                                "objects/0: id",
		envelopeOf(`{"type":"x-a","id":""}`):                               "objects/0: id",
		envelopeOf(`{"id":"x-a--1"}`):                                      "objects/0: type",
		envelopeOf(`{"id":"x","type":"a\u0009b"}`):                         "objects/0: type",
		envelopeOf(`{"id":"x\u000ay","type":"a"}`):                         "objects/0: id",
		envelopeOf(`{"id":"x","type":"bundle"}`):                           "objects/0 is a bundle",
		`{"type":"bundle","id":"b","objects":[` + sco + `]}`:               "bundle",
		envelopeOf(`{"id":"` + strings.Repeat("i", 257) + `","type":"a"}`): "256",
		envelopeOf(`{"id":"i","type":"` + strings.Repeat("t", 251) + `"}`): "250",
	} {
		p, err := publishTo(Channel{}, Publication{ContentType: "application/taxii+json", Body: []byte(body)})
		if err != nil || len(p.drafts) != 0 || len(p.failures) != 1 || !strings.Contains(p.failures[0].Message, want) {
			t.Errorf("%.80s: %v, %+v", body, err, p.failures)
		}
	}
}

func TestMarksSayWhatEachObjectIs(t *testing.T) {
	t.Parallel()
	body := envelopeOf(
		`{"type":"indicator","spec_version":"2.1","id":"indicator--1"}`, `{"id":"ipv4-addr--2","x":{"id":"no"},"type":"ipv4-addr"}`,
		`{"type":"malware","created":"2020-01-01T00:00:00Z","id":"malware--3"}`, `{"\u0069d":"x\u002d4","type":"x"}`, `{"id":"x-5","type":"x","spec_version":[1]}`,
		`{"type":"ipv4-addr","created":"2020-01-01T00:00:00Z","id":"6"}`,
		// A spec_version with a line end used to pass for the marks of another object.
		`{"type":"x","id":"7","spec_version":"2.1\tindicator\tid\n2.1"}`, `{"type":"x","id":"8","spec_version":"2.1 and much more"}`)
	p, err := publishTo(Channel{}, Publication{ContentType: taxii.MediaType, Body: []byte(body)})
	if err != nil || len(p.drafts) != 1 {
		t.Fatal(err, p.failures)
	}
	want := "2.1\tindicator\tindicator--1\n2.1\tipv4-addr\tipv4-addr--2\n2.0\tmalware\tmalware--3\n2.1\tx\tx-4\n\tx\tx-5\n2.1\tipv4-addr\t6\n\tx\t7\n\tx\t8\n"
	if got := p.drafts[0].Message.Marks; got != want {
		t.Errorf("marks %q, want %q", got, want)
	}
}

func TestContentIsExactlyTheOctetsOfItsValue(t *testing.T) {
	t.Parallel()
	values := []string{`{ "objects" : [ ` + sco + ` ] }`, `1e3`, ` "a\u0062"`, "[1 ,\n 2]", `null`, `{"a":1.0}`, envelopeOf(sco)}
	media := []string{"", "application/json", "application/json", "application/geo+json", "application/json", "application/json;charset=utf-8", "application/taxii+json"}
	body := `{ "x":[{}], "messages" : [`
	for i, v := range values {
		if i > 0 {
			body += " ,"
		}
		body += ` { "content" : ` + v + ` , "media_type": "` + media[i] + `"} `
	}
	body = strings.Replace(body, ` , "media_type": ""`, "", 1) + `]}`
	p, err := publishTo(Channel{ContentType: "*/*"}, Publication{ContentType: taxii.MediaType, Body: []byte(body)})
	if err != nil || len(p.drafts) != len(values) {
		t.Fatalf("%v: %+v", err, p.failures)
	}
	for i, d := range p.drafts {
		if want := strings.TrimSpace(values[i]); string(d.Content) != want {
			t.Errorf("content %q, want %q", d.Content, want)
		}
		isEnvelope := i == 0 || i == len(values)-1
		if (d.Message.Marks != "") != isEnvelope || (d.Type == taxii.TypeEnvelope) != isEnvelope || (d.Message.MediaType == taxii.MediaType) != isEnvelope {
			t.Errorf("draft %d: %+v %+v", i, d, d.Message)
		}
	}
}

func TestEachDraftStandsAlone(t *testing.T) {
	t.Parallel()
	const id, origin = "91A7B528-80EB-42ED-A74D-C6FBD5A26116", "0f0e0d0c-80eb-42ed-a74d-c6fbd5a26116"
	derived := derivedID(origin, strings.ToLower(id))
	for _, c := range []struct{ draft, refused string }{
		{`{"id":"` + id + `","content":` + envelopeOf(sco) + `}`, ""},
		{`{"id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","type":"chat","media_type":"application/json","content":{"text":"hi"}}`, ""},
		{`{"content_base64":"AAEC","unknown":[1]}`, ""}, {`{"content_base64":""}`, ""},
		{`{"media_type":"application/json","content_base64":"eyJhIjoxfQ=="}`, ""},
		{`{"origin":"` + origin + "/" + id + `","content_base64":"AAEC"}`, ""},
		{`{"origin":"` + origin + "/" + id + `","id":"` + derived + `","content_base64":"AAEC"}`, ""},
		{`5`, "a draft is a JSON object"}, {`{}`, "neither content"}, {`{"content":1,"content_base64":"AAEC"}`, "both"},
		{`{"content":{"text":"hi"}}`, "list of objects"}, {`{"content":` + envelopeOf() + `}`, "empty"}, {`{"content":7}`, "envelope"},
		{`{"id":"7","content":` + envelopeOf(sco) + `}`, "UUID"}, {`{"id":"","content":` + envelopeOf(sco) + `}`, "UUID"}, {`{"id":7,"content":1}`, "string"},
		{`{"id":"{91a7b528-80eb-42ed-a74d-c6fbd5a26116}","content_base64":""}`, "UUID"}, {`{"id":"91a7b528080eb-42ed-a74d-c6fbd5a26116","content_base64":""}`, "UUID"},
		{`{"type":"Chat","content_base64":""}`, "type must"}, {`{"type":"` + strings.Repeat("a", 65) + `","content_base64":""}`, "type must"}, {`{"type":true,"content_base64":""}`, "string"},
		{`{"media_type":"text","content_base64":""}`, "media type"}, {`{"media_type":"*/*","content_base64":""}`, "media type"},
		{`{"media_type":"text/plain;a=\"\u0001\"","content_base64":""}`, "media type"}, {`{"media_type":"text/plain","content":"x"}`, "content_base64"},
		{`{"content_base64":"AAE"}`, "base64"}, {`{"content_base64":"AAEC\n"}`, "base64"}, {`{"content_base64":"AAF_"}`, "base64"}, {`{"content_base64":"AAB="}`, "base64"}, {`{"content_base64":1}`, "string"},
		{`{"media_type":"application/json","content_base64":"e30gMQ=="}`, "JSON"}, {`{"media_type":"application/taxii+json","content_base64":"e30="}`, "list of objects"},
		{`{"origin":"x","content_base64":""}`, "origin"}, {`{"origin":"` + origin + "/" + id + `","id":"` + origin + `","content_base64":""}`, derived},
	} {
		p, err := publishTo(Channel{ContentType: "*/*"}, Publication{ContentType: taxii.MediaType, Body: []byte(`{"messages":[` + c.draft + `,{"content_base64":"AA=="}]}`)})
		if err != nil || len(p.drafts)+len(p.failures) != 2 {
			t.Fatalf("%s: %v", c.draft, err)
		}
		switch {
		case c.refused == "" && len(p.drafts) != 2:
			t.Errorf("%s: %+v", c.draft, p.failures)
		case c.refused != "" && (len(p.failures) != 1 || !strings.Contains(p.failures[0].Message, c.refused) || p.failures[0].Version != "0" || p.drafts[0].Version != "1"):
			t.Errorf("%s: %+v", c.draft, p.failures)
		case c.refused != "":
			if _, ok := messageID(p.failures[0].ID); !ok {
				t.Errorf("%s: the failure has the id %q", c.draft, p.failures[0].ID)
			}
		case !taxii.IsID(p.drafts[1].ID) || p.drafts[0].ID != strings.ToLower(p.drafts[0].ID):
			t.Errorf("%s: ids %q and %q", c.draft, p.drafts[0].ID, p.drafts[1].ID)
		}
	}
}

func TestAChannelTakesWhatItIsSetTo(t *testing.T) {
	t.Parallel()
	chat := `{"messages":[{"type":"chat","content":{"text":"hi"}}]}`
	for _, c := range []struct {
		name          string
		channel       Channel
		media, body   string
		refused       string // the failure
		kind          taxii.Kind
		wholly, taken bool
	}{
		{name: "a type that is listed", channel: Channel{Permitted: []string{"envelope"}}, media: taxii.MediaType, body: envelopeOf(sco), taken: true},
		{name: "the types of all objects", channel: Channel{Permitted: []string{"x-a", "y"}}, media: taxii.MediaType, body: envelopeOf(sco, sco), taken: true},
		{name: "one object of another type", channel: Channel{Permitted: []string{"x-a"}}, media: taxii.MediaType, body: envelopeOf(sco, `{"type":"x-b","id":"1"}`), refused: "x-b"},
		{name: "a type that is not listed", channel: Channel{Permitted: []string{"x-a"}}, media: taxii.MediaType, body: chat, refused: "type chat is not permitted here"},
		{name: "other content", channel: Channel{Permitted: []string{"x-a"}, ContentType: "*/*"}, media: "text/plain", body: "x", refused: "type content is not permitted here"},
		{name: "other content that is permitted", channel: Channel{Permitted: []string{"content"}, ContentType: "*/*"}, media: "text/plain", body: "x", taken: true},
		{name: "another media type", media: "text/plain", body: "x", kind: taxii.UnsupportedMedia, wholly: true},
		{name: "no media type", body: "x", kind: taxii.UnsupportedMedia, wholly: true},
		{name: "no media type where any is taken", channel: Channel{ContentType: "*/*"}, body: "x", kind: taxii.UnsupportedMedia, wholly: true},
		{name: "an Envelope where text is taken", channel: Channel{ContentType: "text/plain"}, media: taxii.MediaType, body: envelopeOf(sco), kind: taxii.UnsupportedMedia, wholly: true},
		{name: "a list where text is taken", channel: Channel{ContentType: "text/plain"}, media: taxii.MediaType, body: `{"messages":[{"content_base64":"AA==","media_type":"text/plain"}]}`, taken: true},
		{name: "an Envelope in a list where text is taken", channel: Channel{ContentType: "text/plain"}, media: taxii.MediaType, body: `{"messages":[{"content":` + envelopeOf(sco) + `}]}`, refused: "text/plain"},
		{name: "octets in a list where Envelopes are taken", media: taxii.MediaType, body: `{"messages":[{"content_base64":"AA=="}]}`, refused: "octet-stream"},
		{name: "another version of TAXII", media: "application/taxii+json;version=2.0", body: envelopeOf(sco), kind: taxii.UnsupportedMedia, wholly: true},
		{name: "the version in quotes", media: `Application/TAXII+json; version="2.1"; charset=UTF-8`, body: envelopeOf(sco), taken: true},
		{name: "a parameter more", channel: Channel{ContentType: "text/plain"}, media: "text/plain;charset=utf-8", body: "x", taken: true},
		{name: "a parameter less", channel: Channel{ContentType: "text/plain;charset=utf-8"}, media: "text/plain", body: "x", kind: taxii.UnsupportedMedia, wholly: true},
		{name: "no octets", channel: Channel{ContentType: "*/*"}, media: "text/plain", taken: true},
		{name: "JSON that is none", channel: Channel{ContentType: "*/*"}, media: "application/json", body: "{", kind: taxii.Malformed, wholly: true},
		{name: "too much", channel: Channel{MaxMessageSize: 10}, media: taxii.MediaType, body: envelopeOf(sco), refused: "10 octets"},
		{name: "just enough", channel: Channel{MaxMessageSize: int64(len(envelopeOf(sco)))}, media: taxii.MediaType, body: envelopeOf(sco), taken: true},
	} {
		p, err := publishTo(c.channel, Publication{ContentType: c.media, Body: []byte(c.body)})
		switch {
		case c.wholly && (err == nil || taxii.KindOf(err) != c.kind), !c.wholly && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.taken && len(p.drafts) != 1:
			t.Errorf("%s: %+v", c.name, p.failures)
		case c.refused != "" && (len(p.failures) != 1 || !strings.Contains(p.failures[0].Message, c.refused)):
			t.Errorf("%s: %+v", c.name, p.failures)
		}
	}
}

func TestAnIdempotencyKeyIsTheIDOfOneMessage(t *testing.T) {
	t.Parallel()
	const key = "01890A5D-AC96-774B-BCCE-B302099A8057"
	p, err := publishTo(Channel{}, Publication{ContentType: taxii.MediaType, Key: key, Body: []byte(envelopeOf(sco))})
	if err != nil || len(p.drafts) != 1 || p.drafts[0].ID != strings.ToLower(key) {
		t.Errorf("%v, %+v", err, p.drafts)
	}
	for _, sent := range []Publication{
		{ContentType: taxii.MediaType, Key: key, Body: []byte(`{"messages":[{"content":` + envelopeOf(sco) + `}]}`)},
		{ContentType: taxii.MediaType, Key: "abc", Body: []byte(envelopeOf(sco))},
	} {
		if _, err := publishTo(Channel{}, sent); taxii.KindOf(err) != taxii.Malformed {
			t.Errorf("key %s: %v", sent.Key, err)
		}
	}
}

// The example of RFC 9562, appendix A.4.
func TestADerivedIDIsAUUIDOfVersion5(t *testing.T) {
	t.Parallel()
	if id := derivedID("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com"); id != "2ed6657d-e927-568b-95e1-2665a8aea6a2" {
		t.Errorf("got %s", id)
	}
}

func TestAMessageThatReadersMayGetByReferenceSaysSo(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte("x"), 7<<20)
	p, err := publishTo(Channel{ContentType: "*/*"}, Publication{ContentType: "text/plain", Body: large})
	if err != nil || len(p.drafts) != 1 || p.drafts[0].Note == "" {
		t.Errorf("seven MiB in base64: %v, %d drafts", err, len(p.drafts))
	}
	p, err = publishTo(Channel{ContentType: "*/*"}, Publication{ContentType: "text/plain", Body: large[:6<<20]})
	if err != nil || len(p.drafts) != 1 || p.drafts[0].Note != "" {
		t.Errorf("six: %v, %d drafts", err, len(p.drafts))
	}
}

func FuzzAPublicationIsTakenOrRefused(f *testing.F) {
	for _, seed := range []string{
		envelopeOf(sco), `{"messages":[{"content":` + envelopeOf(sco) + `}]}`, `{"messages":[{"id":"x","content_base64":"AA=="}]}`, "\ufeff", `{"objects":[{"id":"\ud800"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := publishTo(Channel{ContentType: "*/*"}, Publication{ContentType: taxii.MediaType, Body: body})
		if err != nil && taxii.KindOf(err) != taxii.Malformed || err == nil && len(p.drafts)+len(p.failures) == 0 {
			t.Fatal(err)
		}
		for _, d := range p.drafts {
			raws, wrong := taxii.SplitEnvelope(d.Content)
			if d.Message.MediaType == taxii.MediaType && (wrong != nil || strings.Count(d.Message.Marks, "\n") != len(raws)) {
				t.Fatalf("%q is taken with the marks %q: %v", d.Content, d.Message.Marks, wrong)
			}
		}
	})
}

func BenchmarkReadingAnEnvelope(b *testing.B) {
	body := trial.Envelope(trial.Objects(1, 1)...)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if p, err := publishTo(Channel{}, Publication{ContentType: taxii.MediaType, Body: body}); err != nil || len(p.drafts) != 1 {
			b.Fatal(err)
		}
	}
}
