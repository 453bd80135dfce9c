package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// sqliteScheme stands before the path of a file of SQLite.
const sqliteScheme = "sqlite:"

// mostPassword is far above the length of any password of a database.
const mostPassword = 4 << 10

// errStore says what store: takes. It never repeats what was given, which may
// hold a password.
var errStore = errors.New("needs nothing (a file in the data directory), sqlite:PATH, or a URL such as " +
	"postgres://hansom@db.example.com/hansom; in a URL, signs other than letters and digits in names and passwords are percent-encoded")

// postgresURL reads store: as a URL of PostgreSQL; nil if it is none.
func postgresURL(text string) (*url.URL, error) {
	if !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Fragment != "" || u.Hostname() == "" && u.Query().Get("host") == "" {
		return nil, errStore
	}
	if strings.Trim(u.Path, "/") == "" {
		return nil, errors.New("the URL names no database, as postgres://hansom@db.example.com/hansom does")
	}
	return u, nil
}

func (c *Config) checkStore() error {
	u, err := postgresURL(c.Store)
	switch file, isFile := strings.CutPrefix(c.Store, sqliteScheme); {
	case err != nil:
		return fmt.Errorf("store: %w", err)
	case c.Store != "" && u == nil && (!isFile || file == ""):
		return fmt.Errorf("store: %w", errStore)
	case c.StorePasswordFile != "" && u == nil:
		return errors.New("store_password_file: is for a store in PostgreSQL")
	case c.StorePasswordFile != "" && u.String() != withoutPassword(u):
		return errors.New("store and store_password_file: give the password in one of them")
	}
	return nil
}

// databaseFile is the file of the store, or "" where the store is in
// PostgreSQL.
func databaseFile(c Config) string {
	if file, ok := strings.CutPrefix(c.Store, sqliteScheme); ok {
		return file
	}
	if c.Store != "" {
		return ""
	}
	return filepath.Join(c.Data, "hansom.db")
}

// opens is what the store opens: a path, or a URL with the password. Where the
// configuration has none, that of PGPASSWORD or of a pgpass file is taken.
func (c *Config) opens() (string, error) {
	u, err := postgresURL(c.Store)
	switch {
	case err != nil:
		return "", err
	case u == nil:
		return databaseFile(*c), nil
	case c.StorePasswordFile == "":
		return c.Store, nil
	}
	f, err := os.Open(c.StorePasswordFile)
	if err != nil {
		return "", fmt.Errorf("store_password_file: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(f, mostPassword))
	if err != nil {
		return "", fmt.Errorf("store_password_file: %w", err)
	}
	u.User = url.UserPassword(u.User.Username(), strings.TrimRight(string(text), "\r\n"))
	return u.String(), nil
}

// StoreName is how the store is called in what people read: the path of its
// file, or its URL without a password.
func (c *Config) StoreName() string {
	if u, err := postgresURL(c.Store); err == nil && u != nil {
		return withoutPassword(u)
	}
	return databaseFile(*c)
}

// printable is store: as it may be printed.
func printable(store string) string {
	if u, err := postgresURL(store); err == nil && u != nil {
		return withoutPassword(u)
	}
	return store
}

// withoutPassword writes a URL of PostgreSQL without what is secret in it.
func withoutPassword(u *url.URL) string {
	open := *u
	if open.User != nil {
		open.User = url.User(open.User.Username())
	}
	query := open.Query()
	for _, secret := range []string{"password", "sslpassword"} {
		if query.Has(secret) {
			query.Del(secret)
			open.RawQuery = query.Encode()
		}
	}
	return open.String()
}

// From gives the value of a key as it is to be read outside of this folder: if
// it is a path that begins there, with the folder before it.
func From(folder, key, value string) string {
	file, scheme := value, ""
	if rest, ok := strings.CutPrefix(value, sqliteScheme); ok && key == "store" {
		file, scheme = rest, sqliteScheme
	} else if !isPath(key) {
		return value
	}
	if files := elements(value); len(files) > 1 { // of a list of files each
		for i, each := range files {
			files[i] = From(folder, key, each)
		}
		return strings.Join(files, ",")
	}
	if file == "" || filepath.IsAbs(file) {
		return value
	}
	return scheme + filepath.Join(folder, file)
}

// made tells whether there is a server to run: init makes the file of SQLite,
// and before any other store the data directory.
func (c *Config) made() error {
	need := databaseFile(*c)
	if need == "" {
		need = c.Data
	}
	if _, err := os.Stat(need); err != nil {
		return fmt.Errorf("there is no server in %s: make one with `hansom init --data %s` (%w)", c.Data, c.Data, err)
	}
	return nil
}

// furnished refuses a database of PostgreSQL in which init has made nothing: it
// is most likely another than was meant.
func (n *node) furnished(ctx context.Context) error {
	if databaseFile(n.conf) != "" {
		return nil
	}
	catalog, err := n.store.Catalog(ctx)
	if err == nil && len(catalog.Accounts) == 0 {
		err = fmt.Errorf("there is no server in the database %s: make one with `hansom init`", n.conf.StoreName())
	}
	return err
}
