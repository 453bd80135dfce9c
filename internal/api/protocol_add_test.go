package api_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestAnAddIsAnsweredWithItsCompleteStatus(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R006", "R007", "R011", "R017", "R022", "R032", "R037", "R170", "R191", "R196", "R197", "R198", "R199", "R200", "R201",
		"R202", "R203", "R204", "R205", "R206", "R207", "R208", "R209", "R236", "R240", "R242", "K60", "K62", "K63")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	a := member.post(t, c, envelopeOf(object("indicator", 1, day(1)), `{"x":1}`, object("tool", 2, "yesterday"), observable(3), `{"type":"tool","id":"tool--1"}`))
	st := status(t, a, http.StatusAccepted)
	if st.TotalCount != 5 || st.SuccessCount != 2 || st.FailureCount != 3 || time.Since(st.RequestTimestamp.Time()).Abs() > time.Minute {
		t.Errorf("%s", a.Body)
	}
	if s := st.Successes; s[0].ID != id("indicator", 1) || s[0].Version != day(1) || s[1].ID != id("domain-name", 3) {
		t.Errorf("successes are %+v", s)
	}
	if f := st.Failures; f[0].ID != "objects/1" || f[0].Version != st.RequestTimestamp.String() || f[1].ID != id("tool", 2) || f[1].Version != "yesterday" {
		t.Errorf("failures are %+v", f)
	}
	again := member.get(t, "/trust/status/"+st.ID+"/")
	if string(again.Body) != string(a.Body) {
		t.Errorf("the Status later is %s\nat first %s", again.Body, a.Body)
	}
	manifest := member.page(t, c+"/manifest/")
	sameSet(t, "what is there", manifest.ids(t), []string{id("indicator", 1), id("domain-name", 3)})
	sameSet(t, "its versions", manifest.versions(t), []string{st.Successes[0].Version, st.Successes[1].Version})
}

func TestBodiesThatAreNoEnvelopeAre422AndStoreNothing(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R009", "R016", "R153", "R154", "R237", "R240", "R272", "K17", "K60")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	good1 := object("indicator", 1, day(1))
	deep := strings.Repeat("[", 70) + strings.Repeat("]", 70)
	for what, body := range map[string]string{
		"white space": "  ", "no JSON": "objects", "half": envelopeOf(good1)[:40], "bad UTF-8": envelopeOf(good1, observable(2, "\"x_a\":\"\xff\"")),
		"a half surrogate": envelopeOf(good1, observable(2, `"x_a":"\ud800"`)), "names twice": envelopeOf(good1, observable(2, `"value":"again"`)),
		"names twice on top": `{"objects":[` + good1 + `],"objects":[` + good1 + `]}`, "too deep": envelopeOf(good1, observable(2, `"x_a":`+deep)),
		"too deep beside": `{"x":` + deep + `,"objects":[` + good1 + `]}`, "no objects": `{}`, "empty objects": `{"objects":[]}`, "null": `{"objects":null}`,
		"an object": `{"objects":{}}`, "a text": `"objects"`, "a list": `[` + good1 + `]`, "something after": envelopeOf(good1) + "x",
		"two": envelopeOf(good1) + envelopeOf(good1), "a byte order mark": "\ufeff" + envelopeOf(good1), "a comma too many": `{"objects":[` + good1 + `,]}`,
		"an empty bundle": `{"type":"bundle","id":"` + id("bundle", 1) + `"}`, "NaN": envelopeOf(good1, observable(2, `"x_a":NaN`)), "single quotes": `{'objects':[]}`,
		"a comment": "/**/" + envelopeOf(good1),
	} {
		e := refusal(t, member.post(t, c, body), http.StatusUnprocessableEntity)
		if len(e.Title) < 10 {
			t.Errorf("%s: %+v", what, e)
		}
	}
	bare := refusal(t, member.post(t, c, good1), http.StatusUnprocessableEntity)
	if !strings.Contains(bare.Error(), `{"objects":[...]}`) {
		t.Errorf("a bare object is not told how to be wrapped: %+v", bare)
	}
	refusal(t, member.ask(t, "POST", c+"/objects/", "", "Content-Type: application/taxii+json;version=2.1"), http.StatusUnprocessableEntity)
	if p := member.page(t, c+"/objects/"); len(p.Items) != 0 {
		t.Errorf("something was stored: %s", p.Body)
	}
}

