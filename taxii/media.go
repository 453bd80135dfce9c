package taxii

import (
	"iter"
	"slices"
	"strings"
)

// MediaType is the media type of every TAXII 2.1 resource, exactly as every
// answer with a body says it (R048, K16): no space, no charset.
const MediaType = "application/taxii+json;version=2.1"

// The names of media types, without parameters, in lower case.
const (
	taxiiName   = "application/taxii+json"
	stixName    = "application/stix+json"
	oldTaxii    = "application/vnd.oasis.taxii+json" // of TAXII 2.0
	oldStix     = "application/vnd.oasis.stix+json"  // of TAXII 2.0
	jsonName    = "application/json"
	anyOfOurs   = "application/*"
	anyAtAll    = "*/*"
	ourVersion  = "2.1"
	headerAsked = "send Accept: " + MediaType
)

const (
	// maxHeaderOctets is how much of a header is looked at; the server takes no
	// more than that for all headers together.
	maxHeaderOctets = 32 << 10
	// maxHeaderElements is how many elements of a list are looked at; browsers send
	// about ten.
	maxHeaderElements = 100
)

// MediaOptions says which media types a server answers beyond what it must.
// The zero value answers all that clients in the field ask for.
type MediaOptions struct {
	RefuseJSON bool // do not take application/json in Accept as a wish for TAXII (K12)
}

// NegotiateAccept tells whether an answer of [MediaType] may be sent to a client
// whose Accept header lines are values. nil means yes; otherwise the error is of
// Kind [NotAcceptable] and says what to send.
//
// It reads a list with q-values as HTTP does (R055, K10, K11): several lines are
// one list; case, white space, quotes and the order of parameters do not matter; of
// the ranges that fit, the most specific decides, and q=0 refuses. Served are:
//   - no Accept or an empty one, */* and application/* (R056, K11);
//   - application/taxii+json without version or with 2.1 (R049, R050);
//   - application/stix+json without version or with 2.1 (R051, R053);
//   - application/vnd.oasis.taxii+json and application/vnd.oasis.stix+json only
//     with version=2.1, since clients probe with them for TAXII 2.0 (K13);
//   - application/json, unless o refuses it (K12).
//
// A type beside application/taxii+json is taken as another name for it, so that
// q=0 on the TAXII type itself still refuses. An element that cannot be read is
// passed over. At most 32 KiB and 100 elements are parsed; what lies beyond counts as absent.
func NegotiateAccept(values []string, o MediaOptions) error {
	if len(values) == 1 && values[0] == MediaType {
		return nil // what most clients send
	}
	if !slices.ContainsFunc(values, func(line string) bool { return strings.Trim(line, ", \t") != "" }) {
		return nil // nothing asked for: anything will do
	}
	wishes := map[string]wish{}
	for element := range elements(values) {
		m, ok := parseMedia(element)
		if !ok {
			continue
		}
		if name, rank := m.standsFor(o); rank > 0 {
			wishes[name] = wishes[name].or(wish{rank: rank, refused: m.refused})
		}
	}
	if welcome(wishes) {
		return nil
	}
	return Errorf(NotAcceptable, "none of the media types in Accept can be sent; %s", headerAsked)
}

// A wish is what an Accept header says of one media type.
type wish struct {
	rank    int  // how specific the range was that said so; 0: none did
	refused bool // q=0
}

// How specific a media range is (RFC 9110, 12.5.1).
const (
	rankAny = 1 + iota
	rankApplication
	rankNamed
	rankVersion
)

// or joins what two ranges say of one type: the more specific decides, and of
// two alike the friendlier.
func (w wish) or(other wish) wish {
	switch {
	case other.rank > w.rank:
		return other
	case other.rank == w.rank:
		w.refused = w.refused && other.refused
	}
	return w
}

// welcome weighs the wishes, by name of media type.
func welcome(wishes map[string]wish) bool {
	ours := wishes[taxiiName]
	if ours.rank > 0 && !ours.refused {
		return true
	}
	if ours.rank >= rankNamed {
		return false // refused by name: no other name helps
	}
	for _, name := range [...]string{stixName, oldTaxii, oldStix, jsonName} {
		if w := wishes[name]; w.rank > 0 && !w.refused {
			return true
		}
	}
	return false
}

// standsFor gives the media type of which a range speaks and how specific it
// is; 0 if it does not allow for TAXII 2.1.
func (m media) standsFor(o MediaOptions) (name string, rank int) {
	if m.name == jsonName { // has no version parameter
		if o.RefuseJSON {
			return "", 0
		}
		return m.name, rankNamed
	}
	if m.hasVersion && m.version != ourVersion {
		return "", 0
	}
	rank = rankNamed
	if m.hasVersion {
		rank = rankVersion
	}
	switch m.name {
	case anyAtAll:
		return taxiiName, rankAny
	case anyOfOurs:
		return taxiiName, rankApplication
	case taxiiName, stixName:
		return m.name, rank
	case oldTaxii, oldStix:
		if m.hasVersion {
			return m.name, rank
		}
	}
	return "", 0
}

