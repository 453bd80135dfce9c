package whole_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// TestAFollowerLosesNothingWhileOperatorsChangeTheServer imports, grants and
// removes with the verbs, through the control socket of the running server,
// while a member pages on. Each change is to be seen within a second.
func TestAFollowerLosesNothingWhileOperatorsChangeTheServer(t *testing.T) {
	trial.Covers(t, "R075", "R151", "R184", "R211", "R233", "R234", "R241", "K06", "K40", "K41", "K47")
	t.Parallel()
	trial.Engines(t, operatorsChange)
}

func operatorsChange(t *testing.T, e trial.Engine) {
	s := e.Start(t)
	defer intruding(t, s)()
	const name, password = "newcomer", "a password of no meaning"
	know(s, name, password) // before others ask
	indicators := s.Collection(t, "indicators")
	before := trial.Walk(t, &trial.Follower{Server: s, Account: "member", Path: indicators, Query: trial.AllVersions})
	if len(before) == 0 {
		t.Fatal("the demo is empty")
	}
	followers := []*followed{
		{Follower: &trial.Follower{Server: s, Account: "member", Path: indicators, Limit: 3, Query: trial.AllVersions}, name: "by next"},
		{Follower: &trial.Follower{Server: s, Account: "member", Path: indicators, Limit: 3, Query: trial.AllVersions, ByDate: true}, name: "by date"},
	}
	var b bells
	var reading sync.WaitGroup
	for _, f := range followers {
		ring := b.listen()
		reading.Go(func() { f.follow(t, ring) })
	}
	t.Cleanup(func() { reading.Wait() })
	func() {
		defer b.end()
		imported := trial.Objects(10, 900)
		importing(t, s, "trust/indicators", imported[:300])
		before = append(before, imported[:300]...)
		b.ring()
		grants(t, s, name, password)
		importing(t, s, "trust/indicators", imported[300:600])
		b.ring()
		collections(t, s, name)
		importing(t, s, "trust/indicators", imported[600:])
		before = append(before, imported[300:]...)
	}()
	reading.Wait()
	for _, f := range followers {
		if f.err != nil {
			t.Fatalf("%s: after %d objects: %v", f.name, len(f.objects), f.err)
		}
		trial.Same(t, f.name, f.objects, before)
	}
}

// intruding lets a command from another data directory try to get into a
// database while a server has it; what it returns waits until that was refused.
func intruding(t *testing.T, s *trial.Server) (refused func()) {
	if s.Store == "" {
		return func() {}
	}
	said, dir := make(chan string, 1), t.TempDir()
	go func() {
		text, err := on(t, s.Store, dir, "root", "list")
		said <- fmt.Sprint(text, err)
	}()
	return func() {
		if text := <-said; !strings.Contains(text, "another process uses this database") {
			t.Errorf("from another data directory: %s", text)
		}
	}
}

