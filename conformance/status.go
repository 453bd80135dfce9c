package conformance

import (
	"net/http"

	"github.com/hansom-taxii/hansom/taxii"
)

func statusChecks() []Check {
	rows := []string{"3.11.1"}
	return []Check{
		{ID: "status/found", Title: "answers the id of a Status with that Status", Rules: []string{"R191", "R242"}, Interop: rows, run: statusFound},
		{ID: "status/same", Title: "answers a complete Status as it did to the Add", Rules: []string{"R198"}, run: statusSame},
		{ID: "status/kept", Title: "still has the first Status of this run", Rules: []string{"R194", "K63"}, run: statusKept},
		{ID: "status/id", Title: "gives a Status a version 4 UUID", Rules: []string{"R196", "R017"}, run: statusID},
		{ID: "status/ids-differ", Title: "gives each Add a Status of its own", Rules: []string{"R196"}, run: statusIDsDiffer},
		{ID: "status/state", Title: "says complete or pending and nothing else", Rules: []string{"R197"}, run: statusState},
		{ID: "status/counts", Title: "has the four counts as whole numbers", Rules: []string{"R200", "R201", "R202", "R203", "R011"}, Interop: rows, run: statusCounts},
		{ID: "status/sum", Title: "has counts that add up to the objects of the Add", Rules: []string{"R209", "K62", "R200"}, run: statusSum},
		{ID: "status/lists", Title: "has lists as long as their counts, or none", Rules: []string{"K62", "R204", "R012"}, run: statusLists},
		{ID: "status/no-empty-list", Title: "leaves a list out where there is nothing in it", Rules: []string{"R013", "R204"}, run: statusNoEmptyList},
		{ID: "status/success-id", Title: "names each object that it took", Rules: []string{"R205"}, run: statusSuccessID},
		{ID: "status/success-version", Title: "gives modified, else created, as the version", Rules: []string{"R206"}, run: statusSuccessVersion},
		{ID: "status/success-version-created", Title: "gives created as the version of an object without modified", Rules: []string{"R206"}, run: statusSuccessCreated},
		{ID: "status/failure", Title: "gives each failure an id, a version and a message, or refuses the Add", Rules: []string{"K62", "R205", "R206"}, run: statusFailure},
		{ID: "status/timestamp", Title: "gives request_timestamp in microseconds and UTC, if at all", Rules: []string{"R199", "R018", "R019", "R020"}, Interop: rows, run: statusTimestamp},
		{ID: "status/in-time", Title: "completes a small Add within a minute", Rules: []string{"K63"}, run: statusInTime},
		{ID: "status/unknown", Title: "answers 404 for a Status that is not there", Rules: []string{"R193", "R192"}, run: statusUnknown},
		{ID: "status/malformed", Title: "answers 404 or 400 for what is no id", Rules: []string{"R192"}, run: statusMalformed},
		{ID: "status/anonymous", Title: "shows nobody without credentials a Status", Rules: []string{"R192"}, run: statusAnonymous},
		{ID: "status/accept", Title: "answers 406, or the Status, where it is asked for in another type", Rules: []string{"R192", "R053"}, run: statusAccept},
	}
}

// status1 adds objects and gives the Status as it came and as it is read again.
func (p *probe) status1(objects ...*object) (taxii.Status, map[string]any) {
	st := p.added(objects...)
	p.want(st.ID != "", "a Status with an id")
	return st, p.object(p.ok(p.statusURL(st.ID)))
}

func statusFound(p *probe) {
	st, again := p.status1(fresh())
	p.want(again["id"] == st.ID, "the Status %s", st.ID)
}

func statusSame(p *probe) {
	first := p.post(envelope(fresh()))
	st := p.settled(first)
	one, two := p.ok(p.statusURL(st.ID)), p.ok(p.statusURL(st.ID))
	p.want(sameContent(one.body, two.body), "the same complete Status each time")
	var at taxii.Status
	p.read(first, &at)
	p.want(at.Status != taxii.StatusComplete || sameContent(first.body, one.body), "the Status that the Add was answered with, which was complete")
}

func statusKept(p *probe) {
	p.seed()
	first := p.suite.first
	p.need(first != "", "an earlier Add of this run had a Status")
	var st taxii.Status
	p.read(p.ok(p.statusURL(first)), &st)
	p.want(st.ID == first, "the Status %s, of some seconds ago", first)
}

func statusID(p *probe) {
	_, again := p.status1(fresh())
	id, _ := again["id"].(string)
	p.want(taxii.IsID(id), "an id that is a version 4 UUID in lower case")
}

func statusIDsDiffer(p *probe) {
	o := fresh()
	one, two := p.added(o), p.added(o)
	p.want(one.ID != two.ID, "another id for another Add")
}

func statusState(p *probe) {
	_, again := p.status1(fresh())
	p.want(again["status"] == taxii.StatusComplete || again["status"] == taxii.StatusPending, "status complete or pending")
}

