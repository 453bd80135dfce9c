package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// channelChecks are about Channels, which TAXII 2.1 reserves and docs/channels.md
// defines (CH: its sections, S and Q: what it says to the statements and questions
// of the first draft). A server without them is not asked for more.
//
// The checks make Channels of their own beside the Collection that is filled, and
// end them.
func channelChecks() []Check {
	return slices.Concat(
		channelListChecks(), channelMakeChecks(), channelChangeChecks(), channelSpotChecks(),
		publishChecks(), publishRefusedChecks(), publishMoreChecks(),
		followChecks(), readBoundChecks(), placeChecks(), waitChecks(), acceptStreamChecks(), streamChecks(), streamMessageChecks(), streamEndChecks(),
		channelContentChecks(), maxSizeChecks(), selectorChecks(),
		subscriptionChecks(), subscriptionLifeChecks(), subscriptionReadChecks(), subscriptionStreamChecks(), positionChecks(), gapChecks(),
		draftChecks(), draftUntouchedChecks(), draftReadChecks(), draftAckChecks(), channelRightChecks(), grantChecks(), invitationChecks(), joinChecks(), collectionFeedChecks(),
	)
}

// following makes a check of Channels. The rules are separated by spaces.
func following(id, title, rules string, run func(*probe)) Check {
	return Check{ID: "channels/" + id, Title: title, Rules: strings.Fields(rules), run: run}
}

// cleanTime bounds the end of a Channel that a check has made.
const cleanTime = 10 * time.Second

// common is what the checks of Channels share in a run, also through a proxy.
type common struct {
	live    bool // the API Root has Channels
	creates bool // the account has made one
	hall    *hall
	vast    *hall
}

// channels is the address of the Channels of the API Root of the run.
func (p *probe) channels() string {
	address := p.world().root + "channels/"
	if !p.suite.common.live {
		if p.get(address).status == http.StatusNotFound {
			p.skip("the server has no Channels here: %s is a 404", address)
		}
		p.suite.common.live = true
	}
	return address
}

// room is a Channel that a check uses.
type room struct {
	p     *probe
	name  string
	url   string // ends in a slash
	id    string
	start string // a cursor before all that the check publishes
	made  bool   // by the check, which ends it
}

// freshName is a name that no Channel has.
func freshName() string { return "check-" + taxii.NewID()[:23] }

// newRoom makes a Channel with settings, names and values in turn, for the check to
// end.
func (p *probe) newRoom(settings ...any) *room {
	v := properties(append([]any{"name", freshName()}, settings...))
	a := p.sends(http.MethodPost, p.channels(), v)
	if !p.suite.common.creates && (a.status == http.StatusForbidden || a.status == http.StatusNotImplemented) {
		p.skip("the account may not create Channels here")
	}
	p.need(a.status == http.StatusCreated, "a Channel can be created")
	p.suite.common.creates = true
	var c taxii.Channel
	p.read(a, &c)
	return &room{p: p, name: c.Name, url: p.channels() + c.Name + "/", id: c.ID, start: c.Latest, made: true}
}

// usualRoom makes a Channel of Envelopes without settings, or takes the one that
// the caller has named.
func (p *probe) usualRoom() *room {
	given := p.suite.target.Channel
	if p.suite.common.creates || given == "" || p.creates() {
		return p.newRoom()
	}
	address := p.channels() + given + "/"
	var c taxii.Channel
	p.read(p.ok(address), &c)
	p.need(c.CanRead && c.CanWrite && c.Latest != "", "the Channel %s can be read and published to", given)
	return &room{p: p, name: c.Name, url: address, id: c.ID, start: c.Latest}
}

// creates tells whether the account may create Channels.
func (p *probe) creates() bool {
	a := p.sends(http.MethodPost, p.channels(), properties([]any{"name", freshName()}))
	if a.status != http.StatusCreated {
		return false
	}
	var c taxii.Channel
	p.read(a, &c)
	(&room{p: p, url: p.channels() + c.Name + "/", made: true}).gone()
	p.suite.common.creates = true
	return true
}

// gone ends the Channel, if the check has made it, whatever became of the check.
func (c *room) gone() {
	if !c.made {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.p.ctx), cleanTime)
	defer cancel()
	_, _ = c.p.suite.target.send(ctx, usual(http.MethodDelete, c.url, c.p.suite.target.Account, nil)) // it may be gone already
}

// at is an address below the Channel, with a query of names and values in turn.
func (c *room) at(path string, query ...string) string { return c.url + path + asked(query) }

// settings reads the Channel.
func (c *room) settings(options ...option) map[string]any {
	return c.p.object(c.p.ok(c.url, options...))
}

// properties joins names and values to a resource.
func properties(pairs []any) map[string]any {
	v := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v[pairs[i].(string)] = pairs[i+1]
	}
	return v
}

// sends sends JSON, or octets as they are.
func (p *probe) sends(method, address string, v any, options ...option) *answer {
	body, raw := v.([]byte)
	if !raw {
		body = compact(v)
	}
	return p.do(method, address, body, options...)
}

// compact writes JSON as it is, without escapes that nobody needs.
func compact(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // the value is ours
	}
	return bytes.TrimSpace(b.Bytes())
}

// detail is what a Status says of one Message.
type detail struct {
	ID          string  `json:"id"`
	Version     string  `json:"version"`
	Disposition string  `json:"disposition"`
	Cursor      *string `json:"cursor"`
	Message     string  `json:"message"`
}

// published is the Status of a publication.
type published struct {
	ID        string   `json:"id"`
	Status    string   `json:"status"`
	Total     int      `json:"total_count"`
	Success   int      `json:"success_count"`
	Failure   int      `json:"failure_count"`
	Pending   int      `json:"pending_count"`
	Successes []detail `json:"successes"`
	Failures  []detail `json:"failures"`
}

// draft is a Message to publish, as JSON.
type draft = map[string]any

// holding gives a draft of an Envelope.
func holding(objects ...*object) draft {
	return draft{"id": taxii.NewID(), "content": json.RawMessage(envelope(objects...))}
}

// post publishes drafts.
func (c *room) post(drafts ...draft) *answer {
	return c.p.sends(http.MethodPost, c.at("messages/"), map[string]any{"messages": drafts})
}

// took reads the Status of a publication that was accepted.
func (p *probe) took(a *answer) (st published) {
	p.status(a, http.StatusAccepted)
	p.taxii(a)
	p.read(a, &st)
	p.want(st.Status == taxii.StatusComplete, "a Status that is complete in the answer, not %q", st.Status)
	return st
}

// publish publishes drafts, all of which the server must take, and gives their
// details.
func (c *room) publish(drafts ...draft) []detail {
	st := c.p.took(c.post(drafts...))
	c.p.want(st.Success == len(drafts) && len(st.Successes) == len(drafts), "%d successes, not %d", len(drafts), st.Success)
	return st.Successes
}

// place is the cursor of a detail.
func (d detail) place() string {
	if d.Cursor == nil {
		return ""
	}
	return *d.Cursor
}

// one publishes an Envelope of one new object, and gives the cursor after it.
func (c *room) one() string { return c.publish(holding(fresh()))[0].place() }
