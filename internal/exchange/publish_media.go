package exchange

import (
	"mime"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// maxMediaType bounds a media type, in octets: it is kept with every Message and
// goes out in a header.
const maxMediaType = 255

// parseMedia reads a media type, without wild cards. The name and the names of
// its parameters come in lower case.
func parseMedia(text string) (name string, parameters map[string]string, ok bool) {
	if len(text) > maxMediaType || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", nil, false
	}
	name, parameters, err := mime.ParseMediaType(text)
	if err != nil || !strings.Contains(name, "/") || strings.Contains(name, "*") {
		return "", nil, false
	}
	return name, parameters, true
}

const taxiiName = "application/taxii+json"

// isTAXII tells whether a media type is that of TAXII 2.1, which Envelopes have:
// with the version, or without one, and in UTF-8.
func isTAXII(mediaType string) bool {
	if mediaType == taxii.MediaType {
		return true // by far the usual case
	}
	name, parameters, ok := parseMedia(mediaType)
	version, said := parameters["version"]
	charset, coded := parameters["charset"]
	return ok && name == taxiiName && (!said || version == "2.1") && (!coded || strings.EqualFold(charset, "utf-8"))
}

// isJSON tells whether content of a media type is JSON: it is checked when it is
// published, and delivered as the value of content.
func isJSON(mediaType string) bool {
	if mediaType == taxii.MediaType {
		return true
	}
	name, _, ok := parseMedia(mediaType)
	return ok && (name == "application/json" || strings.HasSuffix(name, "+json"))
}

// admits tells whether a Channel of this content type takes Messages of a media
// type: the same type, with every parameter that the Channel's has. A TAXII type
// without version is of version 2.1.
func admits(channelType, mediaType string) bool {
	if channelType == mediaType {
		return true
	}
	name, parameters, ok := parseMedia(mediaType)
	if !ok || channelType == "*/*" {
		return ok
	}
	wanted, demanded, ok := parseMedia(channelType)
	if !ok || name != wanted {
		return false
	}
	for parameter, value := range demanded {
		got, said := parameters[parameter]
		if !said && parameter == "version" && name == taxiiName {
			got = "2.1"
		}
		if parameter == "charset" {
			got, value = strings.ToLower(got), strings.ToLower(value)
		}
		if got != value {
			return false
		}
	}
	return true
}
