package whole_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
	_ "modernc.org/sqlite" // to look at what is in the table of secrets

	"github.com/hansom-taxii/hansom/internal/trial"
)

// TestNoFileAndNoLogHoldsASecret makes every kind of secret, uses it well and
// badly, and greps all that the server wrote: the files of its data directory,
// while it runs and after it, its log with all that debug says, what the verbs
// print, and both kinds of backups that docs/operate describes.
func TestNoFileAndNoLogHoldsASecret(t *testing.T) {
	trial.Covers(t, "K26")
	t.Parallel()
	s := trial.Start(t)
	secrets := map[string]string{}
	for _, a := range s.Accounts {
		secrets["the password of "+a.Name] = a.Password
	}
	s.Stop(t)
	log := serving(t, s)
	printed := administer(t, s, secrets)
	use(t, s, secrets)
	exported := exports(t, s)
	master := masterKey(t, s.Dir)
	needles := map[string][]byte{}
	for what, secret := range secrets {
		name := what[strings.LastIndexByte(what, ' ')+1:]
		hide(needles, what, []byte(secret))
		hide(needles, "Authorization with "+what, []byte(name+":"+secret))
	}
	hide(needles, "the master key", master)
	tls := privateKeys(t, s.Dir, needles)
	grep(t, "while it runs", s.Dir, tls, needles)
	log.stop()
	for kid, key := range cursorKeys(t, s.Dir, master) {
		hide(needles, "the cursor key "+kid, key)
	}
	grep(t, "after it was stopped", s.Dir, tls, needles)
	saved := copied(t, s.Dir)
	grep(t, "in a backup", saved, tls, needles)
	hashed(t, filesBelow(t, saved)["hansom.db"], exported["apply --from-server"])
	for verb, text := range exported {
		find(t, "what "+verb+" gives", text, needles)
	}
	find(t, "its log", log.text.Bytes(), needles)
	find(t, "what the verbs print", printed, needles)
	if lines := bytes.Count(log.text.Bytes(), []byte("\n")); lines < 10 {
		t.Errorf("a log of %d lines shows nothing", lines)
	}
}

// serveProcess is `hansom serve` on the data of a demo.
type serveProcess struct {
	text bytes.Buffer // its log; read it after stop
	stop func()
}

// serving starts `hansom serve`, which says more than the demo, on the data of
// a demo that has been stopped, and lets the test's requests go there.
func serving(t *testing.T, s *trial.Server) *serveProcess {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, trial.Binary(t), "serve", "--data", s.Dir, "--listen", "127.0.0.1:0", "--log-level", "debug")
	cmd.Env = trial.Environ()
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p, address, ended := &serveProcess{}, make(chan string, 1), make(chan struct{})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.text.Write(append(lines.Bytes(), '\n'))
			var line struct{ Msg, Listen string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
				address <- line.Listen
			}
		}
	}()
	stopped := false
	p.stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(35*time.Second, cancel)
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("serve ended with %v\n%s", err, &p.text)
		}
		late.Stop()
		cancel()
	}
	t.Cleanup(p.stop)
	select {
	case listen := <-address:
		s.URL = "https://" + listen
	case <-ended:
		stopped = true
		t.Fatalf("serve: %v\n%s", cmd.Wait(), &p.text)
	case <-time.After(time.Minute):
		t.Fatal("serve does not serve")
	}
	return p
}

