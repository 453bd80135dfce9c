package conformance

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// slashChecks are about paths without their final slash, as people write them into
// the settings of clients (K01).
func slashChecks() (list []Check) {
	for _, c := range []struct {
		name, what string
		address    func(*probe) string
	}{
		{"discovery", "discovery", (*probe).discoveryURL},
		{"root", "an API Root", func(p *probe) string { return p.world().root }},
		{"collections", "the list of Collections", func(p *probe) string { return p.world().root + "collections/" }},
		{"collection", "a Collection", func(p *probe) string { return p.collection(p.world().writable.ID) }},
		{"objects", "objects", func(p *probe) string { return p.objects() }},
		{"object", "one object", func(p *probe) string { return p.object1(p.seed().one("indicator0").id) }},
		{"versions", "the versions of an object", func(p *probe) string { return p.versions(p.seed().one("indicator0").id) }},
		{"manifest", "the manifest", func(p *probe) string { return p.manifest() }},
		{"status", "a Status", func(p *probe) string { return p.statusURL(p.added(p.seed().one("indicator0")).ID) }},
	} {
		list = append(list, Check{
			ID: "transport/slash-" + c.name, Title: "serves " + c.what + " without the final slash as with it", Rules: []string{"K01", "R025"},
			run: func(p *probe) { p.slash(c.address(p)) },
		})
	}
	return append(list, Check{
		ID: "transport/slash-add", Title: "takes an Add without the final slash as with it, and sends it nowhere else", Rules: []string{"K01", "R025"}, run: slashAdd,
	})
}

func (p *probe) slash(address string) {
	with := p.ok(address)
	without := p.ok(strings.TrimSuffix(address, "/"))
	p.want(slices.Equal(names(p.object(with)), names(p.object(without))), "the same properties as with the slash")
}

func names(v map[string]any) []string { return slices.Sorted(maps.Keys(v)) }

func slashAdd(p *probe) {
	a := p.do(http.MethodPost, strings.TrimSuffix(p.objects(), "/"), envelope(p.seed().one("indicator0")))
	p.status(a, http.StatusAccepted)
	p.taxii(a)
}
