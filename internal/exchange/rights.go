package exchange

import (
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// Rights is a set of rights, kept as one integer. No right implies another.
type Rights uint8

// The rights.
const (
	Read   Rights = 1 << iota // get objects, manifests and versions; follow, own Subscriptions
	Write                     // add objects; publish
	Manage                    // change settings and grants, read every Status
	Create                    // make Channels in an API Root
	Push                      // have Messages sent to a URL
)

// Has tells whether all of need are in r.
func (r Rights) Has(need Rights) bool { return r&need == need }

// List gives the names of the rights, in a fixed order.
func (r Rights) List() []string {
	var names []string
	for i, name := range rightNames {
		if r.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// String gives "read,write", or "none".
func (r Rights) String() string {
	if r == 0 {
		return "none"
	}
	return strings.Join(r.List(), ",")
}

var rightNames = [...]string{"read", "write", "manage", "create", "push"}

// ParseRights reads names of rights, each read, write, manage, create or push;
// all is the first three.
func ParseRights(names []string) (Rights, error) {
	var r Rights
	for _, name := range names {
		switch name {
		case "read":
			r |= Read
		case "write":
			r |= Write
		case "manage":
			r |= Manage
		case "create":
			r |= Create
		case "push":
			r |= Push
		case "all":
			r |= Read | Write | Manage
		default:
			return 0, taxii.Errorf(taxii.Unprocessable, "unknown right %q: rights are read, write, manage, create, push, or all", name)
		}
	}
	return r, nil
}
