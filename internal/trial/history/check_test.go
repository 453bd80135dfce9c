package history_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial/history"
)

const (
	indicators = "/trust/collections/indicators" // nothing is deleted there
	operations = "/open/collections/operations"  // something is
)

// obj is an object: "a1" is a in version 1, "a1x" the same with other bytes.
func obj(text string) history.Object {
	return history.Object{ID: "tool--" + text[:1], Version: "v" + text[1:2], Hash: text}
}

func objs(text string) (list []history.Object) {
	for word := range strings.FieldsSeq(text) {
		list = append(list, obj(word))
	}
	return list
}

// names are objects as a Status lists them.
func names(text string) []history.Object {
	list := objs(text)
	for i := range list {
		list[i].Hash = ""
	}
	return list
}

// records are objects as a manifest lists them, with the dates 1, 2, 3 ...
func records(text string) []history.Object {
	list := names(text)
	for i := range list {
		list[i].Date = date(i + 1)
	}
	return list
}

func date(n int) string { return fmt.Sprintf("2026-01-01T00:00:%02d.000000Z", n) }

// add is an Add from one moment to another with all of it stored.
func add(start, end int64, text string) history.Request {
	return history.Request{
		Client: "w", Kind: history.Add, Feed: indicators, Objects: objs(text), Start: start, End: end,
		Answer: history.Answer{Outcome: history.Done, Status: 202, Successes: names(text)},
	}
}

func unanswered(q history.Request) history.Request {
	q.Answer, q.End = history.Answer{Outcome: history.Unknown}, 1<<63-1
	return q
}

func refused(q history.Request, status int) history.Request {
	q.Answer = history.Answer{Outcome: history.Refused, Status: status}
	return q
}

// withFailures is an Add of which so many objects at its end failed.
func withFailures(q history.Request, n int) history.Request {
	at := len(q.Successes) - n
	q.Successes, q.Failures = q.Successes[:at], q.Successes[at:]
	return q
}

func imported(start, end int64, batch int, text string) history.Request {
	q := add(start, end, text)
	q.Kind, q.Batch, q.Successes = history.Import, batch, nil
	return q
}

func deleted(start, end int64, text string) history.Request {
	o := obj(text)
	return history.Request{Client: "d", Kind: history.Delete, Feed: operations, ID: o.ID, Version: o.Version, Start: start, End: end,
		Answer: history.Answer{Outcome: history.Done, Status: 200}}
}

func set(start, end int64, value string) history.Request {
	return history.Request{Client: "a", Kind: history.Set, ID: "account x", Value: value, Start: start, End: end, Answer: history.Answer{Outcome: history.Done}}
}

func at(feed string, requests ...history.Request) []history.Request {
	for i := range requests {
		requests[i].Feed = feed
	}
	return requests
}

func holds(text string) []history.End {
	return []history.End{{Feed: indicators, Objects: objs(text), Records: records(text)}}
}

func holdsThere(feed, text string) []history.End {
	e := holds(text)
	e[0].Feed = feed
	return e
}

// follows is a follower that got these pages of objects, dated by their places
// in all.
func follows(all string, pages ...string) []history.Follower {
	f := history.Follower{Name: "f", Feed: indicators}
	for _, text := range pages {
		list := objs(text)
		f.Pages = append(f.Pages, history.Page{
			Objects: list, First: date(1 + slices.Index(objs(all), list[0])), Last: date(1 + slices.Index(objs(all), list[len(list)-1])),
		})
	}
	return []history.Follower{f}
}

func followsAt(feed, all string, pages ...string) []history.Follower {
	f := follows(all, pages...)
	f[0].Feed = feed
	return f
}

func followsRecords(feed string, records ...history.Object) []history.Follower {
	f := history.Follower{Name: "f", Feed: feed, Manifest: true}
	for _, r := range records {
		f.Pages = append(f.Pages, history.Page{Objects: []history.Object{r}, First: r.Date, Last: r.Date})
	}
	return []history.Follower{f}
}

// changedEnd gives an end other records than its objects have.
func changedEnd(e []history.End, change func([]history.Object) []history.Object) []history.End {
	e[0].Records = change(e[0].Records)
	return e
}

