package feed

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Standing is where one version of an object stands among the others.
//
// For a reader with ceiling c it is visible where Level <= c; it is the latest
// of its spec_version where also c < Superseded, and of the highest
// spec_version where also c < Outdone.
type Standing struct {
	Place       Place
	SpecVersion string
	Time        int64  // of the version
	Key         string // orders versions of one time
	Level       int64
	Superseded  int64 // the lowest level of any later version of its spec_version; Never: none
	Outdone     int64 // the lowest level of any version of a higher spec_version; Never: none
}

// Live tells that some reader sees it as the latest of its spec_version.
func (s *Standing) Live() bool { return s.Level < s.Superseded }

func (s *Standing) later(t *Standing) bool {
	return cmp.Or(cmp.Compare(s.Time, t.Time), strings.Compare(s.Key, t.Key)) > 0
}

// Lineage is what a new version must be compared with: the live versions of one
// object. They suffice: a version that is not live has a later one at its level
// or below, and following those one arrives at a live one.
type Lineage struct{ standings []*Standing }

// Known puts a live version of the store into the lineage.
func (l *Lineage) Known(s *Standing) { l.standings = append(l.standings, s) }

// Join puts a new version into the lineage.
func (l *Lineage) Join(n *Standing) { l.standings = append(l.standings, n) }

// Settle fills Superseded and Outdone of those that joined, and lowers those of
// the others. It takes n log n, whatever one Add brings.
func (l *Lineage) Settle() { Recompute(l.standings) }

// Recompute sets Superseded and Outdone of all versions of one object from
// nothing but their times, spec_versions and levels.
func Recompute(all []*Standing) {
	ordered, rank := slices.Clone(all), ranks(all)
	slices.SortFunc(ordered, func(a, b *Standing) int {
		return cmp.Or(-cmp.Compare(rank[a.SpecVersion], rank[b.SpecVersion]), -cmp.Compare(a.Time, b.Time), -strings.Compare(a.Key, b.Key))
	})
	higher, group, later := Never, Never, Never // lowest levels so far
	for i, s := range ordered {
		if i > 0 && ordered[i-1].SpecVersion != s.SpecVersion {
			higher, group, later = min(higher, group), Never, Never
		}
		s.Superseded, s.Outdone = later, higher
		later, group = min(later, s.Level), min(group, s.Level)
	}
}

// ranks orders the spec_versions that occur, once, since comparing them reads
// their numbers.
func ranks(all []*Standing) map[string]int {
	rank := map[string]int{}
	for _, s := range all {
		rank[s.SpecVersion] = 0
	}
	for i, spec := range slices.SortedFunc(maps.Keys(rank), CompareSpec) {
		rank[spec] = i
	}
	return rank
}

// Reappears tells that after a change some reader, with a ceiling at s's level
// or above, sees s that did not before, so that it needs a new place for those
// who have already passed.
func Reappears(before, after *Standing) bool {
	newlyLatest := after.Superseded > max(before.Superseded, after.Level)
	newlyHighest := after.Outdone > max(before.Outdone, after.Level)
	return newlyLatest || newlyHighest
}

// CompareSpec orders spec_versions by their numbers: 2.0 < 2.1 < 2.10. Text
// that is no list of numbers is before every number, ordered as text.
func CompareSpec(a, b string) int {
	if a == b {
		return 0
	}
	na, nb := numbers(a), numbers(b)
	return cmp.Or(slices.Compare(na, nb), strings.Compare(a, b))
}

func numbers(s string) []int {
	var list []int
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		list = append(list, n)
	}
	return list
}
