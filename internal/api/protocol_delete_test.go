package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// off is a Collection that takes what has an id and a type.
var off = exchange.CollectionSetting{Validation: "off"}

// versioned makes a Collection with an object of both spec_versions: i of 2.1 in
// the versions day 1 to 3, and of 2.0 in day 4 and 5.
func versioned(t *testing.T) (actor, string, string) {
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	member.add(t, c, object("tool", 1, day(1)), object("tool", 1, day(2)), object("tool", 1, day(3)), object20("tool", 1, day(4)), object20("tool", 1, day(5)))
	member.add(t, c, object("tool", 2, day(1)))
	return member, c, c + "/objects/" + id("tool", 1) + "/"
}

const everyVersion = "?match[version]=all&match[spec_version]=2.0,2.1"

func TestDeleteTakesTheVersionsThatItIsTold(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R039", "R098", "R252", "R255", "R256", "R258", "R259", "R284", "K30", "K67")
	for query, want := range map[string][]int{
		"":                             nil,
		"?match[version]=all":          nil,
		"?match[spec_version]=2.0":     {1, 2, 3},
		"?match[spec_version]=2.1":     {4, 5},
		"?match[spec_version]=2.0,2.1": nil,
		"?match[version]=first":        {2, 3, 5},
		"?match[version]=last":         {1, 2, 4},
		"?match[version]=first,last":   {2},
		"?match[version]=" + day(2):    {1, 3, 4, 5},
		"?match[version]=2024-01-02T00:00:00Z,2024-01-05T00:00:00.0Z":     {1, 3, 4},
		"?match[version]=last&match[spec_version]=2.0":                    {1, 2, 3, 4},
		"?match%5Bversion%5D=first&match%5Bspec_version%5D=2.1&unknown=x": {2, 3, 4, 5},
	} {
		member, c, path := versioned(t)
		a := member.delete(t, path+query)
		good(t, a, http.StatusOK)
		if string(a.Body) != "{}" {
			t.Errorf("%s is answered %s", query, a.Body)
		}
		var versions []string
		for _, d := range want {
			versions = append(versions, day(d))
		}
		if len(want) == 0 {
			refusal(t, member.get(t, path), http.StatusNotFound)
			refusal(t, member.get(t, path+"versions/"), http.StatusNotFound)
			refusal(t, member.get(t, path+"?match[version]="+day(1)), http.StatusNotFound)
		} else {
			sameSet(t, query, member.page(t, path+everyVersion).versions(t), versions)
		}
		for _, endpoint := range []string{"/objects/", "/manifest/"} {
			sameSet(t, query+endpoint, member.page(t, c+endpoint+everyVersion).versions(t), append(versions, day(1)))
		}
	}
}

func TestDeletingTheLatestBringsTheOneBeforeBackUnderANewDate(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R090", "R102", "R126", "R136", "R228", "R256", "R258", "K46", "K47", "K48")
	member, c, path := versioned(t)
	passed := member.page(t, c+"/objects/?limit=1000")
	good(t, member.delete(t, path+"?match[version]="+day(3)), http.StatusOK)
	back := member.page(t, c+"/objects/?added_after="+passed.Last)
	same(t, "who has passed meets", back.Items, []string{object("tool", 1, day(2))})
	same(t, "the latest", member.page(t, path).versions(t), []string{day(2)})
	all := member.page(t, c+"/manifest/"+everyVersion)
	same(t, "in order of dates", all.versions(t), []string{day(1), day(4), day(5), day(1), day(2)})
	if all.Last <= passed.Last {
		t.Errorf("the date is %s, before it was %s", all.Last, passed.Last)
	}

	good(t, member.delete(t, path+"?match[version]=first"), http.StatusOK) // day 1, and of 2.0 day 4: nothing becomes the latest
	if p := member.page(t, c+"/objects/?added_after="+all.Last); len(p.Items) != 0 {
		t.Errorf("deleting an old version shows %s", p.Body)
	}
	good(t, member.delete(t, path+"?match[spec_version]=2.1"), http.StatusOK) // now 2.0 is the highest
	same(t, "the spec_version before", member.page(t, c+"/objects/?added_after="+all.Last).Items, []string{object20("tool", 1, day(5))})
}