func statusCounts(p *probe) {
	_, again := p.status1(fresh(), fresh())
	for _, name := range []string{"total_count", "success_count", "failure_count", "pending_count"} {
		n, ok := whole(again[name])
		p.want(ok && n >= 0, "%s, a whole number of 0 or more", name)
	}
}

func statusSum(p *probe) {
	_, again := p.status1(fresh(), fresh(), fresh())
	sum := 0
	for _, name := range []string{"success_count", "failure_count", "pending_count"} {
		n, _ := whole(again[name])
		sum += n
	}
	total, _ := whole(again["total_count"])
	p.want(total == 3 && sum == 3, "total_count 3, the sum of the other counts")
}

// lists are the lists of a Status by the names of their counts.
var lists = map[string]string{"success_count": "successes", "failure_count": "failures", "pending_count": "pendings"}

func statusLists(p *probe) {
	_, again := p.status1(fresh(), fresh())
	for count, name := range lists {
		list, there := again[name].([]any)
		n, _ := whole(again[count])
		p.want(again[name] == nil || there && len(list) == n, "%s with as many entries as %s says, %d, or none at all", name, count, n)
	}
}

func statusNoEmptyList(p *probe) {
	_, again := p.status1(fresh())
	for _, name := range lists {
		list, there := again[name]
		p.want(!there || list != nil && len(list.([]any)) > 0, "no empty %s", name)
	}
}

// successes adds objects and gives the successes of the Status.
func (p *probe) successes(objects ...*object) []any {
	_, again := p.status1(objects...)
	list, there := again["successes"].([]any)
	if !there {
		p.skip("the server's Status does not list successes, which is optional (R204)")
	}
	return list
}

func statusSuccessID(p *probe) {
	one, two := fresh(), fresh()
	named := map[any]bool{}
	for _, s := range p.successes(one, two) {
		d, _ := s.(map[string]any)
		named[d["id"]] = true
	}
	p.want(len(named) == 2 && named[one.id] && named[two.id], "the ids of the two objects among the successes")
}

// versionOf gives the version that the successes have for an object.
func (p *probe) versionOf(o *object) string {
	for _, s := range p.successes(o) {
		if d, _ := s.(map[string]any); d["id"] == o.id {
			version, _ := d["version"].(string)
			return version
		}
	}
	p.want(false, "%s among the successes", o.id)
	return ""
}

func statusSuccessVersion(p *probe) {
	o := fresh().at(later(2))
	p.want(sameTime(p.versionOf(o), o.version), "version %s, its modified", o.version)
}

func statusSuccessCreated(p *probe) {
	o := newObject("marking", "marking-definition")
	p.want(sameTime(p.versionOf(o), o.version), "version %s, its created", o.version)
}

func statusFailure(p *probe) {
	a := p.post([]byte(`{"objects":[` + string(fresh().raw) + `,{"type":"indicator"}]}`))
	if a.status != http.StatusAccepted {
		p.failure(a, http.StatusUnprocessableEntity)
		return
	}
	again := p.object(p.ok(p.statusURL(p.settled(a).ID)))
	list, _ := again["failures"].([]any)
	p.want(len(list) == 1, "one failure")
	d, _ := list[0].(map[string]any)
	for _, name := range []string{"id", "version", "message"} {
		_, text := d[name].(string)
		p.want(text, "the failure's %s, a text", name)
	}
}

func statusTimestamp(p *probe) {
	_, again := p.status1(fresh())
	stamp, there := again["request_timestamp"]
	if !there {
		p.skip("the server's Status has no request_timestamp, which is optional (R199)")
	}
	text, _ := stamp.(string)
	p.want(isTimestamp(text), "request_timestamp in the form 2006-01-02T15:04:05.000000Z")
}

// isTimestamp tells whether a text is a timestamp of TAXII (R018-R020).
func isTimestamp(text string) bool {
	at, err := taxii.ParseTime(text)
	return err == nil && at.String() == text
}

func statusInTime(p *probe) {
	p.want(p.added(fresh()).Status == taxii.StatusComplete, "status complete")
}

func statusUnknown(p *probe) { p.failure(p.get(p.statusURL(taxii.NewID())), http.StatusNotFound) }

func statusMalformed(p *probe) {
	p.failure(p.get(p.statusURL("no-such-id")), http.StatusNotFound, http.StatusBadRequest)
}

func statusAnonymous(p *probe) {
	if listed, _, _ := p.strangers(); listed {
		p.skip("strangers are shown this Collection, and may be shown its Statuses")
	}
	st, _ := p.status1(fresh())
	p.status(p.get(p.statusURL(st.ID), p.stranger()), http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound)
}

func statusAccept(p *probe) {
	st, _ := p.status1(fresh())
	p.status(p.get(p.statusURL(st.ID), header("Accept", "application/xml")), http.StatusNotAcceptable, http.StatusOK)
}
