package signin

// Routes gives every route of a door that takes JWTs as its method and path, for
// tests of who may use them.
func Routes() []string {
	return (&Door{routes: append(new(Door).own(), new(JWTs).Routes()...)}).Routes()
}

// Routes gives the routes of this door.
func (d *Door) Routes() (list []string) {
	for _, r := range d.routes {
		list = append(list, r.Method+" "+r.Path)
	}
	return list
}
