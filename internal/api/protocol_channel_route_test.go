package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestEveryResourceOfAChannelIsServedWithAndWithoutItsFinalSlash(t *testing.T) {
	t.Parallel()
	w := writable()
	paths, channel := channelResources(t, w)
	var c taxii.Channel
	paths[channel].get(t, channel+"/").JSON(t, &c)
	paths["/trust/channels/"+c.ID] = paths[channel] // by id as by name
	for path, maker := range paths {
		with, without, head := maker.get(t, path+"/"), maker.get(t, path), maker.ask(t, "HEAD", path+"/", "")
		if with.Status != http.StatusOK || without.Status != http.StatusOK || head.Status != http.StatusOK || len(head.Body) > 0 {
			t.Errorf("%s: %d, without slash %d, HEAD %d: %s", path, with.Status, without.Status, head.Status, with.Body)
		}
		if with.Header.Get("Cache-Control") != "no-store" || with.Header.Get("Content-Type") != head.Header.Get("Content-Type") {
			t.Errorf("%s: %v", path, with.Header)
		}
		if !strings.HasPrefix(path, "/trust/channels/c-") || strings.Contains(path, "subscriptions") { // where nothing is that other tests move
			continue
		}
		if string(with.Body) != string(without.Body) {
			t.Errorf("%s differs without its final slash", path)
		}
	}
}

func TestAMethodThatAResourceOfAChannelLacksIs405WithAllow(t *testing.T) {
	t.Parallel()
	w := writable()
	paths, channel := channelResources(t, w)
	maker := paths[channel]
	allow := map[string]string{
		"/trust/channels":          "GET, HEAD, POST",
		channel:                    "GET, HEAD, POST, PUT, DELETE",
		channel + "/messages":      "GET, HEAD, POST",
		channel + "/subscriptions": "GET, HEAD, POST",
		channel + "/grants":        "GET, HEAD, PUT",
		channel + "/invitations":   "GET, HEAD, POST",
		channel + "/join":          "POST",
	}
	for path := range paths {
		if strings.Contains(path, "/subscriptions/") && !strings.HasSuffix(path, "/messages") {
			allow[path] = "GET, HEAD, PUT, DELETE"
			allow[path+"/position"] = "PUT"
		}
	}
	for path := range paths {
		if allow[path] == "" {
			allow[path] = "GET, HEAD"
		}
	}
	for path, want := range allow {
		for _, method := range []string{"GET", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE"} {
			if slices.Contains(strings.Split(want, ", "), method) {
				continue
			}
			for _, slash := range []string{"", "/"} {
				a := maker.ask(t, method, path+slash, "")
				refusal(t, a, http.StatusMethodNotAllowed)
				if got := a.Header.Get("Allow"); got != want {
					t.Errorf("%s %s: Allow is %q, wanted %q", method, path, got, want)
				}
			}
		}
	}
}

func TestAChannelThatIsNotSeenIsAnsweredAsOneThatIsNot(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R069")
	w := writable()
	paths, channel := channelResources(t, w)
	stranger, seer := w.account(t), w.account(t)
	w.grant(t, seer.name, w.collection(t), "read") // sees the API Root and no Channel
	for path := range paths {
		if path == "/trust/channels" {
			continue
		}
		other := strings.Replace(path, channel, "/trust/channels/c-nothing", 1)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"} {
			for _, headers := range [][]string{nil, {"Accept: text/html"}, {"Accept: text/event-stream"}, {"X-Max-Size: 1"}, {"Content-Type: text/plain"}} {
				for _, who := range []actor{seer, stranger, {w: w}} {
					for _, query := range []string{"", "?limit=0", "?x=y"} {
						got, want := who.ask(t, method, path+"/"+query, `{"x":`, headers...), who.ask(t, method, other+"/"+query, `{"x":`, headers...)
						if got.Status != want.Status || string(got.Body) != string(want.Body) {
							t.Fatalf("%s %s %q as %q: %d %s, and where nothing is %d %s", method, path, headers, who.name, got.Status, got.Body, want.Status, want.Body)
						}
						wanted := http.StatusNotFound
						if who.name == "" {
							wanted = http.StatusUnauthorized
						}
						if got.Status != wanted {
							t.Fatalf("%s %s as %q: %d %s", method, path, who.name, got.Status, got.Body)
						}
					}
				}
			}
		}
	}
}

