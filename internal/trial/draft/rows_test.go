package draft

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// A row is a line of section 12 of docs/channels.md: a statement of the draft
// or a question that it asks, and what shows how it was decided.
type row struct {
	name string
	show func(*testing.T, *world)
}

// rows are all of them; where the table has a range, each number has its part.
func rows() []row {
	return append([]row{
		{"S1", serviceName}, {"S2", oneServicePerVersion}, {"S3", exampleRecord}, {"S4", discovery}, {"S5", defaultBase},
		{"S6", authentication}, {"S7", httpsOnly}, {"S8", httpsAloneIsListed}, {"S9", maxSizeInRequestsOnly}, {"S10", maxSizeInDecimalOctets},
		{"S11", maxSizeAtLeast}, {"S12", maxSizeBoundsAnswers}, {"S13", rateLimit}, {"S14", basesAreListedOnly}, {"S15", basesAreHTTPS},
		{"S16", pathsBelowABase}, {"S17", listOfChannels}, {"S18", channelInformation}, {"S19", creation}, {"S20", posting},
		{"S21", subscribing}, {"S22", createObject}, {"S23", ttlIsARetention}, {"S24", subscriptionIsATriple},
		{"S25", lifecycleIsAGet}, {"S26", getOrCreate}, {"S27", queuedMessages}, {"S28", aNewOneWaits}, {"S29", discard}, {"S30", queueBounds},
		{"S31", manyToMany}, {"S32", rootsGroup}, {"S33", formats}, {"S34", sharingModels}, {"S35", reservedWords},
	}, questions()...)
}

func questions() []row {
	return []row{
		{"Q1", largeContent}, {"Q2", oneTooLarge}, {"Q3", oneURLTwoMeanings}, {"Q4", dispositions}, {"Q5", negotiation},
		{"Q6", putAndDelete}, {"Q7", waiting}, {"Q8", permissions}, {"Q9", readingIsSafe}, {"Q10", permittedMessages},
		{"Q11", contentTypeIsMIME}, {"Q12", grantsInCreation}, {"Q13", inviting}, {"Q14", lostAnswers}, {"Q15", messageIs},
	}
}

func TestTheDraftStatementByStatement(t *testing.T) {
	t.Parallel()
	w := &world{Server: trial.Start(t, "--empty")}
	w.barred = trial.Start(t, "--empty", "--config", settings(t, "channels: fixed\nlist_channels: false\n"))
	t.Run("rows", func(t *testing.T) {
		for _, r := range rows() {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				r.show(t, w)
			})
		}
	})
}

func TestEveryRowOfTheTableIsShown(t *testing.T) {
	t.Parallel()
	named := map[string]int{}
	for _, r := range rows() {
		named[r.name]++
	}
	for letter, last := range map[string]int{"S": 35, "Q": 15} {
		for i := 1; i <= last; i++ {
			if name := fmt.Sprint(letter, i); named[name] != 1 {
				t.Errorf("%s is shown %d times", name, named[name])
			}
		}
	}
	if len(named) != 50 {
		t.Errorf("%d rows, want 50", len(named))
	}
}