func TestBundlesAndAdditionalPropertiesAreTaken(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R168", "R170", "R267", "R272", "R281", "K54", "K60")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	for n, body := range []string{
		fmt.Sprintf(`{"type":"bundle","id":%q,"spec_version":"2.0","objects":[%s]}`, id("bundle", 1), observable(0)),
		fmt.Sprintf(`{"more":false,"next":"x","x_example_com_note":{"a":[1]},"a-b":1,"objects":[%s],"":null}`, observable(1)),
		"\r\n\t " + envelopeOf(" \n"+observable(2)+"\n ") + " \n",
	} {
		st := status(t, member.post(t, c, body), http.StatusAccepted)
		if st.SuccessCount != 1 || st.Successes[0].ID != id("domain-name", n) || st.Successes[0].Message != "" {
			t.Errorf("%s: %+v", body, st)
		}
	}
	inner := fmt.Sprintf(`{"type":"bundle","id":%q,"objects":[%s,{"bad":1},%s]}`, id("bundle", 2), observable(3), observable(4))
	st := status(t, member.post(t, c, envelopeOf(observable(5), inner, `{"type":"bundle","id":"`+id("bundle", 3)+`"}`)), http.StatusAccepted)
	if st.TotalCount != 5 || st.SuccessCount != 3 || st.FailureCount != 2 {
		t.Errorf("%+v", st)
	}
	for _, s := range st.Successes {
		if strings.Contains(s.Message, "bundle") != (s.ID != id("domain-name", 5)) {
			t.Errorf("the note of %s is %q", s.ID, s.Message)
		}
	}
	if st.Failures[0].ID != "objects/1/objects/1" {
		t.Errorf("%+v", st.Failures)
	}
	p := member.page(t, c+"/objects/")
	for _, item := range p.Items {
		if field(t, item, "type") != "domain-name" {
			t.Errorf("%s came out", item)
		}
	}
	if len(p.Items) != 6 {
		t.Errorf("%d objects are there", len(p.Items))
	}
}

func TestTheSameObjectAgainIsASuccessAndStoredOnce(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R243", "R245", "R207", "K55", "K61", "K62")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	first := object("indicator", 1, day(1), `"name":"a","x_n":1.50`)
	sco := observable(2, `"x_n":1e3`)
	st := member.add(t, c, first, sco)
	again := `{ "x_n" : 1.5, "name":"\u0061", "id":"` + id("indicator", 1) + `", "modified":"` + day(1) +
		`","created":"2020-01-01T00:00:00.000Z", "spec_version":"2.1","type":"indicator"}`
	scoAgain := `{"x_n":1000.0,"value":"h2.example","type":"domain-name","spec_version":"2.1","id":"` + id("domain-name", 2) + `"}`
	for _, objects := range [][]string{{first, sco}, {again, scoAgain}, {again, again, first, sco}} {
		repeated := member.add(t, c, objects...)
		for _, s := range repeated.Successes {
			if s.Message == "" || s.Version != st.Successes[0].Version && s.Version != st.Successes[1].Version {
				t.Errorf("%+v", s)
			}
		}
	}
	same(t, "the first bytes stay", member.page(t, c+"/objects/?match[version]=all").Items, []string{first, sco})
	within := member.add(t, c, object("tool", 3, day(1)), object("tool", 3, day(1)), object("tool", 3, day(2)), object("tool", 3, day(2)))
	if within.SuccessCount != 4 {
		t.Errorf("%+v", within)
	}
	if p := member.page(t, c+"/manifest/?match[version]=all"); len(p.Items) != 4 {
		t.Errorf("%s", p.Body)
	}
}

func TestOtherContentUnderTheSameVersionIsAFailureThatSaysSo(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R163", "R204", "R208", "R246", "R279", "K62")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	first := object("indicator", 1, day(1), `"name":"a"`)
	member.add(t, c, first)
	for _, other := range []string{object("indicator", 1, day(1), `"name":"b"`), object("indicator", 1, day(1)),
		object("indicator", 1, "2024-01-01T00:00:00Z", `"name":"a"`), object("indicator", 1, "2024-01-01T00:00:00.000000Z", `"name":"c"`)} {
		st := status(t, member.post(t, c, envelopeOf(other, observable(2))), http.StatusAccepted)
		if st.SuccessCount != 1 || st.FailureCount != 1 || st.Failures[0].ID != id("indicator", 1) || !strings.Contains(st.Failures[0].Message, "content") {
			t.Errorf("%s: %+v", other, st)
		}
	}
	st := status(t, member.post(t, c, envelopeOf(object("tool", 3, day(1)), object("tool", 3, day(1), `"name":"b"`))), http.StatusAccepted)
	if st.SuccessCount != 1 || st.FailureCount != 1 {
		t.Errorf("in one envelope: %+v", st)
	}
	same(t, "what stays", member.page(t, c+"/objects/?match[type]=indicator&match[version]=all").Items, []string{first})

	sco, other := observable(4), observable(4, `"x_other":1`)
	member.add(t, c, sco, other) // without a version of its own, other content is another version
	if got := member.add(t, c, sco); got.Successes[0].Message == "" {
		t.Errorf("content that was there before is new again: %+v", got)
	}
	same(t, "both", member.page(t, c+"/objects/?match[version]=all&match[id]="+id("domain-name", 4)).Items, []string{sco, other})
	same(t, "the later", member.page(t, c+"/objects/?match[id]="+id("domain-name", 4)).Items, []string{other})
}

