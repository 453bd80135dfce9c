package taxii

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The names of the query parameters, as they are spelt before escaping.
const (
	addedAfter       = "added_after"
	limitName        = "limit"
	nextName         = "next"
	matchID          = "match[id]"
	matchType        = "match[type]"
	matchVersion     = "match[version]"
	matchSpecVersion = "match[spec_version]"
)

// Keywords of match[version] (R127).
const (
	VersionFirst = "first" // the earliest version
	VersionLast  = "last"  // the latest version
	VersionAll   = "all"   // every version; stands alone
)

// Filter is what a query asks for (section 3.4). The zero Filter asks for
// everything, which for versions means the latest of each object. Different
// fields are combined with AND, the values of one with OR (R116, R117).
type Filter struct {
	AddedAfter   *Time    // only what was added strictly later; nil: from the beginning
	Limit        int      // at most so many objects, 1 to math.MaxInt32; 0: the server's default (K34)
	Next         string   // a cursor of the server's; "": none
	IDs          []string // match[id], without repetitions
	Types        []string // match[type], without repetitions
	SpecVersions []string // match[spec_version], without repetitions; nil: the highest of each object (R125)
	Versions     []string // match[version]: keywords and versions as text; nil: as VersionLast (R126)
}

// Fields is the set of filter parameters that an endpoint supports.
type Fields uint8

// The single fields.
const (
	FieldID          Fields = 1 << iota // match[id]
	FieldType                           // match[type]
	FieldVersion                        // match[version]
	FieldSpecVersion                    // match[spec_version]
	FieldPaging                         // added_after, limit and next

	// nothingElse makes ParseFilter refuse filters outside the set, where it would
	// otherwise ignore them.
	nothingElse
)

// What each endpoint supports.
const (
	ObjectsFields  = FieldID | FieldType | FieldVersion | FieldSpecVersion | FieldPaging // objects and manifest (R096)
	ObjectFields   = FieldVersion | FieldSpecVersion | FieldPaging                       // one object (R097)
	VersionsFields = FieldSpecVersion | FieldPaging                                      // its versions (R099)

	// DeleteFields is for the deletion of an object (R098). There, and only there, a
	// filter that is not supported is an error: to ignore it would delete more than was asked.
	DeleteFields = FieldVersion | FieldSpecVersion | nothingElse
)

// ParseFilter reads the query of a URL, as it stands after the question mark. An
// error is of Kind [Malformed] (R093) and names the parameter.
//
// Names and values are percent-decoded; brackets and commas may be plain or escaped
// (K32), and a plus sign is a space. A parameter with an empty value counts as
// absent (K30). Of those that supports holds, none may occur twice (R104, R115,
// R138), and values must be UTF-8 without control characters:
//   - added_after: see [ParseTime];
//   - limit: decimal digits, above zero (R107); what math.MaxInt32 cannot hold is lowered to it (K34);
//   - next: any text;
//   - match[...]: a list with commas and no empty element; a repeated value counts
//     once, but in match[version] it is an error (R130), and so is all beside another value (R129).
//
// Everything else is ignored (R118, K33), except that with [DeleteFields] any
// other match[...], an empty one, added_after, limit and next are errors.
func ParseFilter(rawQuery string, supports Fields) (Filter, error) {
	var f Filter
	seen := map[string]bool{}
	for rawQuery != "" {
		var pair string
		pair, rawQuery, _ = strings.Cut(rawQuery, "&")
		name, value, err := unescape(pair)
		if err != nil {
			return Filter{}, err
		}
		if value == "" {
			if supports&nothingElse != 0 && strings.HasPrefix(name, "match[") {
				return Filter{}, malformed(name, "is empty; leave it out if everything is to be deleted")
			}
			continue
		}
		field, known := fieldOf(name)
		if !known || supports&field == 0 {
			if supports&nothingElse != 0 && (known || strings.HasPrefix(name, "match[")) {
				return Filter{}, malformed(name, "is not supported here; to ignore it would delete more than was asked. "+
					"Use match[version] and match[spec_version]")
			}
			continue
		}
		if seen[name] {
			return Filter{}, malformed(name, "is given more than once; join the values of a match with commas")
		}
		seen[name] = true
		if err := f.set(name, value); err != nil {
			return Filter{}, err
		}
	}
	return f, nil
}

