package taxii_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestAnErrorIsWrittenAsTheStandardsResource(t *testing.T) {
	trial.Covers(t, "R155", "R156", "R157", "R158", "R160", "R161")
	for want, e := range map[string]*taxii.Error{
		`{"title":"not here"}`: taxii.Errorf(taxii.NotFound, "not here").Because(io.EOF),
		`{"title":"t","description":"d","error_id":"i","error_code":"c","http_status":"404",` +
			`"external_details":"https://example.com/","details":{"a":[1]}}`: {Title: "t", Description: "d", ID: "i", Code: "c",
			HTTPStatus: "404", ExternalDetails: "https://example.com/", Details: map[string]any{"a": []any{1.0}},
			Kind: taxii.NotFound, RetryAfter: 1},
	} {
		written, err := json.Marshal(e)
		if err != nil || string(written) != want {
			t.Errorf("%v is written\n%s (%v), want\n%s", e, written, err, want)
		}
		var read taxii.Error
		if err := json.Unmarshal(written, &read); err != nil || read.Error() != e.Error() || read.Code != e.Code {
			t.Errorf("%s is read as %+v (%v)", written, read, err)
		}
	}
}

func TestTheCauseOfAnErrorIsUnwrappedAndNeverShown(t *testing.T) {
	cause := fmt.Errorf("disk /dev/secret: %w", io.ErrShortWrite)
	for title, e := range map[string]*taxii.Error{
		"append to news":      taxii.Errorf(taxii.Unavailable, "append to %s: %w", "news", cause),
		"append":              taxii.Errorf(taxii.Unavailable, "append %w", cause),
		"unavailable":         taxii.Errorf(taxii.Unavailable, "%w", cause),
		"append, with a ':'":  taxii.Errorf(taxii.Unavailable, "append, with a %q", ':').Because(cause),
		"ends with a colon: ": taxii.Errorf(taxii.Unavailable, "ends with a colon: ").Because(cause),
	} {
		if e.Title != title || e.Error() != title || e.Kind != taxii.Unavailable {
			t.Errorf("got %q, %q, want the title %q", e.Title, e.Error(), title)
		}
		written, _ := json.Marshal(e)
		if strings.Contains(string(written)+e.Error(), "secret") {
			t.Errorf("the cause shows in %s", written)
		}
		if !errors.Is(e, io.ErrShortWrite) || errors.Unwrap(e) != cause {
			t.Errorf("%q does not unwrap to its cause", title)
		}
	}
}

func TestBecauseAndDescribeLeaveTheOriginalAlone(t *testing.T) {
	first := taxii.Errorf(taxii.Gone, "gone")
	second := first.Because(io.EOF).Describe("since noon")
	if first.Error() != "gone" || first.Unwrap() != nil {
		t.Errorf("the original became %q, %v", first, first.Unwrap())
	}
	if second.Error() != "gone: since noon" || second.Unwrap() != io.EOF || second.Kind != taxii.Gone {
		t.Errorf("the copy is %q, %v, %v", second, second.Unwrap(), second.Kind)
	}
}

func TestTheKindOfAnErrorIsFoundThroughWrapping(t *testing.T) {
	named := taxii.Errorf(taxii.Conflict, "it stands")
	for want, err := range map[taxii.Kind]error{
		taxii.Conflict: fmt.Errorf("outer: %w", named),
		taxii.Full:     taxii.Errorf(taxii.Full, "outer: %w", named), // the outermost decides
		taxii.Internal: io.EOF,
	} {
		if got := taxii.KindOf(err); got != want {
			t.Errorf("KindOf(%v) = %v, want %v", err, got, want)
		}
	}
	if taxii.KindOf(nil) != taxii.Internal {
		t.Error("no error must have the zero Kind")
	}
}

func TestEveryKindHasWordsOfItsOwn(t *testing.T) {
	seen := map[string]taxii.Kind{}
	for i, kind := range taxii.Kinds() {
		word := kind.String()
		if other, twice := seen[word]; twice || word == "" || int(kind) != i {
			t.Errorf("kind %d is called %q, as is %d", kind, word, other)
		}
		seen[word] = kind
	}
	if last := taxii.Kinds()[len(seen)-1]; last != taxii.Full {
		t.Errorf("the last Kind with words is %v, want %v", last, taxii.Full)
	}
	if got := taxii.Kind(200).String(); got != "kind 200" {
		t.Errorf("an unknown Kind is called %q", got)
	}
}