// grants lets an account come, be given rights and lose them.
func grants(t *testing.T, s *trial.Server, name, password string) {
	t.Helper()
	indicators := s.Collection(t, "indicators")
	read := func() trial.Answer { return s.Get(t, name, indicators+"/objects/?limit=1") }
	status(t, read(), 401)
	hansom(t, s.Dir, password+"\n", "account", "add", name, "--password-stdin")
	soon(t, "a new account without a grant", 404, read)
	hansom(t, s.Dir, "", "grant", "add", name, "read", "--on", "trust/indicators")
	soon(t, "a new grant", 200, read)
	status(t, s.Post(t, name, indicators, trial.Envelope(identity(90, 1, 1))), 403)
	f := &trial.Follower{Server: s, Account: name, Path: indicators, Limit: 2}
	if _, err := f.Page(t); err != nil || f.Next == "" {
		t.Fatalf("a first page: %v, next %q", err, f.Next)
	}
	hansom(t, s.Dir, "", "grant", "set", name, "write", "--on", "trust/indicators")
	soon(t, "a right to write only", 403, read)
	hansom(t, s.Dir, "", "grant", "remove", name, "--on", "trust/indicators")
	soon(t, "a grant that is removed", 404, read)
	soon(t, "a cursor of before", 404, func() trial.Answer { return s.Get(t, name, indicators+"/objects/?next="+f.Next) })
	status(t, s.Get(t, name, s.DefaultRoot), 404) // nothing in it is visible any more
	hansom(t, s.Dir, "", "grant", "add", name, "read", "--on", "trust/indicators")
	soon(t, "a grant that comes back", 200, read)
	if _, err := f.Rest(t); err != nil { // with its cursor of before
		t.Fatal(err)
	}
	other := password + " and more"
	hansom(t, s.Dir, other+"\n", "account", "password", name, "--password-stdin")
	soon(t, "the password of before", 401, read)
	soon(t, "the new password", 200, func() trial.Answer { return s.Get(t, "", indicators+"/objects/?limit=1", basic(name, other)) })
	hansom(t, s.Dir, "", "account", "remove", name)
	soon(t, "an account that is removed", 401, func() trial.Answer { return s.Get(t, "", indicators+"/objects/?limit=1", basic(name, other)) })
	hansom(t, s.Dir, password+"\n", "account", "add", name, "--password-stdin") // its name is free, what hung on it is gone
	soon(t, "another account of the same name", 404, read)
}

// collections lets a Collection come, be filled and go, and another take its
// name and title.
func collections(t *testing.T, s *trial.Server, name string) {
	t.Helper()
	path := s.DefaultRoot + "collections/extra"
	read := func() trial.Answer { return s.Get(t, name, path+"/objects/") }
	status(t, read(), 404)
	first := extra(t, s)
	soon(t, "a new collection, for the admin", 200, func() trial.Answer { return s.Get(t, "admin", path+"/") })
	status(t, read(), 404)
	hansom(t, s.Dir, "", "grant", "add", name, "read", "write", "--on", "trust/extra")
	soon(t, "a new collection, with a grant", 200, read)
	objects := trial.Objects(11, 50)
	s.Load(t, name, path, 20_000, objects...)
	f := &trial.Follower{Server: s, Account: name, Path: path, Limit: 7, Query: trial.AllVersions}
	p, err := f.Page(t)
	if err != nil {
		t.Fatal(err)
	}
	trial.Same(t, "the first page of the new collection", p.Objects, objects[:7])

	hansom(t, s.Dir, "", "collection", "remove", "trust/extra")
	soon(t, "a collection that is removed", 404, read)
	for _, ask := range []string{path + "/objects/?next=" + f.Next, path + "/", s.DefaultRoot + "collections/" + first + "/objects/", path + "/manifest/"} {
		status(t, s.Get(t, "admin", ask), 404)
	}
	second := extra(t, s)
	if second == first {
		t.Errorf("two collections of the id %s", first)
	}
	soon(t, "a collection of the same alias and title, without the grant of the first", 404, read)
	a := soon(t, "the same, for the admin", 200, func() trial.Answer { return s.Get(t, "admin", path+"/objects/") })
	if p, err := trial.Split(a); err != nil || len(p.Objects) > 0 {
		t.Errorf("it begins with %d objects, %v", len(p.Objects), err)
	}
	status(t, s.Get(t, "admin", path+"/objects/?next="+f.Next), 400) // a cursor of another collection
	hansom(t, s.Dir, "", "collection", "remove", "trust/"+second)
	status(t, s.Get(t, "admin", path+"/"), 404)
}

// extra adds a Collection with the alias extra, and gives its id.
func extra(t *testing.T, s *trial.Server) string {
	t.Helper()
	var made struct{ ID string }
	out := hansom(t, s.Dir, "", "collection", "add", "trust", "--alias", "extra", "--title", "For a while", "--json")
	if err := json.Unmarshal([]byte(out), &made); err != nil || !taxii.IsID(made.ID) {
		t.Fatalf("%v in %s", err, out)
	}
	return made.ID
}
