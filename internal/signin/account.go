package signin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	strict "github.com/go-json-experiment/json"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// maxSetting bounds a body below /auth/, in octets: a token with a scope of its
// most parts is smaller.
const maxSetting = 64 << 10

// own lists what every account may do about its credentials.
func (d *Door) own() []Route {
	return []Route{
		{http.MethodPost, "/auth/password", (*Door).changePassword},
		{http.MethodGet, "/auth/tokens", (*Door).tokens},
		{http.MethodPost, "/auth/tokens", (*Door).createToken},
		{http.MethodDelete, "/auth/tokens/{id}", (*Door).revokeToken},
	}
}

// passwordChange is the body of POST /auth/password.
type passwordChange struct {
	Old string `json:"old_password"`
	New string `json:"new_password"`
}

func (d *Door) changePassword(w http.ResponseWriter, r *http.Request) error {
	var set passwordChange
	s, err := d.setting(w, r, &set)
	if err != nil {
		return err
	}
	_, name := s.Account()
	err = s.ChangePassword(r.Context(), set.New, func(hash string) (bool, error) { return d.basic.try(r, name, hash, set.Old) })
	if err != nil {
		return err
	}
	return WriteJSON(w, r, http.StatusOK, struct{}{})
}

// tokenList is the answer to GET /auth/tokens/.
type tokenList struct {
	Tokens []exchange.TokenRecord `json:"tokens"`
}

func (d *Door) tokens(w http.ResponseWriter, r *http.Request) error {
	s, err := d.proved(w, r)
	if err != nil {
		return err
	}
	list, err := s.Tokens(r.Context(), "")
	if err != nil {
		return err
	}
	return WriteJSON(w, r, http.StatusOK, tokenList{list})
}

func (d *Door) createToken(w http.ResponseWriter, r *http.Request) error {
	var set exchange.TokenSetting
	s, err := d.setting(w, r, &set)
	if err != nil {
		return err
	}
	token, record, err := s.CreateToken(r.Context(), set)
	if err != nil {
		return err
	}
	return WriteJSON(w, r, http.StatusCreated, exchange.NewToken{Token: token, TokenRecord: record})
}

func (d *Door) revokeToken(w http.ResponseWriter, r *http.Request) error {
	s, err := d.proved(w, r)
	if err != nil {
		return err
	}
	id, err := url.PathUnescape(r.PathValue("id"))
	if err != nil {
		return s.Missing()
	}
	if err := s.RevokeToken(r.Context(), id); err != nil {
		return err
	}
	return WriteJSON(w, r, http.StatusOK, struct{}{})
}

// proved gives the Session of who has credentials, and may ask now.
func (d *Door) proved(w http.ResponseWriter, r *http.Request) (*exchange.Session, error) {
	s, err := d.Session(r)
	if err != nil {
		return nil, err
	}
	if err := s.Proved(); err != nil || d.opt.Admit == nil {
		return s, err
	}
	return s, d.opt.Admit(s, w, r)
}

// setting signs in, and then reads the body into v: a JSON object in which every
// member is known and stands once.
func (d *Door) setting(w http.ResponseWriter, r *http.Request, v any) (*exchange.Session, error) {
	s, err := d.proved(w, r)
	if err != nil {
		return nil, err
	}
	text, release, err := d.opt.Body(w, r, maxSetting)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := strict.Unmarshal(text, v, strict.RejectUnknownMembers(true)); err != nil || !strings.HasPrefix(strings.TrimSpace(string(text)), "{") {
		return nil, taxii.Errorf(taxii.Unprocessable, "the body is not the JSON object that belongs here").
			Describe("It has a member that is not known or stands twice, a value of another kind, or is no JSON at all.").Because(err)
	}
	return s, nil
}

// WriteJSON answers with a JSON value.
func WriteJSON(w http.ResponseWriter, r *http.Request, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // who hung up needs no answer
	}
	return nil
}

// pathOf is the path of a URL, without a final slash.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.EscapedPath(), "/")
}
