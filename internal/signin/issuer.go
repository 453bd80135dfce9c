package signin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hansom-taxii/hansom/taxii"
)

// Issuer is an outside issuer of JWTs, as the operator sets it. Its JWTs are good
// for one of the audiences, in one of the algorithms, where the rules lead to an
// account.
type Issuer struct {
	Issuer     string   `yaml:"issuer"`               // the claim iss, to the letter; an https URL
	Audience   []string `yaml:"audience"`             // at least one of which is in the claim aud
	Algorithms []string `yaml:"algorithms,omitempty"` // none: RS256, ES256 and EdDSA
	JWKSURL    string   `yaml:"jwks_url,omitempty"`   // of its keys; "": as its discovery says
	Rules      []Rule   `yaml:"rules"`                // in order
}

// Rule leads from claims to an account and groups. It holds where a claim is, or
// has among its elements, a certain text or one that a pattern matches; without a
// claim it always holds. A claim that is nested is named by a JSON Pointer, such as
// /realm_access/roles. Of the rules that hold, the first that names an account
// decides which; the groups of all of them count. {claim} in a name stands for the
// text of a claim.
type Rule struct {
	Claim   string   `yaml:"claim,omitempty"`
	Equals  string   `yaml:"equals,omitempty"`
	Matches string   `yaml:"matches,omitempty"` // * stands for any text
	Account string   `yaml:"account,omitempty"` // must exist, or nobody signs in
	Groups  []string `yaml:"groups,omitempty"`  // those that exist count; a {claim} of several texts is several groups
}

// The bounds of what is set: more of them would be a mistake.
const (
	maxIssuers, maxRules, maxAudiences = 20, 100, 20
	// maxGroups bounds the groups that a JWT leads to: each is looked at in every
	// question of rights.
	maxGroups = 100
)

// CheckIssuers reports the first issuer that cannot be as it is set.
func CheckIssuers(list []Issuer) error {
	if len(list) > maxIssuers {
		return fmt.Errorf("more than %d issuers", maxIssuers)
	}
	seen := map[string]bool{}
	for i, set := range list {
		if err := set.check(); err != nil {
			return fmt.Errorf("issuer %d: %w", i+1, err)
		}
		if seen[set.Issuer] {
			return fmt.Errorf("issuer %d: %s is there twice", i+1, set.Issuer)
		}
		seen[set.Issuer] = true
	}
	return nil
}

func (set *Issuer) check() error {
	for name, text := range map[string]string{"issuer": set.Issuer, "jwks_url": set.JWKSURL} {
		if u, err := url.Parse(text); (text != "" || name == "issuer") && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "") {
			return fmt.Errorf("%s must be an https URL", name)
		}
	}
	switch {
	case len(set.Audience) == 0 || len(set.Audience) > maxAudiences || slices.Contains(set.Audience, ""):
		return fmt.Errorf("audience must have 1 to %d texts: which JWTs are meant for this server", maxAudiences)
	case len(set.Rules) == 0 || len(set.Rules) > maxRules:
		return fmt.Errorf("rules must be 1 to %d", maxRules)
	case !slices.ContainsFunc(set.Rules, func(r Rule) bool { return r.Account != "" }):
		return errors.New("no rule names an account")
	}
	for _, a := range set.Algorithms {
		if families[a] == "" {
			return fmt.Errorf("algorithm %q: must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA", a)
		}
	}
	for i := range set.Rules {
		if err := set.Rules[i].check(); err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return nil
}

func (r *Rule) check() error {
	switch {
	case r.Account == "" && len(r.Groups) == 0:
		return errors.New("names neither an account nor groups")
	case r.Equals != "" && r.Matches != "":
		return errors.New("equals and matches exclude each other")
	case (r.Claim != "") != (r.Equals != "" || r.Matches != ""):
		return errors.New("claim goes with equals or matches")
	}
	for _, name := range append([]string{r.Account}, r.Groups...) {
		if _, _, _, err := cutName(name); err != nil {
			return err
		}
	}
	return nil
}

// cutName cuts a name at its {claim}; claim is "" where it has none.
func cutName(name string) (before, claim, after string, err error) {
	before, rest, found := strings.Cut(name, "{")
	if found {
		if claim, after, found = strings.Cut(rest, "}"); !found || claim == "" {
			return "", "", "", fmt.Errorf("%q: a claim is written as {claim}", name)
		}
	}
	if strings.ContainsAny(before+claim+after, "{}") {
		return "", "", "", fmt.Errorf("%q: at most one {claim} can stand in a name", name)
	}
	return before, claim, after, nil
}

// issuer takes the JWTs of one outside issuer.
type issuer struct {
	set        Issuer
	algorithms []string
	keys       *keyring
	now        func() time.Time
}

