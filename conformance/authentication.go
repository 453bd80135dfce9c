package conformance

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func authenticationChecks() []Check {
	return slices.Concat([]Check{
		{ID: "authentication/challenge", Title: "answers who shows no credentials 401 with a challenge", Rules: []string{"R068"}, Interop: []string{"3.1.1"},
			run: func(p *probe) { p.challenged(p.get(p.closed(), p.stranger())) }},
		{ID: "authentication/realm", Title: "names a realm where it asks for Basic", Rules: []string{"R068", "R071"}, run: authenticationRealm},
		{ID: "authentication/error", Title: "sends a TAXII error with its 401", Rules: []string{"R154", "K17"},
			run: func(p *probe) { p.failure(p.get(p.closed(), p.stranger()), http.StatusUnauthorized) }},
		{ID: "authentication/basic", Title: "takes HTTP Basic on the first request of a connection", Rules: []string{"R071", "K24"}, Interop: []string{"3.1.4"}, run: authenticationBasic},
		{ID: "authentication/scheme-case", Title: "compares the name of the scheme without case", Rules: []string{"K20"}, run: authenticationSchemeCase},
		{ID: "authentication/discovery", Title: "shows discovery to who has no credentials, or answers 401 with a challenge", Rules: []string{"R068", "R172"},
			run: func(p *probe) { p.openOr401(p.discoveryURL()) }},
		{ID: "authentication/root", Title: "shows an API Root to who has no credentials, or answers 401 with a challenge", Rules: []string{"R068", "R184"},
			run: func(p *probe) { p.openOr401(p.world().root) }},
		{ID: "authentication/collections", Title: "shows the list of Collections to who has no credentials, or answers 401 or 404", Rules: []string{"R069", "R211"},
			run: func(p *probe) { p.openOr401(p.world().root + "collections/") }},
		{ID: "authentication/status", Title: "shows no Status to who has no credentials", Rules: []string{"R068", "R192"}, run: authenticationStatus},
	}, everyPlace("authentication/anonymous", "answers {place} that strangers may not have 401 with a challenge, or 404",
		[]string{"R069", "R068"}, nil, authenticationAnonymous), wrongCredentials())
}

// wrongCredentials are about credentials that are none.
func wrongCredentials() []Check {
	name, password := func(p *probe) string { return p.suite.target.Account.Name }, func(p *probe) string { return p.suite.target.Account.Password }
	return []Check{
		{ID: "authentication/wrong-password", Title: "answers a wrong password 401 with a challenge", Rules: []string{"R068"}, Interop: []string{"3.1.2"},
			run: func(p *probe) { p.turnedAway(basic(name(p), wrongPassword)) }},
		{ID: "authentication/unknown-account", Title: "answers an account that is not there 401 with a challenge", Rules: []string{"R068"}, Interop: []string{"3.1.2"},
			run: func(p *probe) { p.turnedAway(basic(nobody(), wrongPassword)) }},
		{ID: "authentication/unknown-like-wrong", Title: "does not tell an account that is not there from a wrong password", Rules: []string{"R163"}, run: authenticationUnknown},
		{ID: "authentication/nobodys-password", Title: "takes a password for no account but its own", Rules: []string{"R068"},
			run: func(p *probe) { p.turnedAway(basic(nobody(), password(p))) }},
		{ID: "authentication/colon", Title: "takes all that follows the first colon for the password", Rules: []string{"R071"},
			run: func(p *probe) { p.turnedAway(basic(name(p), password(p)+":"+wrongPassword)) }},
		{ID: "authentication/empty-password", Title: "answers an empty password 401", Rules: []string{"K23", "R068"},
			run: func(p *probe) { p.turnedAway(basic(name(p), "")) }},
		{ID: "authentication/empty-name", Title: "answers an empty name 401", Rules: []string{"K23", "R068"},
			run: func(p *probe) { p.turnedAway(basic("", wrongPassword)) }},
		{ID: "authentication/no-colon", Title: "answers Basic credentials without a colon 401", Rules: []string{"R068"},
			run: func(p *probe) { p.turnedAway("Basic " + base64.StdEncoding.EncodeToString([]byte(nobody()))) }},
		{ID: "authentication/not-base64", Title: "answers Basic credentials that cannot be read 401", Rules: []string{"R068"},
			run: func(p *probe) { p.turnedAway("Basic !not-base64!") }},
		{ID: "authentication/scheme-alone", Title: "answers the name of a scheme without credentials 401", Rules: []string{"R068"},
			run: func(p *probe) { p.turnedAway("Basic") }},
		{ID: "authentication/unknown-scheme", Title: "answers a scheme that nobody knows 401", Rules: []string{"R068", "R074"},
			run: func(p *probe) { p.turnedAway("Frobnicate " + base64.StdEncoding.EncodeToString([]byte("a:b"))) }},
		{ID: "authentication/unknown-token", Title: "answers a token that nobody gave out 401", Rules: []string{"R068", "K21"},
			run: func(p *probe) { p.turnedAway("Bearer " + taxii.NewID()) }},
		{ID: "authentication/made-up-certificate", Title: "signs nobody in by a certificate that nobody vouches for", Rules: []string{"R083"}, run: authenticationMadeUp},
		{ID: "authentication/certificate", Title: "signs in who shows a certificate that it knows", Rules: []string{"K25", "R083"}, Interop: []string{"3.1.3"}, run: authenticationCertificate},
	}
}

