package exchange

import (
	"context"

	"github.com/hansom-taxii/hansom/taxii"
)

// The media types that a Collection stores. A manifest names one of them (R231).
const (
	mediaSTIX21 = "application/stix+json;version=2.1"
	mediaSTIX20 = "application/stix+json;version=2.0"
)

// Discovery gives the discovery resource: the API Roots that this account sees,
// here and elsewhere (R171-R181). The default is the one that the operator chose
// or, where this account does not see that, the first of those served here.
func (s *Session) Discovery(_ context.Context) (taxii.Discovery, error) {
	snap, d := s.x.now.Load(), taxii.Discovery{Title: s.x.opt.Title, Description: s.x.opt.Description, Contact: s.x.opt.Contact}
	chosen, first := "", ""
	for _, r := range snap.rootOrder {
		if !s.seesRoot(snap, r) {
			continue
		}
		address := s.x.address(r)
		d.APIRoots = append(d.APIRoots, address)
		if r.Default {
			chosen = address
		}
		if first == "" && r.Advertise == "" {
			first = address
		}
	}
	if d.Default = chosen; chosen == "" {
		d.Default = first
	}
	if s.anonymous && len(d.APIRoots) == 0 {
		return d, s.Missing()
	}
	return d, nil
}

// address is how discovery prints an API Root: an absolute URL that ends with a
// slash (K02), or a path where the operator chose that (R178).
func (x *Exchange) address(r *Root) string {
	switch {
	case r.Advertise != "":
		return r.Advertise
	case r.Relative:
		return pathOf(x.opt.PublicURL) + "/" + r.Name + "/"
	}
	return x.opt.PublicURL + "/" + r.Name + "/"
}

// Root gives the API Root resource (R183-R189).
func (s *Session) Root(_ context.Context, name string) (taxii.APIRoot, error) {
	r, err := s.root(s.x.now.Load(), name)
	if err != nil {
		return taxii.APIRoot{}, err
	}
	if r.Advertise != "" {
		return taxii.APIRoot{}, s.Missing()
	}
	return taxii.APIRoot{
		Title: r.Title, Description: r.Description,
		Versions: []string{taxii.MediaType}, MaxContentLength: s.x.opt.MaxContentLength,
	}, nil
}

// Collections lists the Collections of an API Root that the account sees, by id
// (R091, R210-R213).
func (s *Session) Collections(_ context.Context, root string) ([]taxii.Collection, error) {
	snap := s.x.now.Load()
	r, err := s.root(snap, root)
	if err != nil {
		return nil, err
	}
	var list []taxii.Collection
	for _, c := range snap.collections[r.ID] {
		if rights := s.onCollection(snap, r, c); rights != 0 {
			list = append(list, c.resource(rights))
		}
	}
	return list, nil
}

// Collection gives one Collection, by id or alias (R214-R220).
func (s *Session) Collection(_ context.Context, root, name string) (taxii.Collection, error) {
	_, c, rights, err := s.find(s.x.now.Load(), root, name)
	if err != nil {
		return taxii.Collection{}, err
	}
	return c.resource(rights), nil
}

func (c *Collection) resource(rights Rights) taxii.Collection {
	return taxii.Collection{
		ID: c.ID, Title: c.Title, Description: c.Description, Alias: c.Alias,
		CanRead: rights.Has(Read), CanWrite: rights.Has(Write),
		MediaTypes: []string{mediaSTIX21, mediaSTIX20},
	}
}

// MayAny tells that the account may see anything at all; without that every
// path is Missing to it.
func (s *Session) MayAny() bool {
	snap := s.x.now.Load()
	for _, r := range snap.rootOrder {
		if s.seesRoot(snap, r) {
			return true
		}
	}
	return s.onServer(snap) != 0
}
