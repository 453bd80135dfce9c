package feed_test

import (
	"slices"
	"testing"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/trial"
)

func TestWhichChoosesWhatItNames(t *testing.T) {
	trial.Covers(t, "R127", "R128", "R258", "R259")
	undated := int64(1_600_000_000_000_000)
	all := []*feed.Standing{
		{Place: 1, SpecVersion: "2.0", Time: 10, Key: "10"},
		{Place: 2, SpecVersion: "2.0", Time: 20, Key: "20"},
		{Place: 3, SpecVersion: "2.1", Time: 15, Key: "15"},
		{Place: 4, SpecVersion: "2.1", Time: 5, Key: "5"},
		{Place: 5, SpecVersion: "2.1", Time: 30, Key: "30", Level: 3},
		{Place: 6, SpecVersion: "2.1", Time: feed.UndatedTime(1_600_000_000_000_000), Key: "#abc"},
	}
	feed.Recompute(all)
	named := func(keys ...feed.VersionKey) feed.Versions { return feed.Versions{Keys: keys} }
	for _, c := range []struct {
		name  string
		which feed.Which
		want  []feed.Place
	}{
		{"nothing said: all that the reader may see, of every spec_version", feed.Which{}, []feed.Place{1, 2, 3, 4, 6}},
		{"all", feed.Which{Versions: feed.Versions{All: true}, Ceiling: 3}, []feed.Place{1, 2, 3, 4, 5, 6}},
		{"one spec_version", feed.Which{SpecVersions: []string{"2.0"}}, []feed.Place{1, 2}},
		{"last, of each spec_version", feed.Which{Versions: feed.Versions{Last: true}}, []feed.Place{2, 3}},
		{"last for one who may see more", feed.Which{Versions: feed.Versions{Last: true}, Ceiling: 3}, []feed.Place{2, 5}},
		{"first: what is no time is before all times", feed.Which{Versions: feed.Versions{First: true}}, []feed.Place{1, 6}},
		{"a version by its key", feed.Which{Versions: named(feed.VersionKey{Key: "15", Time: 15, Dated: true})}, []feed.Place{3}},
		{"first and a version", feed.Which{Versions: feed.Versions{First: true, Keys: []feed.VersionKey{{Key: "15"}}}}, []feed.Place{1, 3, 6}},
		{"a version shown by its date", feed.Which{Versions: named(feed.VersionKey{Key: "2020", Time: undated, Dated: true})}, []feed.Place{6}},
		{"a text that is no time names no such version", feed.Which{Versions: named(feed.VersionKey{Key: "2020", Time: undated})}, nil},
		{"a version above the ceiling", feed.Which{Versions: named(feed.VersionKey{Key: "30"})}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			chosen, stay := c.which.Choose(all)
			var got []feed.Place
			for _, s := range chosen {
				got = append(got, s.Place)
			}
			if !slices.Equal(got, c.want) || len(stay) != len(all)-len(chosen) {
				t.Errorf("chose %v and left %d, want %v", got, len(stay), c.want)
			}
		})
	}
}

func TestWhatIsNoTimeIsBeforeAllTimesInTheOrderOfItsDates(t *testing.T) {
	trial.Covers(t, "R134")
	early, late := feed.UndatedTime(0), feed.UndatedTime(253_402_300_799_999_999) // the end of year 9999
	if early >= late || late >= -62_135_596_800_000_000 {
		t.Errorf("UndatedTime gives %d and %d, want both before the year 1 and in this order", early, late)
	}
}
