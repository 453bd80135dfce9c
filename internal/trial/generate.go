package trial

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// Bounds of a generated object, in bytes.
const (
	smallestObject = 200
	largestObject  = 200_000
	// largestTarget leaves room for white space and for the end of a filler.
	largestTarget = 190_000
)

// Shares of what Objects makes, in percent.
const (
	shareOfVersions = 20 // further versions of an id that was there before
	shareOfSTIX20   = 5
)

// Objects returns n raw STIX objects that are awkward to carry and yet well
// formed: every type of STIX 2.1 and some custom ones in turn, 5 % objects of
// STIX 2.0, 20 % further versions of an earlier id in no order of time, 200
// bytes to 200 KB (median about 1 KB). Property order, white space, escapes
// and numbers vary, so that whoever decodes and encodes again changes the
// bytes. Each pair of id and version is there once, and no id has versions of
// both 2.0 and 2.1. Equal seeds give equal bytes, and fewer objects are the
// beginning of more.
func Objects(seed uint64, n int) [][]byte {
	g := &generator{r: rand.New(rand.NewPCG(seed, uint64(smallestObject)))}
	objects := make([][]byte, n)
	for i := range objects {
		objects[i] = g.next()
	}
	return objects
}

// Envelope joins raw objects to the body of an Add, byte for byte.
func Envelope(objects ...[]byte) []byte {
	body := append([]byte(`{"objects":[`), bytes.Join(objects, []byte(","))...)
	return append(body, "]}"...)
}

// A generator makes one sequence of objects.
type generator struct {
	r      *rand.Rand
	turn   []kind   // what is left of the present turn through all kinds
	things []*thing // the objects that may have further versions
}

// A thing is an object of which there may be several versions.
type thing struct {
	kind    kind
	spec    string
	id      string
	created int64 // milliseconds since 1970
	taken   map[int64]bool
}

// A member is a property: its name, and its value as raw JSON.
type member struct{ name, value string }

func (g *generator) next() []byte {
	if len(g.things) > 0 && g.percent(shareOfVersions) {
		return g.version(g.things[g.r.IntN(len(g.things))])
	}
	if g.percent(shareOfSTIX20) {
		kinds := kinds20()
		return g.version(g.thing(kinds[g.r.IntN(len(kinds))], "2.0"))
	}
	if len(g.turn) == 0 {
		g.turn = kinds21()
		g.r.Shuffle(len(g.turn), func(i, j int) { g.turn[i], g.turn[j] = g.turn[j], g.turn[i] })
	}
	k := g.turn[0]
	g.turn = g.turn[1:]
	if k.form == dated {
		return g.version(g.thing(k, "2.1"))
	}
	return g.undated(k)
}

// thing begins an id of its own.
func (g *generator) thing(k kind, spec string) *thing {
	const from, to = 1_420_070_400_000, 1_735_689_600_000 // 2015 to 2025
	t := &thing{kind: k, spec: spec, id: g.id(k.name), created: from + g.r.Int64N(to-from), taken: map[int64]bool{}}
	g.things = append(g.things, t)
	return t
}

// version makes another version of a thing, before or after those it has, but
// not before it was created.
func (g *generator) version(t *thing) []byte {
	const most = 600 * 24 * 3600 * 1000 // 600 days
	modified := t.created
	for t.taken[modified] || len(t.taken) == 0 && modified == t.created && g.percent(50) {
		modified = t.created + g.r.Int64N(most)
	}
	t.taken[modified] = true
	head := []member{{"type", plain(t.kind.name)}, {"id", plain(t.id)}}
	if t.spec == "2.1" {
		head = append(head, member{"spec_version", `"2.1"`})
	}
	head = append(head, member{"created", stamp(t.created)}, member{"modified", stamp(modified)})
	if g.percent(60) || t.kind.name == "extension-definition" {
		head = append(head, member{"created_by_ref", g.ref("identity")})
	}
	if g.percent(5) {
		head = append(head, member{"revoked", "true"})
	}
	return g.finish(append(head, t.kind.own(g)...), "description")
}