// wrongPassword is nobody's.
const wrongPassword = "not-the-password-of-anybody"

// nobody is the name of no account.
func nobody() string { return "nobody-" + taxii.NewID() }

// basic writes credentials as Basic has them.
func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// stranger shows no credentials, and no certificate either. A server need not
// answer strangers at all (R070).
func (p *probe) stranger() option {
	if !p.suite.target.Certificates {
		return anonymous()
	}
	bare := p.suite.target
	bare.TLS = bare.TLS.Clone()
	bare.TLS.Certificates, bare.TLS.GetClientCertificate = nil, nil
	host := bare.client(false)
	host.Transport.(*http.Transport).DisableKeepAlives = true
	r := usual(http.MethodGet, p.discoveryURL(), Account{}, nil)
	r.host = host
	if _, err := p.suite.target.send(p.ctx, r); err != nil {
		p.skip("the server answers nobody without a certificate: %v", err)
	}
	return func(r *request) { r.account, r.host = nil, host }
}

// closed finds an address that is not for strangers.
func (p *probe) closed() string {
	for _, address := range []string{p.discoveryURL(), p.world().root, p.world().root + "collections/", p.objects("limit", "1")} {
		switch a := p.get(address, p.stranger()); a.status {
		case http.StatusOK:
		case http.StatusNotFound: // hidden, as it may be (R069)
		default:
			return address
		}
	}
	p.skip("the server asks nobody for credentials: what it has is open, or hidden")
	return ""
}

// challenged wants a 401 that says how to sign in (RFC 9110, 11.6.1).
func (p *probe) challenged(a *answer) {
	p.status(a, http.StatusUnauthorized)
	challenges := a.header.Values("WWW-Authenticate")
	p.want(len(challenges) > 0, "WWW-Authenticate with the 401")
	for _, c := range challenges {
		p.want(challenge.MatchString(c), "a challenge that begins with the name of a scheme, not %q", c)
	}
}

// challenge is how one begins. It is never written to.
var challenge = regexp.MustCompile("\\A[-!#$%&'*+.^_`|~0-9A-Za-z]+( +\\S|\\z)")

func authenticationRealm(p *probe) {
	a := p.get(p.closed(), p.stranger())
	p.challenged(a)
	all := strings.ToLower(strings.Join(a.header.Values("WWW-Authenticate"), ", "))
	_, asked, ok := strings.Cut(all, "basic")
	if !ok {
		p.skip("the server asks for %s, not for Basic", all)
	}
	p.want(strings.Contains(asked, "realm="), "a realm in the challenge, not %q", all)
}

func authenticationBasic(p *probe) {
	address := p.closed()
	p.through(false, func(*http.Transport) {}, func(c *http.Client) { p.ok(address, over(c)) })
}

