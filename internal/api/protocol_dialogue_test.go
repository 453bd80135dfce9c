package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// A dialogue is what one program of the field says to a server, in its own
// headers and order of parameters (docs/spec/client-compat.md, sections 2 and
// 5), and what it is answered: exchanges in the form of the golden files, in
// testdata/clients. Its account sees one API Root with two Collections, into
// which the comments before an exchange put content:
//
//	# add 99       adds so many indicators in one Add; in all of them modified is when the one before was added
//	# add malware  adds one of these
//	# covers K40   says in the first comments which numbers the dialogue shows
//
// In the texts <URL>, <ROOT>, <ID> and <OTHER> stand for the server's address,
// the name of the root, and the Collections; <NEXT>, <STATUS> and <STATUS2> for
// what answers named so; <DATE 3> for the third date that they told, <TIME> for that of a
// request; <7> for the
// seventh indicator, byte for byte, and <1-100> for so many of them with commas
// between; <SECRET> for the credentials of the account, in Base64.
// In a request <MODIFIED 100> is when the hundredth was modified, and both kinds
// of dates may be written otherwise: "ms" cuts to milliseconds, "us" writes six
// digits, "escaped" escapes the colons.
func TestTheDialoguesWithClientsOfTheFieldAreTheGoldenOnes(t *testing.T) {
	goldens(t, "testdata/clients/*.http", func(t *testing.T, text string) string { return newDialogue(t).hold(t, text) })
}

// The dialogues have a server of their own, on which no other test lets anybody
// see anything.
var apart = sync.OnceValue(func() *world { return open(whole, trial.Start(whole, "--empty")) })

type dialogue struct {
	w        *world
	actor    actor
	path     string         // of the Collection
	names    []named        // what stands for what, in the order of naming
	counts   map[string]int // how often a name was given
	dates    []string       // <DATE 1> is dates[0]
	objects  []string       // <1> is objects[0]
	modified []string
	others   int // how many are no indicators
}

type named struct{ name, value string }

func newDialogue(t *testing.T) *dialogue {
	w := apart()
	d := &dialogue{w: w, actor: w.account(t), counts: map[string]int{}}
	root := w.root(t, exchange.RootSetting{Title: "Sharing"})
	id, other := taxii.NewID(), taxii.NewID()
	if other < id { // they are listed by id
		id, other = other, id
	}
	for title, id := range map[string]string{"Indicators": id, "Reports": other} {
		if _, err := w.control.AddCollection(t.Context(), exchange.CollectionSetting{Root: root, ID: id, Title: title}); err != nil {
			t.Fatal(err)
		}
	}
	d.path = "/" + root + "/collections/" + id
	w.grant(t, d.actor.name, d.path, "read", "write")
	w.grant(t, d.actor.name, "/"+root+"/collections/"+other, "read")
	secret := base64.StdEncoding.EncodeToString([]byte(d.actor.name + ":" + d.actor.password))
	d.names = []named{{"<URL>", w.URL}, {"<ROOT>", root}, {"<ID>", id}, {"<OTHER>", other}, {"<SECRET>", secret}}
	return d
}

// hold sends all requests of a file and gives the file as it would be right.
func (d *dialogue) hold(t *testing.T, text string) string {
	var out []string
	for i, part := range strings.Split(text, "\n===\n") {
		comments := ""
		for strings.HasPrefix(part, "#") {
			line, rest, _ := strings.Cut(part, "\n")
			comments, part = comments+line+"\n", rest
			d.heed(t, line, i == 0)
		}
		request, _, _ := strings.Cut(part, "\n---\n")
		out = append(out, comments+request+"\n---\n"+d.answer(t, request))
	}
	return strings.Join(out, "\n===\n") + "\n"
}

func (d *dialogue) heed(t *testing.T, comment string, first bool) {
	if numbers, ok := strings.CutPrefix(comment, "# covers "); ok && first {
		trial.Covers(t, strings.Fields(numbers)...)
	}
	text, ok := strings.CutPrefix(comment, "# add ")
	switch {
	case !ok:
	case text == "malware":
		d.others++
		d.actor.add(t, d.path, object("malware", d.others, day(1)))
	default:
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		d.add(t, n)
	}
}

// add adds n indicators in one Add. What a living feed adds was modified before
// it is added, and after what was added before.
func (d *dialogue) add(t *testing.T, n int) {
	modified := day(1)
	if len(d.objects) > 0 {
		p := d.actor.page(t, d.path+"/manifest/?match[id]="+id("indicator", len(d.objects)))
		modified = cut(t, p.Last)
	}
	for range n {
		d.objects = append(d.objects, object("indicator", len(d.objects)+1, modified))
		d.modified = append(d.modified, modified)
	}
	d.actor.add(t, d.path, d.objects[len(d.objects)-n:]...)
}