func TestOneBadObjectHarmsNoNeighbour(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R202", "R204", "R205", "R207", "R208", "R240", "K62")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t, exchange.CollectionSetting{Validation: "off"})
	with := func(idText, typ, modified string) string {
		return fmt.Sprintf(`{"id":%s,"type":%s,"spec_version":"2.1","created":"2020-01-01T00:00:00.000Z","modified":%s}`, idText, typ, modified)
	}
	text := func(n int) string { return `"` + strings.Repeat("é", n/2) + strings.Repeat("a", n%2) + `"` }
	for where, bad := range map[string][]string{
		"objects/1": {`1`, `"x"`, `null`, `[]`, `{}`, `{"type":"x"}`, with(`""`, `"x"`, `"1"`), with(`1`, `"x"`, `"1"`), with(`null`, `"x"`, `"1"`),
			with(text(257), `"x"`, `"1"`), with(`"a\u0000b"`, `"x"`, `"1"`), with(`"a\nb"`, `"x"`, `"1"`), with(`"a\u007f"`, `"x"`, `"1"`), with(`"\u0085"`, `"x"`, `"1"`)},
		"a": {with(`"a"`, `""`, `"1"`), with(`"a"`, text(251), `"1"`), with(`"a"`, `"\t"`, `"1"`), with(`"a"`, `{}`, `"1"`), with(`"a"`, `"x"`, `""`),
			with(`"a"`, `"x"`, text(65)), with(`"a"`, `"x"`, `"\u0000"`), with(`"a"`, `"x"`, `5`), `{"id":"a"}`, with(`"a"`, `"x"`, `null`)},
	} {
		for i, b := range bad {
			left, right := observable(1000*len(where)+2*i), observable(1000*len(where)+2*i+1)
			st := status(t, member.post(t, c, envelopeOf(left, b, right)), http.StatusAccepted)
			if st.SuccessCount != 2 || st.FailureCount != 1 || st.Failures[0].ID != where {
				t.Errorf("%.100s: %+v", b, st)
			}
		}
	}
	member.add(t, c, with(text(256), text(250), text(64)), with(`"a b/c?d%20e"`, `"X y"`, `"v1"`), with(`"../x"`, `"x"`, `"v 1"`))
	for _, path := range []string{"a%20b%2Fc%3Fd%2520e", "..%2Fx", strings.Repeat("%C3%A9", 128)} {
		if p := member.page(t, c+"/objects/"+path+"/"); len(p.Items) != 1 {
			t.Errorf("%s: %s", path, p.Body)
		}
		if p := member.page(t, c+"/objects/"+path+"/versions/"); len(p.Items) != 1 {
			t.Errorf("%s: %s", path, p.Body)
		}
	}
}

func TestAnAddOfWhichEveryObjectFailsIsStill202(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R200", "R205", "R236", "R240", "K62")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	bad := make([]string, 18)
	for i := range bad {
		bad[i] = `{"type":"indicator"}`
	}
	st := status(t, member.post(t, c, envelopeOf(bad...)), http.StatusAccepted)
	if st.FailureCount != 18 || st.Failures[17].ID != "objects/17" || st.Failures[17].Version != st.RequestTimestamp.String() {
		t.Errorf("%+v", st)
	}
	if again := status(t, member.get(t, "/trust/status/"+st.ID+"/"), http.StatusOK); again.FailureCount != 18 || again.Failures[17] != st.Failures[17] {
		t.Errorf("later %+v", again)
	}
}

func TestValidationIsWhatTheCollectionSays(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R006", "R168", "R202", "R208", "R231", "R240", "R276", "R277")
	w := writable()
	member := w.as(t, "member")
	objects := map[string]string{ // from which validation on it fails
		`{"type":"indicator","id":"x","modified":"v1"}`: "shape",
		object("indicator", 2, day(1)):                  "strict", // without pattern
		object("x-own", 3, day(1)):                      "",
		fmt.Sprintf(`{"type":"tool","id":%q,"spec_version":"2.1","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z"}`, id("malware", 4)):                       "shape",
		fmt.Sprintf(`{"type":"tool","id":%q,"spec_version":"2.1","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"n"}`, id("tool", 5)):               "",
		fmt.Sprintf(`{"type":"identity","id":%q,"spec_version":"2.1","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","confidence":101}`, id("identity", 6)): "strict",
		object("indicator", 7, "2020-01-01"):                          "shape",
		object20("malware", 8, day(1)):                                "",
		observable(9):                                                 "",
		observable(10, `"x_more":[1,{}]`):                             "",
		`{"type":"domain-name","id":"` + id("domain-name", 11) + `"}`: "strict",
	}
	rank := map[string]int{"": 3, "off": 0, "shape": 1, "strict": 2}
	for _, validation := range []string{"off", "shape", "strict"} {
		c := w.collection(t, exchange.CollectionSetting{Validation: validation})
		for o, from := range objects {
			st := status(t, member.post(t, c, envelopeOf(o)), http.StatusAccepted)
			if fails := rank[validation] >= rank[from]; fails != (st.FailureCount == 1) {
				t.Errorf("%s: %s: %+v", validation, o, st)
			}
			if st.FailureCount == 1 && !strings.Contains(st.Failures[0].Message, ":") {
				t.Errorf("no property is named: %+v", st.Failures)
			}
		}
	}
}

