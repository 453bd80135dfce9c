package demo

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hansom-taxii/hansom/internal/stix"
)

var (
	idForm       = regexp.MustCompile(`\A([a-z0-9-]+)--[0-9a-f]{8}-[0-9a-f]{4}-([45])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z`)
	uuid4Form    = regexp.MustCompile(`\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z`)
	hostForm     = regexp.MustCompile(`(?i)\b(?:[a-z0-9-]+\.)+[a-z]{2,}\b`)
	exampleHost  = regexp.MustCompile(`(?i)(?:\A|\.)(?:example\.(?:com|net|org)|[a-z0-9-]+\.test)\z`)
	ipv4Form     = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b`)
	ipv6Form     = regexp.MustCompile(`(?i)\b[0-9a-f]{1,4}(?::{1,2}[0-9a-f]{1,4})+(?:::)?|\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*::`)
	documentNets = []netip.Prefix{
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"),
	}
	types21 = []string{
		"attack-pattern", "campaign", "course-of-action", "grouping", "identity", "indicator", "infrastructure",
		"intrusion-set", "location", "malware", "malware-analysis", "note", "observed-data", "opinion", "report",
		"threat-actor", "tool", "vulnerability", "relationship", "sighting", "ipv4-addr", "ipv6-addr", "domain-name",
		"url", "file", "email-addr", "network-traffic", "autonomous-system", "marking-definition",
		"language-content", "extension-definition", "x-trust-sensor",
	}
)

// object is one object of the demo with what the tests ask of it.
type object struct {
	alias, id, kind, spec, version string
	revoked                        bool
	raw                            jsontext.Value
	tree                           map[string]any
}

// load reads every bundle strictly: UTF-8, no name twice, nothing behind.
func load(t *testing.T) []object {
	t.Helper()
	var all []object
	for _, c := range Collections() {
		var bundle struct {
			Type    string
			ID      string
			Objects []json.RawMessage
		}
		if !jsontext.Value(c.Bundle).IsValid() {
			t.Fatalf("%s: not strict JSON", c.Alias)
		}
		if err := json.Unmarshal(c.Bundle, &bundle); err != nil {
			t.Fatalf("%s: %v", c.Alias, err)
		}
		if m := idForm.FindStringSubmatch(bundle.ID); bundle.Type != "bundle" || m == nil || m[1] != "bundle" {
			t.Errorf("%s: %q is not the id of a bundle", c.Alias, bundle.ID)
		}
		for _, raw := range bundle.Objects {
			all = append(all, newObject(t, c.Alias, raw))
		}
	}
	return all
}

func newObject(t *testing.T, alias string, raw []byte) object {
	t.Helper()
	o := object{alias: alias, raw: raw}
	if err := json.Unmarshal(raw, &o.tree); err != nil {
		t.Fatal(err)
	}
	text := func(name string) string { s, _ := o.tree[name].(string); return s }
	o.id, o.kind, o.spec = text("id"), text("type"), text("spec_version")
	if o.version = text("modified"); o.version == "" {
		o.version = text("created")
	}
	o.revoked, _ = o.tree["revoked"].(bool)
	if o.spec == "" {
		o.spec = "2.0"
	}
	return o
}

// walk calls visit for every string of a tree with the name it stands under.
func walk(tree any, name string, visit func(name, text string)) {
	switch v := tree.(type) {
	case string:
		visit(name, v)
	case []any:
		for _, each := range v {
			walk(each, name, visit)
		}
	case map[string]any:
		for k, each := range v {
			walk(each, k, visit)
		}
	}
}

func TestRootsAndCollectionsAreTheOnesAgreed(t *testing.T) {
	var roots []string
	for _, r := range Roots() {
		roots = append(roots, r.Name)
		if r.Title == "" || r.Description == "" {
			t.Errorf("root %s has no title or description", r.Name)
		}
	}
	if !slices.Equal(roots, []string{"trust", "open"}) {
		t.Errorf("roots are %v", roots)
	}
	seen := map[string]bool{}
	var paths []string
	for _, c := range Collections() {
		paths = append(paths, c.Root+"/"+c.Alias)
		if !uuid4Form.MatchString(c.ID) || seen[c.ID] || seen[c.Title] || c.Title == "" || c.Description == "" {
			t.Errorf("%s: id, title or description is missing, malformed or not unique", c.Alias)
		}
		seen[c.ID], seen[c.Title] = true, true
	}
	if !slices.Equal(paths, []string{"trust/indicators", "trust/reports", "trust/dropbox", "open/operations"}) {
		t.Errorf("collections are %v", paths)
	}
}

func TestBundleIsTheCallersOwnCopy(t *testing.T) {
	first := Collections()[0].Bundle
	clear(first)
	if bytes.Equal(first, Collections()[0].Bundle) {
		t.Error("a change to one bundle shows in the next")
	}
}

func TestContentIsAsLargeAndVariedAsPromised(t *testing.T) {
	perAlias, per21, count21, count20 := map[string]int{}, map[string]int{}, 0, 0
	for _, o := range load(t) {
		perAlias[o.alias]++
		if o.spec == "2.0" {
			count20++
			continue
		}
		count21++
		per21[o.kind]++
	}
	for alias, least := range map[string]int{"indicators": 60, "reports": 20, "operations": 5, "dropbox": 3} {
		if perAlias[alias] < least {
			t.Errorf("%s holds %d objects, wanted at least %d", alias, perAlias[alias], least)
		}
	}
	for _, kind := range types21 {
		if per21[kind] == 0 {
			t.Errorf("no %s", kind)
		}
	}
	if count21 < 80 || count20 < 4 {
		t.Errorf("%d objects of STIX 2.1 and %d of 2.0, wanted at least 80 and 4", count21, count20)
	}
}

func TestEveryVersionIsThereOnce(t *testing.T) {
	seen := map[[2]string]bool{}
	for _, o := range load(t) {
		key := [2]string{o.id, o.version}
		if seen[key] {
			t.Errorf("%s %s stands twice", o.id, o.version)
		}
		seen[key] = true
	}
}

func TestSomeObjectsHaveSeveralVersionsAndOneEndsRevoked(t *testing.T) {
	versions, specs, latest := map[string]int{}, map[string]map[string]bool{}, map[string]object{}
	for _, o := range load(t) {
		if specs[o.id] == nil {
			specs[o.id] = map[string]bool{}
		}
		specs[o.id][o.spec] = true
		if o.spec == "2.1" {
			versions[o.id]++
		}
		if o.version >= latest[o.id].version {
			latest[o.id] = o
		}
	}
	several, most, both, revoked := 0, 0, 0, 0
	for id, n := range versions {
		most = max(most, n)
		if n > 1 {
			several++
		}
		if len(specs[id]) == 2 {
			both++
		}
		if latest[id].revoked {
			revoked++
		}
	}
	if several < 4 || most < 3 || both < 1 || revoked != 1 {
		t.Errorf("several versions: %d, most: %d, in 2.0 and 2.1: %d, revoked: %d", several, most, both, revoked)
	}
}

func TestEveryIDIsItsTypeAndAUUID(t *testing.T) {
	for _, o := range load(t) {
		m := idForm.FindStringSubmatch(o.id)
		if m == nil || m[1] != o.kind {
			t.Errorf("%q is no id of a %s", o.id, o.kind)
			continue
		}
		if _, dated := o.tree["created"]; m[2] == "5" && dated {
			t.Errorf("%s: only a cyber-observable object may have a UUIDv5", o.id)
		}
	}
}

func TestEveryObjectPassesStrictValidation(t *testing.T) {
	for _, o := range load(t) {
		facts, err := stix.Peek(o.raw)
		if err != nil {
			t.Errorf("%s: %v", o.id, err)
			continue
		}
		if err := stix.Check(o.raw, facts, stix.Strict); err != nil {
			t.Errorf("%s: %v", o.id, err)
		}
		if facts.SpecVersion != o.spec || facts.Version != o.version {
			t.Errorf("%s: read as version %q of STIX %s", o.id, facts.Version, facts.SpecVersion)
		}
	}
}

func TestEveryReferenceLeadsToAnObjectOfThisOrAnEarlierBundle(t *testing.T) {
	all := load(t)
	first := map[string]int{} // id -> place of the first bundle that has it
	place := map[string]int{}
	for i, c := range Collections() {
		place[c.Alias] = i
	}
	for _, o := range all {
		if _, ok := first[o.id]; !ok {
			first[o.id] = place[o.alias]
		}
	}
	for _, o := range all {
		walk(o.tree, "", func(name, text string) {
			if !strings.HasSuffix(name, "_ref") && !strings.HasSuffix(name, "_refs") {
				return
			}
			if at, ok := first[text]; !ok || at > place[o.alias] {
				t.Errorf("%s: %s %s leads nowhere", o.id, name, text)
			}
		})
	}
}

func TestOwnExtensionsAreDefined(t *testing.T) {
	const tlp20 = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d" // published with TLP 2.0
	all := load(t)
	defined := map[string]bool{tlp20: true}
	for _, o := range all {
		defined[o.id] = true
	}
	for _, o := range all {
		extensions, _ := o.tree["extensions"].(map[string]any)
		for name := range extensions {
			if strings.HasPrefix(name, "extension-definition--") && !defined[name] {
				t.Errorf("%s: %s is not defined", o.id, name)
			}
		}
	}
}

func TestNoRealHostOrAddressIsNamed(t *testing.T) {
	notHosts := []string{"berth-plan.zip", "plan.scr", "plan.zip", "FARE.txt", "1.0.0.json", "1.2.0.json"}
	hosts, addresses := 0, 0
	for _, o := range load(t) {
		walk(o.tree, "", func(name, text string) {
			for _, host := range hostForm.FindAllString(text, -1) {
				if hosts++; !exampleHost.MatchString(host) && !named(o, name, text, host, notHosts) {
					t.Errorf("%s: %s names the host %s", o.id, name, host)
				}
			}
			for _, address := range append(ipv4Form.FindAllString(text, -1), ipv6Form.FindAllString(text, -1)...) {
				ip, err := netip.ParseAddr(address)
				if err != nil {
					continue // a time of day, a serial number or a version
				}
				if addresses++; !slices.ContainsFunc(documentNets, func(p netip.Prefix) bool { return p.Contains(ip) }) {
					t.Errorf("%s: %s names the address %s", o.id, name, address)
				}
			}
		})
	}
	if hosts < 10 || addresses < 8 {
		t.Errorf("only %d hosts and %d addresses found: the test does not look", hosts, addresses)
	}
}

// named tells whether what looks like a host is a file's name or a path of a
// pattern's object (network-traffic:dst_ref.type).
func named(o object, name, text, host string, files []string) bool {
	isPath := name == "pattern" && (strings.Contains(text, "_"+host) || strings.Contains(text, ":"+host))
	return slices.Contains(files, host) || isPath && o.kind == "indicator"
}

func TestEveryChannelIsInARootAndFedByACollectionOfIt(t *testing.T) {
	for _, c := range Channels() {
		if !slices.ContainsFunc(Roots(), func(r Root) bool { return r.Name == c.Root }) || c.Title == "" || c.Description == "" {
			t.Errorf("%s: got %+v", c.Name, c)
		}
		if c.From != "" && !slices.ContainsFunc(Collections(), func(v Collection) bool { return v.Root == c.Root && v.Alias == c.From }) {
			t.Errorf("%s: no collection %s in %s", c.Name, c.From, c.Root)
		}
	}
}
