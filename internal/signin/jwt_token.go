package signin

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// maxForm bounds the body of a request for a JWT, in octets: it holds two words.
const maxForm = 4 << 10

const (
	mediaJSON = "application/json"
	mediaForm = "application/x-www-form-urlencoded"
)

// Routes gives what is served at the door.
func (j *JWTs) Routes() []Route {
	return []Route{
		{http.MethodPost, "/auth/token", j.give},
		{http.MethodGet, "/.well-known/jwks.json", j.publish},
	}
}

// grant is the answer of RFC 6749 5.1.
type grant struct {
	Token   string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"` // seconds
}

// oauthError is the answer of RFC 6749 5.2.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// give answers a request for a JWT as RFC 6749 4.4 says, where a client is an
// account: its name and password, or an API token, come with HTTP Basic. What is
// neither its fault nor the request's is answered as everywhere else.
func (j *JWTs) give(d *Door, w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Pragma", "no-cache")
	g, wrong, err := j.grant(d, w, r)
	switch {
	case err == nil && wrong == nil:
		return reply(w, r, http.StatusOK, g)
	case err == nil:
		return reply(w, r, http.StatusBadRequest, wrong)
	case taxii.KindOf(err) != taxii.Unauthenticated:
		return err
	}
	if d.opt.Refused != nil {
		d.opt.Refused(r, err)
	}
	for _, challenge := range d.Challenge(r) {
		w.Header().Add("WWW-Authenticate", challenge)
	}
	return reply(w, r, http.StatusUnauthorized, oauthError{"invalid_client", "The credentials are not valid: send the name and password of an account, or an API token, with HTTP Basic."})
}

// grant looks at who asks before at what is asked.
func (j *JWTs) grant(d *Door, w http.ResponseWriter, r *http.Request) (*grant, *oauthError, error) {
	s, err := d.Session(r)
	if err != nil {
		return nil, nil, err
	}
	v, err := s.Vouch()
	if err != nil {
		return nil, nil, err
	}
	if d.opt.Admit != nil {
		if err := d.opt.Admit(s, w, r); err != nil {
			return nil, nil, err
		}
	}
	wrong, err := asked(d, w, r)
	if err != nil || wrong != nil {
		return nil, wrong, err
	}
	if err := s.Vouched(r.Context()); err != nil {
		return nil, nil, err
	}
	g, err := j.sign(v)
	return g, nil, err
}

// asked reads the request: nothing, or a form with the one grant type that there is.
func asked(d *Door, w http.ResponseWriter, r *http.Request) (*oauthError, error) {
	if r.URL.RawQuery != "" { // K26
		return &oauthError{"invalid_request", "Parameters are sent in the body, and credentials with HTTP Basic."}, nil
	}
	if r.ContentLength == 0 {
		return nil, nil
	}
	text, release, err := d.opt.Body(w, r, maxForm)
	if err != nil {
		return nil, err
	}
	defer release()
	if len(text) == 0 {
		return nil, nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form, bad := url.ParseQuery(string(text))
	if err != nil || bad != nil || media != mediaForm {
		return &oauthError{"invalid_request", "The body must be a form, " + mediaForm + ", or be absent."}, nil
	}
	return checkForm(form), nil
}

func checkForm(form url.Values) *oauthError {
	for name, values := range form {
		switch {
		case len(values) > 1:
			return &oauthError{"invalid_request", "A parameter is there twice."}
		case name == "client_id" || name == "client_secret" || name == "username" || name == "password":
			return &oauthError{"invalid_request", "Credentials are sent with HTTP Basic, not in the body."}
		case name == "scope" && values[0] != "":
			return &oauthError{"invalid_scope", "A JWT is for what the account and its credential are for; there are no scopes to choose from."}
		}
	}
	switch form.Get("grant_type") {
	case "":
		return &oauthError{"invalid_request", "The parameter grant_type is missing."}
	case "client_credentials":
		return nil
	}
	return &oauthError{"unsupported_grant_type", "The grant type must be client_credentials."}
}

// sign makes a JWT. It is good no longer than the credential.
func (j *JWTs) sign(v exchange.Voucher) (*grant, error) {
	now := j.opt.Now().Truncate(time.Second)
	expires := now.Add(j.opt.Lifetime)
	if v.Until != 0 && v.Until.Time().Before(expires) {
		expires = v.Until.Time().Truncate(time.Second)
	}
	kid, sign := j.x.JWTSigner()
	head, err := json.Marshal(map[string]string{"alg": string(ownAlgorithm), "kid": kid, "typ": ownType})
	if err != nil {
		return nil, err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": j.opt.PublicURL, "aud": j.opt.PublicURL, "sub": v.Account, "jti": rand.Text(), "prf": v.Proof,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": expires.Unix(),
	})
	if err != nil {
		return nil, err
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(claims)
	text += "." + base64.RawURLEncoding.EncodeToString(sign([]byte(text)))
	return &grant{text, "Bearer", int64(expires.Sub(now) / time.Second)}, nil
}

// reply answers with JSON.
func reply(w http.ResponseWriter, r *http.Request, status int, value any) error {
	text, err := json.Marshal(value)
	if err == nil {
		answer(w, r, status, mediaJSON, text)
	}
	return err
}

func answer(w http.ResponseWriter, r *http.Request, status int, media string, text []byte) {
	head := w.Header()
	head.Set("Content-Type", media)
	head.Set("Content-Length", strconv.Itoa(len(text)))
	head.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(text) // who hung up needs no answer
	}
}
