package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// leastSize is the least that X-Max-Size may say.
const leastSize = 9_437_184

// large gives an object of about so many octets.
func large(n, octets int) string {
	const form = `{"type":"x-thing","id":"x-thing--00000000-0000-4000-8000-%012d","spec_version":"2.1","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","x":"%s"}`
	return fmt.Sprintf(form, n, strings.Repeat("x", octets-len(form)+len("%012d%s")-12))
}

// roomy is a server whose pages would be larger than the least X-Max-Size.
var roomy = sync.OnceValue(func() *world {
	settings := trial.Settings(whole, "max_content_length: 12000000", "page_bytes: 30000000", "pages_budget: 128000000")
	return open(whole, trial.Start(whole, append([]string{"--empty"}, settings...)...))
})

func TestNoAnswerIsLargerThanXMaxSizeAndNothingIsSkippedUnasked(t *testing.T) {
	t.Parallel()
	member, collection := roomy().as(t, "member"), roomy().collection(t)
	// The last two fill a page to the octet where nothing stands around them.
	for n, octets := range []int{4_000_000, 4_000_000, 4_000_000, 9_437_184, 1000, 9_437_183 / 2, 9_437_183 / 2} {
		member.add(t, collection, large(n, octets))
	}
	path := collection + "/objects/"
	if a := member.get(t, path); a.Status != http.StatusOK || len(a.Body) <= leastSize {
		t.Fatalf("without the header there are %d octets: %d", len(a.Body), a.Status)
	}
	var got []string
	for at, refused := path, 0; ; {
		a := member.get(t, at, "X-Max-Size: 9437184")
		if len(a.Body) > leastSize {
			t.Fatalf("an answer has %d octets", len(a.Body))
		}
		if a.Status == http.StatusBadRequest {
			e := refusal(t, a, http.StatusBadRequest)
			if refused++; refused > 1 {
				t.Fatal("the same object again")
			}
			id, _ := e.Details["id"].(string)
			if e.Details["version"] != "2026-01-01T00:00:00.000Z" || e.Details["size"] != float64(9_437_184) || !strings.Contains(e.Title, id) {
				t.Errorf("%+v", e)
			}
			whole := member.get(t, path+id+"/")
			if whole.Status != http.StatusOK || len(whole.Body) < 9_437_184 {
				t.Errorf("alone: %d, %d octets", whole.Status, len(whole.Body))
			}
			refusal(t, member.get(t, path+id+"/", "X-Max-Size: 9437184"), http.StatusBadRequest)
			got = append(got, id)
			next, _ := e.Details["next"].(string)
			at = path + "?next=" + next
			continue
		}
		p := readPage(t, a)
		got = append(got, p.ids(t)...)
		if !p.More {
			break
		}
		at = path + "?next=" + p.Next
	}
	if len(got) != 7 || !slices.IsSorted(got) || len(slices.Compact(got)) != 7 {
		t.Errorf("got %d: %v", len(got), got)
	}
}

func TestAPageThatIsKeptIsNotGivenToWhoTakesLess(t *testing.T) {
	t.Parallel()
	member, collection := roomy().as(t, "member"), roomy().collection(t)
	for n := range 3 {
		member.add(t, collection, large(n, 4_000_000))
	}
	for range 2 {
		for header, want := range map[string]int{"": 3, "9437184": 2, "99999999": 3} {
			if p := readPage(t, member.get(t, collection+"/objects/", "X-Max-Size: "+header)); len(p.Items) != want {
				t.Errorf("with %q there are %d objects, want %d", header, len(p.Items), want)
			}
		}
	}
}

func TestXMaxSizeThatCannotBeReadIsRefusedOnCollections(t *testing.T) {
	t.Parallel()
	w := withContent()
	member, collection := w.as(t, "member"), w.Collection(t, "indicators")
	for _, path := range []string{"/taxii2/", "/trust/", "/trust/collections/", collection + "/", collection + "/objects/", collection + "/manifest/"} {
		for _, size := range []string{"9437183", "0", "-1", "9437184.0", "9e9", "x", "0x900000"} {
			refusal(t, member.get(t, path, "X-Max-Size: "+size), http.StatusBadRequest)
		}
		for _, size := range []string{"9437184", "99999999999999999999999"} {
			if a := member.get(t, path, "X-Max-Size: "+size); a.Status != http.StatusOK || a.Header.Get("X-Max-Size") != "" {
				t.Errorf("%s with %s: %d", path, size, a.Status)
			}
		}
	}
	// What is not there is not there, whatever the header says.
	refusal(t, member.get(t, "/trust/collections/"+taxii.NewID()+"/", "X-Max-Size: 1"), http.StatusNotFound)
}