func TestAnAccountWithoutAChannelSeesAnEmptyList(t *testing.T) {
	t.Parallel()
	w := writable()
	seer := w.account(t)
	w.grant(t, seer.name, w.collection(t), "read")
	if a := seer.get(t, "/trust/channels/"); a.Status != http.StatusOK || string(a.Body) != "{}" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestWhatNobodyCanDoIs501BeforeWhatOneMayNotIs403(t *testing.T) {
	t.Parallel()
	w := writable()
	drop, maker := w.channelWith(t, `"mode":"write-only"`)
	board, _ := w.channelWith(t, `"mode":"read-only"`)
	writer := w.account(t)
	on := strings.Replace(strings.TrimPrefix(drop, "/"), "/channels/", "/channel/", 1)
	w.grant(t, writer.name, on, "write")
	for _, path := range []string{"/messages/", "/messages/?wait=5", "/subscriptions/", "/?wait=0", "/?", "/messages/" + taxii.NewID() + "/"} {
		refusal(t, writer.get(t, drop+path), http.StatusNotImplemented)
		refusal(t, maker.get(t, drop+path), http.StatusNotImplemented)
	}
	refusal(t, maker.get(t, drop+"/messages/", "Accept: text/event-stream"), http.StatusNotImplemented)
	reader := w.as(t, "reader")
	for _, path := range []string{"/messages/", "/"} {
		refusal(t, reader.ask(t, "POST", board+path, envelopeOf(object("indicator", 1, day(1)))), http.StatusNotImplemented)
	}
	both, _ := w.channelWith(t)
	refusal(t, reader.ask(t, "POST", both+"/messages/", envelopeOf(object("indicator", 1, day(1)))), http.StatusForbidden)
	for _, path := range []string{"/grants/", "/invitations/"} {
		refusal(t, reader.get(t, both+path), http.StatusForbidden)
	}
	refusal(t, reader.ask(t, "DELETE", both+"/", ""), http.StatusForbidden)
	refusal(t, reader.ask(t, "POST", "/trust/channels/", `{"name":"x"}`), http.StatusForbidden)
}

func TestOfWhatReadsAChannelAnEventStreamMayBeAsked(t *testing.T) {
	t.Parallel()
	w := writable()
	paths, channel := channelResources(t, w)
	maker := paths[channel]
	for path := range paths {
		switch {
		case strings.HasSuffix(path, "/messages"):
			maker.follow(t, path+"/").begun().close()
			a := maker.ask(t, "HEAD", path+"/", "", "Accept: text/event-stream")
			if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "text/event-stream" {
				t.Errorf("HEAD %s: %d %v", path, a.Status, a.Header)
			}
		case strings.HasSuffix(path, "/content"):
			if a := maker.get(t, path+"/", "Accept: image/png"); a.Status != http.StatusOK {
				t.Errorf("%s: %d %s", path, a.Status, a.Body)
			}
		default:
			refusal(t, maker.get(t, path+"/", "Accept: text/event-stream"), http.StatusNotAcceptable)
		}
		if !strings.HasSuffix(path, "/content") {
			refusal(t, maker.get(t, path+"/", "Accept: application/taxii+json;version=2.0"), http.StatusNotAcceptable)
		}
	}
	maker.follow(t, channel+"/?wait=1").begun().close()
}

func TestDiscoveryOfTheFirstDraftIsServed(t *testing.T) {
	t.Parallel()
	w := withContent()
	member := w.as(t, "member")
	var d, bases taxii.Discovery
	member.get(t, "/taxii2/").JSON(t, &d)
	for _, path := range []string{"/taxii2/api-bases", "/taxii2/api-bases/"} {
		a := member.get(t, path)
		good(t, a, http.StatusOK)
		a.JSON(t, &bases)
		if !slices.Equal(bases.APIRoots, d.APIRoots) || !slices.Equal(bases.APIBases, d.APIRoots) || bases.Default != d.Default {
			t.Errorf("%s", a.Body)
		}
	}
	if a := member.get(t, "/taxii2/"); strings.Contains(string(a.Body), "api_bases") {
		t.Errorf("discovery has api_bases: %s", a.Body)
	}
	channel, maker := w.channelWith(t)
	name := strings.TrimPrefix(channel, "/trust")
	for _, path := range []string{"/", "/collections/", "/channels/", name + "/", name} {
		want, got := maker.get(t, "/trust"+path), maker.get(t, "/taxii2/default"+path)
		if got.Status != http.StatusOK || path != "/channels/" && string(got.Body) != string(want.Body) {
			t.Errorf("%s: %d %s, want %s", path, got.Status, got.Body, want.Body)
		}
	}
	if cursors := w.as(t, "member").publish(t, "/taxii2/default"+name, "indicator"); len(cursors) != 1 {
		t.Error(cursors)
	}
	for _, path := range []string{"/taxii2/default/nothing/", "/taxii2/defaults/", "/taxii2/default//"} {
		refusal(t, member.get(t, path), http.StatusNotFound)
	}
	refusal(t, actor{w: w}.get(t, "/taxii2/default/channels/"), http.StatusUnauthorized)
	refusal(t, w.account(t).get(t, "/taxii2/default/"), http.StatusNotFound)
}

func TestDiscoveryOfTheFirstDraftHasAbsoluteURLsBelowAPrefix(t *testing.T) {
	t.Parallel()
	admin := below(t, "https://taxii.example.com/exchange")
	for _, path := range []string{"/taxii2/api-bases/", "/exchange/taxii2/api-bases/"} {
		var d taxii.Discovery
		admin.get(t, path).JSON(t, &d)
		for _, base := range d.APIBases {
			if !strings.HasPrefix(base, "https://taxii.example.com/exchange/") || !strings.HasSuffix(base, "/") {
				t.Errorf("%s: %q", path, base)
			}
		}
		if len(d.APIBases) != 2 {
			t.Errorf("%s: %q", path, d.APIBases)
		}
	}
	for _, path := range []string{"/taxii2/default/", "/exchange/taxii2/default/"} {
		if a := admin.get(t, path); a.Status != http.StatusOK || !strings.Contains(string(a.Body), `"Trust"`) {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
}

func TestSettingsOfChannelsHold(t *testing.T) {
	t.Parallel()
	envelope := envelopeOf(object("indicator", 1, day(1)))
	for setting, check := range map[string]func(t *testing.T, admin actor){
		"channels: off": func(t *testing.T, admin actor) {
			for _, path := range []string{"/trust/channels/", "/trust/channels/alerts/", "/trust/channels/alerts/messages/"} {
				refusal(t, admin.get(t, path), http.StatusNotFound)
			}
			refusal(t, admin.ask(t, "POST", "/trust/channels/x/join/", `{"token":"x"}`), http.StatusNotFound)
		},
		"list_channels: false": func(t *testing.T, admin actor) {
			refusal(t, admin.get(t, "/trust/channels/"), http.StatusForbidden)
			refusal(t, admin.get(t, "/nowhere/channels/"), http.StatusNotFound)
		},
		"channels: fixed": func(t *testing.T, admin actor) {
			good(t, admin.get(t, "/trust/channels/"), http.StatusOK)
			refusal(t, admin.ask(t, "POST", "/trust/channels/", `{"name":"x"}`), http.StatusNotImplemented)
		},
		"max_content_length: 2000": func(t *testing.T, admin actor) {
			admin.w.grant(t, "admin", "trust", "read", "write", "manage", "create")
			good(t, admin.ask(t, "POST", "/trust/channels/", `{"name":"x"}`), http.StatusCreated)
			refusal(t, admin.ask(t, "POST", "/trust/channels/x/messages/", envelope+strings.Repeat(" ", 2001-len(envelope))), http.StatusRequestEntityTooLarge)
			status(t, admin.ask(t, "POST", "/trust/channels/x/messages/", envelope+strings.Repeat(" ", 2000-len(envelope))), http.StatusAccepted)
		},
		"allow_origins: [https://soc.example.com]": func(t *testing.T, admin actor) {
			a := admin.get(t, "/trust/channels/", "Origin: https://soc.example.com")
			good(t, a, http.StatusOK)
			if a.Header.Get("Access-Control-Allow-Origin") != "https://soc.example.com" {
				t.Errorf("%v", a.Header)
			}
			refusal(t, admin.get(t, "/trust/channels/", "Origin: https://other.example.com"), http.StatusForbidden)
			before := actor{w: admin.w}.ask(t, "OPTIONS", "/trust/channels/alerts/messages/", "", "Origin: https://soc.example.com", "Access-Control-Request-Method: GET")
			if before.Status != http.StatusNoContent || before.Header.Get("Access-Control-Allow-Methods") == "" {
				t.Errorf("%d %v", before.Status, before.Header)
			}
		},
		"max_streams_per_account: 2": func(t *testing.T, admin actor) {
			admin.w.grant(t, "admin", "trust", "read", "write", "manage", "create")
			good(t, admin.ask(t, "POST", "/trust/channels/", `{"name":"x"}`), http.StatusCreated)
			one := admin.follow(t, "/trust/channels/x/messages/").begun()
			admin.follow(t, "/trust/channels/x/messages/").begun()
			for _, headers := range [][]string{{"Accept: text/event-stream"}, nil} {
				a := admin.get(t, "/trust/channels/x/messages/?after=latest&wait=1", headers...)
				refusal(t, a, http.StatusTooManyRequests)
				if a.Header.Get("Retry-After") == "" {
					t.Errorf("no Retry-After: %v", a.Header)
				}
			}
			good(t, admin.get(t, "/trust/channels/x/messages/"), http.StatusOK) // who does not wait is not counted
			one.close()
			eventually(t, "a place for a stream", func() bool {
				return admin.get(t, "/trust/channels/x/messages/?after=latest&wait=1").Status == http.StatusOK
			})
		},
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			s := trial.Start(t, append([]string{"--empty"}, trial.Settings(t, setting)...)...)
			w := open(t, s)
			check(t, w.as(t, "admin"))
		})
	}
}

func TestAnInvitationIsRedeemedByWhoDoesNotSeeTheChannel(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, maker := w.channelWith(t)
	made := maker.ask(t, "POST", channel+"/invitations/", `{"can_write":true,"uses":2}`)
	good(t, made, http.StatusCreated)
	var v taxii.Invitation
	made.JSON(t, &v)
	if got := made.Header.Get("Location"); got != w.URL+channel+"/invitations/"+v.ID+"/" {
		t.Errorf("Location is %q", got)
	}
	guest := w.account(t) // sees nothing at all
	ask := func(who actor, path, token string, headers ...string) trial.Answer {
		text, err := json.Marshal(taxii.Join{Token: token})
		if err != nil {
			t.Fatal(err)
		}
		return who.ask(t, "POST", path, string(text), headers...)
	}
	hidden := refusal(t, guest.get(t, channel+"/"), http.StatusNotFound)
	for _, path := range []string{channel, "/trust/channels/c-nothing", "/nowhere/channels/x", "/taxii2/default/channels/x"} {
		for _, a := range []trial.Answer{ask(guest, path+"/join/", "hansom-invite-no"), guest.ask(t, "POST", path+"/join", "{")} {
			if e := refusal(t, a, http.StatusNotFound); e.Title != hidden.Title || e.Description != hidden.Description {
				t.Errorf("%s: %s", path, a.Body)
			}
		}
	}
	refusal(t, ask(actor{w: w}, channel+"/join/", v.Token), http.StatusUnauthorized)
	joined := ask(guest, channel+"/join/", v.Token)
	good(t, joined, http.StatusOK)
	var c taxii.Channel
	joined.JSON(t, &c)
	if !c.CanRead || !c.CanWrite || c.CanManage {
		t.Errorf("%+v", c)
	}
	guest.publish(t, channel, "indicator")
	if a := maker.ask(t, "DELETE", channel+"/invitations/"+v.ID+"/", ""); a.Status != http.StatusNoContent || len(a.Body) > 0 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	refusal(t, ask(w.account(t), channel+"/join/", v.Token), http.StatusNotFound)
	late := w.account(t)
	codes := map[int]int{}
	for _, path := range []string{channel, "/nowhere/channels/x", "/trust/channels/y"} {
		for range 5 {
			a := ask(late, path+"/join/", "hansom-invite-no")
			codes[a.Status]++
			wait := a.Header.Get("Retry-After")
			for name, want := range map[string]string{"X-Rate-Limit": "10", "RateLimit-Policy": `"join";q=10;w=60`, "RateLimit": `"join";r=0;t=` + wait} {
				if a.Status != http.StatusTooManyRequests {
					want = ""
				}
				if got := a.Header.Get(name); got != want || (wait == "") != (want == "") {
					t.Errorf("%d: %s is %q, wanted %q", a.Status, name, got, want)
				}
			}
		}
	}
	if codes[http.StatusNotFound] != 10 || codes[http.StatusTooManyRequests] != 5 {
		t.Errorf("the answers to 15 attempts: %v", codes)
	}
}

// The first draft names no media type for its control messages: what its clients
// sent as plain JSON was refused with 415.
func TestRequestsOfChannelsMayBePlainJSON(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, maker := w.channelWith(t)
	const plain, text = "Content-Type: application/json; charset=UTF-8", "Content-Type: text/plain"
	for _, try := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/trust/channels/", `{"name":"c-` + taxii.NewID() + `"}`, http.StatusCreated},
		{"PUT", channel + "/", `{"title":"t"}`, http.StatusOK},
		{"POST", channel + "/subscriptions/", `{"name":"plain"}`, http.StatusCreated},
		{"POST", channel + "/invitations/", `{}`, http.StatusCreated},
		{"POST", channel + "/join/", `{"token":"no"}`, http.StatusNotFound},
		{"PUT", channel + "/grants/", `{"grants":[{"account":"` + maker.name + `","can_manage":true}]}`, http.StatusOK},
	} {
		refusal(t, maker.ask(t, try.method, try.path, try.body, text), http.StatusUnsupportedMediaType)
		if a := maker.ask(t, try.method, try.path, try.body, plain); a.Status != try.want {
			t.Errorf("%s %s: %d %s", try.method, try.path, a.Status, a.Body)
		}
	}
}
