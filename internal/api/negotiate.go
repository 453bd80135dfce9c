package api

import (
	"mime"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// mediaStream is the media type of an event stream.
const mediaStream = "text/event-stream"

// maxAccept bounds how many elements of Accept are weighed, as taxii does.
const maxAccept = 100

// weighed is what Accept says of one media type: how much it is wanted, how
// specific the range was that said so, and where it stands.
type weighed struct {
	q    float64
	rank int // 0: nothing was said
	at   int
}

// or joins two that speak of one type: the more specific decides, of two alike
// the one that wants it more, and of two still alike the first.
func (w weighed) or(other weighed) weighed {
	if other.rank > w.rank || other.rank == w.rank && other.q > w.q {
		return other
	}
	return w
}

// streamPreferred tells whether who sent these lines of Accept wants an event
// stream rather than a resource: it must name the stream, with a quality above
// that of TAXII's types, or as high and before them (docs/channels.md section 5.3).
func streamPreferred(values []string, o taxii.MediaOptions) bool {
	if len(values) == 1 && values[0] == taxii.MediaType {
		return false // what most clients send
	}
	var stream, resource weighed
	at := 0
	for element := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if at++; at > maxAccept {
			break
		}
		name, parameters, err := mime.ParseMediaType(element)
		if err != nil {
			continue
		}
		w := weighed{q: quality(parameters["q"]), rank: rankOf(name), at: at}
		switch delete(parameters, "q"); {
		case name == mediaStream:
			stream = stream.or(w)
		case taxii.NegotiateAccept([]string{mime.FormatMediaType(name, parameters)}, o) == nil:
			resource = resource.or(w)
		}
	}
	return stream.rank > 0 && stream.q > 0 && (stream.q > resource.q || stream.q == resource.q && stream.at < resource.at)
}

// rankOf is how specific a media range is.
func rankOf(name string) int {
	switch {
	case name == "*/*":
		return 1
	case strings.HasSuffix(name, "/*"):
		return 2
	}
	return 3
}

// quality reads a q-value; without one a type is fully wanted.
func quality(text string) float64 {
	q, err := strconv.ParseFloat(text, 64)
	if err != nil || q < 0 || q > 1 {
		return 1
	}
	return q
}
