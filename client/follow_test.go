package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const at = "/trust/channels/alerts/messages/"

func TestAFollowerGoesOnBehindTheLastMessageAfterABreak(t *testing.T) {
	half := strings.TrimSuffix(happening("m2", "c2"), "\n")
	c, s := play(t, Options{},
		stream("retry: 3000\n\n"+happening("m1", "c1")+half, true), // the second event is not whole
		tell(http.StatusServiceUnavailable, "no", "Retry-After: 120"),
		stream(happening("m2", "c2")+": keep-alive\n\nid: c5\n\n", false),
		stream(happening("m6", "c6"), false))
	same(t, followed(t, c, Following{After: "c0"}, 3), "m1", "m2", "at c5", "m6")
	s.saw(t, "GET "+at+" Last-Event-ID:c0", "GET "+at+" Last-Event-ID:c1", "GET "+at+" Last-Event-ID:c1", "GET "+at+" Last-Event-ID:c5")
	for i, least := range []float64{1.5, 120, 0.5} { // what retry says; Retry-After; 1 s, half of which may be missing
		if got := s.waits[i].Seconds(); got < least || got > 1.11*max(least, 3) {
			t.Errorf("waited %v, want about %v s", s.waits, least)
		}
	}
}

func TestTheEndIsGivenANameBeforeItIsFollowed(t *testing.T) {
	c, s := play(t, Options{}, say(200, `{"more":false,"next":"c9"}`), stream("retry: 3000\n\n", true), stream(happening("m10", "c10"), true))
	same(t, followed(t, c, Following{Selector: map[string][]string{"type": {"indicator", "x-a b"}, "id": nil}}, 1), "at c9", "m10")
	query := "match%5Btype%5D=indicator,x-a+b"
	s.saw(t, "GET "+at+"?limit=100&after=latest&"+query, "GET "+at+"?"+query+" Last-Event-ID:c9", "GET "+at+"?"+query+" Last-Event-ID:c9")
}

func TestAFollowerFromTheBeginningSaysSo(t *testing.T) {
	c, s := play(t, Options{}, stream(happening("m1", "c1"), true))
	same(t, followed(t, c, Following{After: taxii.Earliest, MaxSize: 20_000_000}, 1), "m1")
	s.saw(t, "GET "+at+"?after=earliest X-Max-Size:20000000")
}

func TestWhereThereIsNoStreamAFollowerWaitsForPages(t *testing.T) {
	for name, first := range map[string]answering{
		"refused": tell(http.StatusNotAcceptable, "no"), "a page": say(200, `{"more":false,"next":"c0"}`),
	} {
		t.Run(name, func(t *testing.T) {
			c, s := play(t, Options{}, first,
				say(200, `{"messages":[`+message("m1", "c1")+`,`+message("m2", "c2")+`],"more":true,"next":"c3"}`),
				say(200, `{"more":false,"next":"c4"}`),
				func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
				say(200, `{"messages":[`+message("m5", "c5")+`],"more":false,"next":"c5"}`))
			same(t, followed(t, c, Following{After: "c0"}, 3), "m1", "m2", "at c3", "at c4", "m5")
			page := "GET " + at + "?limit=100&after="
			s.saw(t, "GET "+at+" Last-Event-ID:c0", page+"c0&wait=30", page+"c3&wait=30", page+"c4&wait=30", page+"c4&wait=30")
		})
	}
}

func TestOnceEndsWhereThereIsNothingMore(t *testing.T) {
	c, s := play(t, Options{}, say(200, `{"messages":[`+message("m1", "c1")+`],"more":true,"next":"c1"}`), say(200, `{"messages":[`+message("m2", "c2")+`],"more":false,"next":"c2"}`))
	same(t, followed(t, c, Following{After: taxii.Earliest, Once: true}, 9), "m1", "at c1", "m2", "at c2")
	s.saw(t, "GET "+at+"?limit=100&after=earliest", "GET "+at+"?limit=100&after=c1")
}

func TestAServerThatDoesNotWaitIsNotAskedWithoutAPause(t *testing.T) {
	c, s := play(t, Options{}, say(200, `{"more":false,"next":"c0"}`), say(200, `{"more":true,"next":"c0"}`), say(200, `{"messages":[`+message("m1", "c1")+`],"next":"c1"}`))
	same(t, followed(t, c, Following{After: "c0", Poll: true}, 1), "at c0", "at c0", "m1")
	if len(s.waits) != 2 {
		t.Errorf("waited %v, want twice", s.waits)
	}
}

func TestALostCursorIsAGapThatSaysWhereToGoOn(t *testing.T) {
	gone := `{"title":"gone","http_status":"410","details":{"reason":"expired","missed":42,"earliest":"c50"}}`
	c, s := play(t, Options{}, say(410, gone), stream(happening("m51", "c51"), true))
	var gap *GapError
	for m, err := range c.Follow(t.Context(), "alerts", Following{After: "c1"}) {
		if err == nil {
			if m.ID != "m51" || m.Cursor != "c51" {
				t.Errorf("got %+v", m)
			}
			break
		}
		if !errors.As(err, &gap) || taxii.KindOf(err) != taxii.Gone {
			t.Fatal(err)
		}
	}
	if gap == nil || gap.Reason != "expired" || gap.Missed == nil || *gap.Missed != 42 || gap.From != "c1" || gap.To != "c50" || gap.Error() != "42 messages were missed (expired)" {
		t.Errorf("got %+v", gap)
	}
	s.saw(t, "GET "+at+" Last-Event-ID:c1", "GET "+at+" Last-Event-ID:c50")

	restored := `{"title":"gone","http_status":"410","details":{"reason":"restored","earliest":"c2","resume":"c7"}}`
	c, s = play(t, Options{}, say(410, restored), say(200, `{"more":false,"next":"c7"}`))
	same(t, followed(t, c, Following{After: "c9", Once: true}, 1), "error messages were missed; nobody knows how many (restored)", "at c7")
	s.saw(t, "GET "+at+"?limit=100&after=c9", "GET "+at+"?limit=100&after=c7")
}

