package conformance

import (
	"net/url"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// world is what the server says it has, as the account sees it. All addresses are
// absolute and end in a slash.
type world struct {
	discovery taxii.Discovery
	roots     []string // the API Roots on this server that can be read, in the order of discovery
	root      string   // the one that holds the Collection to fill

	collections []taxii.Collection // of root, as listed
	writable    taxii.Collection
}

// at gives the same world behind another address.
func (w *world) at(from, to string) *world {
	moved := *w
	move := func(address string) string {
		if rest, ok := strings.CutPrefix(address, from); ok {
			return to + rest
		}
		return address
	}
	moved.root, moved.discovery.Default = move(w.root), move(w.discovery.Default)
	moved.roots = nil
	for _, r := range w.roots {
		moved.roots = append(moved.roots, move(r))
	}
	return &moved
}

// base is the server's address, without a slash at its end.
func (p *probe) base() string { return p.suite.target.base }

// discoveryURL is where the server is discovered.
func (p *probe) discoveryURL() string { return p.base() + "/taxii2/" }

// resolve gives the address that discovery means, which may be a path (R178).
func (p *probe) resolve(root string) string {
	from, err := url.Parse(p.discoveryURL())
	p.want(err == nil, "an address: %v", err)
	to, err := from.Parse(root)
	p.want(err == nil, "API Roots that are addresses: %v", err)
	return strings.TrimSuffix(to.String(), "/") + "/"
}

// world looks the server's places up, once in a run.
func (p *probe) world() *world {
	if p.suite.world == nil {
		p.suite.world = p.explore()
	}
	return p.suite.world
}

func (p *probe) explore() *world {
	w := new(world)
	a := p.get(p.discoveryURL())
	p.need(a.status == 200, "discovery at /taxii2/ can be read")
	p.read(a, &w.discovery)
	p.need(len(w.discovery.APIRoots) > 0, "discovery names an API Root")
	for _, name := range w.discovery.APIRoots {
		root := p.resolve(name)
		if !strings.HasPrefix(root, p.base()+"/") {
			continue // of another server, for which this account is not meant
		}
		if p.get(root).status != 200 {
			continue
		}
		w.roots = append(w.roots, root)
		p.look(w, root)
	}
	p.need(w.root != "", "an API Root of this server has the Collection %s", p.suite.target.Writable)
	p.need(w.writable.CanRead && w.writable.CanWrite, "the Collection %s can be read and written", p.suite.target.Writable)
	return w
}

// look looks for the Collection to fill in one API Root.
func (p *probe) look(w *world, root string) {
	a := p.get(root + "collections/")
	if w.root != "" || a.status != 200 {
		return
	}
	var list taxii.Collections
	p.read(a, &list)
	for _, c := range list.Collections {
		if name := p.suite.target.Writable; c.ID == name || c.Alias != "" && c.Alias == name {
			w.root, w.collections, w.writable = root, list.Collections, c
		}
	}
}

// collection is the address of a Collection of the same API Root.
func (p *probe) collection(id string) string { return p.world().root + "collections/" + id + "/" }

// objects is the address of the objects of the Collection that is filled, with a
// query of names and values in turn, escaped as clients do.
func (p *probe) objects(query ...string) string {
	return p.collection(p.world().writable.ID) + "objects/" + asked(query)
}

// manifest is the address of the manifest of the same Collection.
func (p *probe) manifest(query ...string) string {
	return p.collection(p.world().writable.ID) + "manifest/" + asked(query)
}

// object1 is the address of one object there.
func (p *probe) object1(id string, query ...string) string {
	return p.objects() + url.PathEscape(id) + "/" + asked(query)
}

// versions is the address of the versions of one object there.
func (p *probe) versions(id string, query ...string) string {
	return p.objects() + url.PathEscape(id) + "/versions/" + asked(query)
}

// statusURL is the address of a Status.
func (p *probe) statusURL(id string) string {
	return p.world().root + "status/" + url.PathEscape(id) + "/"
}

// asked writes a query of names and values in turn.
func asked(pairs []string) string {
	if len(pairs) == 0 {
		return ""
	}
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		sep := "&"
		if i == 0 {
			sep = "?"
		}
		b.WriteString(sep + url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1]))
	}
	return b.String()
}
