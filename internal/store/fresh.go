package store

// fresh reads what was added, in the order of the places where it was added. A
// deletion moves what comes back to view behind it; that is told by the tombstones,
// each of which says how an entry left a place. An entry has moved to where it is
// if the last time that its name left a place was by a move. All is one
// statement, so that nothing is missed that moves meanwhile.
func (r *reading) fresh() {
	ceiling := r.b.arg(r.q.Ceiling)
	common := " and v.level <= " + ceiling + r.types("v")
	stayed := "select v.seq as at, v.seq from entries v where v.feed = " + r.feed + r.between("v.seq") + common +
		" and not " + movedTo("v.seq") + " order by v.seq limit " + r.limit
	moved := "select t.old_seq as at, v.seq from tombstones t join entries v on v.feed = t.feed and " + sameName("v", "t") +
		" where t.feed = " + r.feed + r.between("t.old_seq") + " and t.why = 'moved'" + common + " and not " + movedTo("t.old_seq") +
		" and not exists (select 1 from tombstones d where d.feed = t.feed and " + sameName("d", "t") +
		" and d.old_seq > t.old_seq and d.why = 'deleted') order by t.old_seq limit " + r.limit
	r.b.WriteString(r.engine.fresh(r.feed, "select at, seq from (select at, seq from ("+stayed+") stayed union all select at, seq from ("+
		moved+") moved) added order by at limit "+r.limit))
}

// movedTo is the condition that a move brought v to a place.
func movedTo(place string) string {
	return "coalesce((select g.why from tombstones g where g.feed = v.feed and " + sameName("g", "v") + " and g.old_seq < " + place +
		" order by g.old_seq desc limit 1), '') = 'moved'"
}

// sameName is the condition that two rows are of one version of one object.
func sameName(a, b string) string {
	return a + ".id = " + b + ".id and " + a + ".spec_version = " + b + ".spec_version and " + a + ".version_key = " + b + ".version_key"
}
