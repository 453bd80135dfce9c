package trial

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hansom-taxii/hansom/internal/stix"
)

// head is what the tests read of a generated object.
type head struct {
	Type, ID, Created, Modified string
	SpecVersion                 string `json:"spec_version"`
}

func heads(t *testing.T, objects [][]byte) []head {
	t.Helper()
	all := make([]head, len(objects))
	for i, raw := range objects {
		if !jsontext.Value(raw).IsValid() {
			t.Fatalf("object %d is not strict JSON: %.300s", i, raw)
		}
		if err := json.Unmarshal(raw, &all[i]); err != nil {
			t.Fatalf("object %d: %v", i, err)
		}
	}
	return all
}

func TestEqualSeedsGiveEqualBytes(t *testing.T) {
	one, two, short := Objects(7, 300), Objects(7, 300), Objects(7, 100)
	if !slices.EqualFunc(one, two, bytes.Equal) {
		t.Error("the same seed gave other objects")
	}
	if !slices.EqualFunc(one[:100], short, bytes.Equal) {
		t.Error("100 objects are not the beginning of 300")
	}
	if bytes.Equal(Envelope(one...), Envelope(Objects(8, 300)...)) {
		t.Error("another seed gave the same objects")
	}
}

func TestNoObjectsAreAlsoAnAnswer(t *testing.T) {
	if got := Objects(1, 0); len(got) != 0 {
		t.Errorf("got %d objects", len(got))
	}
}

func TestEveryIDAndVersionIsThereOnce(t *testing.T) {
	seen, specs := map[[2]string]bool{}, map[string]string{}
	objects := Objects(1, 5000)
	for _, h := range heads(t, objects) {
		key := [2]string{h.ID, h.Modified + h.Created}
		if seen[key] {
			t.Errorf("%v stands twice", key)
		}
		seen[key] = true
		if spec, ok := specs[h.ID]; ok && spec != h.SpecVersion {
			t.Errorf("%s is of STIX %q and %q", h.ID, spec, h.SpecVersion)
		}
		specs[h.ID] = h.SpecVersion
	}
	if len(objects) != 5000 || len(seen) != 5000 {
		t.Errorf("%d objects, %d of them distinct", len(objects), len(seen))
	}
}

func TestAllTypesAndBothSpecVersionsOccur(t *testing.T) {
	types, spec20 := map[string]int{}, 0
	all := heads(t, Objects(2, 5000))
	for _, h := range all {
		types[h.Type]++
		if h.SpecVersion == "" && h.Created != "" {
			spec20++
		}
	}
	for _, k := range append(kinds21(), kinds20()...) {
		if types[k.name] == 0 {
			t.Errorf("no %s", k.name)
		}
	}
	if len(types) < 44 {
		t.Errorf("%d types; STIX 2.1 has 42, and there are custom ones", len(types))
	}
	if share := spec20 * 100 / len(all); share < 3 || share > 12 {
		t.Errorf("%d %% are of STIX 2.0", share)
	}
}

func TestAFifthAreFurtherVersionsInNoOrder(t *testing.T) {
	last, further, back := map[string]string{}, 0, 0
	all := heads(t, Objects(3, 5000))
	for _, h := range all {
		if before, ok := last[h.ID]; ok {
			further++
			if h.Modified < before {
				back++
			}
		}
		if last[h.ID] = h.Modified; h.Modified != "" && h.Modified < h.Created {
			t.Errorf("%s was modified before it was created", h.ID)
		}
	}
	if share := further * 100 / len(all); share < 17 || share > 23 || back < further/4 || back > further*3/4 {
		t.Errorf("%d %% are further versions, %d of %d earlier than the one before", share, back, further)
	}
}

func TestSizesSpreadFromHundredsOfBytesToHundredsOfKilobytes(t *testing.T) {
	var sizes []int
	for _, raw := range Objects(4, 5000) {
		sizes = append(sizes, len(raw))
	}
	slices.Sort(sizes)
	least, median, most := sizes[0], sizes[len(sizes)/2], sizes[len(sizes)-1]
	if least < smallestObject || least > 300 || median < 700 || median > 1400 || most < 50_000 || most > largestObject {
		t.Errorf("sizes: least %d, median %d, most %d", least, median, most)
	}
}

func TestObjectsWouldNotSurviveBeingEncodedAgain(t *testing.T) {
	changed, marks := 0, map[string]int{}
	objects := Objects(5, 1000)
	for _, raw := range objects {
		var tree any
		if err := json.Unmarshal(raw, &tree); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(tree); !bytes.Equal(raw, again) {
			changed++
		}
		for _, mark := range []string{"é", `\u00e9`, `\u00E9`, `\/`, "🚋", `\ud83d`, "1.0", "1e3", "-0.0", "\r\n", "\t", "\n  ", `\u0074op`, "e\u0301"} {
			if bytes.Contains(raw, []byte(mark)) {
				marks[mark]++
			}
		}
	}
	if changed < len(objects)*9/10 || len(marks) < 14 {
		t.Errorf("%d of %d would change; marks seen: %v", changed, len(objects), marks)
	}
}

func TestObjectsPassEveryValidation(t *testing.T) {
	for i, raw := range Objects(6, 3000) {
		facts, err := stix.Peek(raw)
		if err != nil {
			t.Fatalf("object %d: %v\n%.500s", i, err, raw)
		}
		if err := stix.Check(raw, facts, stix.Strict); err != nil {
			t.Errorf("object %d: %v\n%.500s", i, err, raw)
		}
	}
}

func TestEnvelopeCarriesTheBytesAsTheyAre(t *testing.T) {
	if got := string(Envelope([]byte(`{"a": 1.0}`), []byte("{ }"))); got != `{"objects":[{"a": 1.0},{ }]}` {
		t.Errorf("got %s", got)
	}
	if got := string(Envelope()); got != `{"objects":[]}` {
		t.Errorf("got %s", got)
	}
	if body := Envelope(Objects(9, 50)...); !jsontext.Value(body).IsValid() {
		t.Errorf("not strict JSON: %.200s", body)
	}
}

func TestSharedReadsTheNamedFolderAndDecompresses(t *testing.T) {
	folder := t.TempDir()
	t.Setenv(dataVariable, folder)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte("content")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"good.json.gz": zipped.Bytes(), "cut.json.gz": zipped.Bytes()[:20], "plain.json": []byte("content")} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{"good.json.gz": true, "plain.json": true, "cut.json.gz": false, "absent.json.gz": false} {
		got, ok := Shared(name)
		if ok != want || ok && string(got) != "content" {
			t.Errorf("%s: got %q, %v", name, got, ok)
		}
	}
}

func TestSharedFindsTheRealDataWhereThereAreAny(t *testing.T) {
	t.Setenv(dataVariable, "")
	content, ok := Shared("attack-ics-21.json.gz")
	if !ok {
		Lacks(t, "no shared data beside the module")
	}
	if !strings.HasPrefix(string(content), `{"type":"bundle"`) {
		t.Errorf("begins with %.40q", content)
	}
}
