package exchange

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// The kinds of names of client certificates. A name is written KIND:VALUE, in one
// form whatever form it was given in, so that names are compared as text.
const (
	nameFingerprint = "sha256"
	nameEmail       = "email"
	nameURI         = "uri"
	nameDNS         = "dns"
	nameIP          = "ip"
	nameSubject     = "subject"
)

// maxCertificateName bounds a name in octets: subjects of real authorities are
// below a quarter of it, and the name is part of a key of the store.
const maxCertificateName = 1024

// ParseCertificateName reads the name of a client certificate, KIND:VALUE, and
// gives its one form: sha256:HEX (of the whole certificate; colons and case do not
// matter), email:, uri:, dns: or ip: (an alternative name), or subject: and a
// distinguished name such as CN=alice,O=Example. An error is Unprocessable.
func ParseCertificateName(text string) (string, error) {
	kind, value, _ := strings.Cut(strings.TrimSpace(text), ":")
	parse := map[string]func(string) (string, string){
		nameFingerprint: fingerprintName, nameEmail: emailName, nameURI: uriName, nameDNS: dnsName, nameIP: ipName, nameSubject: subjectName,
	}[strings.ToLower(kind)]
	if parse == nil {
		return "", invalid("name", "must begin with sha256:, email:, uri:, dns:, ip: or subject:")
	}
	name, why := parse(strings.TrimSpace(value))
	switch {
	case why != "":
		return "", invalid("name", why)
	case len(name) > maxCertificateName:
		return "", invalid("name", "is longer than 1,024 octets")
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", invalid("name", "has a control character")
	}
	return strings.ToLower(kind) + ":" + name, nil
}

// fingerprintName and its like give a value in its one form, or why it has none.
func fingerprintName(value string) (name, why string) {
	name = strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(value))
	if sum, err := hex.DecodeString(name); err != nil || len(sum) != sha256.Size {
		return "", "sha256: must be the SHA-256 of the certificate, 64 hexadecimal digits"
	}
	return name, ""
}

func emailName(value string) (name, why string) {
	at := strings.LastIndexByte(value, '@')
	if at < 1 || at == len(value)-1 || strings.ContainsAny(value, " \t") {
		return "", "email: must be an address such as alice@example.com"
	}
	return value[:at] + strings.ToLower(value[at:]), "" // who has an address decides about the case before the @
}

func uriName(value string) (name, why string) {
	u, err := url.Parse(value)
	if err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" {
		return "", "uri: must be a URI such as spiffe://example.com/sensor"
	}
	u.Host = strings.ToLower(u.Host)
	return u.String(), ""
}

func dnsName(value string) (name, why string) {
	name = strings.ToLower(strings.TrimSuffix(value, "."))
	if name == "" || len(name) > 253 || strings.ContainsAny(name, "/:@ ,*") {
		return "", "dns: must be a host name such as sensor.example.com, without a wildcard"
	}
	return name, ""
}

func ipName(value string) (name, why string) {
	a, err := netip.ParseAddr(value)
	if err != nil || a.Zone() != "" {
		return "", "ip: must be an address such as 192.0.2.7"
	}
	return a.Unmap().String(), ""
}

// CertificateNames gives the names of a client certificate that an account can be
// known by, most specific first: the certificate itself, whom its authority says
// it is for, and its subject.
func CertificateNames(c *x509.Certificate) (names []string) {
	sum := sha256.Sum256(c.Raw)
	add := func(kind, value string) {
		if name, err := ParseCertificateName(kind + ":" + value); err == nil && value == strings.TrimSpace(value) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	add(nameFingerprint, hex.EncodeToString(sum[:]))
	for _, value := range c.EmailAddresses {
		add(nameEmail, value)
	}
	for _, value := range c.URIs {
		add(nameURI, value.String())
	}
	for _, value := range c.DNSNames {
		add(nameDNS, value)
	}
	for _, value := range c.IPAddresses {
		add(nameIP, value.String())
	}
	if name, ok := subjectOf(c.RawSubject); ok && len(name) <= maxCertificateName {
		names = append(names, nameSubject+":"+name)
	}
	return names
}

// attributeNames are the short names of what stands in subjects; others are
// written as numbers with dots. Never written to.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "TITLE", "2.5.4.17": "POSTALCODE", "2.5.4.42": "GN", "2.5.4.97": "ORGANIZATIONIDENTIFIER",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "EMAILADDRESS",
}

// attributeAliases are what tools call some of them besides. Never written to.
var attributeAliases = map[string]string{"S": "ST", "E": "EMAILADDRESS", "EMAIL": "EMAILADDRESS", "GIVENNAME": "GN", "SURNAME": "SN"}

// subjectOf writes the subject of a certificate. One with something else than
// text in it has no name.
func subjectOf(raw []byte) (string, bool) {
	var subject pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &subject); err != nil || len(rest) > 0 {
		return "", false
	}
	var parts []string
	for _, set := range subject {
		for _, attribute := range set {
			value, ok := attribute.Value.(string)
			if !ok || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				return "", false
			}
			kind := attribute.Type.String()
			if short := attributeNames[kind]; short != "" {
				kind = short
			}
			parts = append(parts, kind+"="+escaped(value))
		}
	}
	return joined(parts), len(parts) > 0
}

// joined puts the parts of a subject together. Tools print them from either end,
// so their order does not matter.
func joined(parts []string) string {
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

func escaped(value string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`, `+`, `\+`, `=`, `\=`).Replace(value)
}

// subjectName reads a distinguished name as it is written in RFC 4514 or printed
// by tools, with spaces around its commas or equals signs.
func subjectName(text string) (name, why string) {
	var parts []string
	for _, part := range unescapedParts(text) {
		kind, value, ok := strings.Cut(part, "=")
		kind = strings.ToUpper(strings.TrimSpace(kind))
		value, good := unescaped(strings.TrimSpace(value))
		if full := attributeAliases[kind]; full != "" {
			kind = full
		}
		if short := attributeNames[strings.TrimPrefix(kind, "OID.")]; short != "" {
			kind = short
		}
		if !ok || !good || kind == "" || value == "" || strings.Trim(kind, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.") != "" {
			return "", `subject: must be a distinguished name such as CN=alice,O=Example (a comma inside of a value is written \,)`
		}
		parts = append(parts, kind+"="+escaped(value))
	}
	return joined(parts), ""
}

// unescapedParts cuts at commas and plus signs that no backslash stands before.
func unescapedParts(text string) (parts []string) {
	begin := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case ',', '+':
			parts, begin = append(parts, text[begin:i]), i+1
		}
	}
	return append(parts, text[begin:])
}

// unescaped takes the backslashes out of a value: \, as well as \2C.
func unescaped(text string) (string, bool) {
	var out []byte
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\':
			out = append(out, text[i])
			continue
		case i+1 == len(text):
			return "", false
		}
		i++
		if octet, err := hex.DecodeString(text[i:min(i+2, len(text))]); err == nil && len(octet) == 1 {
			out, i = append(out, octet[0]), i+1
			continue
		}
		out = append(out, text[i])
	}
	return string(out), true
}
