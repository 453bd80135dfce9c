package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

func TestTheLatestVersionIsTheGreatestInWhateverOrderTheyCame(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R126", "R127", "R136", "R137", "R226", "R247", "R279", "R282", "K47")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	latest := func(n int, want string) {
		t.Helper()
		for _, path := range []string{"/objects/?match[id]=" + id("tool", n), "/objects/" + id("tool", n) + "/", "/manifest/?match[id]=" + id("tool", n)} {
			same(t, path, member.page(t, c+path).versions(t), []string{want})
		}
	}
	for _, d := range []int{3, 1, 5, 4, 2} {
		member.add(t, c, object("tool", 1, day(d)))
		latest(1, day(max(3, d, map[int]int{4: 5, 2: 5}[d])))
	}
	same(t, "first", member.page(t, c+"/objects/?match[version]=first&match[id]="+id("tool", 1)).versions(t), []string{day(1)})

	after := member.page(t, c+"/objects/?match[version]=all").Last
	member.add(t, c, object("tool", 1, "2023-06-01T00:00:00.000Z")) // an older one, later: nothing new for those who want the latest
	if p := member.page(t, c+"/objects/?added_after="+after); len(p.Items) != 0 {
		t.Errorf("an old version is shown as the latest: %s", p.Body)
	}
	same(t, "all", member.page(t, c+"/objects/?match[version]=all&added_after="+after).versions(t), []string{"2023-06-01T00:00:00.000Z"})
}

func TestVersionsOrderByTimeNotByText(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R127", "R131", "R136", "R276", "R279")
	w := writable()
	member := w.as(t, "member")
	for _, pair := range [][2]string{ // earlier, later
		{"2024-01-01T00:00:00.05Z", "2024-01-01T00:00:00.1Z"},
		{"2024-01-01T00:00:00.1Z", "2024-01-01T00:00:00.15Z"},
		{"2024-01-01T00:00:00Z", "2024-01-01T00:00:00.001Z"},
		{"2024-01-01T00:00:00.999999Z", "2024-01-01T00:00:01Z"},
		{"2024-01-01T01:00:00+02:00", "2023-12-31T23:30:00Z"},
		{"2024-01-01T00:00:00Z", "2023-12-31T23:00:00-02:00"},
		{"version 9", "1999-01-01T00:00:00Z"}, // what is no time is before all times
		{"0", "version"},
	} {
		for n, order := range [][2]string{pair, {pair[1], pair[0]}} {
			c := w.collection(t, off)
			member.add(t, c, object("tool", n, order[0]))
			member.add(t, c, object("tool", n, order[1]))
			same(t, fmt.Sprint("last of ", order), member.page(t, c+"/objects/").versions(t), []string{pair[1]})
			same(t, fmt.Sprint("first of ", order), member.page(t, c+"/objects/?match[version]=first").versions(t), []string{pair[0]})
		}
	}
}

func TestWalksByPagesAndByDatesAgreeOverSeveralSpecVersions(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R124", "R125", "R126", "R136", "R137", "R147", "K47", "K55")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	for _, raw := range trial.Objects(7, 120) {
		member.add(t, c, string(raw))
	}
	for n := range 20 { // ids with versions of both
		member.add(t, c, object20("campaign", n, day(5+n%3)), object("campaign", n, day(2)), object("campaign", n, day(1+n%4*3)))
		member.add(t, c, object20("campaign", n, day(20-n%5)), object("campaign", 100+n, day(1)))
	}
	for _, query := range []string{"", "match[version]=all", "match[version]=first", "match[version]=first,last", "match[spec_version]=2.0",
		"match[spec_version]=2.0,2.1", "match[type]=campaign", "match[spec_version]=2.0&match[version]=all&match[type]=campaign"} {
		whole := member.page(t, c+"/objects/?limit=1000&"+query).Items
		if len(whole) < 10 {
			t.Fatalf("%s: only %d", query, len(whole))
		}
		for _, limit := range []string{"&limit=1", "&limit=7", "&limit=20"} {
			same(t, "by next "+query+limit, member.walk(t, c+"/objects/", query+limit), whole)
			same(t, "by date "+query+limit, member.walkByDate(t, c+"/objects/", query+limit), whole)
		}
	}
	highest := member.page(t, c+"/objects/?match[type]=campaign&limit=1000")
	for _, item := range highest.Items {
		if field(t, item, "spec_version") != "2.1" {
			t.Errorf("where there is 2.1 a client got %s", item)
		}
	}
}

func TestContentWithoutAVersionKeepsTheOneItIsShownUnder(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R134", "R207", "R230", "R266", "K46", "K55")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	first, second := observable(1), observable(1, `"x_a":2`)
	v1 := member.add(t, c, first).Successes[0].Version
	v2 := member.add(t, c, second).Successes[0].Version
	path := c + "/objects/" + id("domain-name", 1) + "/"
	same(t, "latest", member.page(t, path).Items, []string{second})
	same(t, "versions", member.page(t, path+"versions/").Items, []string{`"` + v1 + `"`, `"` + v2 + `"`})
	before := member.page(t, path).Last
	good(t, member.delete(t, path+"?match[version]="+v2), http.StatusOK)

	back := member.page(t, c+"/objects/?added_after="+before)
	same(t, "the one before comes back", back.Items, []string{first})
	if back.Last <= before || back.Last == v1 {
		t.Errorf("under the date %s", back.Last)
	}
	same(t, "its version stays", member.page(t, path+"versions/").Items, []string{`"` + v1 + `"`})
	same(t, "in the manifest too", member.page(t, c+"/manifest/").versions(t), []string{v1})
	same(t, "by its version", member.page(t, path+"?match[version]="+v1).Items, []string{first})
	same(t, "in other forms", member.page(t, path+"?match[version]="+strings.Replace(v1, "Z", "%2B00:00", 1)).Items, []string{first})
	same(t, "again it is no other", []string{member.add(t, c, first).Successes[0].Version}, []string{v1})
}
