package node

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAStoreIsAFileInTheDataDirectoryAFileElsewhereOrADatabase(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("p@ss/word \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ store, passwordFile, opens, name string }{
		{"", "", "dir/hansom.db", "dir/hansom.db"},
		{"sqlite:other/h.db", "", "other/h.db", "other/h.db"},
		{"sqlite:/var/h.db", "", "/var/h.db", "/var/h.db"},
		{"postgres://h@db/hansom", "", "postgres://h@db/hansom", "postgres://h@db/hansom"},
		{"postgresql://h:very-secret@db:5433/hansom?sslmode=verify-full", "", "postgresql://h:very-secret@db:5433/hansom?sslmode=verify-full", "postgresql://h@db:5433/hansom?sslmode=verify-full"},
		{"postgres:///hansom?host=/run/postgresql&password=very-secret", "", "postgres:///hansom?host=/run/postgresql&password=very-secret", "postgres:///hansom?host=%2Frun%2Fpostgresql"},
		{"postgres://h@db/hansom?sslmode=require&sslpassword=very-secret", "", "postgres://h@db/hansom?sslmode=require&sslpassword=very-secret", "postgres://h@db/hansom?sslmode=require"},
		{"postgres://h@db/hansom", secret, "postgres://h:p%40ss%2Fword%20@db/hansom", "postgres://h@db/hansom"},
	} {
		got := Defaults()
		got.Data, got.Store, got.StorePasswordFile = "dir", c.store, c.passwordFile
		if err := got.check(); err != nil {
			t.Errorf("%s: %v", c.store, err)
			continue
		}
		opens, err := got.opens()
		if err != nil || opens != c.opens || got.StoreName() != c.name {
			t.Errorf("%s: opens %q, %v, and is called %q; want %q and %q", c.store, opens, err, got.StoreName(), c.opens, c.name)
		}
	}
}

func TestAStoreThatIsNoneIsRefusedInWordsWithoutAPassword(t *testing.T) {
	for _, c := range []struct{ store, passwordFile, want string }{
		{"hansom.db", "", "store: needs nothing"},
		{"sqlite:", "", "store: needs nothing"},
		{"mysql://h:very-secret@db/hansom", "", "store: needs nothing"},
		{"host=db password=very-secret", "", "store: needs nothing"},
		{"postgres://h:very-secret%zz@db/hansom", "", "store: needs nothing"},
		{"postgres://h:very-secret/#@db/hansom", "", "store: needs nothing"},
		{"postgres://h:very-secret@db:port/hansom", "", "store: needs nothing"},
		{"postgres://h:very-secret@/hansom", "", "store: needs nothing"},
		{"postgres://h:very-secret@db/", "", "store: the URL names no database"},
		{"", "file", "store_password_file: is for a store in PostgreSQL"},
		{"sqlite:h.db", "file", "store_password_file: is for a store in PostgreSQL"},
		{"postgres://h:very-secret@db/hansom", "file", "store and store_password_file: give the password in one of them"},
		{"postgres://h@db/hansom?password=very-secret", "file", "store and store_password_file: give the password in one of them"},
	} {
		_, err := Load("", nil, map[string]string{"store": c.store, "store_password_file": c.passwordFile})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "very-secret") {
			t.Errorf("%s: got %v, want %q", c.store, err, c.want)
		}
	}
}

func TestAFileOfTheStoreIsRelativeToTheConfigurationAndPrintedWhole(t *testing.T) {
	file := write(t, "store: sqlite:db/h.db\n")
	got, err := Load(file, nil, nil)
	if want := "sqlite:" + filepath.Join(filepath.Dir(file), "db/h.db"); err != nil || got.Store != want {
		t.Errorf("got %q, %v, want %q", got.Store, err, want)
	}
	got.Store = "sqlite:db/h.db"
	var out bytes.Buffer
	if err := got.Print(&out); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if want := "\nstore: sqlite:" + filepath.Join(here, "db/h.db") + "\n"; err != nil || !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, &out)
	}
}

func TestThePasswordOfADatabaseStandsInTheFileOfInitAndIsNotPrinted(t *testing.T) {
	c := Defaults()
	c.Store = "postgres://h:very-secret@db/hansom"
	var printed, kept bytes.Buffer
	if err := c.Print(&printed); err != nil {
		t.Fatal(err)
	}
	if err := c.Template(&kept); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(printed.String(), "\nstore: postgres://h@db/hansom\n") || strings.Contains(printed.String(), "very-secret") {
		t.Errorf("printed:\n%s", &printed)
	}
	if !strings.Contains(kept.String(), "\nstore: postgres://h:very-secret@db/hansom\n") {
		t.Errorf("kept:\n%s", &kept)
	}
}

func TestTwoDataDirectoriesDoNotShareAFileOfTheStore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "h.db")
	first, second := Defaults(), Defaults()
	first.Data, second.Data = t.TempDir(), t.TempDir()
	first.Store, second.Store = "sqlite:"+file, "sqlite:"+file
	n, err := open(t.Context(), first, Options{makes: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t.Context(), second, Options{}); err == nil || !strings.Contains(err.Error(), "another process uses this store") {
		t.Errorf("opened twice: %v", err)
	}
	if err := n.close(); err != nil {
		t.Fatal(err)
	}
	_, err = open(t.Context(), second, Options{})
	if err == nil || !strings.Contains(err.Error(), "this is not the master key with which the store was made") {
		t.Errorf("opened with another key: %v", err)
	}
	if n, err = open(t.Context(), first, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
}
