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
		if s.onRoot(snap, r).Has(Manage) {
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
	return RootSetting{Name: r.Name, Title: r.Title, Description: r.Description, Relative: r.Relative, Advertise: r.Advertise, Default: r.Default}
}

// AddRoot makes an API Root. The warnings say what some clients cannot use.
func (s *Session) AddRoot(ctx context.Context, set RootSetting) (warnings []string, err error) {
	err = s.x.change(ctx, func(snap *snapshot) error {
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
	err = s.x.change(ctx, func(snap *snapshot) error {
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
	_, err := x.store.PutRoot(ctx, Root{
		ID: id, Name: set.Name, Title: set.Title, Description: set.Description,
		Relative: set.Relative, Advertise: set.Advertise, Default: set.Default,
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
	if err := texts(set.Title, set.Description); err != nil || set.Advertise == "" {
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

// RemoveRoot removes an API Root with its Collections, Channels and grants.
func (s *Session) RemoveRoot(ctx context.Context, name string) error {
	return s.x.change(ctx, func(snap *snapshot) error {
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
	if r == nil || !s.seesRoot(snap, r) {
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
	rights := s.onServer(snap)
	if r.scope != OnServer {
		rights |= s.on(snap, resource{scope: OnRoot, root: r.root})
	}
	if r.scope == OnCollection || r.scope == OnChannel {
		rights |= s.on(snap, r)
	}
	switch {
	case rights.Has(Manage):
		return nil
	case s.managesAny(snap) != nil:
		return s.Missing() // to who manages nothing there is no administration
	}
	return taxii.Errorf(taxii.Forbidden, "this needs the right to manage %s", r.scope)
}

// managesAny tells whether the account may manage anything.
func (s *Session) managesAny(snap *snapshot) error {
	if s.operator {
		return nil
	}
	for _, id := range []int64{s.account.ID, snap.names[AnonymousName].ID} {
		for _, rights := range snap.grants[id] {
			if rights.Has(Manage) {
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
