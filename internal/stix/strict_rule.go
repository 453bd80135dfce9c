package stix

import "strings"

func has(o object, name string) bool { _, ok := o[name]; return ok }

func hasAny(o object, names []string) bool {
	for _, name := range names {
		if has(o, name) {
			return true
		}
	}
	return false
}

// anyOf asks for at least one of the properties.
func anyOf(names ...string) rule {
	return func(r *report, at string, o object) {
		if !hasAny(o, names) {
			r.add(place(at+names[0]), "at least one of %s is required", strings.Join(names, ", "))
		}
	}
}

// oneOf asks for one of two properties and not for both.
func oneOf(a, b string) rule {
	return func(r *report, at string, o object) {
		switch hasA, hasB := has(o, a), has(o, b); {
		case !hasA && !hasB:
			r.add(place(at+a), "%s or %s is required", a, b)
		case hasA && hasB:
			r.add(place(at+b), "not allowed together with %s", a)
		}
	}
}

// needs says that the first property never comes without the others.
func needs(name string, others ...string) rule {
	return func(r *report, at string, o object) {
		for _, other := range others {
			if has(o, name) && !has(o, other) {
				r.add(place(at+other), "required where %s is given", name)
			}
		}
	}
}

// never says that the category has no such properties (section 3.2).
func never(names ...string) rule {
	return func(r *report, at string, o object) {
		for _, name := range names {
			if has(o, name) {
				r.add(place(at+name), "not allowed by STIX 2.1 for %s", r.typ)
			}
		}
	}
}

// notWith says that the property must not be given where a flag has this value.
func notWith(name, flag string, value bool) rule {
	return func(r *report, at string, o object) {
		if v, ok := o[flag].(bool); ok && v == value && has(o, name) {
			r.add(place(at+name), "not allowed where %s is %t", flag, value)
		}
	}
}

// notBefore says that the second time is not before the first.
func notBefore(first, second string) rule {
	return func(r *report, at string, o object) {
		if c, ok := compareTimes(o, second, first); ok && c < 0 {
			r.add(place(at+second), "must not be before %s", first)
		}
	}
}

// after says that the second time is later than the first.
func after(first, second string) rule {
	return func(r *report, at string, o object) {
		if c, ok := compareTimes(o, second, first); ok && c <= 0 {
			r.add(place(at+second), "must be later than %s", first)
		}
	}
}

// compareTimes compares two properties; not ok where one is absent or no time,
// which is judged elsewhere.
func compareTimes(o object, a, b string) (int, bool) {
	textA, _ := o[a].(string)
	textB, _ := o[b].(string)
	timeA, okA := parseTime(textA)
	timeB, okB := parseTime(textB)
	return timeA.compare(timeB), okA && okB
}
