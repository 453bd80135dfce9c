package whole_test

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

func TestGeneratedContentComesBackByteForByteFromPostgreSQL(t *testing.T) {
	trial.Covers(t, "R090", "R105", "R111", "R141", "R142", "R232", "R236", "K40", "K44", "K54")
	t.Parallel()
	s := trial.PostgreSQL.Start(t, "--empty")
	objects := trial.Objects(6, generated/8)
	posted, imported := s.Collection(t, "indicators"), s.Collection(t, "reports")
	s.Load(t, "admin", posted, mostOctets(t, s)/16, objects...)
	importing(t, s, "trust/reports", objects)
	again := hansom(t, s.Dir, "", "import", bundled(t, objects), "--to", "trust/reports", "--json")
	if !strings.Contains(again, `"new":0,`) || !strings.Contains(again, `"failed":0}`) {
		t.Errorf("imported again: %s", again)
	}
	all := func() {
		t.Helper()
		for i, path := range []string{posted, imported} {
			for j, limit := range []int{7, 1000} {
				f := &trial.Follower{Server: s, Account: "admin", Path: path, Limit: limit, Query: trial.AllVersions, ByDate: i == j}
				trial.Same(t, path, trial.Walk(t, f), objects)
			}
		}
	}
	all()
	latest := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: posted, Limit: 100})
	s.Kill(t)
	s.Run(t)
	all()
	trial.Same(t, "the latest versions", trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: posted, Limit: 100}), latest)
}

// TestTheDemoOnPostgreSQLAnswersCurl is the same as of `make smoke`, for the
// other engine.
func TestTheDemoOnPostgreSQLAnswersCurl(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bash", "curl", "realpath"} {
		_, err := exec.LookPath(name)
		trial.Need(t, err == nil, name)
	}
	store := trial.Postgres(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	smoke := exec.CommandContext(ctx, "bash", filepath.Join("..", "..", "..", ".ci", "smoke"), trial.Binary(t))
	smoke.Env = append(trial.Environ(), "HANSOM_STORE="+store)
	if text, err := smoke.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

// on runs a verb on a data directory whose store is in PostgreSQL, and gives
// all that it prints. It never prints the password.
func on(t *testing.T, store, dir string, args ...string) (text string, err error) {
	t.Helper()
	return within(t, []string{"HANSOM_STORE=" + store}, store, dir, args...)
}

// within is on with other variables.
func within(t *testing.T, env []string, store, dir string, args ...string) (text string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, trial.Binary(t), append(args, "--data", dir)...)
	cmd.Env = append(trial.Environ(), env...)
	cmd.Stdin = strings.NewReader("correct horse battery\n")
	out, err := cmd.CombinedOutput()
	if password := passwordOf(t, store); password != "" && bytes.Contains(out, []byte(password)) {
		t.Errorf("hansom %q prints the password of the database:\n%s", args, out)
	}
	return string(out), err
}

func passwordOf(t *testing.T, store string) string {
	t.Helper()
	u, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	return password
}

func TestTheVerbsWorkOnPostgreSQLWithAndWithoutAServer(t *testing.T) {
	t.Parallel()
	store, dir := trial.Postgres(t), filepath.Join(t.TempDir(), "data")
	if text, err := on(t, "", dir, "init", "--password-stdin", "--listen", "127.0.0.1:0", "--store", store); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	declared := filepath.Join(t.TempDir(), "state.yaml")
	write(t, declared, []byte("roots: [{name: feeds, title: Feeds}]\ncollections: [{root: feeds, alias: all, title: All}]\n"))
	work := func(step string, args ...string) string {
		t.Helper()
		text, err := on(t, "", dir, args...) // init has written the store into the configuration
		if err != nil {
			t.Fatalf("%s: hansom %q: %v\n%s", step, args, err, text)
		}
		return text
	}
	first, second := identity(60, 1, 1), identity(60, 2, 1)
	file := func(object []byte) string {
		name := filepath.Join(t.TempDir(), "bundle.json")
		write(t, name, trial.Envelope(object))
		return name
	}
	work("stopped", "apply", declared, "--yes")
	work("stopped", "import", file(first), "--to", "feeds/all")
	work("stopped", "keys", "rotate")
	if text := work("stopped", "apply", declared, "--yes"); !strings.Contains(text, "nothing to do") {
		t.Errorf("applied again: %s", text)
	}
	if text := work("stopped", "serve", "--print-config"); !strings.Contains(text, "\nstore: postgres://hansom@127.0.0.1:") && os.Getenv(trial.PostgresVariable) == "" {
		t.Errorf("no store in the configuration that is printed:\n%s", text)
	}

	server := exec.Command(trial.Binary(t), "serve", "--data", dir)
	server.Env = trial.Environ()
	var log bytes.Buffer
	server.Stderr = &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill() }) // it has ended, unless something failed
	work("running", "import", file(second), "--to", "feeds/all")
	exported := work("running", "export", "feeds/all", "--format", "ndjson")
	if want := string(first) + "\n" + string(second) + "\n"; exported != want {
		t.Errorf("exported\n%swant\n%s", exported, want)
	}
	if text := work("running", "keys", "list"); strings.Count(text, "cursor") != 2 {
		t.Errorf("the keys are\n%s", text)
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil || bytes.Contains(log.Bytes(), []byte(passwordOf(t, store))) {
		t.Errorf("the server ended with %v\n%s", err, &log)
	}
}

