package feed

import (
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// Choose parts all versions of one object into those that are chosen and those
// that stay.
func (w Which) Choose(all []*Standing) (chosen, stay []*Standing) {
	firsts := w.firsts(all)
	for _, s := range all {
		if w.names(s, firsts) {
			chosen = append(chosen, s)
		} else {
			stay = append(stay, s)
		}
	}
	return chosen, stay
}

// firsts finds the earliest visible version of each spec_version.
func (w Which) firsts(all []*Standing) map[string]*Standing {
	firsts := map[string]*Standing{}
	for _, s := range all {
		if f := firsts[s.SpecVersion]; s.Level <= w.Ceiling && (f == nil || f.later(s)) {
			firsts[s.SpecVersion] = s
		}
	}
	return firsts
}

func (w Which) names(s *Standing, firsts map[string]*Standing) bool {
	if s.Level > w.Ceiling || len(w.SpecVersions) > 0 && !slices.Contains(w.SpecVersions, s.SpecVersion) {
		return false
	}
	v := w.Versions
	switch {
	case v.IsZero(), v.All:
		return true
	case v.Last && w.Ceiling < s.Superseded, v.First && firsts[s.SpecVersion] == s:
		return true
	}
	return slices.ContainsFunc(v.Keys, func(k VersionKey) bool { return k.names(s) })
}

func (k VersionKey) names(s *Standing) bool {
	return k.Key == s.Key || k.Dated && Undated(s.Key) && UndatedTime(taxii.Time(k.Time)) == s.Time
}
