package whole_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// Every address below a Collection and a Channel is asked by an account with a
// ceiling, of a server as it runs: no answer, no header, has anything of what is
// marked above it.
func TestNoAnswerHasAnythingOfWhatIsAboveTheCeiling(t *testing.T) {
	t.Parallel()
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		s := e.Start(t)
		hansom(t, s.Dir, "", "root", "add", "ward")
		hansom(t, s.Dir, "", "collection", "add", "ward", "--alias", "all", "--title", "All")
		hansom(t, s.Dir, "", "channel", "add", "ward/news")
		hansom(t, s.Dir, "", "grant", "add", "admin", "all", "--on", "ward")
		hansom(t, s.Dir, "", "grant", "add", "member", "read", "--on", "ward", "--ceiling", "green")
		const red, hidden, shown = `"object_marking_refs":["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]`, "dead0000-0000-4000-8000-", "5ee00000-0000-4000-8000-"
		object := func(id string, version int, more string) string {
			return fmt.Sprintf(`{"type":"tool","spec_version":"2.1","id":"tool--%s","created":"2020-01-01T00:00:00Z","modified":"2020-01-%02dT00:00:00Z","name":"a"%s}`, id, version, more)
		}
		for n := range 3 {
			one := object(fmt.Sprintf("%s%012d", shown, n), 1, "") + "," + object(fmt.Sprintf("%s%012d", shown, n), 28, ","+red)
			secret := object(fmt.Sprintf("%s%012d", hidden, n), 1, ","+red)
			status(t, s.Post(t, "admin", "/ward/collections/all", []byte(`{"objects":[`+one+`,`+secret+`]}`)), 202)
			status(t, s.Request(t, "admin", "POST", "/ward/channels/news/messages/", []byte(`{"objects":[`+object(fmt.Sprintf("%s%012d", shown, n), 1, "")+`]}`),
				fmt.Sprintf("Idempotency-Key: %s%012d", shown, n)), 202)
			status(t, s.Request(t, "admin", "POST", "/ward/channels/news/messages/", []byte(`{"objects":[`+secret+`]}`), fmt.Sprintf("Idempotency-Key: %s%012d", hidden, n)), 202)
		}
		first := hidden + "000000000000"
		seen := 0
		for path, want := range map[string]int{
			"collections/": 200, "collections/all/": 200, "collections/all/objects/": 200, "collections/all/objects/?limit=1": 200,
			"collections/all/objects/?match[version]=all": 200, "collections/all/objects/?match[version]=last": 200, "collections/all/objects/?match[version]=first": 200,
			"collections/all/objects/?match[id]=tool--" + first: 200, "collections/all/objects/?match[version]=2020-01-28T00:00:00Z": 200,
			"collections/all/objects/?match[type]=tool": 200, "collections/all/objects/?match[spec_version]=2.1": 200,
			"collections/all/objects/?added_after=2020-01-01T00:00:00Z": 200, "collections/all/manifest/": 200, "collections/all/manifest/?match[version]=all": 200,
			"collections/all/objects/tool--" + first + "/": 404, "collections/all/objects/tool--" + first + "/versions/": 404,
			"collections/all/objects/tool--" + shown + "000000000000/?match[version]=all": 200, "collections/all/objects/tool--" + shown + "000000000000/versions/": 200,
			"channels/": 200, "channels/news/": 200, "channels/news/messages/": 200, "channels/news/messages/?limit=1": 200,
			"channels/news/messages/?match[id]=tool--" + first: 200, "channels/news/messages/" + first + "/": 404, "channels/news/messages/" + first + "/content/": 404,
			"channels/news/?wait=0": 204, "channels/news/subscriptions/": 200,
		} {
			a := s.Get(t, "member", "/ward/"+path)
			status(t, a, want)
			if strings.Contains(path, first) { // it says what was asked for
				a.Body = bytes.ReplaceAll(a.Body, []byte(first), nil)
			}
			text := fmt.Sprint(a.Header) + string(a.Body)
			if strings.Contains(text, hidden) || strings.Contains(text, "2020-01-28") || strings.Contains(text, "5e57c739") || strings.Contains(text, `"pending`) {
				t.Errorf("%s: %s", path, text)
			}
			seen += strings.Count(string(a.Body), shown)
		}
		if seen < 30 {
			t.Errorf("only %d times anything was shown", seen)
		}
		status(t, s.Request(t, "member", "GET", "/ward/channels/news/messages/"+first+"/content/", nil, "Range: bytes=0-9"), 404)
	})
}
