package api_test

import (
	"fmt"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

func TestObjectsGoOutByteForByteAsTheyCameIn(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R006", "R009", "R015", "R016", "R134", "R164", "R168", "R278", "K54", "K55")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	odd := []string{
		"{\r\n\t\"type\" : \"domain-name\",\n\"value\":\"\\u0061\\/b\\ud83d\\ude00😀\", \"id\":\"" + id("domain-name", 1) + "\"   }",
		observable(2, `"x_n":[1.0,1e3,1E+3,-0,0.10,1e-7,12345678901234567890,0.1234567890123456789]`),
		observable(3, `"x_z":1,"x_a":2,"":3,"x_ä":"\u00e4","x_null":null,"x_empty":[],"x_deep":{"b":[{"a":{}}]}`),
		`{"modified":"2024-01-01T00:00:00.000Z","id":"` + id("tool", 4) + `","created":"2024-01-01T00:00:00.000Z","\u0074ype":"tool","spec_version":"2.1"}`,
		observable(5, `"x_text":"<script>& \u2028 \u003c `+"\u2028\u200f\ufffd"+`"`),
	}
	member.add(t, c, odd...)
	same(t, "all", member.page(t, c+"/objects/").Items, odd)
	for n, o := range odd {
		typ := "domain-name"
		if n == 3 {
			typ = "tool"
		}
		same(t, o, member.page(t, c+"/objects/"+id(typ, n+1)+"/").Items, []string{o})
	}
	want := `{"more":false,"objects":[` + odd[0] + `,` + odd[1] + `]}`
	got := member.get(t, fmt.Sprintf("%s/objects/?match[id]=%s,%s", c, id("domain-name", 1), id("domain-name", 2)))
	if string(got.Body) != want {
		t.Errorf("the envelope is %s", got.Body)
	}
}

func TestGeneratedObjectsComeBackByteForByteInEveryPageSize(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R036", "R037", "R090", "R164", "R245", "K40", "K44", "K47", "K55", "K61")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	const n = 300
	raws := trial.Objects(42, n)
	want := make([]string, n)
	for i, raw := range raws {
		want[i] = string(raw)
	}
	for i := 0; i < n; i += 50 {
		member.add(t, c, want[i:i+50]...)
	}
	for _, limit := range []string{"limit=7", "limit=100", "limit=1000"} {
		query := "match[version]=all&match[spec_version]=2.0,2.1&" + limit
		same(t, limit, member.walk(t, c+"/objects/", query), want)
		same(t, limit+" by date", member.walkByDate(t, c+"/objects/", query), want)
	}
	member.add(t, c, want[:50]...)
	if again := member.walk(t, c+"/manifest/", "match[version]=all&limit=500"); len(again) != n {
		t.Errorf("%d records for %d objects", len(again), n)
	}
}