// limited gives an account with limits that reads and writes a Collection of the
// test's own.
func limited(t *testing.T, w *world, l exchange.Limits) (actor, string) {
	t.Helper()
	collection, a := w.collection(t), w.account(t)
	w.grant(t, a.name, collection, "read", "write")
	w.limit(t, a.name, l)
	return a, collection
}

func (w *world) limit(t *testing.T, account string, l exchange.Limits) {
	t.Helper()
	if _, err := w.control.SetAccount(t.Context(), account, map[string]any{"limits": l}); err != nil {
		t.Fatal(err)
	}
}

// tooMany checks an answer to who has passed a limit.
func tooMany(t *testing.T, a trial.Answer, name string) {
	t.Helper()
	refusal(t, a, http.StatusTooManyRequests)
	wait, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 3600 {
		t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
	}
	if got := a.Header.Get("RateLimit"); !strings.HasPrefix(got, `"`+name+`";r=`) {
		t.Errorf("RateLimit is %q, want %s", got, name)
	}
	if got := a.Header.Get("RateLimit-Policy"); !strings.HasPrefix(got, `"`+name+`";q=`) {
		t.Errorf("RateLimit-Policy is %q, want %s", got, name)
	}
}

func TestAfterItsBurstAnAccountIsToldWhenToComeAgainAndAnotherIsNot(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K70")
	w := writable()
	a, collection := limited(t, w, exchange.Limits{Requests: 1, Burst: 3})
	path := collection + "/objects/"
	first := a.get(t, path)
	if first.Status != http.StatusOK || first.Header.Get("RateLimit-Policy") != `"requests";q=3;w=3` {
		t.Errorf("%d %q", first.Status, first.Header.Get("RateLimit-Policy"))
	}
	if got := first.Header.Get("RateLimit"); !strings.HasPrefix(got, `"requests";r=2;t=`) {
		t.Errorf("RateLimit is %q", got)
	}
	refused := 0
	for range 30 { // it takes far less than 27 s
		if answer := a.get(t, path); answer.Status != http.StatusOK {
			refused++
			tooMany(t, answer, "requests")
			if answer.Header.Get("X-Rate-Limit") != "60" {
				t.Errorf("X-Rate-Limit is %q", answer.Header.Get("X-Rate-Limit"))
			}
		}
	}
	if refused == 0 {
		t.Error("none of 30 was refused")
	}
	if answer := w.as(t, "member").get(t, path); answer.Status != http.StatusOK || answer.Header.Get("RateLimit") != "" {
		t.Errorf("another account: %d %v", answer.Status, answer.Header)
	}
}

func TestARunThroughACollectionIsSlowedAndNotCut(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K70", "K73")
	w := writable()
	a, collection := limited(t, w, exchange.Limits{Requests: 20, Burst: 2})
	var list []string
	for n := range 40 {
		list = append(list, large(n, 300))
	}
	a.add(t, collection, list...)
	began, pages := time.Now(), 0
	for at := collection + "/objects/?limit=2"; ; {
		answer := a.get(t, at)
		if pages == 0 && answer.Status == http.StatusTooManyRequests { // the first may come too early, as any other
			time.Sleep(100 * time.Millisecond)
			continue
		}
		good(t, answer, http.StatusOK)
		p := readPage(t, answer)
		if pages++; !p.More {
			break
		}
		at = collection + "/objects/?limit=2&next=" + p.Next
	}
	// At 20 in a second, 20 pages take most of a second, less the burst.
	if took := time.Since(began); pages != 20 || took < 500*time.Millisecond {
		t.Errorf("%d pages took %v", pages, took)
	}
}

func TestWhoAsksWithoutCredentialsIsOneAccountWithALimitOfItsOwn(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K73")
	w := open(t, trial.Start(t, append([]string{"--empty"}, trial.Settings(t, "admin_https: true")...)...))
	w.limit(t, exchange.AnonymousName, exchange.Limits{Requests: 1, Burst: 2})
	var all sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	for range 20 {
		all.Go(func() {
			answer := actor{w: w}.get(t, "/taxii2/")
			mu.Lock()
			defer mu.Unlock()
			codes[answer.Status]++
		})
	}
	all.Wait()
	if codes[http.StatusTooManyRequests] == 0 || codes[http.StatusTooManyRequests] == 20 {
		t.Errorf("the answers are %v", codes)
	}
	good(t, w.as(t, "reader").get(t, "/taxii2/"), http.StatusOK)
	// Administration over HTTPS is counted with the rest.
	admin := w.as(t, "admin")
	w.grant(t, "admin", "server", "read", "manage")
	w.limit(t, "admin", exchange.Limits{Requests: 1, Burst: 2})
	answer := admin.get(t, "/admin/version/")
	for range 20 {
		if answer.Status == http.StatusOK {
			answer = admin.get(t, "/admin/version/")
		}
	}
	tooMany(t, answer, "requests")
}