// undated makes a cyber-observable object, a marking definition, or a custom
// object without versions.
func (g *generator) undated(k kind) []byte {
	id := g.id(k.name)
	if k.form == observable && k.name != "process" && g.percent(50) { // a process always has a UUIDv4
		id = k.name + "--" + g.uuid(5)
	}
	head := []member{{"type", plain(k.name)}, {"id", plain(id)}}
	if k.form != observable || g.percent(50) { // without it, 2.1 is what an observable is
		head = append(head, member{"spec_version", `"2.1"`})
	}
	if k.form == marking {
		head = append(head, member{"created", stamp(1_400_000_000_000 + g.r.Int64N(300_000_000_000))})
	}
	return g.finish(append(head, k.own(g)...), "x_remarks")
}

// finish adds custom properties and as much text as the object's size asks
// for, and writes it.
func (g *generator) finish(members []member, filler string) []byte {
	if g.percent(40) {
		members = append(members, member{"x_weight", g.number()}, member{"x_series", g.numbers()})
	}
	target, size := g.size(), 1
	for _, m := range members {
		size += len(m.name) + len(m.value) + len(`"":,`)
	}
	if missing := target - size; missing > 0 {
		if g.percent(20) {
			members = append(members, member{"x_rows", g.rows(missing)})
		} else {
			members = append(members, member{filler, g.text(missing)})
		}
	}
	if g.percent(40) {
		g.r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
	return g.write(members)
}

// size is the least length of an object when written without white space.
func (g *generator) size() int {
	low, high := float64(smallestObject), 5_000.0
	switch p := g.r.IntN(1000); {
	case p < 3:
		low, high = 50_000, largestTarget
	case p < 30:
		low, high = 5_000, 50_000
	}
	// evenly spread over the orders of size: as many of 200 to 1000 as of 1000 to 5000
	return int(low * math.Pow(high/low, g.r.Float64()))
}

// write puts members into one of four styles of white space.
func (g *generator) write(members []member) []byte {
	space := g.style()
	var b bytes.Buffer
	b.WriteString("{")
	for i, m := range members {
		if i > 0 {
			b.WriteString(space(',') + ",")
		}
		b.WriteString(space('n') + `"` + m.name + `"` + space(':') + ":" + space('v') + m.value)
	}
	b.WriteString(space('}') + "}")
	return b.Bytes()
}

// style chooses what stands before a comma, a name, a colon, a value and the
// end of an object.
func (g *generator) style() func(before rune) string {
	odd := []string{"", " ", "\n", "\t", "\r\n", " \t ", "   "}
	indented := map[rune]string{'n': "\n  ", 'v': " ", '}': "\n"}
	spaced := map[rune]string{'n': " ", 'v': " "}
	switch p := g.r.IntN(100); {
	case p < 50:
		return func(rune) string { return "" }
	case p < 75:
		return func(before rune) string { return spaced[before] }
	case p < 90:
		return func(before rune) string { return indented[before] }
	default:
		return func(rune) string { return odd[g.r.IntN(len(odd))] }
	}
}

func (g *generator) percent(p int) bool { return g.r.IntN(100) < p }

// uuid returns a UUID of random bits with that version.
func (g *generator) uuid(version byte) string {
	var b [16]byte
	for i := range b {
		b[i] = byte(g.r.Uint32())
	}
	b[6] = b[6]&0x0f | version<<4
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

func (g *generator) id(kind string) string { return kind + "--" + g.uuid(4) }

// ref is the id of an earlier object of that type, or of one that is nowhere.
func (g *generator) ref(kind string) string {
	for range 4 {
		if len(g.things) == 0 {
			break
		}
		if t := g.things[g.r.IntN(len(g.things))]; t.kind.name == kind {
			return plain(t.id)
		}
	}
	return plain(g.id(kind))
}

// refs is a list of one to five references.
func (g *generator) refs(kind string) string {
	list := make([]string, 1+g.r.IntN(5))
	for i := range list {
		list[i] = g.ref(kind)
	}
	return "[" + strings.Join(list, g.pick(",", ", ", ",\n")) + "]"
}

func (g *generator) pick(of ...string) string { return of[g.r.IntN(len(of))] }

// plain writes text that needs no escapes.
func plain(text string) string { return `"` + text + `"` }

// stamp writes a time as created and modified have it: three digits (R276).
func stamp(milliseconds int64) string {
	return plain(time.UnixMilli(milliseconds).UTC().Format("2006-01-02T15:04:05.000Z"))
}
