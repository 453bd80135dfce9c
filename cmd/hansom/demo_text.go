package main

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// sayDemo prints where the demo is and commands to copy. They stand at the
// beginning of their lines, as the shell and Python need them.
func (a *app) sayDemo(r readyFile, data, store string) {
	if store != "" {
		data += " and " + store
	}
	a.say("hansom serves a demo at %s (stop it with Ctrl-C; its data is in %s)\n", r.URL+r.Discovery, data)
	rows := [][]string{{"ACCOUNT", "PASSWORD", "MAY"}}
	may := map[string]string{
		roleAdmin: "do everything", roleMember: "read and write what each collection lets it", roleReader: "read what the member reads",
	}
	for _, account := range r.Accounts {
		rows = append(rows, []string{account.Name, account.Password, may[account.Role]})
	}
	a.table(rows...)
	a.say("")
	rows = [][]string{{"COLLECTION", "ID", "MEMBER READS", "WRITES", "TITLE"}}
	for _, c := range r.Collections {
		rows = append(rows, []string{c.Root + "collections/" + c.Alias + "/", c.ID, yes(c.Readable), yes(c.Writable), c.Title})
	}
	a.table(rows...)
	member := r.Accounts[1]
	a.sayCurl(r, member)
	a.sayPython(r, member)
}

func (a *app) sayCurl(r readyFile, member readyAccount) {
	curl := fmt.Sprintf("curl -sS -w '\\n' --cacert %s -u %s -H 'Accept: %s'", quoted(r.CAFile), quoted(member.Name+":"+member.Password), taxii.MediaType)
	root := r.URL + r.DefaultRoot
	objects := root + "collections/" + r.Collections[0].ID + "/objects/"
	a.say("\nAsk it with curl: what there is, the collections, a page of objects, and an indicator of your own:\n")
	a.say("%s %s", curl, quoted(r.URL+r.Discovery))
	a.say("%s %s", curl, quoted(root+"collections/"))
	a.say("%s %s", curl, quoted(objects+"?limit=3"))
	a.say("%s -H 'Content-Type: %s' --data %s %s", curl, taxii.MediaType, quoted(indicator()), quoted(objects))
}

// indicator is an envelope with an indicator that nobody has yet.
func indicator() string {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	var address [2]byte
	_, _ = rand.Read(address[:]) // never fails
	return fmt.Sprintf(`{"objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--%s","created":"%s","modified":"%s",`+
		`"name":"Address of my own","pattern":"[ipv6-addr:value = '2001:db8::%x']","pattern_type":"stix","valid_from":"%s"}]}`,
		taxii.NewID(), now, now, address, now)
}

// sayPython names the authority in the environment, since what stands there
// goes over what the library is told (verify=).
func (a *app) sayPython(r readyFile, member readyAccount) {
	a.say("\nOr with taxii2-client in Python:\n")
	a.say(`python3 -m venv taxii-venv && taxii-venv/bin/pip install taxii2-client
REQUESTS_CA_BUNDLE=%s taxii-venv/bin/python - <<'EOF'
from taxii2client.v21 import Server

server = Server(%s, user=%s, password=%s)
for root in server.api_roots:
    for collection in root.collections:
        print(root.title, "|", collection.title, "| read", collection.can_read, "| write", collection.can_write)
        if collection.can_read:
            for thing in collection.get_objects(limit=3)["objects"]:
                print("   ", thing["id"])
EOF`, quoted(r.CAFile), pythonText(r.URL+r.Discovery), pythonText(member.Name), pythonText(member.Password))
}

// pythonText writes text as Python reads it: as Go does, for what can be printed.
func pythonText(text string) string { return fmt.Sprintf("%q", text) }
