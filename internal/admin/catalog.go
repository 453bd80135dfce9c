package admin

import (
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func (q *request) roots() (answer, error) {
	list, err := q.Roots(q.r.Context())
	return ok(rootList{list}, err)
}

func (q *request) addRoot() (answer, error) {
	var set exchange.RootSetting
	if err := q.settings(&set); err != nil {
		return answer{}, err
	}
	warnings, err := q.AddRoot(q.r.Context(), set)
	if err != nil {
		return answer{}, err
	}
	made, err := q.RootSetting(q.r.Context(), set.Name)
	return created(newRoot{made, warnings}, err)
}

func (q *request) root() (answer, error) {
	return ok(q.RootSetting(q.r.Context(), q.names["root"]))
}

func (q *request) setRoot() (answer, error) {
	edit, err := patch[exchange.RootSetting](q)
	if err != nil {
		return answer{}, err
	}
	return ok(q.SetRoot(q.r.Context(), q.names["root"], edit))
}

func (q *request) removeRoot() (answer, error) {
	return done(q.RemoveRoot(q.r.Context(), q.names["root"]))
}

// collections lists those of one API Root or, where the path names none, of all.
func (q *request) collections() (answer, error) {
	list, err := q.CollectionSettings(q.r.Context(), q.names["root"])
	return ok(collectionList{list}, err)
}

func (q *request) addCollection() (answer, error) {
	root := q.names["root"]
	set := exchange.CollectionSetting{Root: root}
	if err := q.settings(&set); err != nil {
		return answer{}, err
	}
	if set.Root != root {
		return answer{}, taxii.Errorf(taxii.Unprocessable, "root is another than the one in the path; leave it out")
	}
	return created(q.AddCollection(q.r.Context(), set))
}

func (q *request) collection() (answer, error) {
	set, entries, err := q.CollectionSetting(q.r.Context(), q.names["root"], q.names["collection"])
	return ok(CollectionRecord{set, entries}, err)
}

func (q *request) setCollection() (answer, error) {
	edit, err := patch[exchange.CollectionSetting](q)
	if err != nil {
		return answer{}, err
	}
	return ok(q.SetCollection(q.r.Context(), q.names["root"], q.names["collection"], edit))
}

func (q *request) removeCollection() (answer, error) {
	return done(q.RemoveCollection(q.r.Context(), q.names["root"], q.names["collection"]))
}
