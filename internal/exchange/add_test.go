package exchange

import (
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/stix"
)

func TestAnIntakeNamesWhatItCannotTakeAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	good := `{"type":"x-a","id":"x-a--11111111-1111-4111-8111-111111111111"}`
	in := intake{room: func(int64) error { return nil }, at: 1_000, validation: stix.Shape, types: []string{"x-a"}}
	for i, raw := range []string{
		good, `17`, `{}`, `{"type":"x-b","id":"x-b--11111111-1111-4111-8111-111111111111"}`,
		`{"type":"bundle","id":"bundle--1","objects":[` + good + `]}`, `{"type":"bundle","id":"bundle--1"}`,
	} {
		if err := in.take("objects/"+string(rune('0'+i)), []byte(raw), ""); err != nil {
			t.Fatal(err)
		}
	}
	if len(in.drafts) != 2 || in.drafts[0].Note != "" || !strings.Contains(in.drafts[1].Note, "objects/4") {
		t.Errorf("drafts %+v", in.drafts)
	}
	want := []string{"objects/1", "objects/2", "x-b--11111111-1111-4111-8111-111111111111", "bundle--1"}
	for i, f := range in.failures {
		if f.ID != want[i] || f.Version != "1970-01-01T00:00:00.001000Z" || f.Message == "" {
			t.Errorf("failure %d: %+v", i, f)
		}
	}
	if len(in.failures) != len(want) || in.total != 6 {
		t.Errorf("%d failures of %d: %+v", len(in.failures), in.total, in.failures)
	}
}

func TestAStatusSaysTheSameOfTheRecordAsOfTheAdd(t *testing.T) {
	t.Parallel()
	st := feed.Status{ID: "s", First: 4, Last: 5, Duplicates: []feed.Place{2}, Notes: []feed.Note{{Index: 2, Message: "note"}},
		Failures: []feed.Failure{{ID: "f", Version: "v", Message: "m"}}}
	d := document(st, []feed.Version{{ID: "a"}, {ID: "b"}, {ID: "c"}}, NoCeiling)
	if d.TotalCount != 4 || d.SuccessCount != 3 || d.FailureCount != 1 || d.PendingCount != 0 || len(d.Successes) != 3 {
		t.Errorf("counts of %+v", d)
	}
	if d.Successes[1].Message != "" || d.Successes[2].Message != "already here with this content; note" {
		t.Errorf("messages of %+v", d.Successes)
	}
}
