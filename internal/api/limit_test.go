package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// asking is a request with these X-Max-Size.
func asking(method string, sizes ...string) *http.Request {
	r := httptest.NewRequest(method, "/trust/status/x/", nil)
	r.Header["X-Max-Size"] = sizes
	return r
}

// details makes a list that takes some octets more than n in JSON.
func details(n int) (list []taxii.StatusDetail) {
	for range n/1000 + 1 {
		list = append(list, taxii.StatusDetail{ID: "x--1", Version: strings.Repeat("v", 1000)})
	}
	return list
}

func TestAStatusLeavesOutListsRatherThanBeLargerThanXMaxSize(t *testing.T) {
	for what, row := range map[string]struct {
		size                string
		successes, failures int
		kept                []bool // successes, failures
	}{
		"it fits":               {"9437184", 5_000_000, 4_000_000, []bool{true, true}},
		"without the successes": {"9437184", 5_000_000, 5_000_000, []bool{false, true}},
		"without any list":      {"9437184", 5_000_000, 9_500_000, []bool{false, false}},
		"a larger size":         {"99999999", 5_000_000, 9_500_000, []bool{true, true}},
		"no size":               {"", 5_000_000, 9_500_000, []bool{true, true}},
	} {
		st := taxii.Status{ID: "s", Successes: details(row.successes), Failures: details(row.failures)}
		st.SuccessCount, st.FailureCount = len(st.Successes), len(st.Failures)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			w, r := httptest.NewRecorder(), asking(method, row.size)
			if row.size == "" {
				r.Header.Del("X-Max-Size")
			}
			if err := new(Server).writeStatus(w, r, http.StatusAccepted, st); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			var got taxii.Status
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if (got.Successes != nil) != row.kept[0] || (got.Failures != nil) != row.kept[1] || got.SuccessCount != st.SuccessCount || got.FailureCount != st.FailureCount {
				t.Errorf("%s: %d successes and %d failures are there", what, len(got.Successes), len(got.Failures))
			}
			if row.size == "9437184" && w.Body.Len() > 9_437_184 {
				t.Errorf("%s: the answer has %d octets", what, w.Body.Len())
			}
		}
	}
}

func TestAnAnswerWithoutPagesThatIsTooLargeSaysHowLargeItIs(t *testing.T) {
	body := make([]byte, 9_437_185)
	err := new(Server).write(httptest.NewRecorder(), asking(http.MethodGet, "9437184"), http.StatusOK, body)
	if e := resource(err); err == nil || e.Kind != taxii.Malformed || e.Details["size"] != 9_437_185 {
		t.Errorf("%v", err)
	}
	for _, r := range []*http.Request{asking(http.MethodGet, "9437185"), asking(http.MethodPost, "9437184"), asking(http.MethodGet)} {
		w := httptest.NewRecorder()
		if err := new(Server).write(w, r, http.StatusOK, body); err != nil || w.Body.Len() != len(body) {
			t.Errorf("%v: %v, %d octets", r.Header, err, w.Body.Len())
		}
	}
}

func TestRateLimitFieldsNameEachPolicyAndRoundUp(t *testing.T) {
	head := http.Header{}
	rateLimit(head, []*taxii.Allowance{
		{Name: "requests", Quota: 5, Window: 1500 * time.Millisecond, Left: 2, Resets: time.Millisecond},
		{Name: "streams", Unit: "concurrent-requests", Quota: 32},
	})
	if got, want := head.Get("RateLimit-Policy"), `"requests";q=5;w=2, "streams";q=32;qu="concurrent-requests"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := head.Get("RateLimit"), `"requests";r=2;t=1, "streams";r=0`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	empty := http.Header{}
	if rateLimit(empty, nil); len(empty) != 0 {
		t.Errorf("without a limit there is %v", empty)
	}
}
