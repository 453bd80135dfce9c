package conformance

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// channelName is the form of a Channel's name.
var channelName = regexp.MustCompile(`\A[a-z0-9][a-z0-9._-]{0,127}\z`)

func channelListChecks() []Check {
	return []Check{
		following("list", "lists the Channels of an API Root", "CH2 CH3 S17", func(p *probe) { p.listedChannels() }),
		following("list-shape", "gives each Channel in the list an id, a name, a media type, a ttl, a mode, rights and a date", "CH4", channelListShape),
		following("list-own", "lists a Channel with the properties that it shows of itself", "CH3 CH4", channelListOwn),
		following("list-rights", "lists no Channel that it does not show", "CH3 CH2", channelListRights),
		following("list-pages", "lists Channels in pages, each once", "CH3 CH4", channelListPages),
		following("list-limit", "answers 400 to a limit of the list that is none", "CH13", func(p *probe) {
			for _, limit := range []string{"0", "-1", "some"} {
				p.failure(p.get(p.channels()+asked([]string{"limit", limit})), http.StatusBadRequest)
			}
		}),
		following("list-hidden", "lists no Channel to an account without a right on it", "CH3 CH2", channelListHidden),
		following("list-empty", "leaves the list out where an account sees no Channel", "CH2 CH3", channelListEmpty),
		following("list-anonymous", "lists no Channel of an account to nobody", "CH2", channelListAnonymous),
		following("list-credentials", "answers 401 to wrong credentials", "CH2", func(p *probe) {
			a := p.get(p.channels(), p.stranger(), header("Authorization", basic(nobody(), wrongPassword)))
			p.challenged(a)
			p.failure(a, http.StatusUnauthorized)
		}),
		following("list-unknown-root", "has no Channels in an API Root that is not there", "CH3", func(p *probe) {
			p.channels()
			p.failure(p.get(p.base()+"/"+freshName()+"/channels/"), http.StatusNotFound)
		}),
		following("api-bases", "answers discovery at /taxii2/api-bases/ too, with the API Roots as api_bases in absolute URLs", "CH2 S4", channelBases),
		following("default", "answers as the default API Root at /taxii2/default/, without a redirect", "CH2 S5", func(p *probe) {
			p.want(slices.Equal(names(p.object(p.ok(p.defaultRoot(true)))), names(p.object(p.ok(p.defaultRoot(false))))), "the same resource at both addresses")
		}),
		following("default-channels", "has the Channels of the default API Root at /taxii2/default/channels/", "CH2 S5", channelDefault),
		following("origin", "does not answer the page of an origin that nobody listed", "CH2", func(p *probe) {
			a := p.get(p.channels(), header("Origin", "https://"+freshName()+".example"))
			p.status(a, http.StatusOK, http.StatusForbidden)
			p.want(a.header.Get("Access-Control-Allow-Origin") == "", "no Access-Control-Allow-Origin")
		}),
		following("unknown", "answers 404 where there is no such Channel", "CH3 CH2", func(p *probe) {
			p.failure(p.get(p.channels()+freshName()+"/"), http.StatusNotFound)
		}),
		following("unknown-path", "answers 404 where a Channel has nothing of the kind", "CH3", func(p *probe) {
			c, _ := p.hall()
			p.failure(p.get(c.at("frobnicate/")), http.StatusNotFound)
		}),
	}
}

// listedChannels reads the whole list.
func (p *probe) listedChannels(options ...option) (list []map[string]any) {
	var next []string
	for pages := 0; ; pages++ {
		p.want(pages < mostPages, "a list of Channels that ends")
		v := p.object(p.ok(p.channels()+asked(next), options...))
		some, _ := v["channels"].([]any)
		for _, one := range some {
			c, ok := one.(map[string]any)
			p.want(ok, "Channels that are JSON objects")
			list = append(list, c)
		}
		if v["more"] != true {
			return list
		}
		next = []string{"next", p.text(v, "next", true)}
	}
}

// inList finds a Channel in a list.
func inList(list []map[string]any, name string) (c map[string]any, there bool) {
	i := slices.IndexFunc(list, func(c map[string]any) bool { return c["name"] == name })
	if i < 0 {
		return nil, false
	}
	return list[i], true
}

func channelListShape(p *probe) {
	p.hall()
	for _, c := range p.listedChannels() {
		p.channelShape(c)
	}
}

// channelShape wants a Channel to have the properties of every one.
func (p *probe) channelShape(c map[string]any) {
	p.uuid(c)
	name := p.text(c, "name", true)
	p.want(channelName.MatchString(name), "a name in the form of names, not %q", name)
	p.text(c, "content_type", true)
	mode := p.text(c, "mode", true)
	p.want(slices.Contains([]string{taxii.ModeBoth, taxii.ModeReadOnly, taxii.ModeWriteOnly}, mode), "a mode, not %q", mode)
	ttl, ok := whole(c["ttl"])
	p.want(ok && ttl >= 60 && ttl <= 31536000, "a ttl of 60 to 31536000, not %v", c["ttl"])
	for _, right := range []string{"can_read", "can_write", "can_manage"} {
		p.boolean(c, right)
	}
	p.want(taxiiTime.MatchString(p.text(c, "created", true)), "created with six digits of a second and Z, not %v", c["created"])
	p.texts(c, "permitted_messages", false)
	p.withoutNull("the Channel", c)
}

