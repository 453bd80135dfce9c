package trial

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// A form says which of created and modified an object has.
type form int

const (
	dated      form = iota // both: has versions
	marking                // created alone
	observable             // neither; spec_version may be left out
	bare                   // neither, and a custom type
)

// A kind is a type of object with the properties that only it has.
type kind struct {
	name string
	form form
	own  func(*generator) []member
}

// kinds21 returns every type of STIX 2.1 and two custom ones.
func kinds21() []kind {
	kinds := []kind{
		{"marking-definition", marking, func(g *generator) []member {
			return []member{{"definition_type", `"statement"`}, {"definition", `{"statement":` + g.text(40) + `}`}}
		}},
		{"x-trial-reading", bare, func(g *generator) []member {
			return []member{{"gauge", g.text(10)}, {"level", g.number()}}
		}},
	}
	kinds = append(kinds, domainKinds()...)
	kinds = append(kinds, aboutKinds()...)
	return append(kinds, observableKinds()...)
}

// domainKinds are the domain objects and a custom one.
func domainKinds() []kind {
	named := func(g *generator) []member { return []member{{"name", g.text(8 + g.r.IntN(30))}} }
	with := func(rest func(*generator) []member) func(*generator) []member {
		return func(g *generator) []member { return append(named(g), rest(g)...) }
	}
	kinds := []kind{
		{"identity", dated, with(func(g *generator) []member {
			return []member{{"identity_class", g.pick(`"organization"`, `"group"`, `"individual"`)}}
		})},
		{"indicator", dated, with(func(g *generator) []member { return g.pattern() })},
		{"location", dated, with(func(g *generator) []member {
			return []member{{"latitude", g.pick("-89.50", "1e1", "0.0", "48")}, {"longitude", g.pick("-1.795e2", "0", "12.340")}}
		})},
		{"malware", dated, with(func(g *generator) []member {
			return []member{{"is_family", g.pick("true", "false")}, {"malware_types", `["dropper", "trojan"]`}}
		})},
		{"x-trial-buoy", dated, with(func(g *generator) []member {
			return []member{{"depth", g.number()}, {"bearings", g.numbers()}, {"moored", "true"}}
		})},
	}
	for _, name := range []string{"attack-pattern", "campaign", "course-of-action", "incident", "infrastructure", "intrusion-set", "threat-actor", "tool", "vulnerability"} {
		kinds = append(kinds, kind{name, dated, named})
	}
	return kinds
}

// aboutKinds are the dated objects that speak of other objects.
func aboutKinds() []kind {
	return []kind{
		{"relationship", dated, func(g *generator) []member {
			return []member{{"relationship_type", g.pick(`"indicates"`, `"related-to"`)}, {"source_ref", g.ref("indicator")}, {"target_ref", g.ref("malware")}}
		}},
		{"sighting", dated, func(g *generator) []member {
			return []member{{"sighting_of_ref", g.ref("indicator")}, {"count", strconv.Itoa(g.r.IntN(1000))}, {"where_sighted_refs", g.refs("identity")}}
		}},
		{"grouping", dated, func(g *generator) []member {
			return []member{{"context", `"suspicious-activity"`}, {"object_refs", g.refs("indicator")}}
		}},
		{"malware-analysis", dated, func(g *generator) []member {
			return []member{{"product", `"example-sandbox"`}, {"result", g.pick(`"malicious"`, `"benign"`, `"unknown"`)}}
		}},
		{"note", dated, func(g *generator) []member {
			return []member{{"content", g.text(60)}, {"object_refs", g.refs("campaign")}}
		}},
		{"observed-data", dated, func(g *generator) []member {
			return append(g.observed(), member{"object_refs", g.refs("ipv4-addr")})
		}},
		{"opinion", dated, func(g *generator) []member {
			return []member{{"opinion", g.pick(`"agree"`, `"strongly-disagree"`, `"neutral"`)}, {"object_refs", g.refs("relationship")}}
		}},
		{"report", dated, func(g *generator) []member {
			return []member{{"name", g.text(20)}, {"published", `"2025-03-04T05:06:07Z"`}, {"object_refs", g.refs("malware")}}
		}},
		{"language-content", dated, func(g *generator) []member {
			return []member{{"object_ref", g.ref("campaign")}, {"contents", `{"de":{"name":` + g.text(12) + `},"ja":{"name":` + g.text(12) + `}}`}}
		}},
		{"extension-definition", dated, func(g *generator) []member {
			return []member{{"name", g.text(12)}, {"schema", `"https:\/\/schemas.example.org\/trial.json"`}, {"version", `"1.0.0"`}, {"extension_types", `["property-extension"]`}}
		}},
	}
}