func TestAHistoryIsJudgedByWhatItSays(t *testing.T) {
	for _, c := range []struct {
		name string
		h    history.History
		want []history.Fault
	}{
		{"all that was acknowledged is there", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1"), add(3, 4, "c1"), add(3, 5, "a2")), Ends: holds("a1 b1 a2 c1"),
			Followers: follows("a1 b1 a2 c1", "a1", "b1 a2 c1"),
		}, nil},
		{"one acknowledged object is missing", history.History{
			Requests: at(indicators, add(1, 2, "a1"), add(3, 4, "b1")), Ends: holds("a1"),
		}, []history.Fault{history.Lost}},
		{"a part of an acknowledged request is missing", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1")), Ends: holds("a1"),
		}, []history.Fault{history.Lost, history.Torn}},
		{"an acknowledged import is missing", history.History{
			Requests: at(indicators, imported(1, 2, 1, "a1 b1")), Ends: holds("a1"),
		}, []history.Fault{history.Lost}},
		{"an object is there twice", history.History{
			Requests: at(indicators, add(1, 2, "a1")), Ends: holds("a1 a1"),
		}, []history.Fault{history.Twice, history.Twice}}, // the object, and its record
		{"two contents of one version are there", history.History{
			Requests: at(indicators, add(1, 2, "a1"), add(3, 4, "a1x")), Ends: holds("a1 a1x"),
		}, []history.Fault{history.Twice}},
		{"the other content of a version was refused and is not there", history.History{
			Requests: at(indicators, add(1, 2, "a1"), withFailures(add(3, 4, "b1 a1x"), 1)), Ends: holds("a1 b1"),
		}, nil},
		{"the other content of a version was refused and is there", history.History{
			Requests: at(indicators, add(1, 2, "a1"), withFailures(add(3, 4, "b1 a1x"), 1)), Ends: holds("a1x b1"),
		}, []history.Fault{history.Undenied, history.Lost}},
		{"the bytes differ", history.History{
			Requests: at(indicators, add(1, 2, "a1")), Ends: holds("a1y"),
		}, []history.Fault{history.Changed, history.Lost}},
		{"something is there that nobody sent", history.History{
			Requests: at(indicators, add(1, 2, "a1")), Ends: holds("a1 z1"),
		}, []history.Fault{history.Strange}},
		{"a refused request is not there", history.History{
			Requests: at(indicators, refused(add(1, 2, "a1"), 503)), Ends: holds(""),
		}, nil},
		{"a refused request is there", history.History{
			Requests: at(indicators, refused(add(1, 2, "a1"), 503)), Ends: holds("a1"),
		}, []history.Fault{history.Undenied}},
		{"a refused request was sent again", history.History{
			Requests: at(indicators, refused(add(1, 2, "a1"), 503), add(3, 4, "a1")), Ends: holds("a1"),
		}, nil},
		{"a request without an answer is there", history.History{
			Requests: at(indicators, unanswered(add(1, 2, "a1 b1"))), Ends: holds("a1 b1"),
		}, nil},
		{"a request without an answer is not there", history.History{
			Requests: at(indicators, unanswered(add(1, 2, "a1 b1"))), Ends: holds(""),
		}, nil},
		{"half of a request without an answer is there", history.History{
			Requests: at(indicators, unanswered(add(1, 2, "a1 b1"))), Ends: holds("b1"),
		}, []history.Fault{history.Torn}},
		{"half of it is there because somebody else sent it", history.History{
			Requests: at(indicators, unanswered(add(1, 2, "a1 b1")), add(3, 4, "b1")), Ends: holds("b1"),
		}, nil},
		{"an import ended after a batch", history.History{
			Requests: at(indicators, unanswered(imported(1, 2, 2, "a1 b1 c1 d1 e1"))), Ends: holds("a1 b1"),
		}, nil},
		{"an import ended within a batch", history.History{
			Requests: at(indicators, unanswered(imported(1, 2, 2, "a1 b1 c1 d1 e1"))), Ends: holds("a1 b1 c1"),
		}, []history.Fault{history.Torn}},
		{"an import left a batch out", history.History{
			Requests: at(indicators, unanswered(imported(1, 2, 2, "a1 b1 c1 d1 e1"))), Ends: holds("a1 b1 e1"),
		}, []history.Fault{history.Torn}},
		{"what was sent later lies before what was acknowledged", history.History{
			Requests: at(indicators, add(1, 2, "a1"), add(3, 4, "b1")), Ends: holds("b1 a1"),
		}, []history.Fault{history.Disorder}},
		{"what was sent at one time may lie as it likes", history.History{
			Requests: at(indicators, add(1, 4, "a1"), add(3, 5, "b1")), Ends: holds("b1 a1"),
		}, nil},
		{"a request is not in its own order", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1")), Ends: holds("b1 a1"),
		}, []history.Fault{history.Disorder}},
		{"something lies within a request", history.History{
			Requests: at(indicators, add(1, 5, "a1 b1"), add(1, 5, "c1")), Ends: holds("a1 c1 b1"),
		}, []history.Fault{history.Disorder}},
		{"something lies between the batches of an import", history.History{
			Requests: at(indicators, imported(1, 5, 1, "a1 b1"), add(1, 5, "c1")), Ends: holds("a1 c1 b1"),
		}, nil},
		{"the batches of an import are in another order", history.History{
			Requests: at(indicators, imported(1, 5, 1, "a1 b1")), Ends: holds("b1 a1"),
		}, []history.Fault{history.Disorder}},
		{"a date does not rise", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1")),
			Ends:     changedEnd(holds("a1 b1"), func(r []history.Object) []history.Object { r[1].Date = r[0].Date; return r }),
		}, []history.Fault{history.Disorder}},
		{"the manifest lacks a record", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1")),
			Ends:     changedEnd(holds("a1 b1"), func(r []history.Object) []history.Object { return r[:1] }),
		}, []history.Fault{history.Disorder}},
		{"the manifest has another version", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1")),
			Ends:     changedEnd(holds("a1 b1"), func(r []history.Object) []history.Object { r[1].Version = "v2"; return r }),
		}, []history.Fault{history.Disorder}},
		{"the Status leaves an object out", history.History{
			Requests: at(indicators, func() history.Request { q := add(1, 2, "a1 b1"); q.Successes = q.Successes[:1]; return q }()),
			Ends:     holds("a1 b1"),
		}, []history.Fault{history.Unsaid, history.Unsaid}}, // the object, and the number
		{"a follower missed an object", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1 c1")), Ends: holds("a1 b1 c1"), Followers: follows("a1 b1 c1", "a1", "c1"),
		}, []history.Fault{history.Missed}},
		{"a follower got an object twice", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1")), Ends: holds("a1 b1"), Followers: follows("a1 b1", "a1", "a1 b1"),
		}, []history.Fault{history.Disorder, history.Repeated}}, // the page begins too early, too
		{"a follower got objects in another order", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1 c1")), Ends: holds("a1 b1 c1"), Followers: follows("a1 b1 c1", "a1 c1 b1"),
		}, []history.Fault{history.Disorder}},
		{"a follower got what is not there in the end", history.History{
			Requests: at(indicators, add(1, 2, "a1"), unanswered(add(3, 4, "b1"))), Ends: holds("a1"), Followers: follows("a1 b1", "a1", "b1"),
		}, []history.Fault{history.Lost}},
		{"a page has other dates than the manifest", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1")), Ends: holds("a1 b1"), Followers: follows("x1 a1 b1", "a1 b1"),
		}, []history.Fault{history.Disorder, history.Disorder}}, // the first and the last
		{"a follower was refused", history.History{
			Ends: holds(""), Followers: []history.Follower{{Name: "f", Feed: indicators, Pages: []history.Page{{Problem: "400 no such cursor"}}}},
		}, []history.Fault{history.Denied}},
		{"a follower of the manifest got all", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1")), Ends: holds("a1 b1"), Followers: followsRecords(indicators, records("a1 b1")...),
		}, nil},
		{"a follower of the manifest missed a record", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1")), Ends: holds("a1 b1"), Followers: followsRecords(indicators, records("a1 b1")[1:]...),
		}, []history.Fault{history.Missed}},
		{"a follower of the manifest got a record under another date", history.History{
			Requests: at(indicators, add(1, 2, "a1 b1")), Ends: holds("a1 b1"),
			Followers: followsRecords(indicators, append(records("a1 b1"), history.Object{ID: "tool--b", Version: "v1", Date: date(9)})...),
		}, []history.Fault{history.Lost}},
		{"what was deleted is gone", history.History{
			Requests: append(at(operations, add(1, 2, "a1 b1")), deleted(3, 4, "a1")), Ends: holdsThere(operations, "b1"),
		}, nil},
		{"what was deleted is there", history.History{
			Requests: append(at(operations, add(1, 2, "a1 b1")), deleted(3, 4, "a1")), Ends: holdsThere(operations, "a1 b1"),
		}, []history.Fault{history.Undeleted}},
		{"what was deleted was sent again", history.History{
			Requests: append(at(operations, add(1, 2, "a1"), add(5, 6, "a1")), deleted(3, 4, "a1")), Ends: holdsThere(operations, "a1"),
		}, nil},
		{"what was sent again after its deletion is missing", history.History{
			Requests: append(at(operations, add(1, 2, "a1"), add(5, 6, "a1")), deleted(3, 4, "a1")), Ends: holdsThere(operations, ""),
		}, []history.Fault{history.Lost}},
		{"a deletion without an answer may have been done or not", history.History{
			Requests: append(at(operations, add(1, 2, "a1 b1")), unanswered(deleted(3, 4, "a1")), unanswered(deleted(3, 4, "b1"))), Ends: holdsThere(operations, "b1"),
		}, nil},
		{"another version than the deleted one is missing", history.History{
			Requests: append(at(operations, add(1, 2, "a1 a2")), deleted(3, 4, "a1")), Ends: holdsThere(operations, ""),
		}, []history.Fault{history.Lost}},
		{"a deletion does not find what was acknowledged", history.History{
			Requests: append(at(operations, add(1, 2, "a1"), add(5, 6, "a1")), refused(deleted(3, 4, "a1"), 404)), Ends: holdsThere(operations, "a1"),
		}, []history.Fault{history.Lost}},
		{"a version came back behind what was there", history.History{
			Requests:  append(at(operations, add(1, 2, "a1 a2 b1")), deleted(3, 4, "a2")),
			Ends:      changedEnd(holdsThere(operations, "b1 a1"), func(r []history.Object) []history.Object { r[0].Date, r[1].Date = date(3), date(5); return r }),
			Followers: followsAt(operations, "a1 a2 b1 q1 a1", "a1 a2 b1"),
		}, []history.Fault{history.Disorder}}, // the follower did not get it again
		{"a follower got again what came back", history.History{
			Requests: append(at(operations, add(1, 2, "a1 a2 b1")), deleted(3, 4, "a2")),
			Ends:     holdsThere(operations, "b1 a1"),
			Followers: []history.Follower{{Name: "f", Feed: operations, Pages: []history.Page{
				{First: date(1), Last: date(3), Objects: objs("a1 a2 b1")}, {First: date(4), Last: date(4), Objects: objs("a1")},
			}}},
		}, nil},
		{"a follower got again what did not come back", history.History{
			Requests: append(at(operations, add(1, 2, "a1 b1")), deleted(3, 4, "a1")),
			Ends:     holdsThere(operations, "b1"),
			Followers: []history.Follower{{Name: "f", Feed: operations, Pages: []history.Page{
				{First: date(1), Last: date(2), Objects: objs("a1 b1")}, {First: date(3), Last: date(3), Objects: objs("b1")},
			}}},
		}, []history.Fault{history.Repeated}},
		{"a follower missed what is left of a feed with deletions", history.History{
			Requests: append(at(operations, add(1, 2, "a1 b1 c1")), deleted(3, 4, "a1")), Ends: holdsThere(operations, "b1 c1"),
			Followers: followsAt(operations, "a1 b1 c1", "a1 b1"),
		}, []history.Fault{history.Missed}},
		{"a follower of the manifest of a feed with deletions got a record that went", history.History{
			Requests:  append(at(operations, add(1, 2, "a1 b1")), deleted(3, 4, "a1")),
			Ends:      changedEnd(holdsThere(operations, "b1"), func([]history.Object) []history.Object { return records("a1 b1")[1:] }),
			Followers: followsRecords(operations, records("a1 b1")...),
		}, nil},
		{"a setting holds", history.History{
			Requests: []history.Request{set(1, 2, "read"), set(3, 4, "write")}, Readings: []history.Reading{{"account x", "write", 5}},
		}, nil},
		{"a setting is what it was before", history.History{
			Requests: []history.Request{set(1, 2, "read"), set(3, 4, "write")}, Readings: []history.Reading{{"account x", "read", 5}},
		}, []history.Fault{history.Unset}},
		{"a setting without an answer may hold", history.History{
			Requests: []history.Request{set(1, 2, "read"), unanswered(set(3, 4, "write"))},
			Readings: []history.Reading{{"account x", "read", 5}, {"account x", "write", 6}},
		}, nil},
		{"a setting is what nobody set", history.History{
			Requests: []history.Request{set(1, 2, "read"), unanswered(set(3, 4, "write"))}, Readings: []history.Reading{{"account x", "", 5}},
		}, []history.Fault{history.Unset}},
		{"a setting is read before it is set", history.History{
			Requests: []history.Request{set(1, 2, "read"), set(6, 7, "write")}, Readings: []history.Reading{{"account x", "read", 5}},
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []history.Fault
			for _, b := range history.Check(c.h) {
				got = append(got, b.Fault)
				t.Log(b)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}
