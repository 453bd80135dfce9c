package channels

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/taxii"
)

// message is the n-th Message of a Channel.
func message(n int) Seen {
	return Seen{ID: fmt.Sprint("m", n), Cursor: fmt.Sprint("c", n), Hash: fmt.Sprint("h", n), Published: taxii.Time(n)}
}

// recorded is a history of ten Messages, of which the first three have expired,
// and one follower, which is given those of a list: n is a Message, 0 a gap of so
// many, -1 a read that failed.
func recorded(kind Kind, missed int64, list ...int) *History {
	h := &History{Sent: map[string]Sent{}}
	for n := 1; n <= 10; n++ {
		m := message(n)
		h.Sent[m.ID] = Sent{m.Hash}
		if n != 5 { // its publisher had no answer
			h.Told = append(h.Told, Seen{ID: m.ID, Cursor: m.Cursor, Published: m.Published})
		}
		if n > 3 {
			h.End = append(h.End, m)
		}
	}
	f := &Follower{Name: "follower", Kind: kind}
	for _, n := range list {
		switch n {
		case 0:
			f.note(Entry{What: Gap, Missed: missed})
		case -1:
			f.note(Entry{What: Failed})
		default:
			f.note(Entry{What: Came, Seen: message(n)})
		}
	}
	h.Followers = []*Follower{f}
	return h
}

// ids is a list of objects, one for each letter.
func ids(letters string) []string { return strings.Split(letters, "") }

func TestEachBrokenPromiseIsFound(t *testing.T) {
	t.Parallel()
	all := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	change := func(do func(*History)) *History { h := recorded(ByCursor, 0, all...); do(h); return h }
	for name, c := range map[string]struct {
		h    *History
		want []Fault
	}{
		"all came":                        {recorded(ByCursor, 0, all...), nil},
		"a gap of what expired":           {recorded(ByCursor, 2, 1, 0, 4, 5, 6, 7, 8, 9, 10), nil},
		"two gaps that follow each other": {recorded(ByCursor, 1, 1, 0, 0, 4, 5, 6, 7, 8, 9, 10), nil},
		"a gap of another number":         {recorded(ByCursor, 1, 1, 0, 4, 5, 6, 7, 8, 9, 10), []Fault{WrongGap}},
		"a gap of what is there":          {recorded(ByCursor, 3, 1, 0, 5, 6, 7, 8, 9, 10), []Fault{WrongGap}},
		"expired and not told":            {recorded(ByCursor, 0, 1, 4, 5, 6, 7, 8, 9, 10), []Fault{Missing}},
		"one left out":                    {recorded(ByStream, 0, 1, 2, 3, 4, 5, 6, 8, 9, 10), []Fault{Missing}},
		"one without an answer left out":  {recorded(ByStream, 0, 1, 2, 3, 4, 6, 7, 8, 9, 10), []Fault{Missing}},
		"the last left out":               {recorded(ByStream, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), []Fault{Missing}},
		"nothing came":                    {recorded(BySubscription, 0), []Fault{Missing}},
		"an order of its own":             {recorded(BySubscription, 0, 1, 3, 2, 4, 5, 6, 7, 8, 9, 10), []Fault{Missing, Disorder}},
		"twice by cursor":                 {recorded(ByCursor, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10), []Fault{Twice}},
		"twice by Subscription":           {recorded(BySubscription, 0, 1, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), nil},
		"the draft's window":              {recorded(ByDraft, 0, 1, 2, 3, 4, -1, 7, 8, 9, 10), nil},
		"outside of it":                   {recorded(ByDraft, 0, 1, 2, 3, 4, -1, 5, 7, 8, 9, 10), []Fault{Missing}},
		"a Subscription has none":         {recorded(BySubscription, 0, 1, 2, 3, 4, -1, 7, 8, 9, 10), []Fault{Missing}},
		"gone in the end":                 {change(func(h *History) { h.End = slices.Delete(h.End, 3, 4) }), []Fault{Lost}},
		"another content":                 {change(func(h *History) { h.Sent["m4"] = Sent{"x"} }), []Fault{Altered}},
		"nobody sent it":                  {change(func(h *History) { delete(h.Sent, "m4") }), []Fault{Strange}},
		"another date":                    {change(func(h *History) { h.Told[3].Published = 77 }), []Fault{Disorder}},
		"another cursor":                  {change(func(h *History) { h.Told[3].Cursor = "x" }), []Fault{Disorder}},
		"relayed":                         {change(func(h *History) { h.Source, h.Relayed, h.Target = ids("abc"), ids("abc"), ids("abc") }), nil},
		"relayed twice":                   {change(func(h *History) { h.Source, h.Relayed, h.Target = ids("abc"), ids("ababc"), ids("abc") }), []Fault{Twice}},
		"relayed in another order":        {change(func(h *History) { h.Source, h.Relayed, h.Target = ids("abc"), ids("abc"), ids("bac") }), []Fault{Disorder}},
		"not relayed":                     {change(func(h *History) { h.Source, h.Relayed, h.Target = ids("abc"), ids("ac"), ids("abc") }), []Fault{Lost}},
		"relayed and never added":         {change(func(h *History) { h.Source, h.Relayed, h.Target = ids("abc"), ids("abc"), ids("abcd") }), []Fault{Strange}},
		"added and gone":                  {change(func(h *History) { h.Added, h.Source = ids("ab"), nil }), []Fault{Lost}},
		"an answer that is none":          {change(func(h *History) { h.wrong("500") }), []Fault{Refused}},
	} {
		found := map[Fault]bool{}
		for _, b := range Judge(c.h) {
			found[b.Fault] = true
		}
		for _, f := range c.want {
			if !found[f] {
				t.Errorf("%s: %q was not found", name, f)
			}
		}
		if len(c.want) == 0 && len(found) > 0 {
			t.Errorf("%s: %v", name, Judge(c.h))
		}
	}
}