// administer makes accounts, changes passwords and turns keys, and gives what
// the verbs print of it that is no new secret.
func administer(t *testing.T, s *trial.Server, secrets map[string]string) []byte {
	t.Helper()
	var printed []string
	secrets["the password of harbour"] = "sesame \"of\" the harbour: käse & \\slash"
	printed = append(printed, hansom(t, s.Dir, secrets["the password of harbour"]+"\n", "account", "add", "harbour", "--password-stdin", "--json"))
	var made struct{ Password string }
	out := hansom(t, s.Dir, "", "account", "add", "pilot", "--json")
	if err := json.Unmarshal([]byte(out), &made); err != nil || len(made.Password) < 16 {
		t.Fatalf("%v, or no password, in %s", err, out)
	}
	secrets["the password of pilot"] = made.Password
	secrets["the new password of reader"] = "another one for the reader"
	printed = append(printed, hansom(t, s.Dir, secrets["the new password of reader"], "account", "password", "reader", "--password-stdin"),
		hansom(t, s.Dir, "", "grant", "add", "harbour", "read", "--on", "trust"))
	for range 3 {
		printed = append(printed, hansom(t, s.Dir, "", "keys", "rotate", "--json"))
	}
	for _, verb := range [][]string{{"keys", "list"}, {"keys", "list", "--json"}, {"account", "list", "--json"}, {"account", "show", "pilot"}, {"grant", "list"}, {"apply", "--from-server"}} {
		printed = append(printed, hansom(t, s.Dir, "", verb...))
	}
	return []byte(strings.Join(printed, "\n"))
}

// exports makes the backup of a running server: every Collection with its
// records, and what is declared. It gives what each verb prints.
func exports(t *testing.T, s *trial.Server) map[string][]byte {
	t.Helper()
	declared := hansom(t, s.Dir, "", "apply", "--from-server")
	if !strings.Contains(declared, "pilot") {
		t.Errorf("what is declared lacks an account:\n%s", declared)
	}
	texts := map[string][]byte{"apply --from-server": []byte(declared)}
	for _, c := range s.Collections {
		name := strings.Trim(c.Root, "/") + "/" + c.ID
		texts["export --records "+name] = []byte(hansom(t, s.Dir, "", "export", name, "--records"))
	}
	if len(bytes.Join(slices.Collect(maps.Values(texts)), nil)) < 10_000 {
		t.Error("the exports hold next to nothing")
	}
	return texts
}

// hashed sees that backups hold hashes of passwords, as they should: else there
// would be no passwords in them to look for.
func hashed(t *testing.T, store, declared []byte) {
	t.Helper()
	for where, text := range map[string][]byte{"the copy of the store": store, "what apply --from-server gives": declared} {
		if !bytes.Contains(text, []byte("$argon2id$")) {
			t.Errorf("no hash of a password is in %s", where)
		}
	}
}

// use sends secrets to the server: where they belong, wrong ones, and where
// they do not belong.
func use(t *testing.T, s *trial.Server, secrets map[string]string) {
	t.Helper()
	objects := s.Collection(t, "indicators") + "/objects/"
	for what, password := range secrets {
		name, want := what[strings.LastIndexByte(what, ' ')+1:], 200
		switch {
		case what == "the password of reader":
			want = 401 // it has another now
		case name == "pilot":
			want = 404
		}
		status(t, s.Get(t, "", objects+"?limit=2", basic(name, password)), want)
		status(t, s.Get(t, "", objects+"?limit=2", basic("nobody", password)), 401)
		status(t, s.Get(t, "", objects+"?limit=2", basic(name, "")), 401)
		status(t, s.Get(t, "", objects+"?password="+strings.Map(onlyWord, password)), 401)
		status(t, s.Get(t, "", objects, "Authorization: Bearer "+strings.Map(onlyWord, password)), 401)
	}
	wrong := "nearly the right password"
	status(t, s.Get(t, "", objects, basic("harbour", wrong)), 401)
	secrets["a wrong password of harbour"] = wrong
	status(t, s.Request(t, "", "POST", objects, []byte(`{"objects":[]}`), basic("harbour", secrets["the password of harbour"])), 403)
}

