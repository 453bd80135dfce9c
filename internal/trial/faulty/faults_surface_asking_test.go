package faulty_test

import (
	"crypto/tls"
	"net/http"
	"strings"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

func anonymously(r *http.Request) bool { return r.Header.Get("Authorization") == "" }

// presents picks requests by their Basic credentials.
func presents(pass func(name, password string) bool) where {
	return func(r *http.Request) bool {
		name, password, ok := r.BasicAuth()
		return ok && pass(name, password)
	}
}

// presentedText picks requests by their Authorization as it stands there.
func presentedText(text string) where {
	return func(r *http.Request) bool { return strings.HasPrefix(r.Header.Get("Authorization"), text) }
}

func isNobody(name string) bool { return strings.HasPrefix(name, "nobody-") }

func isWrong(password string) bool { return strings.HasPrefix(password, "not-the-password") }

func authenticationFaults() []fault {
	met := map[string]bool{}
	shown := 0
	return []fault{
		spoils("a 401 is alone", everywhere, puts("WWW-Authenticate"), "authentication/challenge", "authentication/realm", "authentication/discovery",
			"authentication/root", "authentication/collections", "authentication/status", "authentication/anonymous-*", "authentication/wrong-password",
			"authentication/unknown-account", "authentication/unknown-like-wrong", "authentication/empty-name", "discovery/roots-for-strangers"),
		spoils("a challenge names no scheme", everywhere, func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusUnauthorized {
				a.Header.Set("WWW-Authenticate", `realm="taxii"`)
			}
		}, "authentication/challenge", "authentication/wrong-password"),
		spoils("a challenge names no realm", everywhere, puts("WWW-Authenticate", "Basic"), "authentication/realm"),
		spoils("a 401 is a page", everywhere, func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusUnauthorized {
				a.Header.Set("Content-Type", "text/html")
				a.Body = []byte("<html>Sign in</html>")
			}
		}, "authentication/error", "authentication/wrong-password", "authentication/anonymous-*"),
		spoils("strangers are told 403", anonymously, becomes(an(403), 401), "authentication/challenge", "authentication/error", "authentication/discovery",
			"authentication/root", "authentication/collections", "authentication/status", "authentication/anonymous-*", "discovery/roots-for-strangers"),
		spoils("strangers are sent to a form", anonymously, becomes(page(200), 401), "authentication/discovery", "authentication/root",
			"authentication/collections", "authentication/status", "authentication/anonymous-*", "discovery/roots-for-strangers"),
		swaps("strangers are served what is in a Collection", both(anonymously, inside), an(200), "authentication/anonymous-*"),
		swaps("strangers are served a Status", both(anonymously, to("status")), an(200), "authentication/status"),
		{[]string{"authentication/basic"}, faulty.Fault{Name: "the first request of a connection is challenged", Request: func(r *http.Request) *faulty.Answer {
			if !met[r.RemoteAddr] {
				met[r.RemoteAddr] = true
				return an(401)()
			}
			return nil
		}}},
		swaps("Basic is not taken", presentedText("Basic "), an(401), "authentication/basic"),
		swaps("basic is no scheme", presentedText("basic "), an(401), "authentication/scheme-case"),
		swaps("BASIC is no scheme", presentedText("BASIC "), an(401), "authentication/scheme-case"),
		{[]string{"authentication/made-up-certificate", "authentication/certificate"}, faulty.Fault{
			Name: "any certificate will do", TLS: func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert },
			Request: func(r *http.Request) *faulty.Answer {
				if len(r.TLS.PeerCertificates) > 0 {
					return an(200)()
				}
				return nil
			},
		}},
		{[]string{"authentication/wrong-password"}, faulty.Fault{Name: "a wrong password shuts the account out", Request: func(r *http.Request) *faulty.Answer {
			if presents(func(_, password string) bool { return isWrong(password) })(r) {
				shown++
			}
			if shown > 0 && !anonymously(r) {
				return an(401)()
			}
			return nil
		}}},
	}
}

