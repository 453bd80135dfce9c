package driver

import (
	"bytes"
	"fmt"
	"net/http"
)

// Tape is the events of Messages as a server sent them. It is published, event by
// event, to a server that sends on whatever it is given.
type Tape struct{ Events [][]byte }

// Heard notes the event of Message i.
func (t *Tape) Heard(i int, text []byte) {
	if i == len(t.Events) {
		t.Events = append(t.Events, bytes.Clone(text))
	}
}

func (t *Tape) event(i uint64) []byte { return t.Events[i%uint64(len(t.Events))] }

// Feed is that of a server which is given the events themselves.
func (t *Tape) Feed(uri string) Feed {
	return Feed{
		URI: uri,
		post: func(to []byte, i uint64, n int) []byte {
			for k := range uint64(n) {
				to = append(to, t.event(i+k)...)
			}
			return to
		},
		took: func(a answer, _ int) error {
			if a.status != http.StatusNoContent {
				return fmt.Errorf("status %d: %.200s", a.status, a.body)
			}
			return nil
		},
		is: func(text []byte, i uint64) error {
			if !bytes.Equal(text, t.event(i)) {
				return fmt.Errorf("the event of message %d is not the one that was published", i)
			}
			return nil
		},
	}
}
