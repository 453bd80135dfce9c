package driver

import (
	"bytes"
	"slices"
)

// step is one request and what must come.
type step struct {
	uri         string
	first, last string // the headers with dates
	at          int    // where next begins in the body; 0: it has none
	head, tail  uint32 // sums of the body before and after next
	tailSize    int    // of the body after next
	more        bool
	sums        []uint32 // of the objects
}

// stepOf notes an answer that was found good.
func stepOf(uri string, a answer, p page) step {
	s := step{uri: uri, first: a.header.First, last: a.header.Last, at: p.at, more: p.more, sums: make([]uint32, len(p.objects))}
	s.head, s.tail, s.tailSize = Sum(a.body[:p.at]), Sum(a.body[p.end:]), len(a.body)-p.end
	for i, raw := range p.objects {
		s.sums[i] = Sum(raw)
	}
	return s
}

// check compares an answer with what must come, and gives its cursor.
func (s *step) check(a answer) (next string, err error) {
	if err := good(s.uri, a); err != nil {
		return "", err
	}
	if a.header.First != s.first || a.header.Last != s.last {
		return "", fault(s.uri, "the dates of the page are %s to %s, not %s to %s", a.header.First, a.header.Last, s.first, s.last)
	}
	end := len(a.body) - s.tailSize
	if end >= s.at && (s.at == 0) == (end == 0) && Sum(a.body[:s.at]) == s.head && Sum(a.body[end:]) == s.tail {
		if cursor, ok := text(a.body[s.at:end]); ok {
			return cursor, nil
		}
	}
	return s.read(a)
}

// text reads a JSON string without escapes, or nothing.
func text(quoted []byte) (string, bool) {
	if len(quoted) == 0 {
		return "", true
	}
	n := len(quoted) - 1
	if n < 1 || quoted[0] != '"' || quoted[n] != '"' || bytes.ContainsAny(quoted[1:n], `"\`) {
		return "", false
	}
	return string(quoted[1:n]), true
}

// read compares an answer in another form: it must hold the same objects.
func (s *step) read(a answer) (next string, err error) {
	p, err := readPage(a.body)
	if err != nil {
		return "", fault(s.uri, "%w", err)
	}
	sums := make([]uint32, len(p.objects))
	for i, raw := range p.objects {
		sums[i] = Sum(raw)
	}
	switch {
	case !slices.Equal(sums, s.sums):
		return "", fault(s.uri, "%s", difference(sums, s.sums))
	case p.more != s.more:
		return "", fault(s.uri, "more is %v", p.more)
	case p.more && p.next == "" && s.at > 0:
		return "", fault(s.uri, "more is true and next is missing")
	}
	return p.next, nil
}