func authenticationSchemeCase(p *probe) {
	account := p.suite.target.Account
	text, _ := strings.CutPrefix(basic(account.Name, account.Password), "Basic")
	for _, scheme := range []string{"basic", "BASIC"} {
		p.ok(p.closed(), p.stranger(), header("Authorization", scheme+text))
	}
}

// openOr401 wants an endpoint to be open to strangers, or closed as it should be.
// What is below an API Root may be hidden instead (R069).
func (p *probe) openOr401(address string) {
	a := p.get(address, p.stranger())
	switch {
	case a.status == http.StatusOK:
		p.taxii(a)
		p.object(a)
	case a.status == http.StatusNotFound && address != p.discoveryURL():
		p.failure(a, http.StatusNotFound)
	default:
		p.challenged(a)
	}
}

func authenticationStatus(p *probe) {
	st := p.added(p.seed().one("indicator0"))
	a := p.get(p.statusURL(st.ID), p.stranger())
	if _, _, writable := p.strangers(); writable {
		p.skip("strangers may add to the Collection, as the list of Collections tells them")
	}
	p.shut(a)
}

// shut wants that strangers are turned away: 401 with a challenge, or 404.
func (p *probe) shut(a *answer) {
	p.status(a, http.StatusUnauthorized, http.StatusNotFound)
	if a.status == http.StatusUnauthorized {
		p.challenged(a)
	}
	p.failure(a, a.status)
}

// strangers tells what the list of Collections says that strangers may do with the
// Collection that is filled, and whether it names it to them.
func (p *probe) strangers() (listed, readable, writable bool) {
	a := p.get(p.small(), p.stranger())
	if a.status != http.StatusOK {
		return false, false, false
	}
	var list taxii.Collections
	p.read(a, &list)
	for _, c := range list.Collections {
		if c.ID == p.world().writable.ID {
			return true, c.CanRead, c.CanWrite
		}
	}
	return false, false, false
}

// strangersMay tells whether an endpoint of that Collection is open to strangers.
func (p *probe) strangersMay(pl place) (may, listed bool) {
	listed, readable, writable := p.strangers()
	switch pl.name {
	case "collection":
		return listed, listed
	case "add":
		return writable, listed
	case "delete":
		return readable && writable, listed
	}
	return readable, listed
}

func authenticationAnonymous(p *probe, pl place) {
	may, listed := p.strangersMay(pl)
	if may {
		p.skip("strangers may do so, as the list of Collections tells them")
	}
	a := p.visit(pl, p.collection(p.world().writable.ID), p.stranger())
	if listed && a.status == http.StatusForbidden {
		p.failure(a, http.StatusForbidden) // strangers know of it, and what they may do
		return
	}
	p.shut(a)
}

// turnedAway wants 401 for credentials, and that the account's own are taken after
// them as before.
func (p *probe) turnedAway(credentials string) *answer {
	address := p.closed()
	a := p.get(address, p.stranger(), header("Authorization", credentials))
	p.challenged(a)
	p.failure(a, http.StatusUnauthorized)
	p.status(p.get(address), http.StatusOK)
	return a
}

func authenticationUnknown(p *probe) {
	unknown := nobody()
	p.alike(p.turnedAway(basic(p.suite.target.Account.Name, wrongPassword)), p.turnedAway(basic(unknown, wrongPassword)),
		p.suite.target.Account.Name, unknown)
}

// alike wants two errors to say the same, but for the name of what was asked for.
func (p *probe) alike(a, b *answer, inA, inB string) {
	p.want(a.status == b.status, "one answer to both, not %d and %d", a.status, b.status)
	p.want(slices.Equal(a.header.Values("WWW-Authenticate"), b.header.Values("WWW-Authenticate")), "one challenge for both")
	x, y := p.object(a), p.object(b)
	for _, name := range []string{"title", "description", "error_code"} {
		s, _ := x[name].(string)
		t, _ := y[name].(string)
		s, t = strings.ReplaceAll(s, inA, "*"), strings.ReplaceAll(t, inB, "*")
		p.want(s == t, "one %s for both, not %q and %q", name, s, t)
	}
}
