package exchange

import (
	"crypto/cipher"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
	"golang.org/x/crypto/chacha20poly1305"
)

// sealer is an exchange with a key and nothing else: enough to seal cursors.
func sealer(t testing.TB) *Exchange {
	t.Helper()
	aead, err := chacha20poly1305.NewX(make([]byte, chacha20poly1305.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	x := &Exchange{}
	x.now.Store(&snapshot{keys: map[string]cipher.AEAD{"00000001": aead}, active: "00000001"})
	return x
}

func sealed(t testing.TB, x *Exchange, f taxii.Filter) string {
	t.Helper()
	v := &View{s: &Session{x: x, account: &Account{}}, coll: &Collection{ID: "c"}, target: Target{Endpoint: Objects}, filter: f}
	next, err := v.cursor(&Page{LastPlace: 7, Last: 1_000})
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestACursorComesBackAsItWasSealed(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R150", "K40", "K43")
	x := sealer(t)
	f := taxii.Filter{Types: []string{"indicator"}, Versions: []string{"all"}}
	next := sealed(t, x, f)
	if strings.Trim(next, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("%q has characters that a URL would escape", next)
	}
	p, err := x.openCursor(next)
	if err != nil {
		t.Fatal(err)
	}
	if p.Place != 7 || p.Date != 1_000 || p.Query != f.Encode() {
		t.Errorf("opened %+v", p)
	}
	for i := range next {
		changed := next[:i] + string('A'+(next[i]-'A'+1)%26) + next[i+1:]
		if _, err := x.openCursor(changed); changed != next && taxii.KindOf(err) != taxii.Malformed {
			t.Fatalf("a cursor changed at %d opens: %v", i, err)
		}
	}
}

func TestParametersBesideACursorMustAgreeWithIt(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K40")
	at, other := taxii.Time(5), taxii.Time(6)
	was := taxii.Filter{AddedAfter: &at, Types: []string{"a", "b"}, Versions: []string{"first", "last"}}
	for name, c := range map[string]struct {
		now   taxii.Filter
		names string
	}{
		"none":               {taxii.Filter{}, ""},
		"the same":           {was, ""},
		"in another order":   {taxii.Filter{Types: []string{"b", "a"}}, ""},
		"another date":       {taxii.Filter{AddedAfter: &other}, "added_after"},
		"fewer types":        {taxii.Filter{Types: []string{"a"}}, "match[type]"},
		"ids out of nowhere": {taxii.Filter{IDs: []string{"a"}}, "match[id]"},
		"another version":    {taxii.Filter{Versions: []string{"all"}}, "match[version]"},
		"a spec_version":     {taxii.Filter{SpecVersions: []string{"2.1"}}, "match[spec_version]"},
	} {
		err := agree(c.now, was)
		if (err == nil) != (c.names == "") || err != nil && !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	x := sealer(f)
	f.Add(sealed(f, x, taxii.Filter{}))
	f.Add("")
	f.Add("AAAA")
	f.Add(strings.Repeat("A", 100))
	f.Fuzz(func(t *testing.T, next string) {
		if _, err := x.openCursor(next); err != nil && taxii.KindOf(err) != taxii.Malformed {
			t.Errorf("%q: %v", next, err)
		}
	})
}