func TestThePasswordOfADatabaseMayStandElsewhere(t *testing.T) {
	t.Parallel()
	if os.Getenv(trial.PostgresVariable) != "" {
		trial.Lacks(t, "a PostgreSQL that surely asks for a password")
	}
	store, dir := trial.Postgres(t), t.TempDir()
	if text, err := on(t, store, dir, "init", "--password-stdin"); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	u, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	secret := passwordOf(t, store)
	u.User = url.User(u.User.Username())
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "secret")
		write(t, name, []byte(text+"\n"))
		return name
	}
	without := "HANSOM_STORE=" + u.String()
	for what, env := range map[string][]string{
		"a file":     {without, "HANSOM_STORE_PASSWORD_FILE=" + file(secret)},
		"PGPASSWORD": {without, "PGPASSWORD=" + secret},
		"pgpass":     {without, "PGPASSFILE=" + file("*:*:*:*:"+secret)},
		"the URL":    {"HANSOM_STORE=" + store, "PGPASSWORD=another"},
	} {
		if text, err := within(t, env, store, dir, "root", "list"); err != nil {
			t.Errorf("%s: %v\n%s", what, err, text)
		}
	}
	if text, err := within(t, []string{without, "PGPASSFILE=" + file("")}, store, dir, "root", "list"); err == nil || !strings.Contains(text, "does not let") {
		t.Errorf("without a password: %v\n%s", err, text)
	}
}

func TestADatabaseThatDoesNotLetHansomInIsNamedWithWhatToDo(t *testing.T) {
	t.Parallel()
	store, dir := trial.Postgres(t), filepath.Join(t.TempDir(), "data")
	u, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	fails := func(what, store, dir string, args []string, want ...string) {
		t.Helper()
		text, err := on(t, store, dir, args...)
		for _, w := range want {
			if err == nil || !strings.Contains(text, w) {
				t.Errorf("%s: %v, no %q in\n%s", what, err, w, text)
			}
		}
	}
	made := []string{"init", "--password-stdin", "--listen", "127.0.0.1:0"}
	absent := *u
	absent.Path = "/hansom_not_there"
	fails("no such database", absent.String(), dir, made, `there is no database "hansom_not_there"`, "createdb")
	if os.Getenv(trial.PostgresVariable) == "" { // another may ask for no password
		wrong := *u
		wrong.User = url.UserPassword(u.User.Username(), "not-the-password")
		fails("a wrong password", wrong.String(), dir, made, "does not let", "password")
	}
	fails("no server yet", store, t.TempDir(), []string{"root", "list"}, "there is no server in the database postgres://", "hansom init")
	fails("no data directory", store, dir+"-not-there", []string{"serve"}, "there is no server in "+dir+"-not-there")

	if text, err := on(t, store, dir, made...); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	fails("another master key", store, t.TempDir(), []string{"root", "list"}, "this is not the master key with which the store was made")
	fails("init again", store, t.TempDir(), made, "this is not the master key with which the store was made")

	full := trial.StartOn(t, trial.Postgres(t))
	full.Stop(t)
	fails("another's demo", full.Store, filepath.Join(t.TempDir(), "demo"), []string{"demo", "--listen", "127.0.0.1:0"}, "this is not the master key")
	taken := filepath.Join(t.TempDir(), "demo")
	if err := os.MkdirAll(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	known, err := os.ReadFile(filepath.Join(full.Dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(taken, "key"), known)
	fails("another's demo, with its key", full.Store, taken, []string{"demo", "--listen", "127.0.0.1:0"}, "the store holds a server that is not this demo")
	full.Run(t)
	status(t, full.Get(t, "member", full.Collection(t, "indicators")+"/objects/?limit=1"), 200)
}