func TestALoopThatEndsAtAGapReadsNothingMore(t *testing.T) {
	c, s := play(t, Options{}, say(410, `{"title":"gone","details":{"reason":"expired","earliest":"c50"}}`))
	for range c.Follow(t.Context(), "alerts", Following{After: "c1"}) {
		break
	}
	s.saw(t, "GET "+at+" Last-Event-ID:c1")
}

func TestTheGapOfASubscriptionIsToldOnce(t *testing.T) {
	gap := "event: gap\ndata: {\"missed\":3,\"from\":\"c1\",\"to\":\"c4\",\"reason\":\"bound\"}\n\n"
	c, s := play(t, Options{}, stream(gap, true), stream(gap+happening("m5", "c5"), true))
	same(t, followed(t, c, Following{Subscription: "s1"}, 1), "error 3 messages were missed (bound)", "m5")
	s.saw(t, "GET /trust/channels/alerts/subscriptions/s1/messages/", "GET /trust/channels/alerts/subscriptions/s1/messages/")

	page := `{"messages":[` + message("m5", "c5") + `],"more":false,"next":"c5","gap":{"missed":3,"from":"c1","to":"c4","reason":"ttl"}}`
	c, _ = play(t, Options{}, say(200, page))
	same(t, followed(t, c, Following{Subscription: "s1", Once: true}, 9), "error 3 messages were missed (ttl)", "m5", "at c5")
}

func TestAReaderOfASubscriptionThatAnotherHasMovedGoesOnAtItsPosition(t *testing.T) {
	c, s := play(t, Options{}, say(200, `{"more":false,"next":"c1"}`), tell(400, "after is before the position"),
		say(200, `{"messages":[`+message("m9", "c9")+`],"more":false,"next":"c9"}`))
	same(t, followed(t, c, Following{Subscription: "s1", Poll: true}, 1), "at c1", "m9")
	page := "GET /trust/channels/alerts/subscriptions/s1/messages/?limit=100"
	s.saw(t, page+"&wait=30", page+"&after=c1&wait=30", page+"&wait=30")
}

func TestAnEndIsNoEndUntilTheNextAnswerSaysSo(t *testing.T) {
	end := "event: end\ndata: {\"title\":\"the channel was deleted\",\"http_status\":\"404\"}\n\n"
	var told []string
	o := Options{}
	o.Waiting = waitingInto(&told)
	c, s := play(t, o, stream(happening("m1", "c1")+end, false), tell(404, "not found"))
	same(t, followed(t, c, Following{After: "c0"}, 9), "m1", "error not found")
	same(t, told, "the server ended the stream: the channel was deleted")
	s.saw(t, "GET "+at+" Last-Event-ID:c0", "GET "+at+" Last-Event-ID:c1")
}

func TestWhatWillNotPassEndsAFollower(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 500, 302} {
		c, s := play(t, Options{}, tell(status, "no"))
		same(t, followed(t, c, Following{After: "c0"}, 9), "error no")
		s.saw(t, "GET "+at+" Last-Event-ID:c0")
	}
	c, _ := play(t, Options{}, stream("id: c1\ndata: [\n\n", true))
	got := followed(t, c, Following{After: "c0"}, 9)
	if len(got) != 1 || !strings.HasPrefix(got[0], "error the server sent a message that cannot be read") {
		t.Errorf("got %q", got)
	}
}

func TestAServerThatNeverAnsweredIsGivenUpOneThatDidIsNot(t *testing.T) {
	broken := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	c, s := play(t, Options{Retries: 2}, broken, broken, broken)
	if got := followed(t, c, Following{After: "c0"}, 9); len(got) != 1 || len(s.waits) != 2 {
		t.Errorf("got %q after %v", got, s.waits)
	}
	c, s = play(t, Options{Retries: -1}, stream("\n", true), broken, broken, broken, broken, broken, broken, broken, broken, tell(500, "no"), stream(happening("m1", "c1"), true))
	same(t, followed(t, c, Following{After: "c0"}, 1), "m1")
	for i, w := range s.waits {
		if most := min(firstWait<<i, longestWait); w > most || w < most/2 {
			t.Errorf("wait %d was %v, want %v or up to half of it less", i, w, most)
		}
	}
}

func TestWaitsBeginAnewAfterAnEvent(t *testing.T) {
	broken := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	c, s := play(t, Options{}, stream("\n", true), broken, broken, broken, stream(happening("m1", "c1"), true), stream(happening("m2", "c2"), true))
	same(t, followed(t, c, Following{After: "c0"}, 2), "m1", "m2")
	if n := len(s.waits); n != 5 || s.waits[3] < 4*time.Second || s.waits[4] > time.Second {
		t.Errorf("waited %v", s.waits)
	}
}

func TestAFollowerEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, _ := play(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		stream(happening("m1", "c1"), false)(w, r)
		<-r.Context().Done()
	})
	var last error
	for _, err := range c.Follow(ctx, "alerts", Following{After: "c0"}) {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("got %v", last)
	}
}

func TestASelectorThatWouldMeanAnotherIsRefused(t *testing.T) {
	c, s := play(t, Options{})
	for _, value := range []string{"", "a,b"} {
		got := followed(t, c, Following{Selector: map[string][]string{"type": {value}}}, 1)
		if len(got) != 1 || !strings.Contains(got[0], "is no value of a selector") {
			t.Errorf("%q: got %q", value, got)
		}
	}
	s.saw(t)
}
