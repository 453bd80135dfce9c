package stix

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The texts of cyber-observables that have a form of their own. The tests are
// lenient where real content is: they refuse what cannot be the thing at all.
var (
	urlText          = matching("an RFC 3986 URL", urlForm)
	ipv4Text         = matching("an IPv4 address or a CIDR block", ipv4Form)
	ipv6Text         = matching("an IPv6 address or a CIDR block", ipv6Form)
	macText          = matching("a lower-case MAC address with colons", macForm)
	domainText       = matching("a domain name", domainForm)
	emailText        = matching("an e-mail address", emailForm)
	cpeText          = matching("a CPE 2.3 name", func(s string) bool { return strings.HasPrefix(s, "cpe:2.3:") })
	mimeText         = matching("a media type", mimeForm)
	relationshipType = matching("lower-case letters, digits and hyphens", typeForm)
)

func urlForm(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != ""
}

func ipv4Form(s string) bool { a, ok := address(s); return ok && a.Is4() }

func ipv6Form(s string) bool { a, ok := address(s); return ok && a.Is6() && a.Zone() == "" }

func address(s string) (netip.Addr, bool) {
	if strings.IndexByte(s, '/') >= 0 {
		p, err := netip.ParsePrefix(s)
		return p.Addr(), err == nil
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil
}

func macForm(s string) bool {
	for i := range len(s) {
		c := s[i]
		colon := i%3 == 2
		if colon != (c == ':') || !colon && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == len("00:00:00:00:00:00")
}

// domainForm takes names with underscores and internationalized names as they
// are written.
func domainForm(s string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if n := utf8.RuneCountInString(label); n < 1 || n > 63 || strings.IndexFunc(label, notInLabel) >= 0 {
			return false
		}
	}
	return utf8.RuneCountInString(s) <= 254
}

func notInLabel(c rune) bool {
	return c < utf8.RuneSelf && c != '-' && c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) ||
		unicode.IsSpace(c) || unicode.IsControl(c)
}

func emailForm(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && !hasControl(s) && !strings.ContainsAny(s[at:], " <>,")
}

func mimeForm(s string) bool {
	top, sub, ok := strings.Cut(s, "/")
	return ok && top != "" && sub != "" && !strings.ContainsAny(top, " ;,") && sub[0] != ' '
}