func TestWhatWasUsedUpIsThereAfterTheServerWasStopped(t *testing.T) {
	t.Parallel()
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		w := open(t, e.Start(t, "--empty"))
		a, collection := limited(t, w, exchange.Limits{Octets: 10_000, Objects: 2})
		a.add(t, collection, large(1, 12_000), large(2, 300))
		good(t, a.get(t, collection+"/objects/"), http.StatusOK)
		before, err := w.control.Usage(t.Context(), a.name)
		if err != nil || len(before.Days) == 0 || before.Days[0].Objects != 2 {
			t.Fatalf("%+v, %v", before, err)
		}
		w.Stop(t)
		w.Run(t)
		after, err := w.control.Usage(t.Context(), a.name)
		if err != nil || !slices.Equal(after.Days, before.Days) {
			t.Errorf("%+v, %v, and before %+v", after, err, before)
		}
		tooMany(t, a.get(t, collection+"/objects/"), "bytes")
		tooMany(t, a.post(t, collection, envelopeOf(large(3, 300))), "objects")
		a.add(t, collection, large(1, 12_000)) // it is there already
	})
}

func TestAnAccountThatHasHadItsOctetsOfTheDayReadsNoMoreAndStillAdds(t *testing.T) {
	t.Parallel()
	w := writable()
	a, collection := limited(t, w, exchange.Limits{Octets: 20_000, Objects: 100})
	a.add(t, collection, large(1, 15_000))
	path, sent := collection+"/objects/", 0
	for i := range 2 { // the answer that passes the limit is whole
		answer := a.get(t, path)
		good(t, answer, http.StatusOK)
		sent += len(answer.Body)
		if i == 0 && !strings.Contains(answer.Header.Get("RateLimit-Policy"), `"bytes";q=20000;qu="content-bytes";w=86400`) {
			t.Errorf("RateLimit-Policy is %q", answer.Header.Get("RateLimit-Policy"))
		}
	}
	for _, path := range []string{path, collection + "/manifest/", "/taxii2/"} {
		tooMany(t, a.get(t, path), "bytes")
	}
	a.add(t, collection, large(2, 300))
	u, err := w.control.Usage(t.Context(), a.name)
	if err != nil || len(u.Days) == 0 || u.Days[0].Octets < int64(sent) || u.Days[0].Octets > int64(sent)+2000 || u.Limits.Octets != 20_000 {
		t.Errorf("after %d octets: %+v, %v", sent, u, err)
	}
	if len(u.Days) == 1 && u.Days[0].Objects != 2 {
		t.Errorf("it added %d", u.Days[0].Objects)
	}
}

func TestAnAddBeyondTheQuotaStoresNothingOverHTTPS(t *testing.T) {
	t.Parallel()
	w := writable()
	a, collection := limited(t, w, exchange.Limits{Objects: 5})
	a.add(t, collection, large(1, 300), large(2, 300), large(3, 300))
	var list []string
	for n := range 3 {
		list = append(list, large(10+n, 300))
	}
	tooMany(t, a.post(t, collection, envelopeOf(list...)), "objects")
	if p := readPage(t, a.get(t, collection+"/objects/")); len(p.Items) != 3 {
		t.Errorf("%d are there", len(p.Items))
	}
	a.add(t, collection, list[:2]...)
}

func TestAGroupsLimitOfStreamsHoldsForItsMembers(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, maker := w.channelWith(t)
	a := w.account(t)
	w.grant(t, a.name, strings.Replace(channel, "/channels/", "/channel/", 1), "read")
	group := exchange.GroupSetting{Name: "g-" + taxii.NewID(), Members: []string{a.name}, Limits: exchange.Limits{Streams: 1}}
	if _, err := w.control.AddGroup(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	a.follow(t, channel+"/messages/").begun()
	tooMany(t, a.get(t, channel+"/messages/?after=latest&wait=1"), "streams")
	maker.follow(t, channel+"/messages/").begun()
	maker.follow(t, channel+"/messages/").begun()
}

func TestAStreamEndsWhenTheOctetsOfTheDayAreUsedUp(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, maker := w.channelWith(t)
	a := w.account(t)
	w.grant(t, a.name, strings.Replace(channel, "/channels/", "/channel/", 1), "read")
	w.limit(t, a.name, exchange.Limits{Octets: 10_000})
	f := a.follow(t, channel+"/messages/?after=earliest").begun()
	status(t, maker.ask(t, "POST", channel+"/messages/", envelopeOf(large(1, 12_000))), http.StatusAccepted)
	f.message()
	if e := f.end(); e.HTTPStatus != "429" {
		t.Errorf("%+v", e)
	}
	tooMany(t, a.get(t, channel+"/messages/?after=latest&wait=1"), "bytes")
}
