package exchange

import (
	"cmp"
	"context"
	"regexp"
	"slices"

	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/taxii"
)

// CollectionSetting is a Collection as an operator states it.
type CollectionSetting struct {
	Root        string   `json:"root" yaml:"root"`
	ID          string   `json:"id,omitempty" yaml:"id,omitempty"` // UUIDv4 in lower case; made where it is absent (K06)
	Alias       string   `json:"alias,omitempty" yaml:"alias,omitempty"`
	Title       string   `json:"title" yaml:"title"` // unique in its API Root (K07)
	Description string   `json:"description,omitempty" yaml:"description,omitempty"`
	Validation  string   `json:"validation,omitempty" yaml:"validation,omitempty"` // off, shape (the default) or strict
	Types       []string `json:"types,omitempty" yaml:"types,omitempty"`           // accepted object types; absent: all
	Unmarked    string   `json:"unmarked,omitempty" yaml:"unmarked,omitempty"`     // marking level of objects without a TLP marking; absent: clear
}

var (
	aliasForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}$`)
	typeForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,249}$`)
)

// CollectionSettings lists the Collections that the account may manage, of one
// API Root or, for "", of all.
func (s *Session) CollectionSettings(_ context.Context, root string) ([]CollectionSetting, error) {
	snap, list := s.x.now.Load(), []CollectionSetting{}
	if err := s.managesAny(snap); err != nil {
		return nil, err
	}
	if r := snap.roots[root]; root != "" && (r == nil || !s.findsRoot(snap, r)) {
		return nil, absent(s, "no API Root %q", root)
	}
	for _, r := range snap.rootOrder {
		for _, c := range snap.collections[r.ID] {
			if (root == "" || r.Name == root) && s.managesItem(snap, OnCollection, r, c.ID) {
				list = append(list, c.setting(r))
			}
		}
	}
	return list, nil
}

func (c *Collection) setting(r *Root) CollectionSetting {
	return CollectionSetting{
		Root: r.Name, ID: c.ID, Alias: c.Alias, Title: c.Title, Description: c.Description,
		Validation: c.Validation, Types: slices.Clone(c.Types), Unmarked: unmarkedName(c.Unmarked),
	}
}

// CollectionSetting gives one Collection, by id or alias, with the number of
// its entries.
func (s *Session) CollectionSetting(ctx context.Context, root, name string) (CollectionSetting, int64, error) {
	snap := s.x.now.Load()
	r, c, err := s.managedCollection(snap, root, name)
	if err != nil {
		return CollectionSetting{}, 0, err
	}
	n, err := s.count(ctx, snap, r, c)
	return c.setting(r), n, err
}

// count gives the number of entries that the account sees, or could.
func (s *Session) count(ctx context.Context, snap *snapshot, r *Root, c *Collection) (n int64, err error) {
	ceiling := s.reach(snap, resource{OnCollection, r.ID, c.ID})
	if ceiling == NoCeiling {
		return s.x.store.Count(ctx, c.Feed)
	}
	levels, err := s.x.store.Levels(ctx, c.Feed)
	for level, of := range levels {
		if level <= ceiling {
			n += of
		}
	}
	return n, err
}

func (s *Session) managedCollection(snap *snapshot, root, name string) (*Root, *Collection, error) {
	r := snap.roots[root]
	if r == nil || !s.findsRoot(snap, r) {
		return nil, nil, absent(s, "no API Root %q", root)
	}
	c := snap.collection(r.ID, name)
	if c == nil || s.onCollection(snap, r, c) == 0 && !s.managesItem(snap, OnCollection, r, c.ID) {
		return nil, nil, absent(s, "no collection %q in %q", name, root)
	}
	return r, c, s.manages(snap, resource{OnCollection, r.ID, c.ID})
}

// AddCollection makes a Collection.
func (s *Session) AddCollection(ctx context.Context, set CollectionSetting) (CollectionSetting, error) {
	err := s.change(ctx, act{"collection.add", set.Root + "/collection/" + cmp.Or(set.Alias, set.ID)}, func(snap *snapshot) error {
		r, err := s.managedRoot(snap, set.Root)
		if err != nil {
			return err
		}
		if r.Advertise != "" {
			return taxii.Errorf(taxii.Unprocessable, "API Root %q is on another server", r.Name)
		}
		if set.ID == "" {
			set.ID = taxii.NewID()
		}
		if snap.byID[set.ID] != nil {
			return taxii.Errorf(taxii.Conflict, "there is a collection %s already", set.ID)
		}
		return s.x.putCollection(ctx, snap, r, &Collection{ID: set.ID, Root: r.ID}, &set)
	})
	return set, err
}

