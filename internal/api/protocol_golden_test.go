package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// A golden file is one or more exchanges in turn. Each is a request, as HTTP
// writes it, a line with ---, and the answer: status, the headers that matter, an
// empty line, the body. A line with === stands between exchanges. The first line
// of the file, after #, says what it shows; a second, "# covers", which numbers.
//
// In a request <BASIC member> stands for the credentials of an account, <C> for a
// Collection and <CHANNEL> for a Channel of the file's own, and what an earlier answer named, such as <NEXT>
// or <STATUS>, for its value. In an answer everything that varies has such a name.
func TestAnswersAreTheGoldenOnes(t *testing.T) { goldens(t, "testdata/*.http", replay) }

// goldens compares each file with what play makes of it; with -update it writes that.
func goldens(t *testing.T, pattern string, play func(t *testing.T, text string) string) {
	t.Parallel()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".http"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(text) {
				t.Errorf("%s differs; got:\n%s", file, got)
			}
		})
	}
}

// golden is one file while it is replayed.
type golden struct {
	w     *world
	names map[string]string // what stands for what
	own   bool              // <C> was made
	at    string            // the path of <CHANNEL>, once it was made
}

func replay(t *testing.T, text string) string {
	g := &golden{w: withContent(), names: map[string]string{}}
	var out []string
	for i, exchange := range strings.Split(text, "\n===\n") {
		comments := ""
		for strings.HasPrefix(exchange, "#") {
			line, rest, _ := strings.Cut(exchange, "\n")
			comments, exchange = comments+line+"\n", rest
			if numbers, ok := strings.CutPrefix(line, "# covers "); ok && i == 0 {
				trial.Covers(t, strings.Fields(numbers)...)
			}
		}
		request, _, _ := strings.Cut(exchange, "\n---\n")
		out = append(out, comments+request+"\n---\n"+g.answer(t, request))
	}
	return strings.Join(out, "\n===\n") + "\n"
}

var credentials = regexp.MustCompile(`<BASIC (\w+)>`)

// fill puts the values for the names in a request.
func (g *golden) fill(t *testing.T, text string) string {
	if strings.Contains(text, "<C>") && !g.own {
		g.own = true
		g.names[g.w.collection(t)] = "<C>"
	}
	if strings.Contains(text, "<CHANNEL>") && g.at == "" {
		g.at, _ = g.w.channelWith(t)
		g.names[g.at], g.names[strings.TrimPrefix(g.at, "/trust/channels/")] = "<CHANNEL>", "<NAME>"
	}
	for value, name := range g.names {
		text = strings.ReplaceAll(text, name, value)
	}
	return credentials.ReplaceAllStringFunc(text, func(s string) string {
		account := credentials.FindStringSubmatch(s)[1]
		return basic(account, g.w.Password(t, account))
	})
}

// answer sends a request and writes the answer as the file has it.
func (g *golden) answer(t *testing.T, request string) string {
	head, body, _ := strings.Cut(g.fill(t, request), "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	method, target, _ := strings.Cut(lines[0], " ")
	headers := append([]string{"Accept:", "Content-Type:"}, lines[1:]...)
	var sent []byte
	if body != "" {
		sent = []byte(strings.TrimSuffix(body, "\n"))
	}
	a := g.w.Request(t, "", method, target, sent, headers...)
	var out strings.Builder
	fmt.Fprintf(&out, "%d\n", a.Status)
	if g.at != "" {
		for _, place := range append(a.Header.Values("Content-Location"), a.Header.Values("Location")...) {
			g.name(path.Base(place), "ID")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		value := g.stable(strings.Join(a.Header.Values(name), ", "))
		switch name {
		case "Date", "X-Request-Id", "Content-Length", "Etag":
			value = "<" + strings.ToUpper(name) + ">"
		}
		fmt.Fprintf(&out, "%s: %s\n", name, value)
	}
	if method != http.MethodHead {
		out.WriteString("\n" + g.stable(g.learn(t, a.Body)))
	}
	return strings.TrimRight(out.String(), "\n")
}

// learn names a cursor and the id of a Status, and gives the body.
func (g *golden) learn(t *testing.T, body []byte) string {
	if g.at != "" {
		return g.learnChannel(body)
	}
	var members struct{ ID, Status, Next string }
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if members.Next != "" {
		g.name(members.Next, "NEXT")
	}
	if members.Status != "" {
		g.name(members.ID, "STATUS")
	}
	return string(body)
}

var (
	ownForm    = regexp.MustCompile(`"(id|error_id)":"([0-9a-f]{8}-[0-9a-f-]{27})"`)
	cursorForm = regexp.MustCompile(`"(next|cursor|position|earliest|latest|from|to)":"([A-Za-z0-9_-]{20,})"`)
)

// learnChannel names the ids and cursors in an answer of a Channel.
func (g *golden) learnChannel(body []byte) string {
	for _, found := range ownForm.FindAllStringSubmatch(string(body), -1) {
		g.name(found[2], "ID")
	}
	for _, found := range cursorForm.FindAllStringSubmatch(string(body), -1) {
		g.name(found[2], "CURSOR")
	}
	return string(body)
}

// name gives a value the name, or NAME2 and so on where that is taken.
func (g *golden) name(value, name string) {
	if g.names[value] != "" {
		return
	}
	n := 1
	for _, other := range g.names {
		if strings.TrimRight(strings.Trim(other, "<>"), "0123456789") == name {
			n++
		}
	}
	if n > 1 {
		name += strconv.Itoa(n)
	}
	g.names[value] = "<" + name + ">"
}

var dateForm = regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`)

// stable replaces what varies: the server's URL, dates of six digits, and what
// has a name.
func (g *golden) stable(text string) string {
	text = dateForm.ReplaceAllString(text, "<DATE>")
	text = strings.ReplaceAll(text, g.w.URL, "<URL>")
	for _, value := range slices.SortedFunc(maps.Keys(g.names), func(a, b string) int { return len(b) - len(a) }) { // a path before its name
		text = strings.ReplaceAll(text, value, g.names[value])
	}
	return text
}