// observableKinds are the cyber-observable objects.
func observableKinds() []kind {
	one := func(name string, value func(*generator) string) func(*generator) []member {
		return func(g *generator) []member { return []member{{name, value(g)}} }
	}
	host := func(g *generator) string {
		return fmt.Sprintf("h%d.example.%s", g.r.IntN(1_000_000), g.pick("com", "net", "org"))
	}
	return []kind{
		{"artifact", observable, one("payload_bin", func(g *generator) string {
			return plain(base64.StdEncoding.EncodeToString([]byte(g.text(30))))
		})},
		{"autonomous-system", observable, one("number", func(g *generator) string { return strconv.Itoa(64496 + g.r.IntN(16)) })},
		{"directory", observable, one("path", func(g *generator) string { return `"\/srv\/quay\/` + g.pick("été", "\\u00e9t\\u00e9", "tide") + `"` })},
		{"domain-name", observable, one("value", func(g *generator) string { return plain(host(g)) })},
		{"email-addr", observable, one("value", func(g *generator) string { return plain("berths@" + host(g)) })},
		{"email-message", observable, func(g *generator) []member {
			return []member{{"is_multipart", "false"}, {"subject", g.text(20)}, {"body", g.text(80)}}
		}},
		{"file", observable, func(g *generator) []member {
			return []member{{"hashes", `{"SHA-256" : "` + g.digest() + `"}`}, {"size", strconv.Itoa(g.r.IntN(1 << 30))}, {"name", g.text(10)}}
		}},
		{"ipv4-addr", observable, one("value", func(g *generator) string { return plain(fmt.Sprintf("203.0.113.%d", g.r.IntN(256))) })},
		{"ipv6-addr", observable, one("value", func(g *generator) string { return plain(fmt.Sprintf("2001:db8::%x", 1+g.r.IntN(0xffff))) })},
		{"mac-addr", observable, one("value", func(g *generator) string { return plain(fmt.Sprintf("00:00:5e:00:53:%02x", g.r.IntN(256))) })},
		{"mutex", observable, one("name", func(g *generator) string { return g.text(10) })},
		{"network-traffic", observable, func(g *generator) []member {
			return []member{{"protocols", `[ "ipv4","tcp" ]`}, {"src_ref", g.ref("ipv4-addr")}, {"dst_port", strconv.Itoa(g.r.IntN(65536))}}
		}},
		{"process", observable, func(g *generator) []member {
			return []member{{"pid", strconv.Itoa(g.r.IntN(65536))}, {"command_line", g.text(20)}}
		}},
		{"software", observable, one("name", func(g *generator) string { return g.text(10) })},
		{"url", observable, one("value", func(g *generator) string { return plain(`https:\/\/` + host(g) + `/plan`) })},
		{"user-account", observable, one("user_id", func(g *generator) string { return plain(strconv.Itoa(g.r.IntN(9999))) })},
		{"windows-registry-key", observable, one("key", func(*generator) string { return `"HKEY_CURRENT_USER\\Software\\Example"` })},
		{"x509-certificate", observable, one("serial_number", func(g *generator) string { return plain(g.digest()[:16]) })},
	}
}

// kinds20 returns types of STIX 2.0 with what that version requires.
func kinds20() []kind {
	labelled := func(label string, rest func(*generator) []member) func(*generator) []member {
		return func(g *generator) []member {
			return append([]member{{"name", g.text(12)}, {"labels", `["` + label + `"]`}}, rest(g)...)
		}
	}
	none := func(*generator) []member { return nil }
	return []kind{
		{"attack-pattern", dated, func(g *generator) []member { return []member{{"name", g.text(12)}} }},
		{"identity", dated, func(g *generator) []member {
			return []member{{"name", g.text(12)}, {"identity_class", `"organization"`}}
		}},
		{"indicator", dated, labelled("malicious-activity", func(g *generator) []member {
			return []member{{"pattern", `"[ipv4-addr:value = '192.0.2.7']"`}, {"valid_from", `"2016-01-01T00:00:00Z"`}}
		})},
		{"malware", dated, labelled("dropper", none)},
		{"tool", dated, labelled("remote-access", none)},
		{"threat-actor", dated, labelled("criminal", none)},
		{"report", dated, labelled("threat-report", func(g *generator) []member {
			return []member{{"published", `"2016-01-01T00:00:00Z"`}, {"object_refs", g.refs("malware")}}
		})},
		{"observed-data", dated, func(g *generator) []member {
			return append(g.observed(), member{"objects", `{"0":{"type":"ipv4-addr","value":"192.0.2.9"}}`})
		}},
		{"relationship", dated, func(g *generator) []member {
			return []member{{"relationship_type", `"uses"`}, {"source_ref", g.ref("campaign")}, {"target_ref", g.ref("tool")}}
		}},
	}
}

// pattern is what an indicator looks for.
func (g *generator) pattern() []member {
	value := fmt.Sprintf("198.51.100.%d", g.r.IntN(256))
	return []member{
		{"pattern", plain("[ipv4-addr:value = '" + value + "']")},
		{"pattern_type", `"stix"`},
		{"valid_from", g.pick(`"2025-01-02T03:04:05Z"`, `"2025-01-02T03:04:05.6Z"`, `"2025-01-02T03:04:05.678901Z"`)},
	}
}

// observed is when and how often data were observed.
func (g *generator) observed() []member {
	return []member{
		{"first_observed", `"2025-01-02T03:04:05.000Z"`},
		{"last_observed", `"2025-01-02T03:04:06.000Z"`},
		{"number_observed", strconv.Itoa(1 + g.r.IntN(1000))},
	}
}

// digest is 64 hexadecimal digits.
func (g *generator) digest() string {
	var b strings.Builder
	for range 4 {
		fmt.Fprintf(&b, "%016x", g.r.Uint64())
	}
	return b.String()
}
