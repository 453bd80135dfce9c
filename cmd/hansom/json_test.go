package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"

	"github.com/spf13/cobra"
)

// verbs gives the names of everything that can be called, without "hansom".
func verbs(cmd *cobra.Command) (list []string) {
	if !cmd.HasSubCommands() {
		_, name, _ := strings.Cut(cmd.CommandPath(), " ")
		return []string{name}
	}
	for _, c := range cmd.Commands() {
		list = append(list, verbs(c)...)
	}
	return list
}

func TestEveryVerbHasTheFlagJSON(t *testing.T) {
	top := (&app{}).command()
	for _, name := range verbs(top) {
		cmd, _, err := top.Find(strings.Fields(name))
		if err != nil || cmd.Flags().Lookup("json") == nil {
			t.Errorf("%s: no flag, %v", name, err)
		}
	}
}

// printing is standard output of a verb. What the demo prints ends it, as
// somebody would who has read it.
type printing struct {
	bytes.Buffer
	end context.CancelFunc
}

func (p *printing) Write(text []byte) (int, error) {
	if bytes.Contains(text, []byte(`"default_root"`)) {
		p.end()
	}
	return p.Buffer.Write(text)
}

func TestEveryVerbPrintsOneJSONValueWhereItIsAskedTo(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	bundle := file("bundle.json", `{"objects":[{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4","value":"198.51.100.3"}]}`)
	state := file("state.yaml", "roots: [{name: other, title: Other}]\n")
	data := filepath.Join(dir, "data")
	other := trial.Start(t)
	password := file("password", other.Password(t, "member"))
	alerts := []string{other.URL + "/trust/channels/alerts/", "--account", "member", "--password-file", password, "--ca", other.CAFile}
	kid, invitation, token := "", "", ""
	missing := map[string]bool{}
	for _, name := range verbs((&app{}).command()) {
		missing[name] = true
	}
	for _, verb := range [][]string{
		{"version"}, {"account hash"}, {"init"}, {"serve", "--print-config"}, {"demo", "--data", filepath.Join(dir, "demo"), "--listen", "127.0.0.1:0"},
		{"root add", "trust"}, {"root set", "trust", "--title", "Trust"}, {"root show", "trust"}, {"root list"},
		{"collection add", "trust", "--alias", "all", "--title", "All"}, {"collection set", "trust/all", "--title", "All of it"},
		{"collection show", "trust/all"}, {"collection list"},
		{"channel add", "trust/news"}, {"channel set", "trust/news", "--title", "News"}, {"channel show", "trust/news"}, {"channel list"},
		{"channel invite", "trust/news"}, {"channel invitations", "trust/news"}, {"channel revoke", "trust/news", "INVITATION"},
		{"account add", "alice"}, {"account set", "alice", "--option", "empty_list"}, {"account password", "alice"}, {"account show", "alice"}, {"account usage", "alice"}, {"account list"},
		{"grant add", "alice", "read", "--on", "trust"}, {"grant set", "alice", "write", "--on", "trust"}, {"grant show", "alice"}, {"grant list"},
		{"group add", "analysts", "--member", "alice"}, {"group show", "analysts"}, {"group list"},
		{"grant add", "analysts", "read", "--on", "trust", "--ceiling", "green"}, {"access explain", "alice", "trust"}, {"access preview", "alice"},
		{"group set", "analysts", "--remove", "alice"}, {"group remove", "analysts"},
		{"grant remove", "alice", "--on", "trust"},
		{"import", bundle, "--to", "trust/all"}, {"import", bundle, "--to", "trust/all"}, {"export", "trust/all", "-o", filepath.Join(dir, "out.json")},
		{"conformance", "--list"},
		{"bench", other.URL, "--account", "member", "--password-file", password, "--ca", other.CAFile, "--connections", "1", "--for", "10ms"},
		{"token create", "alice", "--name", "siem"}, {"token list"}, {"token revoke", "TOKEN"},
		{"certificate add", "alice", "--san", "dns:sensor.example.com"}, {"certificate list"}, {"certificate remove", "TOKEN"},
		{"keys list"}, {"keys rotate"}, {"keys retire", "KID"},
		{"apply", "--from-server"}, {"apply", state, "--dry-run"}, {"apply", state, "--yes"}, {"apply", state, "--yes"},
		append(append([]string{"publish"}, alerts...), bundle), append([]string{"follow", "--once", "--from", "earliest", "--state", "-"}, alerts...),
		append([]string{"subscriptions"}, alerts...),
		{"audit"}, {"audit recall", "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4"},
		{"restored"},
		{"account remove", "alice"}, {"channel remove", "trust/news"}, {"collection remove", "trust/all"}, {"root remove", "trust"},
	} {
		name, args := verb[0], append(strings.Fields(verb[0]), "--json", "--data", data)
		for _, arg := range verb[1:] {
			args = append(args, strings.NewReplacer("KID", kid, "INVITATION", invitation, "TOKEN", token).Replace(arg))
		}
		ctx, end := context.WithCancel(t.Context())
		out, errs := &printing{end: end}, &bytes.Buffer{}
		code := (&app{in: strings.NewReader("correct horse battery\n"), out: out, err: errs}).run(ctx, args)
		end()
		if code != exitDone || !json.Valid(out.Bytes()) {
			t.Errorf("%s: exit code %d, %s%s", name, code, out, errs)
		}
		if name == "keys list" {
			var keys []struct{ ID string }
			if err := json.Unmarshal(out.Bytes(), &keys); err != nil || len(keys) != 2 {
				t.Fatalf("got %s, %v", out, err)
			}
			kid = keys[0].ID
		}
		if name == "token create" || name == "certificate add" {
			var made struct{ ID string }
			if err := json.Unmarshal(out.Bytes(), &made); err != nil {
				t.Fatal(err)
			}
			token = made.ID
		}
		if name == "channel invite" {
			var made struct{ ID string }
			if err := json.Unmarshal(out.Bytes(), &made); err != nil {
				t.Fatal(err)
			}
			invitation = made.ID
		}
		delete(missing, name)
	}
	for name := range missing {
		t.Errorf("%s is not tried here", name)
	}
}
