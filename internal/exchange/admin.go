package exchange

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// RootSetting is an API Root as an operator states it.
type RootSetting struct {
	Name        string `json:"name" yaml:"name"` // one path segment; several are possible (K04)
	Title       string `json:"title" yaml:"title"`
	Description string `json:"description,omitempty" yaml:"description,omitempty"`
	Relative    bool   `json:"relative,omitempty" yaml:"relative,omitempty"`   // discovery prints it as a path (R178)
	Advertise   string `json:"advertise,omitempty" yaml:"advertise,omitempty"` // https URL of a root on another server (R181)
	Default     bool   `json:"default,omitempty" yaml:"default,omitempty"`     // discovery names it as the default; one at most

	// SignIn names the ways to sign in that are taken here (R030): password, token,
	// jwt, certificate, and anonymous for none; empty: all. Discovery does not list
	// the root to who signed in otherwise.
	SignIn []string `json:"sign_in,omitempty" yaml:"sign_in,omitempty"`
}

const (
	maxTitle       = 1_000
	maxDescription = 10_000
	maxName        = 128
)

var rootName = regexp.MustCompile(`^[A-Za-z0-9_~-]+(/[A-Za-z0-9_~-]+)*$`)

// reserved are the names that would hide paths of the server, and the word that
// stands for the whole server in grants.
var reserved = map[string]bool{
	"taxii": true, "taxii2": true, "console": true, "auth": true, "admin": true, "lists": true, "healthz": true, "readyz": true,
	"metrics": true, "docs": true, ".well-known": true, "server": true,
}

// resourceNames are the words that follow an API Root in paths and in the names
// of resources: a root with one of them in its name would hide part of another.
var resourceNames = map[string]bool{"collections": true, "status": true, "channels": true, "collection": true, "channel": true}

// Roots lists the API Roots that the account may manage.
func (s *Session) Roots(context.Context) ([]RootSetting, error) {
	snap, list := s.x.now.Load(), []RootSetting{}
	for _, r := range snap.rootOrder {
		if s.managing(snap, resource{scope: OnRoot, root: r.ID}).Has(Manage) {
			list = append(list, r.setting())
		}
	}
	return list, s.managesAny(snap)
}

// RootSetting gives one API Root.
func (s *Session) RootSetting(_ context.Context, name string) (RootSetting, error) {
	r, err := s.managedRoot(s.x.now.Load(), name)
	if err != nil {
		return RootSetting{}, err
	}
	return r.setting(), nil
}

func (r *Root) setting() RootSetting {
	return RootSetting{Name: r.Name, Title: r.Title, Description: r.Description, Relative: r.Relative, Advertise: r.Advertise, Default: r.Default,
		SignIn: r.signIn()}
}

// AddRoot makes an API Root. The warnings say what some clients cannot use.
func (s *Session) AddRoot(ctx context.Context, set RootSetting) (warnings []string, err error) {
	err = s.change(ctx, act{"root.add", set.Name}, func(snap *snapshot) error {
		if err := s.manages(snap, resource{scope: OnServer}); err != nil {
			return err
		}
		if snap.roots[set.Name] != nil {
			return taxii.Errorf(taxii.Conflict, "there is an API Root %q already", set.Name)
		}
		return s.x.putRoot(ctx, snap, 0, &set)
	})
	if strings.Contains(set.Name, "/") {
		warnings = append(warnings, "the name has several segments: MISP, XSOAR and others find a root by its last segment and cannot use this one")
	}
	return warnings, err
}

// SetRoot changes an API Root: edit is given its settings.
func (s *Session) SetRoot(ctx context.Context, name string, edit func(*RootSetting) error) (set RootSetting, err error) {
	err = s.change(ctx, act{"root.set", name}, func(snap *snapshot) error {
		r, err := s.managedRoot(snap, name)
		if err != nil {
			return err
		}
		set = r.setting()
		if err := edit(&set); err != nil {
			return err
		}
		if set.Name != name {
			return taxii.Errorf(taxii.Unprocessable, "an API Root cannot be renamed: its clients know it by its URL; add a new one")
		}
		return s.x.putRoot(ctx, snap, r.ID, &set)
	})
	return set, err
}

// putRoot checks settings, fills in what follows from others, and keeps them.
func (x *Exchange) putRoot(ctx context.Context, snap *snapshot, id int64, set *RootSetting) error {
	if err := set.check(); err != nil {
		return err
	}
	if old := snap.rootByID[id]; old != nil && set.Advertise != "" && len(snap.collections[id])+len(snap.channels[id]) > 0 {
		return taxii.Errorf(taxii.Conflict, "%q has collections or channels here and cannot be advertised on another server", old.Name)
	}
	ways, err := parseWays(set.SignIn)
	if err != nil {
		return err
	}
	_, err = x.store.PutRoot(ctx, Root{
		ID: id, Name: set.Name, Title: set.Title, Description: set.Description,
		Relative: set.Relative, Advertise: set.Advertise, Default: set.Default, SignIn: ways,
	})
	return err
}