// SetCollection changes a Collection: edit is given its settings. Other names for
// it need the right to manage its API Root.
func (s *Session) SetCollection(ctx context.Context, root, name string, edit func(*CollectionSetting) error) (set CollectionSetting, err error) {
	err = s.x.leveling(ctx, func() (err error) { set, err = s.setCollection(ctx, root, name, edit); return err })
	return set, err
}

func (s *Session) setCollection(ctx context.Context, root, name string, edit func(*CollectionSetting) error) (set CollectionSetting, err error) {
	err = s.change(ctx, act{"collection.set", root + "/collection/" + name}, func(snap *snapshot) error {
		r, c, err := s.managedCollection(snap, root, name)
		if err != nil {
			return err
		}
		set = c.setting(r)
		if err := edit(&set); err != nil {
			return err
		}
		if set.ID != c.ID || set.Root != r.Name {
			return taxii.Errorf(taxii.Unprocessable, "a collection keeps its id and its API Root")
		}
		if err := s.mayName(snap, r, c, &set); err != nil {
			return err
		}
		return s.x.putCollection(ctx, snap, r, c, &set)
	})
	return set, err
}

// mayName tells whether the account may give a Collection these names. They are
// unique in the API Root, so an answer to whether one is free would tell of
// Collections that only who manages the root is sure to see.
func (s *Session) mayName(snap *snapshot, r *Root, c *Collection, set *CollectionSetting) error {
	if set.Title == c.Title && set.Alias == c.Alias || s.manages(snap, resource{scope: OnRoot, root: r.ID}) == nil {
		return nil
	}
	return taxii.Errorf(taxii.Forbidden, "title and alias are names in the API Root: changing them needs the right to manage it")
}

// putCollection checks settings and keeps them.
func (x *Exchange) putCollection(ctx context.Context, snap *snapshot, r *Root, c *Collection, set *CollectionSetting) error {
	if err := set.check(); err != nil {
		return err
	}
	unmarked, err := parseUnmarked(set.Unmarked)
	if err != nil {
		return err
	}
	for _, other := range snap.collections[r.ID] {
		if other.ID == c.ID {
			continue
		}
		if other.Title == set.Title {
			return taxii.Errorf(taxii.Conflict, "%q has a collection titled %q already: clients choose by title (K07)", r.Name, set.Title)
		}
		if set.Alias != "" && other.Alias == set.Alias {
			return taxii.Errorf(taxii.Conflict, "%q has a collection with alias %q already", r.Name, set.Alias)
		}
	}
	return x.store.PutCollection(ctx, Collection{
		ID: c.ID, Root: r.ID, Feed: c.Feed, Alias: set.Alias, Title: set.Title, Description: set.Description,
		Validation: set.Validation, Types: set.Types, Unmarked: unmarked,
	})
}

func (set *CollectionSetting) check() error {
	if set.Validation == "" {
		set.Validation = stix.Shape.String()
	}
	if _, err := stix.ParseValidation(set.Validation); err != nil {
		return invalid("validation", "must be off, shape or strict")
	}
	switch {
	case !taxii.IsID(set.ID):
		return invalid("id", "must be a UUID of version 4 in lower case (K06)")
	case set.Title == "":
		return invalid("title", "is needed")
	case set.Alias != "" && (!aliasForm.MatchString(set.Alias) || taxii.IsID(set.Alias)):
		return invalid("alias", "must be letters, digits, '.', '_', '~' or '-', at most 128, and no UUID")
	}
	if _, err := parseUnmarked(set.Unmarked); err != nil {
		return err
	}
	for _, t := range set.Types {
		if !typeForm.MatchString(t) {
			return invalid("types", "has "+t+", which is no object type")
		}
	}
	return texts(set.Title, set.Description)
}

// RemoveCollection removes a Collection: at once nobody sees it, and its name
// and alias are free; what it holds is purged in small steps.
func (s *Session) RemoveCollection(ctx context.Context, root, name string) error {
	return s.change(ctx, act{"collection.remove", root + "/collection/" + name}, func(snap *snapshot) error {
		r, c, err := s.managedCollection(snap, root, name)
		if err != nil {
			return err
		}
		if err := s.manages(snap, resource{scope: OnRoot, root: r.ID}); err != nil {
			return err
		}
		return s.x.store.RemoveCollection(ctx, c.ID)
	})
}

// level is the name of the level of what has no marking, "" for clear.
func (set *CollectionSetting) level() string { return defaulted(set.Unmarked) }
