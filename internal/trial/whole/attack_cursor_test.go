package whole_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// A list is what is read in pages, by its path and query, and who may read it.
type list struct {
	path, query string
	readers     string // accounts, between spaces
	next        string // what goes on after its first page
	named       bool   // its cursor is but the id of the last that was told
}

// ask reads a list from a cursor on.
func (l *list) ask(t *testing.T, s *trial.Server, account, cursor string) trial.Answer {
	t.Helper()
	return s.Get(t, account, l.path+"?"+l.query+"&next="+url.QueryEscape(cursor))
}

// A cursor is neither a key nor a map: played at every other list, by every
// account, it opens nothing.
func TestACursorOfOneListOpensNoOtherWhoeverHasIt(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K41")
	s := trial.Start(t, trial.Settings(t, "admin_https: true")...)
	lists := manyLists(t, s)
	for _, from := range lists {
		for _, to := range lists {
			for _, account := range []string{"admin", "member", "reader", ""} {
				a := to.ask(t, s, account, from.next)
				may, own := strings.Contains(to.readers, " "+account+" "), to == from
				var good bool
				switch {
				case own && may:
					good = a.Status == http.StatusOK
				case may && to.named:
					good = a.Status == http.StatusBadRequest || a.Status == http.StatusOK && partOf(t, a, s.Get(t, account, to.path))
				case may:
					good = a.Status == http.StatusBadRequest
				case account == "":
					good = a.Status == http.StatusUnauthorized
				default: // who sees a Collection elsewhere is told that it may not manage it
					good = a.Status == http.StatusNotFound || a.Status == http.StatusForbidden && account == "member"
				}
				if !good {
					t.Errorf("%s with a cursor of %s as %q: %d %.200s", to.path, from.path, account, a.Status, a.Body)
				}
			}
		}
	}
}

// partOf tells whether a list has nothing but what is in another.
func partOf(t *testing.T, part, all trial.Answer) bool {
	t.Helper()
	var page map[string]any
	part.JSON(t, &page)
	for _, items := range page {
		list, _ := items.([]any)
		for _, item := range list {
			if id, ok := item.(map[string]any)["id"].(string); !ok || !strings.Contains(string(all.Body), id) {
				return false
			}
		}
	}
	return true
}

// manyLists makes lists of every kind of which there is a second page, in two API
// Roots.
func manyLists(t *testing.T, s *trial.Server) (lists []*list) {
	t.Helper()
	const all, members, operators = " admin member reader ", " admin member ", " admin "
	s.Post(t, "admin", s.Collection(t, "operations"), envelopeOf(identity(1, 1, 1), identity(1, 1, 2), identity(1, 2, 1)))
	s.Post(t, "admin", s.Collection(t, "indicators"), envelopeOf(identity(1, 1, 1), identity(1, 1, 2), identity(1, 2, 1)))
	for alias, readers := range map[string]string{"indicators": all, "operations": operators} {
		c := s.Collection(t, alias)
		for _, rest := range []string{"/objects/", "/manifest/", "/objects/" + identityID(1, 1) + "/versions/"} {
			lists = append(lists, &list{path: c + rest, query: "limit=1", readers: readers})
		}
		lists = append(lists, &list{path: c + "/objects/" + identityID(1, 1) + "/", query: "limit=1&match[version]=all", readers: readers},
			&list{path: "/admin/roots" + c + "/objects/", query: "limit=1", readers: operators})
	}
	for _, name := range []string{"one", "two"} {
		c := s.NewChannel(t, name)
		for n := range 2 {
			c.Publish(t, envelopeOf(identity(2, n+1, 1)))
			status(t, s.Request(t, "member", "POST", c.Path+"subscriptions/", fmt.Appendf(nil, `{"name":"s%d"}`, n)), http.StatusCreated)
		}
		lists = append(lists, &list{path: c.Path + "messages/", query: "limit=1", readers: members},
			&list{path: c.Path + "subscriptions/", query: "limit=1", readers: members, named: true},
			&list{path: "/admin/roots/trust/channels/" + name + "/subscriptions/", query: "limit=1", readers: members, named: true})
	}
	lists = append(lists, &list{path: "/trust/channels/", query: "limit=1", readers: all, named: true})
	for _, l := range lists {
		owner := "admin"
		if strings.HasSuffix(l.path, "/subscriptions/") {
			owner = "member"
		}
		var page struct{ Next string }
		if a := s.Get(t, owner, l.path+"?"+l.query); a.Status == http.StatusOK {
			a.JSON(t, &page)
		}
		if l.next = page.Next; l.next == "" {
			t.Fatalf("%s has no second page: %+v", l.path, s.Get(t, owner, l.path+"?"+l.query))
		}
	}
	return lists
}