func (set *RootSetting) check() error {
	first, _, _ := strings.Cut(strings.ToLower(set.Name), "/")
	switch {
	case strings.Contains(set.Name, "."):
		return invalid("name", "has a dot, and some clients cannot be configured with such a root (K04)")
	case !rootName.MatchString(set.Name) || len(set.Name) > maxName:
		return invalid("name", "must be letters, digits, '-', '_' or '~', at most 128 octets")
	case reserved[first]:
		return invalid("name", "would hide a path of the server; choose another than "+first)
	}
	for _, segment := range strings.Split(set.Name, "/")[1:] {
		if resourceNames[strings.ToLower(segment)] {
			return invalid("name", "may not have "+segment+" after its first segment: it would hide what another API Root has there")
		}
	}
	if set.Title == "" {
		set.Title = set.Name // an empty title breaks clients (K08)
	}
	if err := texts(set.Title, set.Description); err != nil {
		return err
	}
	if err := set.checkSignIn(); err != nil || set.Advertise == "" {
		return err
	}
	u, err := url.Parse(set.Advertise)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return invalid("advertise", "must be an https URL without query (R177, R179)")
	}
	if !strings.HasSuffix(set.Advertise, "/") {
		set.Advertise += "/" // K02
	}
	if set.Relative {
		return invalid("relative", "cannot go with advertise")
	}
	return nil
}

// checkSignIn puts the ways to sign in into their usual order, each once.
func (set *RootSetting) checkSignIn() error {
	ways, err := parseWays(set.SignIn)
	if err != nil {
		return err
	}
	if len(ways) > 0 && set.Advertise != "" {
		return invalid("sign_in", "cannot go with advertise: the other server says who is let in there")
	}
	set.SignIn = (&Root{SignIn: ways}).signIn()
	return nil
}

// RemoveRoot removes an API Root with its Collections, Channels and grants.
func (s *Session) RemoveRoot(ctx context.Context, name string) error {
	return s.change(ctx, act{"root.remove", name}, func(snap *snapshot) error {
		if err := s.manages(snap, resource{scope: OnServer}); err != nil {
			return err
		}
		r := snap.roots[name]
		if r == nil {
			return taxii.Errorf(taxii.NotFound, "no API Root %q", name)
		}
		return s.x.store.RemoveRoot(ctx, r.ID)
	})
}

// managedRoot finds an API Root that the account may manage.
func (s *Session) managedRoot(snap *snapshot, name string) (*Root, error) {
	r := snap.roots[name]
	if r == nil || !s.findsRoot(snap, r) {
		return nil, absent(s, "no API Root %q", name)
	}
	return r, s.manages(snap, resource{scope: OnRoot, root: r.ID})
}

// absent is the answer to an administrator for what does not exist or may not
// be seen. Who asks without credentials is asked for some.
func absent(s *Session, format string, args ...any) error {
	if s.anonymous {
		return s.Missing()
	}
	return taxii.Errorf(taxii.NotFound, format, args...)
}

// manages tells whether the account may manage a resource.
func (s *Session) manages(snap *snapshot, r resource) error {
	rights := s.managing(snap, r)
	switch {
	case rights.Has(Manage):
		return nil
	case s.managesAny(snap) != nil:
		return s.Missing() // to who manages nothing there is no administration
	}
	return taxii.Errorf(taxii.Forbidden, "this needs the right to manage %s", r.scope)
}

// managing gives the rights on a resource and what is above it, of whatever kind.
func (s *Session) managing(snap *snapshot, r resource) Rights {
	root := snap.rootByID[r.root]
	return s.rights(snap, func(g granted) Rights {
		if root != nil && !s.takes(root) {
			return g.onServer() // who manages the server says how to sign in
		}
		return g.onServer() | g(resource{scope: OnRoot, root: r.root}) | g(r)
	})
}

// findsRoot tells whether an API Root is there for who administers: the account
// sees it, or manages it from above.
func (s *Session) findsRoot(snap *snapshot, r *Root) bool {
	return s.seesRoot(snap, r) || s.managing(snap, resource{scope: OnRoot, root: r.ID}).Has(Manage)
}

// managesAny tells whether the account may manage anything.
func (s *Session) managesAny(snap *snapshot) error {
	if s.operator {
		return nil
	}
	for id := range s.parties(snap) {
		for r, rights := range snap.grants[id] {
			if rights.Has(Manage) && s.managing(snap, r).Has(Manage) {
				return nil
			}
		}
	}
	return s.Missing()
}

// Administers tells whether there is an administration for this account at all.
func (s *Session) Administers() error { return s.managesAny(s.x.now.Load()) }

func invalid(what, why string) error {
	return taxii.Errorf(taxii.Unprocessable, "%s %s", what, why)
}

func texts(title, description string) error {
	if len(title) > maxTitle {
		return invalid("title", "is longer than 1,000 octets")
	}
	if len(description) > maxDescription {
		return invalid("description", "is longer than 10,000 octets")
	}
	for what, text := range map[string]string{"title": title, "description": description} {
		if strings.ContainsRune(text, 0) { // which PostgreSQL cannot keep
			return invalid(what, "has the character U+0000")
		}
	}
	return nil
}
