package faulty_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

func writingFaults() []fault {
	return slices.Concat(addFaults(), contentFaults(), statusFaults(), deleteFaults())
}

// whose tells which requests a fault concerns.
type whose func(*http.Request) bool

var oneObject = regexp.MustCompile(`/objects/[^/]+/$`)

func addsTo(r *http.Request) bool        { return r.Method == http.MethodPost }
func deletions(r *http.Request) bool     { return r.Method == http.MethodDelete }
func statusReads(r *http.Request) bool   { return strings.Contains(r.URL.Path, "/status/") }
func manifestReads(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/manifest/") }
func objectReads(r *http.Request) bool {
	return r.Method == http.MethodGet && oneObject.MatchString(r.URL.Path)
}
func contentReads(r *http.Request) bool {
	return objectReads(r) || strings.HasSuffix(r.URL.Path, "/objects/") && r.Method == http.MethodGet
}

// wrongly makes a fault of a change to answers.
func wrongly(name string, on whose, change func(*faulty.Answer), breaks ...string) fault {
	return fault{breaks, faulty.Fault{Name: name, Answer: func(r *http.Request, a *faulty.Answer) {
		if on(r) {
			change(a)
		}
	}}}
}

// asks makes a fault of a change to requests; one that gives an answer gives it
// in the server's place.
func asks(name string, on whose, change func(*http.Request) *faulty.Answer, breaks ...string) fault {
	return fault{breaks, faulty.Fault{Name: name, Request: func(r *http.Request) *faulty.Answer {
		if on(r) {
			return change(r)
		}
		return nil
	}}}
}

// bodyOf reads the body of a request and leaves it there.
func bodyOf(r *http.Request) []byte {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body
}

// made answers as a server would that has taken n objects.
func made(status int, body string) *faulty.Answer {
	return &faulty.Answer{Status: status, Header: http.Header{"Content-Type": {taxii.MediaType}}, Body: []byte(body)}
}

func tookAll(n int) *faulty.Answer {
	text, _ := json.Marshal(taxii.Status{ID: taxii.NewID(), Status: taxii.StatusComplete, TotalCount: n, SuccessCount: n})
	return made(http.StatusAccepted, string(text))
}

// objectsIn counts the objects of a body; -1 where it is no envelope.
func objectsIn(body []byte) int {
	var e struct{ Objects []json.RawMessage }
	if json.Unmarshal(body, &e) != nil {
		return -1
	}
	return len(e.Objects)
}

func setting(name string, value any) func(*faulty.Answer) {
	return func(a *faulty.Answer) {
		a.JSON(func(v map[string]any) {
			if _, there := v["status"]; there {
				v[name] = value
			}
		})
	}
}

func answered(code int) func(*faulty.Answer) {
	return func(a *faulty.Answer) { *a = *made(code, `{"title":"no","http_status":"`+http.StatusText(code)+`"}`) }
}

func addFaults() []fault {
	return []fault{
		wrongly("an Add is a 200", addsTo, func(a *faulty.Answer) { a.Status = http.StatusOK },
			"add/accepted", "add/again", "add/kept-connection", "delete/others-stay", "status/ids-differ"),
		wrongly("an Add is answered without its type", addsTo, func(a *faulty.Answer) { a.Header.Set("Content-Type", "application/json") }, "add/accepted"),
		wrongly("a Status is empty", addsTo, func(a *faulty.Answer) { a.Body = []byte("{}") }, "add/accepted"),
		asks("an Add is acknowledged and lost", addsTo, func(r *http.Request) *faulty.Answer { return tookAll(objectsIn(bodyOf(r))) },
			"add/there", "add/many", "add/again-once", "add/twice-inside", "add/new-version", "add/older-version", "add/date-rises",
			"add/followed", "add/bundle", "add/extra-property", "add/large", "add/kept-connection", "content/*", "status/found"),
		asks("an object of many is lost", addsTo, func(r *http.Request) *faulty.Answer {
			body := bodyOf(r)
			n := objectsIn(body)
			if n < 2 {
				return nil
			}
			return made(http.StatusAccepted, `{"id":"`+taxii.NewID()+`","status":"complete","total_count":50,"success_count":49,"failure_count":1,"pending_count":0}`)
		}, "add/many", "add/twice-inside"),
		alreadyThere(),
		wrongly("what is sent twice is kept twice", func(r *http.Request) bool { return contentReads(r) || manifestReads(r) }, func(a *faulty.Answer) {
			a.JSON(func(v map[string]any) {
				if list, ok := v["objects"].([]any); ok {
					v["objects"] = append(list, list...)
				}
			})
		}, "add/again-once", "add/twice-inside"),
		asks("the version added first is shown", func(r *http.Request) bool { return objectReads(r) && r.URL.RawQuery == "" }, func(r *http.Request) *faulty.Answer {
			r.URL.RawQuery = "match[version]=first"
			return nil
		}, "add/new-version", "add/older-version", "delete/last"),
		wrongly("all dates of adding are one", manifestReads, func(a *faulty.Answer) {
			a.Body = regexp.MustCompile(`"date_added":"[^"]+"`).ReplaceAll(a.Body, []byte(`"date_added":"2026-01-01T00:00:00.000000Z"`))
		}, "add/date-rises", "delete/add-again"),
		asks("added_after is inclusive", func(r *http.Request) bool { return r.URL.Query().Has("added_after") }, func(r *http.Request) *faulty.Answer {
			q := r.URL.Query()
			at, _ := taxii.ParseTime(q.Get("added_after"))
			q.Set("added_after", (at - 1).String())
			r.URL.RawQuery = q.Encode()
			return nil
		}, "add/followed"),
		refusing("a bundle is refused", `"type":"bundle"`, "add/bundle"),
		asks("a foreign property is a 500", addsTo, func(r *http.Request) *faulty.Answer {
			if bytes.Contains(bodyOf(r), []byte("x_example_com_note")) {
				return made(500, `{"title":"oops","http_status":"500"}`)
			}
			return nil
		}, "add/extra-property"),
		asks("anything is taken", addsTo, func(r *http.Request) *faulty.Answer {
			if n := objectsIn(bodyOf(r)); n > 0 && json.Valid(bodyOf(r)) {
				return nil
			}
			return tookAll(1)
		}, "add/bare-object", "add/no-json", "add/cut-json", "add/after-json", "add/list", "add/no-body", "add/objects-no-list", "add/without-objects"),
		asks("text that is not UTF-8 is mended in silence", addsTo, func(r *http.Request) *faulty.Answer {
			body := bytes.ToValidUTF8(bodyOf(r), []byte("?"))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			return nil
		}, "add/invalid-utf8"),
		wrongly("errors are HTML pages", addsTo, func(a *faulty.Answer) {
			if a.Status >= 400 {
				a.Header.Set("Content-Type", "text/html")
				a.Body = []byte("<h1>Bad Request</h1>")
			}
		}, "add/no-json", "add/bare-object", "add/list", "add/too-large", "add/unknown-collection"),
		asks("what is before the fault is kept", addsTo, func(r *http.Request) *faulty.Answer {
			body := bodyOf(r)
			if json.Valid(body) {
				return nil
			}
			cut := bytes.Index(body, []byte(`},{"`))
			if cut < 0 {
				return nil
			}
			body = append(body[:cut+1:cut+1], "]}"...)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			return nil
		}, "add/cut-json"),
		asks("one bad object is a 500", addsTo, func(r *http.Request) *faulty.Answer {
			body := bodyOf(r)
			if bytes.Contains(body, []byte(`{"no":"object"}`)) || bytes.Contains(body, []byte(`{"type":"indicator"}`)) {
				return made(500, `{"title":"oops","http_status":"500"}`)
			}
			return nil
		}, "add/bad-one-among-good", "status/failure"),
		wrongly("what is not there is forbidden", func(r *http.Request) bool { return addsTo(r) || deletions(r) }, func(a *faulty.Answer) {
			if a.Status == http.StatusNotFound {
				answered(http.StatusForbidden)(a)
			}
		}, "add/unknown-collection", "delete/unknown-collection", "delete/unknown", "delete/again", "delete/unknown-version"),
		asks("nobody may add", func(r *http.Request) bool { return addsTo(r) && r.Header.Get("Authorization") == "" },
			func(*http.Request) *faulty.Answer { return tookAll(1) }, "add/anonymous"),
		wrongly("what cannot be sent, or read, is a 500", func(*http.Request) bool { return true }, func(a *faulty.Answer) {
			if a.Status == http.StatusNotAcceptable || a.Status == http.StatusUnsupportedMediaType {
				answered(http.StatusInternalServerError)(a)
			}
		}, "add/accept", "add/content-type", "status/accept", "delete/accept"),
		keptAllTheSame(),
		wrongly("what is too large is a 400", addsTo, func(a *faulty.Answer) {
			if a.Status == http.StatusRequestEntityTooLarge {
				answered(http.StatusBadRequest)(a)
			}
		}, "add/too-large"),
		asks("what is large is too large", func(r *http.Request) bool { return addsTo(r) && r.ContentLength > 500_000 },
			func(*http.Request) *faulty.Answer { return made(413, `{"title":"too large","http_status":"413"}`) }, "add/large"),
		asks("what is compressed is malformed", func(r *http.Request) bool { return addsTo(r) && r.Header.Get("Content-Encoding") != "" },
			func(*http.Request) *faulty.Answer { return made(400, `{"title":"no JSON","http_status":"400"}`) }, "add/gzip"),
	}
}

// refusing makes a fault that refuses an Add with a text in its body.
func refusing(name, text string, breaks ...string) fault {
	return asks(name, addsTo, func(r *http.Request) *faulty.Answer {
		if bytes.Contains(bodyOf(r), []byte(text)) {
			return made(422, `{"title":"not supported","http_status":"422"}`)
		}
		return nil
	}, breaks...)
}

// alreadyThere counts what was sent before as a failure.
func alreadyThere() fault {
	seen, again := map[string]bool{}, false
	f := wrongly("what is there already is a failure", func(r *http.Request) bool { return addsTo(r) && again }, func(a *faulty.Answer) {
		a.JSON(func(v map[string]any) { v["success_count"], v["failure_count"] = 0, v["total_count"] })
	}, "add/again")
	f.Request = func(r *http.Request) *faulty.Answer {
		if addsTo(r) {
			body := string(bodyOf(r))
			again, seen[body] = seen[body], true
		}
		return nil
	}
	return f
}

// keptAllTheSame refuses a media type after it has done what was asked.
func keptAllTheSame() fault {
	refused := 0
	f := wrongly("what is not acceptable is done all the same", func(r *http.Request) bool { return refused != 0 && !contentReads(r) },
		func(a *faulty.Answer) { answered(refused)(a) }, "add/accept", "add/content-type", "delete/accept")
	f.Request = func(r *http.Request) *faulty.Answer {
		refused = 0
		switch {
		case r.Header.Get("Accept") != taxii.MediaType:
			refused = http.StatusNotAcceptable
			r.Header.Set("Accept", taxii.MediaType)
		case addsTo(r) && r.Header.Get("Content-Type") != taxii.MediaType:
			refused = http.StatusUnsupportedMediaType
			r.Header.Set("Content-Type", taxii.MediaType)
		}
		return nil
	}
	return f
}
