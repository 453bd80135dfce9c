package channels

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/taxii"
)

// publisher publishes, one request after the other.
type publisher struct {
	*client
	number  int
	several bool // drafts in a request, otherwise one Envelope with an Idempotency-Key
	repeats bool // the same again, until there is an answer
	made    int
}

func (p *publisher) run() {
	for !over(p.published) {
		drafts := p.drafts()
		for !p.publish(drafts) && !over(p.stopped) {
			p.pause(again)
			if !p.repeats {
				break
			}
		}
		p.pause(rand.N(2 * p.breath))
	}
}

func (p *publisher) drafts() (list []taxii.MessageDraft) {
	n := 1
	if p.several {
		n += rand.IntN(4)
	}
	for range n {
		p.made++
		id := fmt.Sprintf("%08x-0000-4000-8000-%012x", p.number, p.made)
		content := fmt.Appendf(nil, `{"objects":[{"type":"x-torment","id":"x-torment--%s","n":%d,"x":"%0*d"}]}`, id, p.made, 1+rand.IntN(300), 0)
		list = append(list, taxii.MessageDraft{ID: id, Content: content})
		p.history.send(id, hashOf(content))
	}
	return list
}

// publish sends drafts, and tells whether there was an answer.
func (p *publisher) publish(drafts []taxii.MessageDraft) (answered bool) {
	var st taxii.Status
	var body any = map[string]any{"messages": drafts}
	var headers []string
	if !p.several {
		body, headers = jsontext.Value(drafts[0].Content), []string{"Idempotency-Key", drafts[0].ID}
	}
	status, problem, err := p.ask(http.MethodPost, "messages/", body, &st, headers...)
	switch {
	case err != nil || passing(status):
		return false
	case status != http.StatusAccepted || st.SuccessCount != len(drafts):
		text, _ := json.Marshal(problem)
		p.history.wrong(fmt.Sprintf("%d %+v %s", status, st, text))
		return true
	}
	var list []Seen
	for _, d := range st.Successes {
		date, err := taxii.ParseTime(d.Version)
		if err != nil || !slices.ContainsFunc(drafts, func(o taxii.MessageDraft) bool { return o.ID == d.ID }) {
			p.history.wrong(fmt.Sprintf("detail %+v", d))
		}
		list = append(list, Seen{ID: d.ID, Cursor: d.Cursor, Published: date})
	}
	p.history.told(list...)
	return true
}
