package admin

import "github.com/hansom-taxii/hansom/internal/exchange"

func (q *request) groups() (answer, error) {
	list, err := q.Groups(q.r.Context())
	return ok(groupList{list}, err)
}

func (q *request) addGroup() (answer, error) {
	var set exchange.GroupSetting
	if err := q.settings(&set); err != nil {
		return answer{}, err
	}
	if err := q.AddGroup(q.r.Context(), set); err != nil {
		return answer{}, err
	}
	return created(q.GroupSetting(q.r.Context(), set.Name))
}

func (q *request) group() (answer, error) {
	return ok(q.GroupSetting(q.r.Context(), q.names["group"]))
}

func (q *request) setGroup() (answer, error) {
	edit, err := patch[exchange.GroupSetting](q)
	if err != nil {
		return answer{}, err
	}
	name := q.names["group"]
	if _, err := q.SetGroup(q.r.Context(), name, edit); err != nil {
		return answer{}, err
	}
	return ok(q.GroupSetting(q.r.Context(), name))
}

func (q *request) removeGroup() (answer, error) {
	return done(q.RemoveGroup(q.r.Context(), q.names["group"]))
}

// explain says what an account may do on a resource or, where none is named, on the
// server, and why.
func (q *request) explain() (answer, error) {
	on := q.params.Get("on")
	if on == "" {
		on = string(exchange.OnServer)
	}
	return ok(q.Explain(q.r.Context(), q.names["account"], on))
}
