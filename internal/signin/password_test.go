package signin

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/taxii"
)

func TestAHashIsOfItsPasswordAlone(t *testing.T) {
	t.Parallel()
	one, err := HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	two, err := HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	if one == two {
		t.Error("two hashes of one password are equal: there is no salt")
	}
	if !IsHash(one) || !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("%s is not in the usual form", one)
	}
	for text, want := range map[string]bool{password: true, password + " ": false, "": false} {
		if got := VerifyPassword(one, text); got != want {
			t.Errorf("%q against its hash: %v", text, got)
		}
	}
}

// hashed is a hash with its parts.
func hashed(cost string, salt, hash int) string {
	return "$argon2id$v=19$" + cost + "$" + strings.Repeat("A", salt) + "$" + strings.Repeat("A", hash)
}

func TestHashesFromElsewhereAreTakenOnlyInTheUsualFormAndCost(t *testing.T) {
	t.Parallel()
	const usualCost = "m=19456,t=2,p=1"
	if !IsHash(hashed(usualCost, 22, 43)) {
		t.Fatal("a hash in the usual form is not taken")
	}
	for what, text := range map[string]string{
		"empty":                   "",
		"a password":              password,
		"bcrypt":                  "$2y$10$abcdefghijklmnopqrstuuJ0Q5vX1r5h5r5h5r5h5r5h5r5h5r5h5",
		"argon2i":                 strings.Replace(hashed(usualCost, 22, 43), "argon2id", "argon2i", 1),
		"another version":         strings.Replace(hashed(usualCost, 22, 43), "v=19", "v=16", 1),
		"less memory":             hashed("m=8,t=2,p=1", 22, 43),
		"all memory":              hashed("m=4194304,t=2,p=1", 22, 43),
		"many passes":             hashed("m=19456,t=4294967295,p=1", 22, 43),
		"no passes":               hashed("m=19456,t=0,p=1", 22, 43),
		"no threads":              hashed("m=19456,t=2,p=0", 22, 43),
		"text after the cost":     hashed("m=19456,t=2,p=1x", 22, 43), // was taken, as all that follows
		"a sign in the cost":      hashed("m=+19456,t=2,p=1", 22, 43),
		"a zero before the cost":  hashed("m=019456,t=2,p=1", 22, 43),
		"a short salt":            hashed(usualCost, 11, 43),
		"no salt":                 hashed(usualCost, 0, 43),
		"a short hash":            hashed(usualCost, 22, 22),
		"no hash":                 hashed(usualCost, 22, 0),
		"a line end in the hash":  hashed(usualCost, 22, 43) + "\n",
		"bits that say nothing":   hashed(usualCost, 22, 42) + "B",
		"another part at its end": hashed(usualCost, 22, 43) + "$",
	} {
		if IsHash(text) {
			t.Errorf("%s: %q is taken", what, text)
		}
	}
}

func FuzzParseBasic(f *testing.F) {
	for _, text := range []string{"alice:secret", ":", "a:", ":b", "a:b:c", "ü:ö", "\xff:\xfe", ""} {
		f.Add("Basic " + base64.StdEncoding.EncodeToString([]byte(text)))
	}
	for _, text := range []string{"", "Basic", "Basic ", "basic YTpi", "BASIC  YTpi ", "Bearer abc", "Basic YTpi=", "Basic\tYTpi", "Basic YT\npi"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, password, err := parseBasic(text)
		if err != nil {
			if taxii.KindOf(err) != taxii.Unauthenticated || name != "" || password != "" {
				t.Fatalf("%q: %q %q %v", text, name, password, err)
			}
			return
		}
		if strings.Contains(name, ":") {
			t.Fatalf("%q: the name %q holds a colon", text, name)
		}
		again, secret, err := parseBasic(header("Basic", name, password))
		if err != nil || again != name || secret != password {
			t.Fatalf("%q: read as %q %q, and that as %q %q %v", text, name, password, again, secret, err)
		}
	})
}

func FuzzParseHash(f *testing.F) {
	for _, text := range []string{
		"", "$", "$$$$$", hashed("m=19456,t=2,p=1", 22, 43), hashed("m=8,t=1,p=1", 11, 22), hashed("m=262144,t=16,p=255", 86, 86),
		hashed("m=19456,t=2,p=1,", 22, 43), hashed("m=-1,t=2,p=1", 22, 43), hashed("m=19456, t=2, p=1", 22, 43), "$argon2id$v=19$m=8,t=1,p=1$$",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, salt, hash, err := parse(text)
		if err != nil {
			if IsHash(text) {
				t.Fatalf("%q is a hash and cannot be read: %v", text, err)
			}
			return
		}
		if c.memory > maxMemory || c.passes > maxPasses || c.passes == 0 || c.threads == 0 || len(salt) > 64 || len(hash) > 64 {
			t.Fatalf("%q: %+v, %d, %d", text, c, len(salt), len(hash))
		}
		if again := format(c, salt, hash); again != text {
			t.Fatalf("%q is read as %q", text, again)
		}
	})
}