func newIssuer(set Issuer, fetch Fetch, now func() time.Time) (*issuer, error) {
	i := &issuer{set: set, algorithms: set.Algorithms, now: now, keys: newKeyring(set, fetch, now)}
	if len(i.algorithms) == 0 {
		i.algorithms = []string{"RS256", "ES256", "EdDSA"}
	}
	for _, address := range i.keys.addresses() {
		if err := fetch.Check(address); err != nil {
			return nil, fmt.Errorf("the issuer %s: %s may not be called: %w", set.Issuer, address, err)
		}
	}
	return i, nil
}

// verify verifies a JWT that says it is of this issuer.
func (i *issuer) verify(ctx context.Context, t jwt, compact string) (*verified, error) {
	kind := strings.TrimPrefix(strings.ToLower(t.header.Type), "application/")
	switch {
	case !slices.Contains(i.algorithms, t.header.Algorithm):
		return nil, errors.New("its algorithm is not taken")
	case kind != "" && kind != "jwt" && kind != "at+jwt":
		return nil, errors.New("it is of a kind that is not for signing in")
	case t.claims.all["cnf"] != nil: // it is bound to a key or certificate, which nobody has shown (RFC 9449 7.1)
		return nil, errors.New("it is bound to a proof that is not taken here")
	}
	if err := t.claims.good(i.now(), i.set.Audience, leeway); err != nil {
		return nil, err // before anything is asked of the issuer
	}
	key, err := i.signer(ctx, t.header, compact)
	if err != nil {
		return nil, err
	}
	v := &verified{expires: t.claims.expires + taxii.Time(leeway.Microseconds()), issuer: i, key: key.print}
	if v.account = i.account(t.claims); v.account == "" {
		return nil, errors.New("no rule names an account for it")
	}
	v.groups = i.groups(t.claims)
	return v, nil
}

// signer finds the key of the issuer that signed a JWT. An issuer may have put
// another key in the place of one, so that it is asked again where none fits.
func (i *issuer) signer(ctx context.Context, h joseHeader, compact string) (*outsideKey, error) {
	for {
		list, err := i.keys.find(ctx, h.KeyID, h.Algorithm)
		if err != nil {
			return nil, err
		}
		for k := range list {
			if err = signed(compact, jose.SignatureAlgorithm(h.Algorithm), list[k].public); err == nil {
				return &list[k], nil
			}
		}
		if !i.keys.renewed(ctx) {
			return nil, err
		}
	}
}

// account gives the name of the account that the rules lead to, or "".
func (i *issuer) account(c claims) string {
	for _, r := range i.set.Rules {
		if r.Account == "" || !r.holds(c) {
			continue
		}
		if names := names(r.Account, c); len(names) == 1 {
			return names[0]
		}
	}
	return ""
}

// groups gives the names of the groups that the rules lead to.
func (i *issuer) groups(c claims) (list []string) {
	for _, r := range i.set.Rules {
		if len(r.Groups) == 0 || !r.holds(c) {
			continue
		}
		for _, group := range r.Groups {
			for _, name := range names(group, c) {
				if len(list) < maxGroups && !slices.Contains(list, name) {
					list = append(list, name)
				}
			}
		}
	}
	return list
}

func (r *Rule) holds(c claims) bool {
	return r.Claim == "" || slices.ContainsFunc(c.texts(r.Claim), func(text string) bool {
		return r.Equals != "" && text == r.Equals || r.Matches != "" && matches(r.Matches, text)
	})
}

// names gives what a name of a rule stands for.
func names(name string, c claims) (list []string) {
	before, claim, after, err := cutName(name)
	if err != nil || claim == "" {
		return []string{name}
	}
	for _, text := range c.texts(claim) {
		list = append(list, before+text+after)
	}
	return list
}

// texts gives the texts of a claim, or of what a JSON Pointer leads to: one, the
// elements of a list, or none where it is something else.
func (c *claims) texts(claim string) []string {
	value, there := c.all[claim]
	if segments, pointer := strings.CutPrefix(claim, "/"); !there && pointer {
		value = any(c.all)
		for segment := range strings.SplitSeq(segments, "/") {
			object, _ := value.(map[string]any)
			value = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(segment)]
		}
	}
	if yes, ok := value.(bool); ok {
		return []string{fmt.Sprint(yes)}
	}
	list, _ := textsOf(value)
	return slices.DeleteFunc(list, func(text string) bool { return text == "" })
}

// matches tells whether text is the pattern, in which * stands for any text. It
// takes no longer than looking for each part once.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(text, first) || !strings.HasSuffix(text[len(first):], last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}