// answer sends a request and writes what comes as the file has it.
func (d *dialogue) answer(t *testing.T, request string) string {
	head, body, _ := strings.Cut(d.fill(t, request), "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	method, path, _ := strings.Cut(lines[0], " ")
	var sent []byte
	if body != "" {
		sent = []byte(strings.TrimSuffix(body, "\n"))
	}
	a := d.w.Request(t, "", method, path, sent, append([]string{"Accept:", "Content-Type:"}, lines[1:]...)...)
	if a.Header.Get("Content-Encoding") == "gzip" {
		a.Body = unpacked(t, a.Body)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d\n", a.Status)
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		value := d.stable(strings.Join(a.Header.Values(name), ", "))
		switch name {
		case "Date", "X-Request-Id", "Content-Length":
			value = "<" + strings.ToUpper(name) + ">"
		}
		fmt.Fprintf(&out, "%s: %s\n", name, value)
	}
	if method != http.MethodHead {
		d.learn(t, a.Body)
		out.WriteString("\n" + d.stable(d.shortened(t, a.Body)))
	}
	return strings.TrimRight(out.String(), "\n")
}

// learn names a cursor and the id of a Status.
func (d *dialogue) learn(t *testing.T, body []byte) {
	var members struct{ ID, Status, Next string }
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if members.Next != "" {
		d.name("NEXT", members.Next)
	}
	if members.Status != "" {
		d.name("STATUS", members.ID)
	}
}

func (d *dialogue) name(name, value string) {
	if slices.ContainsFunc(d.names, func(n named) bool { return n.value == value }) {
		return
	}
	number := ""
	if d.counts[name]++; d.counts[name] > 1 {
		number = strconv.Itoa(d.counts[name])
	}
	d.names = append(d.names, named{"<" + name + number + ">", value})
}

// shortened writes the indicators of a page as runs of numbers. What is not one
// of them to the last byte stays as it is.
func (d *dialogue) shortened(t *testing.T, body []byte) string {
	const list = `"objects":[`
	head, rest, ok := strings.Cut(string(body), list)
	if !ok {
		return string(body)
	}
	raw, err := taxii.SplitEnvelope(body)
	if err != nil || !strings.HasPrefix(string(body), `{"more"`) {
		t.Fatalf("%v in %s", err, body)
	}
	var written []string
	first, last := 0, 0
	flush := func() {
		if first > 0 {
			written = append(written, run(first, last))
		}
		first, last = 0, 0
	}
	for _, object := range raw {
		n := slices.Index(d.objects, string(object)) + 1
		if first == 0 || n != last+1 {
			flush()
			first = n
		}
		if last = n; n == 0 {
			written = append(written, string(object))
		}
	}
	flush()
	if plain := string(trial.Envelope(raw...)); plain != "{"+list+rest {
		t.Errorf("objects with more than a comma between them: %s", body)
	}
	return head + list + strings.Join(written, ",") + "]}"
}

func run(first, last int) string {
	if first == last {
		return fmt.Sprintf("<%d>", first)
	}
	return fmt.Sprintf("<%d-%d>", first, last)
}

var (
	timeOfRequest = regexp.MustCompile(`"request_timestamp":"([^"]*)"`)
	dateName      = regexp.MustCompile(`<(DATE|MODIFIED) (\d+)( [a-z ]+)?>`)
)

// stable puts names for what varies.
func (d *dialogue) stable(text string) string {
	if told := timeOfRequest.FindStringSubmatch(text); told != nil { // also the version of a failure that has none
		text = strings.ReplaceAll(text, told[1], "<TIME>")
	}
	for _, n := range d.names {
		text = strings.ReplaceAll(text, n.value, n.name)
	}
	return dateForm.ReplaceAllStringFunc(text, func(date string) string {
		if date < "2021" { // a client's own
			return date
		}
		at := slices.Index(d.dates, date)
		if at < 0 {
			at = len(d.dates)
			d.dates = append(d.dates, date)
		}
		return fmt.Sprintf("<DATE %d>", at+1)
	})
}

// fill puts the values for the names in a request.
func (d *dialogue) fill(t *testing.T, text string) string {
	for _, n := range d.names {
		text = strings.ReplaceAll(text, n.name, n.value)
	}
	text = dateName.ReplaceAllStringFunc(text, func(name string) string {
		part := dateName.FindStringSubmatch(name)
		list := map[string][]string{"DATE": d.dates, "MODIFIED": d.modified}[part[1]]
		n, err := strconv.Atoi(part[2])
		if err != nil || n < 1 || n > len(list) {
			t.Fatalf("%s: there are %d of them", name, len(list))
		}
		return dressed(t, list[n-1], strings.Fields(part[3]))
	})
	if name := regexp.MustCompile(`<[A-Z]+\d*>`).FindString(text); name != "" {
		t.Fatalf("nothing has the name %s in %s", name, text)
	}
	return text
}

// dressed writes a date as a client does.
func dressed(t *testing.T, date string, how []string) string {
	for _, word := range how {
		moment, err := time.Parse(time.RFC3339Nano, date)
		switch {
		case word == "escaped":
			date = strings.ReplaceAll(date, ":", "%3A")
		case err != nil:
			t.Fatal(err)
		case word == "ms":
			date = cut(t, date)
		case word == "us":
			date = moment.Format("2006-01-02T15:04:05.000000Z")
		default:
			t.Fatalf("a date is never written %q", word)
		}
	}
	return date
}

// cut writes a date with three digits.
func cut(t *testing.T, date string) string {
	t.Helper()
	moment, err := time.Parse(time.RFC3339Nano, date)
	if err != nil {
		t.Fatal(err)
	}
	return moment.Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z")
}
