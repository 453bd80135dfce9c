package history

import (
	"fmt"
	"slices"
	"time"
)

// fate is what a request says became of one of its objects.
type fate int

const (
	perhaps fate = iota // there was no answer
	stored
	failed
	unsaid // there was one, which does not say
)

func (q *Request) fate(o Object) fate {
	switch {
	case q.Outcome == Refused:
		return failed
	case q.Outcome != Done:
		return perhaps
	case q.Kind == Import || among(q.Successes, o):
		return stored
	case among(q.Failures, o):
		return failed
	}
	return unsaid
}

// among tells that a Status lists an object. One without a version of its own
// is listed under the date it got.
func among(list []Object, o Object) bool {
	return slices.ContainsFunc(list, func(l Object) bool { return l.ID == o.ID && (o.Version == "" || l.Version == o.Version) })
}

func (o Object) String() string {
	text := o.ID
	if o.Version != "" {
		text += " " + o.Version
	}
	if o.Hash != "" {
		text += fmt.Sprintf(" (%.8s)", o.Hash)
	}
	if o.Date != "" {
		text += " of " + o.Date
	}
	return text
}

// clock shows when something was.
func clock(at int64) string {
	if at == never {
		return "no time"
	}
	return time.Duration(at).Round(time.Microsecond).String()
}

// settings looks whether each setting is what it was last set to, as far as
// that is known.
func (c *checker) settings() {
	byName := map[string][]*Request{}
	for i := range c.h.Requests {
		if q := &c.h.Requests[i]; q.Kind == Set {
			byName[q.ID] = append(byName[q.ID], q)
		}
	}
	for _, r := range c.h.Readings {
		possible := []string{""}
		for _, q := range byName[r.Name] {
			switch {
			case q.Start > r.At || q.Outcome == Refused:
			case q.Outcome == Done:
				possible = []string{q.Value}
			default:
				possible = append(possible, q.Value)
			}
		}
		if !slices.Contains(possible, r.Value) {
			c.breach(Unset, "%s is %q at %s; it was set to %q", r.Name, r.Value, clock(r.At), possible)
		}
	}
}