// onlyWord keeps of a text what may stand anywhere.
func onlyWord(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// hide adds the forms in which a secret could have been written down.
func hide(needles map[string][]byte, what string, secret []byte) {
	needles[what] = secret
	needles[what+", in JSON"], _ = json.Marshal(string(secret))
	needles[what+", in JSON"] = bytes.Trim(needles[what+", in JSON"], `"`)
	needles[what+", in hexadecimal"] = []byte(hex.EncodeToString(secret))
	needles[what+", in capital hexadecimal"] = bytes.ToUpper([]byte(hex.EncodeToString(secret)))
	needles[what+", in base64"] = []byte(base64.RawStdEncoding.EncodeToString(secret))
	needles[what+", in base64 for URLs"] = []byte(base64.RawURLEncoding.EncodeToString(secret))
	if word := strings.Map(onlyWord, string(secret)); len(word) >= 8 {
		needles[what+", without signs"] = []byte(word)
	}
}

// masterKey reads the key file.
func masterKey(t *testing.T, dir string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != chacha20poly1305.KeySize {
		t.Fatalf("a master key of %d octets, %v", len(key), err)
	}
	return key
}

// privateKeys adds the lines of the private keys of TLS to what is looked for,
// and gives the files that hold them.
func privateKeys(t *testing.T, dir string, needles map[string][]byte) (files map[string]bool) {
	t.Helper()
	files = map[string]bool{}
	for file, content := range filesBelow(t, dir) {
		_, text, ok := bytes.Cut(content, []byte("PRIVATE KEY-----\n"))
		if !ok {
			continue
		}
		files[file] = true
		line, _, _ := bytes.Cut(text, []byte("\n"))
		needles["the private key in "+file] = line
	}
	if len(files) == 0 {
		t.Error("no private key was found")
	}
	return files
}

// cursorKeys opens the secrets that the store holds sealed, of a server that
// has been stopped.
func cursorKeys(t *testing.T, dir string, master []byte) map[string][]byte {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "hansom.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // only read
	rows, err := db.QueryContext(t.Context(), "select purpose, kid, sealed from secrets")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	aead, err := chacha20poly1305.NewX(master)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string][]byte{}
	for rows.Next() {
		var purpose, kid string
		var sealed []byte
		if err := rows.Scan(&purpose, &kid, &sealed); err != nil {
			t.Fatal(err)
		}
		nonce, text := sealed[:aead.NonceSize()], sealed[aead.NonceSize():]
		if keys[kid], err = aead.Open(nil, nonce, text, []byte(purpose+"\x00"+kid)); err != nil {
			t.Fatalf("the %s key %s is not sealed with the master key: %v", purpose, kid, err)
		}
	}
	if err := rows.Err(); err != nil || len(keys) < 4 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	return keys
}

// filesBelow reads all regular files below a folder, by their names relative to
// it. A file may go while it is looked for.
func filesBelow(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			return nil
		}
		rel, _ := filepath.Rel(dir, name)
		files[rel] = content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// grep looks for secrets in the files of a data directory but those whose
// purpose it is to hold one: the demo's own memory, the key file and private
// keys. In these they must be found: else this looks for something else.
func grep(t *testing.T, when, dir string, tls map[string]bool, needles map[string][]byte) {
	t.Helper()
	for file, content := range filesBelow(t, dir) {
		if own := map[string]string{"demo.json": "the password of member", "key": "the master key, in base64"}[file]; own != "" || tls[file] {
			if own != "" && !bytes.Contains(content, needles[own]) {
				t.Errorf("%s is not found in %s", own, file)
			}
			continue
		}
		find(t, file+" "+when, content, needles)
	}
}

func find(t *testing.T, where string, content []byte, needles map[string][]byte) {
	t.Helper()
	for what, needle := range needles {
		if bytes.Contains(content, needle) {
			t.Errorf("%s is in %s", what, where)
		}
	}
}

func TestWhatIsSecretIsReadByItsOwnerAlone(t *testing.T) {
	t.Parallel()
	s := trial.Start(t)
	s.Load(t, "admin", s.Collection(t, "indicators"), 1<<20, identity(91, 1, 1)) // so that there is a log of writes
	seen := map[string]bool{}
	err := filepath.WalkDir(s.Dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(s.Dir, name)
		seen[filepath.ToSlash(rel)] = true
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		public := strings.HasSuffix(name, ".pem") && strings.Contains(rel, "tls") && !strings.Contains(rel, "key")
		if got := info.Mode().Perm(); got != want && !public {
			t.Errorf("%s has mode %v, want %v", rel, got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".", "demo.json", "key", "lock", "hansom.db", "hansom.db-wal", "hansom.db-shm", "control.sock"} {
		if !seen[name] {
			t.Errorf("there is no %s", name)
		}
	}
}
