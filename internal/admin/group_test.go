package admin

import (
	"net/http"
	"slices"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// group makes a group with these members.
func (p *place) group(t *testing.T, name string, members ...string) {
	t.Helper()
	if _, err := p.operator().AddGroup(t.Context(), exchange.GroupSetting{Name: name, Members: members}); err != nil {
		t.Fatal(err)
	}
}

func TestGroupsAreMadeShownChangedGrantedAndRemoved(t *testing.T) {
	p := open(t)
	p.stage(t)
	p.account(t, "alice")
	p.account(t, "bob")
	c, ctx := p.operator(), t.Context()
	made := must(c.AddGroup(ctx, exchange.GroupSetting{Name: "analysts@example.com", Members: []string{"bob", "alice"}}))(t)
	if !slices.Equal(made.Members, []string{"alice", "bob"}) {
		t.Errorf("made %+v", made)
	}
	changed := must(c.SetGroup(ctx, made.Name, map[string]any{"members": []string{"alice"}, "limits": map[string]any{"streams": 3}}))(t)
	if !slices.Equal(changed.Members, []string{"alice"}) || changed.Limits.Streams != 3 {
		t.Errorf("changed to %+v", changed)
	}
	if again := must(c.SetGroup(ctx, made.Name, map[string]any{"limits": nil}))(t); !slices.Equal(again.Members, []string{"alice"}) || again.Limits.Streams != 0 {
		t.Errorf("set back to %+v", again)
	}
	grant := exchange.GrantSetting{Group: made.Name, On: "trust/collection/open", Rights: []string{"read"}, Ceiling: "amber+strict"}
	if err := c.SetGrant(ctx, grant); err != nil {
		t.Fatal(err)
	}
	e := must(c.Explain(ctx, "alice", grant.On))(t)
	if e.Ceiling != "amber+strict" || len(e.Grants) != 1 || e.Grants[0].Group != made.Name {
		t.Errorf("explained as %+v", e)
	}
	if e := must(c.Explain(ctx, "alice", ""))(t); e.On != "server" || len(e.Rights) != 0 {
		t.Errorf("on the server: %+v", e)
	}
	if err := c.RemoveGrant(ctx, made.Name, grant.On); err != nil {
		t.Fatal(err)
	}
	path := "/admin/grants/?group=" + made.Name + "&on=" + grant.On
	if resp, _ := ask(t, p.control, "DELETE", path, ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a grant removed twice: %d, want 404", resp.StatusCode)
	}
	if list := must(c.Groups(ctx))(t); len(list) != 1 || list[0].Name != made.Name {
		t.Errorf("the groups are %+v", list)
	}
	if err := c.RemoveGroup(ctx, made.Name); err != nil {
		t.Fatal(err)
	}
	_, err := c.Group(ctx, made.Name)
	wantKind(t, "a removed group", err, taxii.NotFound)
	if resp, text := ask(t, p.control, "POST", "/admin/groups/", `{"name":"g","member":["alice"]}`); resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an unknown member: %d %s", resp.StatusCode, text)
	}
}
