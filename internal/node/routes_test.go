package node

import (
	"slices"
	"testing"

	"github.com/hansom-taxii/hansom/internal/signin"
)

// The table in internal/api/testdata/access.txt has a row for each of signin.Routes.
func TestANodeServesNoRouteAtItsDoorThatTheTableOfAccountsDoesNotKnow(t *testing.T) {
	c := Defaults()
	c.Data, c.PublicURL = t.TempDir(), "https://taxii.example.com"
	n, err := open(t.Context(), c, Options{makes: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.close(); err != nil {
			t.Error(err)
		}
	})
	if err := n.openDoor(); err != nil {
		t.Fatal(err)
	}
	if got, want := n.door.Routes(), signin.Routes(); !slices.Equal(got, want) {
		t.Errorf("the door serves %q, and the table is of %q", got, want)
	}
}
