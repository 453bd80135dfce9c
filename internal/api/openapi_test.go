package api

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/hansom-taxii/hansom/taxii"
)

// channelsDocument is docs/openapi-channels.yaml, as far as it is compared with
// the code.
const channelsDocument = "../../docs/openapi-channels.yaml"

var methodNames = []string{"get", "put", "post", "patch", "delete"}

type openDocument struct {
	Paths      map[string]map[string]any
	Components map[string]map[string]any
}

func readDocument(t *testing.T) (text []byte, doc openDocument) {
	t.Helper()
	text, err := os.ReadFile(channelsDocument)
	if err == nil {
		err = yaml.Unmarshal(text, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text, doc
}

func TestTheDocumentOfChannelsHasThePropertiesOfTheResources(t *testing.T) {
	_, doc := readDocument(t)
	for _, resource := range []any{
		taxii.Channel{}, taxii.Channels{}, taxii.Invitation{}, taxii.Invitations{}, taxii.Join{}, taxii.Message{}, taxii.Messages{},
		taxii.Gap{}, taxii.NewSubscription{}, taxii.Subscription{}, taxii.Subscriptions{}, taxii.Position{}, taxii.PositionNow{}, taxii.Push{},
	} {
		kind := reflect.TypeOf(resource)
		schema, _ := doc.Components["schemas"][kind.Name()].(map[string]any)
		properties, _ := schema["properties"].(map[string]any)
		var want []string
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if name != "-" { // what goes out in a header
				want = append(want, name)
			}
		}
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(properties)); !slices.Equal(got, want) {
			t.Errorf("%s has the properties %v in the document and %v in the code", kind.Name(), got, want)
		}
	}
}

func TestTheDocumentOfChannelsHasTheRoutesOfChannels(t *testing.T) {
	text, doc := readDocument(t)
	var documented, served []string
	for path, item := range doc.Paths {
		for _, method := range methodNames {
			if item[method] != nil {
				documented = append(documented, strings.ToUpper(method)+" "+strings.Trim(path, "/"))
			}
		}
	}
	for _, route := range new(Server).list() {
		if len(route.pattern) > 0 && route.pattern[0] == "channels" {
			served = append(served, route.method+" "+strings.Join(route.pattern, "/"))
		}
	}
	slices.Sort(documented)
	slices.Sort(served)
	if !slices.Equal(documented, served) {
		t.Errorf("documented:\n%s\nserved:\n%s", strings.Join(documented, "\n"), strings.Join(served, "\n"))
	}
	named := map[string]bool{}
	for _, ref := range regexp.MustCompile(`#/components/(\w+)/(\w+)`).FindAllStringSubmatch(string(text), -1) {
		named[ref[1]+"/"+ref[2]] = true
		if doc.Components[ref[1]][ref[2]] == nil {
			t.Errorf("%s is not there", ref[0])
		}
	}
	for kind, members := range doc.Components {
		for name := range maps.Keys(members) {
			if kind != "securitySchemes" && !named[kind+"/"+name] {
				t.Errorf("nothing refers to %s/%s", kind, name)
			}
		}
	}
}