// ContentTypeAccepted tells whether the body of an Add may have this
// Content-Type (R052, K14). nil means yes; otherwise, and for an empty value,
// the error is of Kind [UnsupportedMedia] and names what is taken:
//   - application/taxii+json, without version or with 2.1;
//   - application/stix+json, without version or with 2.1;
//   - application/vnd.oasis.stix+json with version=2.1;
//
// each also with charset=utf-8. Case, white space, quotes and the order of
// parameters do not matter (K10); other parameters are ignored.
func ContentTypeAccepted(value string) error {
	const advice = "send Content-Type: " + MediaType
	if strings.Trim(value, " \t") == "" {
		return Errorf(UnsupportedMedia, "Content-Type is missing; %s", advice)
	}
	if len(value) <= maxHeaderOctets {
		if m, ok := parseMedia(value); ok && m.fitsAdd() {
			return nil
		}
	}
	return Errorf(UnsupportedMedia, "Content-Type %s is not taken here; %s", excerpt(value), advice).
		Describe("Taken are application/taxii+json and application/stix+json, without version or with version=2.1, " +
			"and application/vnd.oasis.stix+json;version=2.1, each also with charset=utf-8.")
}

// fitsAdd tells whether a body of this type can be added.
func (m media) fitsAdd() bool {
	if m.charset != "" && !strings.EqualFold(m.charset, "utf-8") {
		return false
	}
	if m.hasVersion {
		return m.version == ourVersion && (m.name == taxiiName || m.name == stixName || m.name == oldStix)
	}
	return m.name == taxiiName || m.name == stixName
}

// media is a media type or range as a header writes it.
type media struct {
	name       string // type/subtype, in lower case; * for a wild card
	version    string
	hasVersion bool
	charset    string
	refused    bool // q=0
}

// parseMedia reads one media type or range with its parameters. A form that
// RFC 9110 does not have is not ok, and neither is a parameter twice, of those
// that mean something here.
func parseMedia(s string) (m media, ok bool) {
	first := true
	for part := range split(s, ';') {
		switch {
		case first:
			if m.name, ok = parseName(part); !ok {
				return media{}, false
			}
			first = false
		case part != "": // RFC 9110 allows for empty ones
			if !m.parameter(part) {
				return media{}, false
			}
		}
	}
	return m, true
}

// parseName reads type/subtype, */* or type/*.
func parseName(s string) (string, bool) {
	kind, subtype, found := strings.Cut(s, "/")
	if !found || !isToken(kind) || !isToken(subtype) || (kind == "*" && subtype != "*") {
		return "", false
	}
	return strings.ToLower(s), true
}

// parameter reads name=value into m. Names that mean nothing here are ignored.
func (m *media) parameter(s string) bool {
	name, value, found := strings.Cut(s, "=")
	if !found || !isToken(name) {
		return false
	}
	value, ok := unquote(value)
	if !ok {
		return false
	}
	switch strings.ToLower(name) {
	case "version":
		ok = !m.hasVersion
		m.version, m.hasVersion = value, true
	case "charset":
		ok = m.charset == "" && value != ""
		m.charset = value
	case "q":
		m.refused, ok = parseWeight(value)
	}
	return ok
}

// parseWeight tells whether a q-value is 0. Beyond RFC 9110 it takes ".2", which
// Java has always sent, and any number of digits.
func parseWeight(s string) (zero, ok bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if strings.Trim(fraction, "0123456789") != "" || whole+fraction == "" {
		return false, false
	}
	nothing := strings.Trim(fraction, "0") == ""
	switch whole {
	case "0", "":
		return nothing, true
	case "1":
		return false, nothing
	}
	return false, false
}

// elements gives what a list in one or more header lines holds, without empty
// elements, as far as the bounds allow. An element that crosses a bound is left out.
func elements(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		octets, count := 0, 0
		for _, line := range lines {
			if octets += len(line); octets > maxHeaderOctets {
				line = line[:len(line)-(octets-maxHeaderOctets)]
				line = line[:strings.LastIndexByte(line, ',')+1]
			}
			for element := range split(line, ',') {
				if element == "" {
					continue
				}
				if count++; count > maxHeaderElements || !yield(element) {
					return
				}
			}
			if octets > maxHeaderOctets {
				return
			}
		}
	}
}

// split gives the parts of s between separators, without white space around
// them. A separator in a quoted string does not count.
func split(s string, separator byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i < len(s); i++ {
			switch {
			case quoted && s[i] == '\\':
				i++
			case s[i] == '"':
				quoted = !quoted
			case s[i] == separator && !quoted:
				if !yield(strings.Trim(s[start:i], " \t")) {
					return
				}
				start = i + 1
			}
		}
		yield(strings.Trim(s[start:], " \t"))
	}
}

// unquote reads a parameter's value: a token, or a quoted string.
func unquote(s string) (string, bool) {
	inner, quoted := strings.CutPrefix(s, `"`)
	if !quoted {
		return s, isToken(s)
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		switch inner[i] {
		case '"':
			return b.String(), i == len(inner)-1
		case '\\':
			if i++; i == len(inner) {
				return "", false
			}
		}
		b.WriteByte(inner[i])
	}
	return "", false
}

// isToken tells whether s is a token of RFC 9110, 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !alphanumeric && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}
