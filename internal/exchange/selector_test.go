package exchange_test

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestASelectorHasOneCanonicalForm(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"":                       "",
		"limit=3&wait=5":         "",
		"match[version]=all":     "",
		"match[type]=malware":    "match[type]=malware",
		"match%5Btype%5D=b,a":    "match[type]=a,b",
		"match[type]=b%2Ca,b&x=": "match[type]=a,b",
		"match[type]=a&match[id]=z,y&match[version]=all":                   "match[id]=y,z&match[type]=a",
		"match[id]=a+b%26c%3D":                                             "match[id]=a+b%26c%3D",
		"match[publisher]=p&match[message_type]=m&match[spec_version]=2.1": "match[message_type]=m&match[publisher]=p&match[spec_version]=2.1",
	} {
		s, err := exchange.ParseSelector(query)
		if err != nil || s.String() != want {
			t.Errorf("%s: %q, %v; want %q", query, s.String(), err, want)
		}
		again, err := exchange.ParseSelector(s.String())
		if err != nil || again.String() != want {
			t.Errorf("%s, read again: %q, %v", query, again.String(), err)
		}
		same, err := exchange.SelectorOf(s.Map())
		if err != nil || same.String() != want || !reflect.DeepEqual(same.Map(), s.Map()) {
			t.Errorf("%s, by its fields: %q, %v", query, same.String(), err)
		}
	}
}

func TestASelectorThatCannotBeHonouredIsRefused(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"match[nonsense]=a", "match[]=a", "match[type=a", "match[type]=", "match[type]=a,,b", "match[type]=a,", "match[type]",
		"match[type]=a&match[type]=b", "match[type]=a&match%5Btype%5D=b", "match[version]=last", "match[version]=all,first",
		"match[type]=%zz", "match[id]=%00", "match[id]=%ff", "match[id]=a%0Ab",
		"match[id]=" + strings.Repeat("x", 4097), "match[id]=" + list(101),
	} {
		if _, err := exchange.ParseSelector(query); err == nil || taxii.KindOf(err) != taxii.Malformed {
			t.Errorf("%.60s: %v", query, err)
		}
	}
	if _, err := exchange.ParseSelector("match[id]=" + list(100)); err != nil {
		t.Error(err)
	}
	for _, fields := range []map[string][]string{{"nonsense": {"a"}}, {"type": {}}, {"type": {"a,b"}}, {"type": {""}}, {"version": {"last"}}} {
		_, err := exchange.SelectorOf(fields)
		wantKind(t, fmt.Sprint(fields), err, taxii.Unprocessable)
	}
}

// list gives n values with commas between them.
func list(n int) string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprint("v", i)
	}
	return strings.Join(values, ",")
}

func FuzzASelectorIsRefusedOrHasOneForm(f *testing.F) {
	for _, seed := range []string{"match[type]=a,b&match[id]=%2C", "match%5Bid%5D=x&limit=1", "match[version]=all", "match[id]=a;b", "&&=&match[", "match[id]=\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		s, err := exchange.ParseSelector(query)
		if err != nil {
			if taxii.KindOf(err) != taxii.Malformed {
				t.Fatalf("%v is no answer to a query", err)
			}
			return
		}
		again, err := exchange.ParseSelector(s.String())
		if err != nil || again.String() != s.String() || !reflect.DeepEqual(again.Map(), s.Map()) {
			t.Fatalf("%q becomes %q becomes %q: %v", query, s.String(), again.String(), err)
		}
		if _, err := url.ParseQuery(s.String()); err != nil {
			t.Fatal(err)
		}
	})
}
