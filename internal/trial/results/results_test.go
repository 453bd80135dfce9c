package results

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

const log = `{"Action":"start","Package":"m/a"}
{"Action":"run","Package":"m/a","Test":"TestB"}
{"Action":"attr","Package":"m/a","Test":"TestB","Key":"covers","Value":"R002 K30"}
{"Action":"attr","Package":"m/a","Test":"TestB","Key":"other","Value":"R009"}
{"Action":"attr","Package":"m/a","Test":"TestB","Key":"covers","Value":"R001 R002"}
{"Action":"output","Package":"m/a","Test":"TestB","Output":"=== RUN   TestB\n"}
go: downloading something
{"Action":"run","Package":"m/a","Test":"TestB/sub"}
{"Action":"attr","Package":"m/a","Test":"TestB/sub","Key":"covers","Value":"R003"}
{"Action":"output","Package":"m/a","Test":"TestB/sub","Output":"    a_test.go:1: SKIPPED: curl\n"}
{"Action":"skip","Package":"m/a","Test":"TestB/sub","Elapsed":0}
{"Action":"pass","Package":"m/a","Test":"TestB","Elapsed":1.5}
{"Action":"run","Package":"m/a","Test":"TestA"}
{"Action":"output","Package":"m/a","Test":"TestA","Output":"wrong\n"}
{"Action":"fail","Package":"m/a","Test":"TestA","Elapsed":0}
{"Action":"fail","Package":"m/a","Elapsed":2}
{"ImportPath":"m/b [m/b.test]","Action":"build-output","Output":"b.go:1: syntax error\n"}
{"ImportPath":"m/b [m/b.test]","Action":"build-fail"}
{"Action":"start","Package":"m/b"}
{"Action":"output","Package":"m/b","Output":"FAIL m/b [build failed]\n"}
{"Action":"fail","Package":"m/b","Elapsed":0,"FailedBuild":"m/b [m/b.test]"}
{"Action":"run","Package":"m/c","Test":"TestC"}
{"Action":"output","Package":"m/c","Test":"TestC","Output":"panic: x\n"}
{"Action":"fail","Package":"m/c"}
{"Action":"skip","Package":"m/d"}
`

func TestResultsTellHowEachTestEnded(t *testing.T) {
	got, err := Read(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	want := []Test{
		{Package: "m/a", Name: "TestA", Outcome: Failed, Output: "wrong\n"},
		{Package: "m/a", Name: "TestB", Outcome: Passed, Covers: []string{"K30", "R001", "R002"}, Elapsed: 1500 * time.Millisecond},
		{Package: "m/a", Name: "TestB/sub", Outcome: Skipped, Covers: []string{"R003"}, Output: "    a_test.go:1: SKIPPED: curl\n"},
		{Package: "m/b", Outcome: Failed, Output: "FAIL m/b [build failed]\nb.go:1: syntax error\n"},
		{Package: "m/c", Name: "TestC", Outcome: Unfinished, Output: "panic: x\n"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestATestThatRanTwiceFailedIfItFailedOnce(t *testing.T) {
	for _, order := range [][2]string{{"fail", "pass"}, {"pass", "fail"}} {
		got, err := Read(strings.NewReader(`{"Action":"` + order[0] + `","Package":"m","Test":"T"}` + "\n" +
			`{"Action":"` + order[1] + `","Package":"m","Test":"T"}`))
		if err != nil || len(got) != 1 || got[0].Outcome != Failed {
			t.Errorf("%v: %+v, %v", order, got, err)
		}
	}
}

func TestALineCutShortIsAnError(t *testing.T) {
	if _, err := Read(strings.NewReader("{\"Action\":\"pass\"}\n{\"Action\":")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v, want one that names line 2", err)
	}
}
