package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// all reads a whole stream.
func all(r io.Reader, most int64) (list []event, retry time.Duration, err error) {
	s := newEvents(r, most)
	for {
		e, err := s.next()
		if errors.Is(err, io.EOF) {
			return list, s.retry, nil
		}
		if err != nil {
			return list, s.retry, err
		}
		e.data = bytes.Clone(e.data)
		list = append(list, e)
	}
}

func short(list []event) (text string) {
	for _, e := range list {
		text += fmt.Sprintf("[%s|%s|%s]", e.id, e.name, e.data)
	}
	return text
}

func TestAnEventStreamIsReadAsBrowsersReadIt(t *testing.T) {
	for _, test := range []struct{ name, stream, want string }{
		{"nothing", "", ""},
		{"one event", "id: 1\nevent: message\ndata: a\n\n", "[1|message|a]"},
		{"several lines of data are joined by LF", "data: a\ndata: b\ndata\n\n", "[||a\nb\n]"},
		{"LF, CR and CR LF end lines, mixed", "data: a\rdata: b\r\ndata: c\n\r\n", "[||a\nb\nc]"},
		{"CR CR is an end and a blank line", "data: a\r\rdata: b\r\r", "[||a][||b]"},
		{"LF CR is two ends", "data: a\n\rdata: b\n\r", "[||a][||b]"},
		{"a byte order mark at the beginning", "\ufeffdata: a\n\n", "[||a]"},
		{"and only there", "\ufeff\ufeffdata: a\n\ndata: b\n\n\ufeffdata: c\n\n", "[||b]"},
		{"comments", ": keep-alive\n\n:\n\ndata: a\n: b\ndata: c\n\n", "[||a\nc]"},
		{"one space after the colon goes, and no more", "data:a\ndata:  b\ndata:\tc\n\n", "[||a\n b\n\tc]"},
		{"a colon in the value", "data: a:b\n\n", "[||a:b]"},
		{"unknown fields", "colour: red\ndata: a\nDATA: b\n\n", "[||a]"},
		{"data that is empty", "data\n\n", "[||]"},
		{"two empty lines of data", "data\ndata\n\n", "[||\n]"},
		{"an event without data is none, and its name is gone", "event: gap\n\ndata: a\n\n", "[||a]"},
		{"the last name counts", "event: a\nevent: b\ndata: x\n\n", "[|b|x]"},
		{"an id lasts until the next", "id: 1\ndata: a\n\ndata: b\n\n", "[1||a][1||b]"},
		{"an id alone is progress", "id: 1\n\nid: 1\n\nid: 2\n\n", "[1||][2||]"},
		{"an id that comes back is none", "id: 1\n\nid: 2\nid: 1\n\n", "[1||]"},
		{"an id with NUL is ignored", "id: 1\ndata: a\n\nid: 2\x003\ndata: b\n\n", "[1||a][1||b]"},
		{"an empty id takes it back", "id: 1\ndata: a\n\nid\ndata: b\n\n", "[1||a][||b]"},
		{"what no blank line ends is lost, with its id", "id: 1\ndata: a\n\nid: 2\ndata: b\n", "[1||a]"},
		{"also in the midst of a line", "id: 1\ndata: a\n\nid: 2\ndata: b", "[1||a]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for kind, r := range map[string]io.Reader{
				"whole": strings.NewReader(test.stream), "by octet": iotest.OneByteReader(strings.NewReader(test.stream)),
			} {
				list, _, err := all(r, 1000)
				if err != nil || short(list) != test.want {
					t.Errorf("%s: got %q, %v, want %q", kind, short(list), err, test.want)
				}
			}
		})
	}
}

func TestRetryIsMillisecondsInDigitsAlone(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"3000": 3 * time.Second, " 3000": 3 * time.Second, "0": 0, "3s": time.Second, "-1": time.Second, "": time.Second,
		"99999999999999999999": time.Second, "9223372036854775807": time.Second, "1.5": time.Second, "\u0663": time.Second,
	} {
		if _, got, _ := all(strings.NewReader("retry: 1000\nretry:"+text+"\n"), 100); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestALineEndsWithCRBeforeAnythingFollows(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	go io.WriteString(w, "data: a\r\r")
	if e, err := newEvents(r, 100).next(); err != nil || string(e.data) != "a" { // it used to be natural to wait for the LF
		t.Errorf("got %q, %v", e.data, err)
	}
}

func TestAStreamCannotMakeAReaderKeepMoreThanItsBound(t *testing.T) {
	const most = 1000
	for name, stream := range map[string]io.Reader{
		"a line without end":     io.MultiReader(strings.NewReader("data: "), repeated("x")),
		"a comment without end":  io.MultiReader(strings.NewReader(":"), repeated("x")),
		"an event without end":   repeated("data: x\n"),
		"an event of empty data": repeated("data\n"),
	} {
		_, _, err := all(stream, most)
		if err == nil || !strings.Contains(err.Error(), "larger than 1000 octets") || passing(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	fits := "data: " + strings.Repeat("x", most-1) + "\n\n"
	if list, _, err := all(strings.NewReader(fits+fits), most); err != nil || len(list) != 2 {
		t.Errorf("what fits: got %d events, %v", len(list), err)
	}
}

// repeated gives a text for ever.
func repeated(text string) io.Reader { return &loop{text, strings.NewReader(text)} }

type loop struct {
	text string
	r    *strings.Reader
}

func (l *loop) Read(p []byte) (int, error) {
	if l.r.Len() == 0 {
		l.r.Reset(l.text)
	}
	return l.r.Read(p)
}

// plainly reads a stream the simplest way: the rules of WHATWG, over the whole
// text.
func plainly(text string) (list []event) {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(text, "\n")
	id, before, e := "", "", event{data: []byte{}}
	for _, line := range lines[:len(lines)-1] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if e.hasData || id != before {
				e.id, e.data = id, bytes.TrimSuffix(e.data, []byte("\n"))
				list = append(list, e)
			}
			before, e = id, event{data: []byte{}}
		case name == "event":
			e.name = value
		case name == "data":
			e.hasData, e.data = true, append(append(e.data, value...), '\n')
		case name == "id" && !strings.Contains(value, "\x00") && strings.ToValidUTF8(value, "") == value:
			id = value
		}
	}
	return list
}

func FuzzEvents(f *testing.F) {
	for _, seed := range []string{
		"retry: 3000\n\nid: c1\nevent: message\ndata: {\"id\":\"1\"}\n\n: keep-alive\n\nid: c2\n\n", "\ufeffdata\r\r\ndata: a\r\n\r\n",
		"id: 1\nid: 2\nid: 1\n\n", "event: end\ndata: {}\n\n", "id: \x00\n\n", "data: a\rdata", "::\n: \n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want := plainly(string(text))
		for _, r := range []io.Reader{bytes.NewReader(text), iotest.OneByteReader(bytes.NewReader(text)), iotest.HalfReader(bytes.NewReader(text))} {
			got, _, err := all(r, int64(len(text)+1))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%q: got %q, %v, want %q", text, short(got), err, short(want))
			}
		}
	})
}
