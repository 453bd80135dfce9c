package driver

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// forms is how many different objects there are before they come again under
// other ids.
const forms = 1000

// Objects makes objects that are like those of public collections in their
// types, sizes and members: mostly relationships, between attack patterns,
// malware, tools and the like; 1.3 KB in the mean. Object i of one series is
// always the same bytes, and no two series share an id.
type Objects struct {
	series uint64
	forms  []form
}

// form is an object without its id.
type form struct {
	bytes []byte
	at    int // where the UUID of the id begins
}

// NewObjects makes a series.
func NewObjects(series uint64) *Objects {
	r := rand.New(rand.NewPCG(2, 3)) //nolint:gosec // it chooses words, and keeps nothing secret
	w := &writer{r: r, words: strings.Fields(vocabulary)}
	o := &Objects{series: series, forms: make([]form, forms)}
	for i := range o.forms {
		o.forms[i] = w.form()
	}
	return o
}

// tlp are the ids of the markings clear, green and amber of TLP 2.0
// (OASIS, extension-definition-specifications/tlp-2.0).
func tlp() []string {
	return []string{
		"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
		"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
		"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
	}
}

// Marked gives the same objects under TLP markings in the place of the others: one
// in three each clear, green and amber. They are as long as before.
func (o *Objects) Marked() *Objects {
	m, ids := &Objects{series: o.series, forms: slices.Clone(o.forms)}, tlp()
	for i := range m.forms {
		b, id := slices.Clone(m.forms[i].bytes), ids[i%len(ids)]
		copy(b[len(b)-len(formEnd)-len(id):], id)
		m.forms[i].bytes = b
	}
	return m
}

// formEnd comes behind the id of the marking, with which every form ends.
const formEnd = `"]}`

// another gives the same objects under other ids.
func (o *Objects) another(series uint64) *Objects { return &Objects{series: series, forms: o.forms} }

// Append appends object i.
func (o *Objects) Append(to []byte, i uint64) []byte {
	f := &o.forms[i%forms]
	at := len(to) + f.at
	to = append(to, f.bytes...)
	putUUID(to[at:], o.series, i)
	return to
}

// mix is a one-to-one function whose results look random: ids of real objects
// are random, and so is where an index keeps them.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// uuidSize is the length of a UUID as text.
const uuidSize = 36

// putUUID writes the UUID of object i: its number mixed, which no other object
// of the series has, and the series.
func putUUID(to []byte, series, i uint64) {
	var b [16]byte
	for k, m := 0, mix(i^series); k < 8; k++ {
		b[k], b[8+k] = byte(m>>(8*k)), byte(series>>(8*k))
	}
	// Four bits of the number give way to the version, and are kept in the last octet but one.
	b[14] = b[6]
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	k := 0
	for _, part := range [...]int{4, 2, 2, 2, 6} {
		if k > 0 {
			to[0] = '-'
			to = to[1:]
		}
		hex.Encode(to, b[k:k+part])
		to, k = to[2*part:], k+part
	}
}

// writer writes forms.
type writer struct {
	r     *rand.Rand
	words []string
}

func (w *writer) form() form {
	kind := w.kind()
	head := `{"type":"` + kind + `","spec_version":"2.1","id":"` + kind + `--`
	var b strings.Builder
	b.WriteString(head + strings.Repeat("0", uuidSize) + `","created_by_ref":"` + w.ref("identity") + `"`)
	fmt.Fprintf(&b, `,"created":"%s","modified":"%s","revoked":false`, w.time(2020), w.time(2024))
	if kind == "relationship" {
		w.relationship(&b)
	} else {
		w.domain(&b, kind)
	}
	fmt.Fprintf(&b, `,"object_marking_refs":["%s`+formEnd, w.ref("marking-definition"))
	return form{[]byte(b.String()), len(head)}
}

// kind chooses types in about the shares of public collections.
func (w *writer) kind() string {
	const others = "malware malware indicator indicator course-of-action course-of-action tool intrusion-set campaign vulnerability"
	switch n := w.r.IntN(100); {
	case n < 60:
		return "relationship"
	case n < 75:
		return "attack-pattern"
	default:
		return w.pick(others)
	}
}

func (w *writer) pick(words string) string {
	list := strings.Fields(words)
	return list[w.r.IntN(len(list))]
}

func (w *writer) ref(kind string) string {
	var id [uuidSize]byte
	putUUID(id[:], 0, w.r.Uint64())
	return kind + "--" + string(id[:])
}

func (w *writer) time(year int) string {
	return fmt.Sprintf("%d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, 1+w.r.IntN(12), 1+w.r.IntN(28), w.r.IntN(24), w.r.IntN(60), w.r.IntN(60), w.r.IntN(1000))
}

func (w *writer) relationship(b *strings.Builder) {
	fmt.Fprintf(b, `,"relationship_type":"%s","source_ref":"%s","target_ref":"%s","description":"%s"`,
		w.pick("uses mitigates targets indicates"), w.ref(w.pick("malware tool campaign")), w.ref("attack-pattern"), w.prose(60+w.r.IntN(500)))
	w.sources(b, w.r.IntN(2))
}

func (w *writer) domain(b *strings.Builder, kind string) {
	fmt.Fprintf(b, `,"name":"%s","description":"%s"`, w.prose(20), w.prose(300+w.r.IntN(1400)))
	switch kind {
	case "indicator":
		fmt.Fprintf(b, `,"pattern":"[ipv4-addr:value = '198.51.100.%d']","pattern_type":"stix","valid_from":"%s"`, w.r.IntN(256), w.time(2024))
	case "malware":
		b.WriteString(`,"is_family":true`)
	case "attack-pattern":
		b.WriteString(`,"kill_chain_phases":[{"kill_chain_name":"mitre-attack","phase_name":"lateral-movement"}]`)
	}
	w.sources(b, 1+w.r.IntN(4))
}

// sources are external references.
func (w *writer) sources(b *strings.Builder, n int) {
	for i := range n {
		b.WriteString([]string{",", `,"external_references":[`}[btoi(i == 0)])
		fmt.Fprintf(b, `{"source_name":"%s","description":"%s","url":"https://reports.example.org/%08x"}`, w.prose(12), w.prose(60), w.r.Uint32())
	}
	if n > 0 {
		b.WriteString("]")
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// vocabulary is what descriptions are made of.
const vocabulary = "adversaries may use valid accounts to move through the network and collect data from removable media before " +
	"exfiltration over command channels which defenders observe in process creation logs or firmware of field devices"

// prose is text of at least so many octets.
func (w *writer) prose(size int) string {
	var b strings.Builder
	for b.Len() < size {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.words[w.r.IntN(len(w.words))])
	}
	return b.String()
}
