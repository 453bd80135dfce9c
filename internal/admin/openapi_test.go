package admin

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

const documentFile = "../../docs/openapi-admin.yaml"

// document is docs/openapi-admin.yaml, as far as it is compared with the code.
type document struct {
	OpenAPI    string `yaml:"openapi"`
	Paths      map[string]pathItem
	Components struct {
		Parameters map[string]parameter
		Schemas    map[string]schema
	}
}

type pathItem struct {
	Parameters []parameter
	Get        *operation
	Put        *operation
	Post       *operation
	Patch      *operation
	Delete     *operation
	Other      map[string]any `yaml:",inline"`
}

type operation struct {
	OperationID string `yaml:"operationId"`
	Summary     string
	Parameters  []parameter
	RequestBody any `yaml:"requestBody"`
	Responses   map[string]any
}

type parameter struct {
	Ref         string `yaml:"$ref"`
	Name, In    string
	Description string
	Required    bool
	Schema      any
}

type schema struct {
	Properties map[string]any
	Required   []string
}

func (p *pathItem) operations() map[string]*operation {
	all := map[string]*operation{"GET": p.Get, "PUT": p.Put, "POST": p.Post, "PATCH": p.Patch, "DELETE": p.Delete}
	for method, op := range all {
		if op == nil {
			delete(all, method)
		}
	}
	return all
}

func readDocument(t *testing.T) (d document, text string) {
	t.Helper()
	raw, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d, string(raw)
}

func TestTheDocumentHasEveryRouteAndNoOther(t *testing.T) {
	d, _ := readDocument(t)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("the document is OpenAPI %q", d.OpenAPI)
	}
	var documented, served []string
	for path, item := range d.Paths {
		if len(item.Other) > 0 {
			t.Errorf("%s has %v, which is not compared with the routes", path, item.Other)
		}
		for method, op := range item.operations() {
			documented = append(documented, method+" "+path+" "+strings.Join(d.parameters(t, item, op), " "))
		}
	}
	for _, r := range routes() {
		var names []string
		for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(r.path, -1) {
			names = append(names, "path:"+m[1])
		}
		for _, name := range strings.Fields(r.params) {
			names = append(names, "query:"+name)
		}
		slices.Sort(names)
		served = append(served, r.method+" /admin/"+r.path+"/ "+strings.Join(names, " "))
	}
	for _, line := range served {
		if !slices.Contains(documented, line) {
			t.Errorf("not in the document: %s", line)
		}
	}
	for _, line := range documented {
		if !slices.Contains(served, line) {
			t.Errorf("not in the route table: %s", line)
		}
	}
}

// parameters gives the parameters of an operation, each as "in:name", and checks
// them.
func (d *document) parameters(t *testing.T, item pathItem, op *operation) (names []string) {
	for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
		if p.Ref != "" {
			p = d.Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
		}
		if p.Description == "" || p.Schema == nil || p.In == "path" && !p.Required {
			t.Errorf("%s: the parameter %q lacks something", op.OperationID, p.Name)
		}
		names = append(names, p.In+":"+p.Name)
	}
	slices.Sort(names)
	return names
}

func TestEveryOperationOfTheDocumentSaysWhatItTakesAndAnswers(t *testing.T) {
	d, _ := readDocument(t)
	seen := map[string]bool{}
	for path, item := range d.Paths {
		for method, op := range item.operations() {
			if op.OperationID == "" || seen[op.OperationID] || op.Summary == "" {
				t.Errorf("%s %s: operationId %q or summary is missing or there twice", method, path, op.OperationID)
			}
			seen[op.OperationID] = true
			takes := method == "PATCH" || method == "PUT" || method == "POST" && !strings.Contains(path, "/keys/") && path != "/admin/restored/"
			if takes != (op.RequestBody != nil) {
				t.Errorf("%s %s: a request body is %t", method, path, op.RequestBody != nil)
			}
			codes := []string{"default"}
			if takes {
				codes = append(codes, "413", "422")
			}
			if strings.Contains(path, "{") {
				codes = append(codes, "404")
			}
			for _, code := range codes {
				if op.Responses[code] == nil {
					t.Errorf("%s %s: the answer %s is not documented", method, path, code)
				}
			}
			if op.Responses["200"] == nil && op.Responses["201"] == nil && op.Responses["202"] == nil {
				t.Errorf("%s %s: no answer without error is documented", method, path)
			}
		}
	}
}

func TestEveryReferenceOfTheDocumentLeadsSomewhereAndNothingIsLeftOver(t *testing.T) {
	_, text := readDocument(t)
	var all map[string]any
	if err := yaml.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`\$ref: "#/components/(\w+)/(\w+)"`).FindAllStringSubmatch(text, -1) {
		used[m[1]+"/"+m[2]] = true
	}
	components, _ := all["components"].(map[string]any)
	for group, members := range components {
		for name := range members.(map[string]any) {
			if group != "securitySchemes" && !used[group+"/"+name] {
				t.Errorf("%s/%s is used nowhere", group, name)
			}
			delete(used, group+"/"+name)
		}
	}
	for name := range used {
		t.Errorf("%s is referred to and not there", name)
	}
}

