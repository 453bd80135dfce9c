package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/taxii"
)

// statusTries bounds the wait for a Status, as the clients in use do (K63): they
// ask once a second for a minute.
const statusTries = 60

// object is a version of an object that this run has added.
type object struct {
	name    string // what the checks call it; versions of one object share it
	id      string
	kind    string // its type
	spec    string // 2.0 or 2.1
	version string // modified, else created, else (SCO) the date it was added
	raw     []byte
	added   taxii.Time
}

// seed is what the reading checks read: objects of this run, in the order in
// which they were added. Several Adds carry them, so that there are several dates
// of adding; versions of one object come in an order other than that of their
// modified.
type seed struct {
	objects []*object
	before  taxii.Time // a moment before the first was added
}

// seedTime is modified of the first version of everything in the seed; later
// versions follow it by days.
const seedTime = "2024-03-01T10:00:00.000Z"

func later(days int) string {
	return fmt.Sprintf("2024-03-%02dT10:00:00.000Z", 1+days)
}

// seedObjects gives the objects of a new seed as the Adds that carry them.
func seedObjects() [][]*object {
	malware, tool, pattern, gone := newObject("malware", "malware"), newObject("tool", "tool"), newObject("pattern", "attack-pattern"), newObject("revoked", "indicator")
	first := []*object{malware.at(later(1)), newObject("campaign", "campaign").in20(), tool.in20()}
	for i := range 5 {
		first = append(first, newObject(fmt.Sprintf("indicator%d", i), "indicator"))
	}
	return [][]*object{
		first,
		{malware.at(later(2)), pattern, newObject("identity", "identity"), gone},
		{malware, pattern.at(later(1)), tool.at(later(3)), newObject("relationship", "relationship")},
		{newObject("address", "ipv4-addr"), newObject("file", "file"), newObject("marking", "marking-definition"), newObject("custom", "x-hansom-check")},
		{gone.with("revoked", true).at(later(1)), newObject("note", "note")},
	}
}

// newObject makes an object of a type, in STIX 2.1.
func newObject(name, kind string) *object {
	o := &object{name: name, kind: kind, spec: "2.1", id: kind + "--" + taxii.NewID(), version: seedTime}
	p := map[string]any{"type": kind, "spec_version": "2.1", "id": o.id}
	switch kind {
	case "ipv4-addr", "file":
		o.version = ""
	case "marking-definition":
		p["created"] = seedTime
	default:
		p["created"], p["modified"] = seedTime, seedTime
	}
	for k, v := range particulars(kind) {
		p[k] = v
	}
	return o.written(p)
}

// particulars gives the properties that a type requires, and some that make a
// copy hard.
func particulars(kind string) map[string]any {
	switch kind {
	case "indicator":
		return map[string]any{"pattern": "[ipv4-addr:value = '198.51.100.7']", "pattern_type": "stix", "valid_from": seedTime,
			"confidence": 85, "labels": []string{"conformance", "test"}, "name": "Grüße, 測試 \"quoted\" <&>"}
	case "malware":
		return map[string]any{"name": "check", "is_family": true, "malware_types": []string{"worm"}}
	case "relationship":
		return map[string]any{"relationship_type": "indicates", "source_ref": "indicator--" + taxii.NewID(), "target_ref": "malware--" + taxii.NewID()}
	case "ipv4-addr":
		return map[string]any{"value": "198.51.100.7"}
	case "file":
		return map[string]any{"name": "check.bin", "hashes": map[string]string{"MD5": "d41d8cd98f00b204e9800998ecf8427e"}, "size": 0}
	case "marking-definition":
		return map[string]any{"definition_type": "statement", "definition": map[string]string{"statement": "for checks alone"}}
	case "note":
		return map[string]any{"content": "tab\tline\nnul-free \u2028 and a long number", "object_refs": []string{"identity--" + taxii.NewID()}}
	case "identity":
		return map[string]any{"name": "check", "identity_class": "organization", "sectors": []string{"non-profit"}}
	default:
		return map[string]any{"name": "check", "x_hansom_check": map[string]any{"deep": []any{1, "two", nil, true}, "numbers": []any{0.000125, -7, int64(1)<<53 - 1}}}
	}
}

// written gives the object the bytes of its properties.
func (o *object) written(properties map[string]any) *object {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(properties); err != nil {
		panic(err) // the properties are ours
	}
	c := *o
	c.raw = bytes.TrimSpace(b.Bytes())
	return &c
}

// with gives a copy with one property set.
func (o *object) with(name string, value any) *object {
	p := map[string]any{}
	if err := json.Unmarshal(o.raw, &p); err != nil {
		panic(err) // the bytes are ours
	}
	p[name] = value
	if value == nil {
		delete(p, name)
	}
	return o.written(p)
}

// at gives the version of the same object that was modified then.
func (o *object) at(modified string) *object {
	c := o.with("modified", modified)
	if c.spec != "2.1" { // the first was of STIX 2.0
		c = c.with("spec_version", "2.1")
		c.spec = "2.1"
	}
	c.version = modified
	return c
}

// in20 gives the object in STIX 2.0, where no object has a spec_version.
func (o *object) in20() *object {
	c := o.with("spec_version", nil)
	c.spec = "2.0"
	return c
}

