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
		roleAdmin: "do everything", roleMember: "read and write what each collection and channel lets it", roleReader: "read what the member reads",
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
	a.say("")
	rows = [][]string{{"CHANNEL", "MEMBER FOLLOWS", "PUBLISHES"}}
	for _, c := range r.Channels {
		rows = append(rows, []string{c.Root + "channels/" + c.Name + "/", yes(c.Readable), yes(c.Writable)})
	}
	a.table(rows...)
	member := r.Accounts[1]
	a.sayCurl(r, member)
	a.sayFollow(r, member)
	a.sayPython(r, member)
}

func (a *app) sayCurl(r readyFile, member readyAccount) {
	ask := curl("-sS -w '\\n'", r, member, taxii.MediaType)
	root := r.URL + r.DefaultRoot
	objects := root + "collections/" + r.Collections[0].ID + "/objects/"
	a.say("\nAsk it with curl: what there is, the collections, a page of objects, and an indicator of your own:\n")
	a.say("%s %s", ask, quoted(r.URL+r.Discovery))
	a.say("%s %s", ask, quoted(root+"collections/"))
	a.say("%s %s", ask, quoted(objects+"?limit=3"))
	a.say("%s -H 'Content-Type: %s' --data %s %s", ask, taxii.MediaType, quoted(indicator()), quoted(objects))
}

// curl is the beginning of a command that asks as the member.
func curl(flags string, r readyFile, member readyAccount, accept string) string {
	return fmt.Sprintf("curl %s --cacert %s -u %s -H 'Accept: %s'", flags, quoted(r.CAFile), quoted(member.Name+":"+member.Password), accept)
}

// sayFollow prints two ways to follow the Channel that is fed, and one to publish
// on the other.
func (a *app) sayFollow(r readyFile, member readyAccount) {
	alerts, fed := r.channelURL(0), r.channelURL(1)
	a.say("\nFollow a channel, with curl or with hansom, in a terminal of its own: it shows what is there, and what you post above as it comes:\n")
	a.say("%s %s", curl("-sSN", r, member, "text/event-stream"), quoted(fed+"messages/?after=earliest"))
	a.say("printf '%%s\\n' %s | hansom follow %s --from earliest --account %s --ca %s", quoted(member.Password), quoted(fed), quoted(member.Name), quoted(r.CAFile))
	a.say("\nPublish on the other one, %s, and follow it in the same way:\n", alerts)
	a.say("%s -H 'Content-Type: %s' --data %s %s", curl("-sS -w '\\n'", r, member, taxii.MediaType), taxii.MediaType, quoted(indicator()), quoted(alerts+"messages/"))
}

// channelURL is where a Channel of the demo is.
func (r readyFile) channelURL(i int) string {
	return r.URL + r.Channels[i].Root + "channels/" + r.Channels[i].Name + "/"
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