func TestTheSchemasOfTheDocumentHaveTheMembersOfTheCode(t *testing.T) {
	d, _ := readDocument(t)
	compared := map[string]any{
		"RootSetting": exchange.RootSetting{}, "CollectionSetting": exchange.CollectionSetting{}, "CollectionRecord": CollectionRecord{},
		"AccountSetting": exchange.AccountSetting{}, "AccountRecord": exchange.AccountRecord{}, "GrantSetting": exchange.GrantSetting{},
		"GroupSetting": exchange.GroupSetting{}, "GroupList": groupList{}, "Access": exchange.Access{}, "AccessGrant": exchange.AccessGrant{},
		"PreviewList": previewList{}, "Preview": exchange.Preview{}, "PreviewObject": exchange.PreviewObject{},
		"Key": exchange.Key{}, "Declaration": exchange.Declaration{}, "Step": exchange.Step{}, "ExportPage": ExportPage{},
		"ExportEntry": ExportEntry{}, "ManifestRecord": taxii.ManifestRecord{}, "Status": taxii.Status{}, "StatusDetail": taxii.StatusDetail{},
		"ChannelSetting": exchange.ChannelSetting{}, "ChannelRecord": exchange.ChannelRecord{}, "ChannelList": channelList{},
		"ChannelGrant": taxii.ChannelGrant{}, "InvitationSetting": exchange.InvitationSetting{}, "Invitation": taxii.Invitation{},
		"InvitationList": invitationList{}, "Subscription": taxii.Subscription{}, "SubscriptionList": subscriptionList{},
		"TokenSetting": exchange.TokenSetting{}, "ScopeSetting": exchange.ScopeSetting{}, "TokenRecord": exchange.TokenRecord{},
		"NewToken": exchange.NewToken{}, "TokenList": tokenList{},
		"CertificateSetting": exchange.CertificateSetting{}, "CertificateRecord": exchange.CertificateRecord{}, "CertificateList": certificateList{},
		"AuditPage": exchange.AuditPage{}, "Recall": exchange.Recall{}, "RecallPlace": exchange.RecallPlace{}, "RecallReceipt": exchange.RecallReceipt{},
		"Gap": taxii.Gap{}, "Push": taxii.Push{},
		"Limits": exchange.Limits{}, "UsageRecord": exchange.UsageRecord{}, "UsageDay": exchange.UsageDay{},
		"Error": taxii.Error{}, "NewRoot": newRoot{}, "RootList": rootList{}, "CollectionList": collectionList{},
		"AccountList": accountList{}, "GrantList": grantList{}, "KeyList": keyList{}, "StepList": stepList{}, "Version": versionRecord{},
	}
	for name, schema := range d.Components.Schemas {
		if name == "Envelope" || name == "AuditRecord" {
			continue // is split, never decoded; has what its event has
		}
		value, ok := compared[name]
		if !ok {
			t.Errorf("the schema %s is no type of the code", name)
			continue
		}
		delete(compared, name)
		var documented []string
		for member := range schema.Properties {
			documented = append(documented, member)
		}
		slices.Sort(documented)
		if want := jsonNames(reflect.TypeOf(value)); !slices.Equal(documented, want) {
			t.Errorf("%s has %v in the document and %v in the code", name, documented, want)
		}
		for _, member := range schema.Required {
			if schema.Properties[member] == nil {
				t.Errorf("%s requires %s, which it does not have", name, member)
			}
		}
	}
	for name := range compared {
		t.Errorf("%s is not in the document", name)
	}
}

// jsonNames gives the names of the members that a struct has in JSON, in order.
func jsonNames(of reflect.Type) (names []string) {
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			names = append(names, jsonNames(f.Type)...)
		case name != "" && name != "-":
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestAnswersHaveWhatTheDocumentRequires(t *testing.T) {
	d, _ := readDocument(t)
	p := open(t)
	p.stage(t)
	p.account(t, "alice", "read on trust")
	p.group(t, "analysts", "alice")
	for path, name := range map[string]string{
		"groups": "GroupList", "groups/analysts": "GroupSetting", "accounts/alice/access?on=trust": "Access", "accounts/alice/preview": "PreviewList",
		"roots": "RootList", "roots/trust": "RootSetting", "collections": "CollectionList", "roots/trust/collections/open": "CollectionRecord",
		"roots/trust/collections/open/objects": "ExportPage", "accounts": "AccountList", "accounts/alice": "AccountRecord",
		"channels": "ChannelList", "roots/trust/channels/alerts": "ChannelRecord", "roots/trust/channels/alerts/invitations": "InvitationList",
		"roots/trust/channels/alerts/subscriptions": "SubscriptionList",
		"accounts/alice/usage":                      "UsageRecord",
		"grants":                                    "GrantList", "tokens": "TokenList", "certificates": "CertificateList", "keys": "KeyList", "state": "Declaration", "version": "Version", "roots/nowhere": "Error",
	} {
		_, text := ask(t, p.control, "GET", "/admin/"+path, "")
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &members); err != nil {
			t.Errorf("%s: %v in %s", path, err, text)
		}
		for _, member := range d.Components.Schemas[name].Required {
			if members[member] == nil {
				t.Errorf("%s lacks %s: %s", path, member, text)
			}
		}
		for member := range members {
			if d.Components.Schemas[name].Properties[member] == nil {
				t.Errorf("%s has %s, which %s has not", path, member, name)
			}
		}
	}
}