func channelListOwn(p *probe) {
	room, _ := p.hall()
	listed, there := inList(p.listedChannels(), room.name)
	p.want(there, "the Channel %s in the list", room.name)
	shown := room.settings()
	for _, name := range []string{"id", "name", "description", "content_type", "ttl", "mode", "can_read", "can_write", "can_manage", "created", "max_message_size"} {
		p.want(listed[name] == shown[name], "%s %v in the list as at the Channel", name, shown[name])
	}
}

func channelListRights(p *probe) {
	p.hall()
	for _, c := range p.listedChannels() {
		name := p.text(c, "name", true)
		p.want(c["can_read"] == true || c["can_write"] == true || c["can_manage"] == true, "a right on %s, which is listed", name)
		p.ok(p.channels() + name + "/")
	}
}

func channelListPages(p *probe) {
	a, _ := p.hall()
	b := p.newRoom()
	defer b.gone()
	var seen []string
	var next []string
	for pages := 0; pages == 0 || next != nil; pages++ {
		p.want(pages < mostPages*2, "a list of Channels that ends")
		v := p.object(p.ok(p.channels() + asked(append([]string{"limit", "1"}, next...))))
		some, _ := v["channels"].([]any)
		p.want(len(some) == 1, "one Channel in a page of limit=1 of which there are more, not %d", len(some))
		seen = append(seen, p.text(some[0].(map[string]any), "name", true))
		next = nil
		if v["more"] == true {
			next = []string{"next", p.text(v, "next", true)}
		}
	}
	for _, name := range []string{a.name, b.name} {
		n := len(slices.DeleteFunc(slices.Clone(seen), func(s string) bool { return s != name }))
		p.want(n == 1, "the Channel %s once in all pages, not %d times", name, n)
	}
}

func channelListHidden(p *probe) {
	c, _ := p.hall()
	other := p.other()
	_, there := inList(p.listedChannels(), c.name)
	p.want(there, "the Channel in the list of the account that made it")
	if p.get(p.channels(), other).status == http.StatusNotFound {
		return // the whole API Root is hidden from it
	}
	_, there = inList(p.listedChannels(other), c.name)
	p.want(!there, "no Channel in the list on which the account has no right")
}

func channelListEmpty(p *probe) {
	p.channels()
	for _, root := range p.world().roots {
		a := p.get(root + "channels/")
		if a.status == http.StatusNotFound {
			continue
		}
		p.status(a, http.StatusOK)
		p.texts0(p.object(a), "channels")
	}
}

// texts0 wants a list that is there not to be empty.
func (p *probe) texts0(v map[string]any, name string) {
	value, there := v[name]
	list, ok := value.([]any)
	p.want(!there || ok && len(list) > 0, "no %s rather than none in it", name)
}

func channelListAnonymous(p *probe) {
	c, _ := p.hall()
	a := p.get(p.channels(), p.stranger())
	if a.status == http.StatusOK {
		_, there := inList(p.listedChannels(p.stranger()), c.name)
		p.want(!there, "no Channel in the list on which anonymous has no right")
		return
	}
	p.shut(a)
}

func channelBases(p *probe) {
	p.channels()
	v := p.object(p.ok(p.discoveryURL() + "api-bases/"))
	for name, value := range p.discovered() {
		if text, ok := value.(string); ok {
			p.want(v[name] == text, "%s as at /taxii2/", name)
		}
	}
	var bases []string
	for _, base := range p.texts(v, "api_bases", true) {
		p.want(strings.HasPrefix(base, "https://"), "absolute URLs in api_bases, not %q", base)
		bases = append(bases, p.resolve(base))
	}
	for _, root := range p.texts(v, "api_roots", true) {
		p.want(slices.Contains(bases, p.resolve(root)), "the API Root %s among api_bases", root)
	}
}

// defaultRoot is the address of the default API Root: its own, or the draft's.
func (p *probe) defaultRoot(own bool) string {
	p.channels()
	name := p.world().discovery.Default
	if name == "" {
		p.skip("the server has no default API Root")
	}
	if own {
		return p.resolve(name)
	}
	return p.discoveryURL() + "default/"
}

func channelDefault(p *probe) {
	root := p.defaultRoot(true)
	if root != p.world().root {
		p.skip("the default API Root is not the one that the checks use")
	}
	c, h := p.hall()
	v := p.object(p.ok(p.defaultRoot(false) + "channels/" + c.name + "/"))
	p.want(v["id"] == c.id, "the Channel at /taxii2/default/ too")
	p.sames(p.readAt(p.defaultRoot(false)+"channels/"+c.name+"/messages/").ids(), h.all())
}