// unescape decodes name=value.
func unescape(pair string) (name, value string, err error) {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	if name, err = url.QueryUnescape(rawName); err != nil {
		return "", "", malformed(rawName, "has a malformed percent escape in its name").Because(err)
	}
	if value, err = url.QueryUnescape(rawValue); err != nil {
		return "", "", malformed(name, "has a malformed percent escape").Because(err)
	}
	return name, value, nil
}

// fieldOf gives the field to which a parameter belongs.
func fieldOf(name string) (field Fields, known bool) {
	switch name {
	case addedAfter, limitName, nextName:
		return FieldPaging, true
	case matchID:
		return FieldID, true
	case matchType:
		return FieldType, true
	case matchVersion:
		return FieldVersion, true
	case matchSpecVersion:
		return FieldSpecVersion, true
	}
	return 0, false
}

// set reads the value of one parameter that is known.
func (f *Filter) set(name, value string) (err error) {
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		return malformed(name, "must be UTF-8 without control characters")
	}
	switch name {
	case addedAfter:
		return f.setAddedAfter(value)
	case limitName:
		f.Limit, err = parseLimit(value)
	case nextName:
		f.Next = value
	case matchID:
		f.IDs, _, err = parseList(name, value)
	case matchType:
		f.Types, _, err = parseList(name, value)
	case matchSpecVersion:
		f.SpecVersions, _, err = parseList(name, value)
	case matchVersion:
		f.Versions, err = parseVersions(value)
	}
	return err
}

func (f *Filter) setAddedAfter(value string) error {
	t, err := ParseTime(value)
	if err != nil {
		return malformed(addedAfter, "is not a time: "+excerpt(value)+"; write it in the form "+timeForm).Because(err)
	}
	f.AddedAfter = &t
	return nil
}

// parseLimit reads a number above zero; math.MaxInt32 stands for all larger ones.
func parseLimit(value string) (int, error) {
	var limit int64
	for _, digit := range []byte(value) {
		if digit < '0' || '9' < digit {
			return 0, malformed(limitName, "must be a whole number above zero, in digits alone, not "+excerpt(value))
		}
		limit = min(limit*10+int64(digit-'0'), math.MaxInt32)
	}
	if limit == 0 {
		return 0, malformed(limitName, "must be above zero")
	}
	return int(limit), nil
}

// parseList reads values with commas between them, each once, and tells whether
// one was repeated.
func parseList(name, value string) (values []string, repeated bool, err error) {
	seen := map[string]bool{}
	for element := range strings.SplitSeq(value, ",") {
		if element == "" {
			return nil, false, malformed(name, "has an empty element; write values with single commas between them")
		}
		if seen[element] {
			repeated = true
			continue
		}
		seen[element] = true
		values = append(values, element)
	}
	return values, repeated, nil
}

func parseVersions(value string) ([]string, error) {
	versions, repeated, err := parseList(matchVersion, value)
	switch {
	case err != nil:
		return nil, err
	case repeated:
		return nil, malformed(matchVersion, "has the same value more than once")
	case len(versions) > 1 && slices.Contains(versions, VersionAll):
		return nil, malformed(matchVersion, "has all beside another value; all stands alone")
	}
	return versions, nil
}

// malformed says what is wrong with a parameter, after its name.
func malformed(name, what string) *Error {
	if _, known := fieldOf(name); !known {
		name = excerpt(name)
	}
	return Errorf(Malformed, "%s %s", name, what)
}

// Encode writes f as a query string, with everything escaped that must be and
// the parameters in a fixed order: added_after, limit, next, match[id],
// match[type], match[version], match[spec_version]. What is not set does not
// appear; the zero Filter gives "". A value that holds a comma is read back as two.
func (f Filter) Encode() string {
	var pairs []string
	add := func(name string, values ...string) {
		if len(values) == 0 {
			return
		}
		escaped := make([]string, len(values))
		for i, value := range values {
			escaped[i] = url.QueryEscape(value)
		}
		pairs = append(pairs, url.QueryEscape(name)+"="+strings.Join(escaped, ","))
	}
	if f.AddedAfter != nil {
		add(addedAfter, f.AddedAfter.String())
	}
	if f.Limit > 0 {
		add(limitName, strconv.Itoa(f.Limit))
	}
	if f.Next != "" {
		add(nextName, f.Next)
	}
	add(matchID, f.IDs...)
	add(matchType, f.Types...)
	add(matchVersion, f.Versions...)
	add(matchSpecVersion, f.SpecVersions...)
	return strings.Join(pairs, "&")
}
