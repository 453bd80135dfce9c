package stix

// category says what STIX 2.1 counts a type among.
type category uint8

const (
	custom     category = iota // a type that STIX 2.1 does not define
	domain                     // SDO, section 4
	relating                   // SRO, section 5
	observable                 // SCO, section 6
	meta                       // language-content, extension-definition, section 7
	marking                    // marking-definition: a meta object without modified
	noObject                   // bundle: carries objects, is none (section 8)
)

// categoryOf names the category of a type of STIX 2.1; custom for all others.
func categoryOf(typ string) category {
	switch typ {
	case "attack-pattern", "campaign", "course-of-action", "grouping", "identity",
		"incident", "indicator", "infrastructure", "intrusion-set", "location",
		"malware", "malware-analysis", "note", "observed-data", "opinion", "report",
		"threat-actor", "tool", "vulnerability":
		return domain
	case "relationship", "sighting":
		return relating
	case "artifact", "autonomous-system", "directory", "domain-name", "email-addr",
		"email-message", "file", "ipv4-addr", "ipv6-addr", "mac-addr", "mutex",
		"network-traffic", "process", "software", "url", "user-account",
		"windows-registry-key", "x509-certificate":
		return observable
	case "language-content", "extension-definition":
		return meta
	case "marking-definition":
		return marking
	case "bundle":
		return noObject
	}
	return custom
}

// IsSCO reports whether typ is one of the 18 cyber-observable types of STIX
// 2.1. A custom observable is not: nothing in its name says so.
func IsSCO(typ string) bool { return categoryOf(typ) == observable }