func TestWhatIsDeletedIs404ByName(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R248", "R251", "R255", "R256", "R260")
	member, c, path := versioned(t)
	good(t, member.delete(t, path+"?match[version]="+day(2)), http.StatusOK)
	for _, query := range []string{day(2), "2024-01-02T00:00:00Z", "2024-01-02T00:00:00.000Z&match[spec_version]=2.1"} {
		refusal(t, member.get(t, path+"?match[version]="+query), http.StatusNotFound)
		if p := member.page(t, c+"/objects/?match[id]="+id("tool", 1)+"&match[version]="+query); len(p.Items) != 0 {
			t.Errorf("the collection's endpoint shows %s", p.Body)
		}
	}
	if p := member.page(t, path+"?match[version]="+day(9)); len(p.Items) != 0 {
		t.Errorf("a version that never was is %s", p.Body)
	}
	same(t, "moved is not deleted", member.page(t, path+"?match[version]="+day(3)).versions(t), []string{day(3)})
	refusal(t, member.delete(t, path+"?match[version]="+day(2)), http.StatusNotFound)
	refusal(t, member.delete(t, path+"?match[version]="+day(9)), http.StatusNotFound)
	refusal(t, member.delete(t, c+"/objects/x--1/"), http.StatusNotFound)

	good(t, member.delete(t, path), http.StatusOK)
	for _, rest := range []string{"", "versions/", "?match[version]=all", "?match[spec_version]=2.0"} {
		refusal(t, member.get(t, path+rest), http.StatusNotFound)
	}
	refusal(t, member.delete(t, path), http.StatusNotFound)
	sameSet(t, "its neighbour", member.page(t, c+"/objects/").ids(t), []string{id("tool", 2)})

	st := member.add(t, c, object("tool", 1, day(2))) // deleted, it may be added again
	if st.Successes[0].Message != "" {
		t.Errorf("%+v", st)
	}
	same(t, "added again", member.page(t, path).versions(t), []string{day(2)})
	same(t, "by name", member.page(t, path+"?match[version]="+day(2)).versions(t), []string{day(2)})
}

func TestDeleteRefusesFiltersThatItDoesNotHave(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R093", "R098", "R118", "R253", "K33")
	member, c, path := versioned(t)
	for _, query := range []string{"limit=1", "added_after=2024-01-01T00:00:00Z", "next=x", "match[id]=x", "match[type]=tool", "match[x]=y", "match[version]=",
		"match[version]=all,first", "match[version]=first&match[version]=last", "match[version]=a,,b", "match[spec_version]=", "match[Version]=first",
		"match[version]=%zz", "match[spec_version]=2.0&match[spec_version]=2.1"} {
		e := refusal(t, member.delete(t, path+"?"+query), http.StatusBadRequest)
		if name, _, _ := strings.Cut(query, "="); !strings.Contains(e.Title, name) {
			t.Errorf("%s: the error does not name it: %s", query, e.Title)
		}
	}
	if p := member.page(t, c+"/manifest/"+everyVersion); len(p.Items) != 6 {
		t.Errorf("something was deleted: %s", p.Body)
	}
}

func TestAStatusOutlivesWhatItTellsOf(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R198", "K62", "K63")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	st := member.add(t, c, object("tool", 1, day(1)), object("tool", 1, day(2)), observable(3))
	good(t, member.delete(t, c+"/objects/"+id("tool", 1)+"/?match[version]=last"), http.StatusOK)
	good(t, member.delete(t, c+"/objects/"+id("domain-name", 3)+"/"), http.StatusOK)
	later := status(t, member.get(t, "/trust/status/"+st.ID+"/"), http.StatusOK)
	if later.SuccessCount != 3 {
		t.Fatalf("%+v", later)
	}
	for i := range st.Successes {
		if later.Successes[i] != st.Successes[i] {
			t.Errorf("%+v has become %+v", st.Successes[i], later.Successes[i])
		}
	}
}