// settings is a configuration file.
func settings(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hansom.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// world is a demo server, and one that is barred: its set of Channels is fixed,
// and listing them is refused.
type world struct {
	*trial.Server
	barred *trial.Server
	made   atomic.Int64
}

const (
	taxii = "application/taxii+json;version=2.1"
	base  = "/taxii2/default/"
)

// taxiiForm is the Form of this server, which its documents tell a client of
// the draft: the draft leaves it open.
func taxiiForm() Form {
	return Form{Accept: taxii, Content: taxii, Join: joinTAXII, Split: splitTAXII}
}

func joinTAXII(messages ...[]byte) []byte {
	if len(messages) == 1 {
		return messages[0]
	}
	drafts := make([]string, len(messages))
	for i, m := range messages {
		drafts[i] = fmt.Sprintf(`{"content":%s}`, m)
	}
	return []byte(`{"messages":[` + strings.Join(drafts, ",") + `]}`)
}

func splitTAXII(body []byte) (messages [][]byte, err error) {
	var page struct{ Messages []json.RawMessage }
	err = json.Unmarshal(body, &page)
	for _, m := range page.Messages {
		messages = append(messages, m)
	}
	return messages, err
}

// as is a client of the draft that asks as an account of the demo at its Default
// API Base.
func (w *world) as(t *testing.T, account string) *Client { return client(t, w.Server, account) }

func client(t *testing.T, s *trial.Server, account string) *Client {
	t.Helper()
	c, err := New(s.URL+base, account, s.Password(t, account), s.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	c.Form = taxiiForm()
	return c
}

// channel makes a Channel of the member's and gives its name; members are those
// of the create object beside the name, as JSON.
func (w *world) channel(t *testing.T, members string) string {
	t.Helper()
	name := fmt.Sprintf("%s-%d", strings.ToLower(strings.ReplaceAll(filepath.Base(t.Name()), "/", "-")), w.made.Add(1))
	if members != "" {
		members = "," + members
	}
	a, err := w.as(t, "member").CreateRaw(t.Context(), fmt.Appendf(nil, `{"name":%q%s}`, name, members))
	want(t, a, err, 201)
	return name
}

// readers lets the reader of the demo read a new Channel.
const readers = `"grants":[{"account":"reader","can_read":true,"can_write":false,"can_manage":false}]`

// want ends the test unless the answer has a status; what it breaks of the
// draft ends it too, but for statuses that the draft does not know.
func want(t *testing.T, a Answer, err error, status int) {
	t.Helper()
	switch status {
	case 200, 201, 202, 204, 400, 403, 501: // the draft's
		if err != nil {
			t.Fatalf("%v in %d %s", err, a.Status, a.Body)
		}
	}
	if a.Status != status {
		t.Fatalf("status %d, want %d: %v\n%s", a.Status, status, err, a.Body)
	}
}

// envelope is a message with one object, which n tells apart.
func envelope(kind string, n int) []byte {
	return fmt.Appendf(nil, `{"objects":[{"type":%q,"id":"%s--%d","spec_version":"2.1"}]}`, kind, kind, n)
}

func (w *world) post(t *testing.T, account, channel string, messages ...[]byte) {
	t.Helper()
	a, err := w.as(t, account).Post(t.Context(), channel, messages...)
	want(t, a, err, 202)
}

// open makes a Subscription and does not wait.
func (w *world) open(t *testing.T, account, channel, selector string) {
	t.Helper()
	a, _, err := w.as(t, account).Read(t.Context(), channel, query(t, selector))
	want(t, a, err, 204)
}

// read gives the contents of the Messages of a Subscription, "" with 204.
func (w *world) read(t *testing.T, account, channel, selector string) string {
	t.Helper()
	a, messages, err := w.as(t, account).Read(t.Context(), channel, query(t, selector))
	if a.Status != http.StatusNoContent {
		want(t, a, err, 200)
	}
	return contents(t, messages)
}

// query is a selector that does not wait, but for one that says how long.
func query(t *testing.T, text string) url.Values {
	t.Helper()
	q, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	if !q.Has("wait") {
		q.Set("wait", "0")
	}
	return q
}

// contents are those of messages, as they came, one on a line.
func contents(t *testing.T, messages [][]byte) string {
	t.Helper()
	lines := make([]string, len(messages))
	for i, text := range messages {
		lines[i] = string(readMessage(t, text).Content)
	}
	return strings.Join(lines, "\n")
}

// message is what the tests look at of a Message.
type message struct {
	ID, Cursor, Type string
	MediaType        string `json:"media_type"`
	Size             int64
	Content          json.RawMessage
	ContentBase64    []byte `json:"content_base64"`
	ContentURL       string `json:"content_url"`
}

func readMessage(t *testing.T, text []byte) (m message) {
	t.Helper()
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// lines joins contents as read does.
func lines(messages ...[]byte) string {
	var all []string
	for _, m := range messages {
		all = append(all, string(m))
	}
	return strings.Join(all, "\n")
}

// same fails the test unless two texts are one.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
	}
}

// status fails the test unless a request beyond the draft is answered with a
// status, and gives the answer.
func (w *world) status(t *testing.T, status int, account, method, path, body string, headers ...string) trial.Answer {
	t.Helper()
	var text []byte
	if body != "" {
		text = []byte(body)
	}
	a := w.Request(t, account, method, path, text, headers...)
	if a.Status != status {
		t.Fatalf("%s %s: %d, want %d\n%s", method, path, a.Status, status, a.Body)
	}
	if a.Header.Get("X-Max-Size") != "" {
		t.Errorf("%s %s: X-Max-Size in the answer", method, path)
	}
	return a
}

// publishLater publishes once the Channel has a number of the member's
// Subscriptions, and a moment later, so that who made the last one waits.
func (w *world) publishLater(t *testing.T, channel string, subscriptions int, message []byte) {
	t.Helper()
	c, path := w.as(t, "member"), base+"channels/"+channel+"/subscriptions/"
	ended := make(chan struct{})
	t.Cleanup(func() { <-ended })
	go func() {
		defer close(ended)
		for t.Context().Err() == nil {
			a, err := w.Try(t, "member", http.MethodGet, path, nil)
			time.Sleep(50 * time.Millisecond)
			if err != nil || strings.Count(string(a.Body), `"position"`) < subscriptions {
				continue
			}
			if a, err := c.Post(t.Context(), channel, message); err != nil && t.Context().Err() == nil {
				t.Errorf("%v in %d %s", err, a.Status, a.Body)
			}
			return
		}
	}()
}