func TestACollectionMayTakeCertainTypesAlone(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R168", "R202", "R240")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t, exchange.CollectionSetting{Types: []string{"domain-name", "tool"}})
	st := status(t, member.post(t, c, envelopeOf(observable(1), object("indicator", 1, day(1)), object("tool", 1, day(1)))), http.StatusAccepted)
	if st.SuccessCount != 2 || st.FailureCount != 1 || !strings.Contains(st.Failures[0].Message, "indicator") {
		t.Errorf("%+v", st)
	}
}

func TestBodiesAreTakenUpToTheAnnouncedSize(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R161", "R189", "R190", "R237", "R238", "K64")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	var root taxii.APIRoot
	member.get(t, "/trust/").JSON(t, &root)
	most := int(root.MaxContentLength)
	body := func(size int) string {
		start, end := observable(size, `"x_fill":"`), `"}`
		start = strings.TrimSuffix(start, "}")
		envelope := `{"objects":[` + start + end + `]}`
		return `{"objects":[` + start + strings.Repeat("f", size-len(envelope)) + end + `]}`
	}
	for _, size := range []int{most - 1, most} {
		status(t, member.post(t, c, body(size)), http.StatusAccepted)
	}
	e := refusal(t, member.post(t, c, body(most+1)), http.StatusRequestEntityTooLarge)
	if e.Details["max_content_length"] != float64(most) {
		t.Errorf("the limit is not named: %+v", e)
	}
	if p := member.page(t, c+"/manifest/"); len(p.Items) != 2 {
		t.Errorf("%s", p.Body)
	}
}

func TestThousandsOfAddsOfOneObjectAreANormalLoad(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K46", "K47", "K65")
	w := writable()
	c := w.collection(t)
	const writers, each = 4, 600
	kept, dials := w.kept(t, writers)
	var group sync.WaitGroup
	for n := range writers {
		group.Go(func() {
			for i := range each {
				if a := kept.as(t, "member").post(t, c, envelopeOf(observable(n*each+i))); a.Status != http.StatusAccepted {
					t.Errorf("%d %s", a.Status, a.Body)
				}
			}
		})
	}
	group.Wait()
	if n := dials.Load(); n > writers {
		t.Errorf("%d connections were opened for %d writers: they are not kept", n, writers)
	}
	records := w.as(t, "member").walk(t, c+"/manifest/", "limit=1000")
	seen, last := map[string]bool{}, ""
	for _, record := range records {
		seen[field(t, record, "id")] = true
		if date := dateAdded(t, record); date <= last {
			t.Errorf("%s does not rise after %s", date, last)
		} else {
			last = date
		}
	}
	for n := range writers * each {
		if !seen[id("domain-name", n)] {
			t.Errorf("%s was accepted and is not there", id("domain-name", n))
		}
	}
	if len(records) != writers*each {
		t.Errorf("%d records of %d objects", len(records), writers*each)
	}
}

// kept gives the world with connections of its own, so many at a time, and how
// many were opened.
func (w *world) kept(t *testing.T, most int) (*world, *atomic.Int64) {
	t.Helper()
	server, dials := *w.Server, new(atomic.Int64)
	transport := w.HTTP.Transport.(*http.Transport).Clone()
	transport.MaxConnsPerHost = most // else one more is opened while another becomes free
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	server.HTTP = &http.Client{Transport: transport, Timeout: w.HTTP.Timeout}
	t.Cleanup(transport.CloseIdleConnections)
	return &world{&server, w.control}, dials
}

func TestWhoMayNotWriteIsToldSoBeforeTheBodyIsJudged(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R237", "R241")
	w := writable()
	c := w.collection(t)
	for _, body := range []string{"no JSON", strings.Repeat("x", 1<<20)} {
		refusal(t, w.as(t, "reader").post(t, c, body, "Content-Type: text/html"), http.StatusForbidden)
		refusal(t, w.as(t, "").post(t, c, body), http.StatusUnauthorized)
	}
}