// envelope joins objects to the body of an Add.
func envelope(objects ...*object) []byte {
	var raw [][]byte
	for _, o := range objects {
		raw = append(raw, o.raw)
	}
	return append(append([]byte(`{"objects":[`), bytes.Join(raw, []byte(","))...), "]}"...)
}

// seed adds the objects that reading checks read, once in a run.
func (p *probe) seed() *seed {
	if p.suite.seeded != nil {
		return p.suite.seeded
	}
	s := new(seed)
	for _, group := range seedObjects() {
		st := p.added(group...)
		p.need(st.SuccessCount == len(group), "the server takes the %d objects that the reading checks read; their Status says %d", len(group), st.SuccessCount)
		s.objects = append(s.objects, group...)
	}
	for _, o := range s.objects {
		p.dated(o)
	}
	s.before = slices.MinFunc(s.objects, func(a, b *object) int { return int(a.added - b.added) }).added - 1
	p.suite.seeded = s
	return s
}

// added adds objects and waits for the complete Status.
func (p *probe) added(objects ...*object) taxii.Status {
	return p.settled(p.do(http.MethodPost, p.objects(), envelope(objects...)))
}

// settled waits until the Status of an Add is complete.
func (p *probe) settled(a *answer) taxii.Status {
	p.status(a, http.StatusAccepted)
	p.taxii(a)
	var st taxii.Status
	p.read(a, &st)
	if p.suite.first == "" {
		p.suite.first = st.ID
	}
	for try := 0; st.Status != taxii.StatusComplete; try++ {
		p.want(st.Status == taxii.StatusPending, "status complete or pending")
		p.want(try < statusTries, "a Status that is complete within %v", statusTries*p.suite.target.Pause)
		select {
		case <-p.ctx.Done():
			p.need(false, "the run goes on: %v", p.ctx.Err())
		case <-time.After(p.suite.target.Pause):
		}
		p.read(p.ok(p.statusURL(st.ID)), &st)
	}
	return st
}

// dated finds when a version was added, and the version of an object that has no
// date of its own.
func (p *probe) dated(o *object) {
	a := p.get(p.manifest("match[id]", o.id, "match[version]", "all", "match[spec_version]", o.spec))
	p.need(a.status == http.StatusOK, "the manifest of an object that was added can be read")
	var m taxii.Manifest
	p.read(a, &m)
	for _, record := range m.Objects {
		if record.ID == o.id && (o.version == "" || sameTime(record.Version, o.version)) {
			o.added, o.version = record.DateAdded, record.Version
			return
		}
	}
	p.need(false, "the manifest has version %s of %s, which was added", o.version, o.id)
}

// sameTime compares two texts as moments.
func sameTime(a, b string) bool {
	at, errA := taxii.ParseTime(a)
	bt, errB := taxii.ParseTime(b)
	return errA == nil && errB == nil && at == bt
}

// named gives the versions that were added under a name, by their version, the
// earliest first.
func (s *seed) named(name string) []*object {
	list := s.which(func(o *object) bool { return o.name == name })
	slices.SortStableFunc(list, func(a, b *object) int { return compareTimes(a.version, b.version) })
	return list
}

// one gives the only, or the latest, version of a name.
func (s *seed) one(name string) *object {
	list := s.named(name)
	return list[len(list)-1]
}

// which gives the objects that pass, in the order of adding.
func (s *seed) which(pass func(*object) bool) (list []*object) {
	for _, o := range s.objects {
		if pass(o) {
			list = append(list, o)
		}
	}
	return list
}

// latest gives what a server shows where no version is asked for: of each
// object the latest version in the highest spec_version (R133, R137).
func (s *seed) latest() []*object {
	return s.which(func(o *object) bool { return o == s.one(o.name) })
}

func compareTimes(a, b string) int {
	at, _ := taxii.ParseTime(a)
	bt, _ := taxii.ParseTime(b)
	return int(at - bt)
}

// ids gives the ids of objects, to be joined with commas.
func ids(objects []*object) (list []string) {
	for _, o := range objects {
		if !slices.Contains(list, o.id) {
			list = append(list, o.id)
		}
	}
	return list
}

// page is an envelope as it came.
type page struct {
	More    *bool            `json:"more"`
	Next    *string          `json:"next"`
	Objects []jsontext.Value `json:"objects"`
}

// page reads a page of objects.
func (p *probe) page(address string, options ...option) (*answer, page) {
	a := p.ok(address, options...)
	var v page
	p.read(a, &v)
	return a, v
}

// found tells which of the given objects stand in a list of raw ones, by id and
// version, and how many in the list are none of them.
func found(given []*object, list []jsontext.Value) (there []*object, others int) {
	for _, raw := range list {
		i := slices.IndexFunc(given, func(o *object) bool { return sameContent(o.raw, raw) })
		if i < 0 {
			others++
			continue
		}
		there = append(there, given[i])
	}
	return there, others
}

// sameContent compares two JSON texts by what they say: the order of properties
// and the white space are free, numbers and strings are not.
func sameContent(a, b []byte) bool {
	x, y := jsontext.Value(bytes.Clone(a)), jsontext.Value(bytes.Clone(b))
	return x.Canonicalize() == nil && y.Canonicalize() == nil && bytes.Equal(x, y)
}