func credentialFaults() []fault {
	return []fault{
		swaps("any password will do", presents(func(name, password string) bool { return !isNobody(name) && isWrong(password) }), an(200),
			"authentication/wrong-password", "authentication/unknown-like-wrong"),
		swaps("a wrong password is a 403", presents(func(_, password string) bool { return isWrong(password) }), an(403), "authentication/wrong-password",
			"authentication/unknown-account", "authentication/unknown-like-wrong", "authentication/empty-name"),
		swaps("any account will do", presents(func(name, _ string) bool { return isNobody(name) }), an(200), "authentication/unknown-account",
			"authentication/nobodys-password"),
		spoils("it is told that there is no such account", presents(func(name, _ string) bool { return isNobody(name) }),
			func(_ *http.Request, a *faulty.Answer) {
				a.JSON(func(v map[string]any) { v["title"] = "there is no such account" })
			},
			"authentication/unknown-like-wrong"),
		spoils("an account that is not there is challenged otherwise", presents(func(name, _ string) bool { return isNobody(name) }),
			puts("WWW-Authenticate", `Basic realm="nobody"`), "authentication/unknown-like-wrong"),
		bends("a password ends at its first colon", presents(func(_, password string) bool { return strings.Contains(password, ":") }), func(r *http.Request) {
			name, password, _ := r.BasicAuth()
			password, _, _ = strings.Cut(password, ":")
			r.SetBasicAuth(name, password)
		}, "authentication/colon"),
		swaps("no password will do", presents(func(_, password string) bool { return password == "" }), an(200), "authentication/empty-password"),
		swaps("no name is a malformed request", presents(func(name, _ string) bool { return name == "" }), an(400), "authentication/empty-name"),
		swaps("Basic that cannot be read is a failure", func(r *http.Request) bool {
			_, _, ok := r.BasicAuth()
			return strings.HasPrefix(r.Header.Get("Authorization"), "Basic") && !ok
		}, an(500), "authentication/no-colon", "authentication/not-base64", "authentication/scheme-alone"),
		swaps("an unknown scheme is a malformed request", presentedText("Frobnicate "), an(400), "authentication/unknown-scheme"),
		swaps("any token will do", presentedText("Bearer "), an(200), "authentication/unknown-token"),
	}
}

func mediaFaults() []fault {
	other := func(r *http.Request) bool {
		accept := r.Header["Accept"]
		return len(accept) != 1 || accept[0] != taxii.MediaType
	}
	posts := func(r *http.Request) bool { return r.Method == http.MethodPost }
	otherBody := func(r *http.Request) bool { return posts(r) && r.Header.Get("Content-Type") != taxii.MediaType }
	return []fault{
		swaps("Accept is compared as a text", other, an(406), "media/accept-no-version", "media/accept-space", "media/accept-spaces", "media/accept-case",
			"media/accept-quoted", "media/accept-list", "media/accept-list-tight", "media/accept-old-and-new", "media/accept-q", "media/accept-any",
			"media/accept-any-application", "media/accept-json", "media/accept-browser", "media/accept-absent", "media/accept-lines", "media/manifest-stix"),
		swaps("Accept needs a space", sends("Accept", taxii.MediaType), an(406), "media/accept-plain", "media/exact"),
		spoils("answers are called what was asked for", everywhere, func(r *http.Request, a *faulty.Answer) {
			kind, _, _ := strings.Cut(r.Header.Get("Accept"), ",")
			a.Header.Set("Content-Type", kind)
		}, "media/accept-json", "media/accept-any", "media/accept-browser", "media/accept-list", "media/accept-lines"),
		swaps("a GET has no Content-Type", func(r *http.Request) bool { return r.Method == http.MethodGet && r.Header.Get("Content-Type") != "" }, an(415),
			"media/get-content-type", "media/get-other-content-type"),
		bends("TAXII 2.0 is answered in 2.1", func(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "vnd.oasis") },
			func(r *http.Request) { r.Header.Set("Accept", taxii.MediaType) }, "media/taxii20", "media/taxii20-no-version"),
		swaps("TAXII 2.0 is a malformed request", func(r *http.Request) bool { return strings.HasPrefix(r.Header.Get("Accept"), "application/vnd.oasis") }, an(400),
			"media/taxii20", "media/taxii20-no-version"),
		spoils("a 406 is a page", everywhere, becomes(page(406), 406), "media/unknown-version", "media/html", "media/refused", "media/unreadable", "media/taxii20",
			"media/taxii20-no-version", "discovery/accept", "root/accept", "collections/accept", "collection/accept"),
		spoils("a 406 is a failure", everywhere, becomes(an(500), 406), "media/unknown-version", "media/html", "media/refused", "media/unreadable",
			"discovery/accept", "root/accept", "collections/accept", "collection/accept"),
		swaps("Content-Type is compared as a text", otherBody, an(415), "media/post-no-version", "media/post-space", "media/post-case", "media/post-quoted",
			"media/post-charset", "media/post-stix"),
		swaps("only STIX is taken", func(r *http.Request) bool { return posts(r) && !otherBody(r) }, an(415), "media/post-plain"),
		swaps("another Content-Type is a failure", otherBody, an(500), "media/post-json", "media/post-form", "media/post-other-version", "media/post-absent",
			"media/post-unreadable", "media/post-xml"),
		swaps("XML is taken", both(posts, sends("Content-Type", "application/xml")), an(202), "media/post-xml"),
		spoils("answers name a charset", everywhere, func(_ *http.Request, a *faulty.Answer) {
			if a.Status < 400 {
				a.Header.Set("Content-Type", taxii.MediaType+";charset=utf-8")
			}
		}, "media/exact"),
		spoils("errors have a space in their type", everywhere, func(_ *http.Request, a *faulty.Answer) {
			if a.Status >= 400 {
				a.Header.Set("Content-Type", "application/taxii+json; version=2.1")
			}
		}, "media/exact-error"),
	}
}
