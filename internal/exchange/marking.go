package exchange

import (
	"context"
	"slices"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/taxii"
)

// Level is a marking level: how far something may be shared. A lower one may be
// shared further.
type Level = int64

// The levels of TLP 2.0. Those of TLP 1 are among them: white is clear.
const (
	TLPClear       Level = 0
	TLPGreen       Level = 1
	TLPAmber       Level = 2
	TLPAmberStrict Level = 3
	TLPRed         Level = 4
	NoCeiling            = feed.NoCeiling // of who may see every level
)

// levelNames are the names of the levels, in their order.
var levelNames = [...]string{"clear", "green", "amber", "amber+strict", "red"}

// ParseLevel reads the name of a level: clear, green, amber, amber+strict or red.
func ParseLevel(name string) (Level, error) {
	for level, is := range levelNames {
		if name == is {
			return Level(level), nil
		}
	}
	return 0, taxii.Errorf(taxii.Unprocessable, "unknown marking level %.64q: levels are clear, green, amber, amber+strict and red", name)
}

// LevelName gives the name of a level, and "" for NoCeiling and what is no level.
func LevelName(level Level) string {
	if level < 0 || level >= Level(len(levelNames)) {
		return ""
	}
	return levelNames[level]
}

// levelOf is the level of what has this marking; unmarked tells that it has none,
// and counts as the Collection or Channel says.
func levelOf(tlp stix.TLP) (level Level, unmarked bool) {
	if tlp == stix.Unmarked {
		return TLPClear, true
	}
	return Level(tlp - stix.Clear), false
}

// levelIn reads the level of an entry off its content. That of a Message is the
// highest in it.
func levelIn(e *feed.Entry) (level Level, unmarked bool) {
	switch {
	case e.Message == nil:
		return levelOf(stix.Marking(e.Content))
	case isJSON(e.Message.MediaType):
		if v, err := readValue(e.Content, nil); err == nil {
			return v.level()
		}
	}
	return TLPClear, true
}

// reach is ceiling for what needs other rights than to read: who was not granted
// that one sees no content, and has no ceiling there but that of its credential.
// A credential that does not let reading through lifts no ceiling: it would let
// more be seen than one that does.
func (s *Session) reach(snap *snapshot, item resource) Level {
	highest, reads := s.readsUpto(snap, item)
	if !reads {
		highest = NoCeiling
	}
	return s.lowered(highest)
}

// curbed refuses what would go on in the name of the account, and so with its
// ceiling, to who signed in with a credential that has a lower one.
func (s *Session) curbed(what string) error {
	if !slices.ContainsFunc(s.proofs(), func(p *Credential) bool { return p.Ceiling != nil }) {
		return nil
	}
	return taxii.Errorf(taxii.Forbidden, "%s goes on in the name of the account: that needs a credential without a marking ceiling", what)
}

// parseUnmarked reads the setting of what counts as the level of what has no
// marking; "" is clear.
func parseUnmarked(name string) (Level, error) {
	if name == "" {
		return TLPClear, nil
	}
	level, err := ParseLevel(name)
	if err != nil {
		return 0, invalid("unmarked", "must be clear, green, amber, amber+strict or red")
	}
	return level, nil
}

// unmarkedName is what parseUnmarked reads; "" for the default.
func unmarkedName(level Level) string {
	if level == TLPClear {
		return ""
	}
	return LevelName(level)
}

// defaulted gives the one name that a level has in settings, of a name that was
// checked.
func defaulted(name string) string {
	level, _ := parseUnmarked(name)
	return unmarkedName(level)
}

// level gives every entry of a feed the level of its content, see feed.Store.
func (x *Exchange) level(ctx context.Context, id feed.ID) error {
	return x.store.Relevel(ctx, id, levelIn)
}

// ensureLevels reads the levels of what was there before there were any, and goes
// on with what a crash interrupted, before anything is served.
func (x *Exchange) ensureLevels(ctx context.Context) error {
	for _, id := range x.now.Load().unleveled {
		if err := x.level(ctx, id); err != nil {
			return err
		}
	}
	if len(x.now.Load().unleveled) == 0 {
		return nil
	}
	return x.reload(ctx)
}

// leveling carries out a change of a Collection or Channel and, if what counts for
// what has no marking is another after it, gives what is there its level, one such
// change at a time. Who publishes or adds meanwhile has the new one.
func (x *Exchange) leveling(ctx context.Context, change func() error) error {
	x.levelM.Lock()
	defer x.levelM.Unlock()
	if err := change(); err != nil {
		return err
	}
	unleveled := x.now.Load().unleveled
	ctx = context.WithoutCancel(ctx) // who hangs up leaves no half of it
	for _, id := range unleveled {
		if err := x.level(ctx, id); err != nil {
			return err
		}
		x.relevelled(id)
	}
	if len(unleveled) == 0 {
		return nil
	}
	return x.change(ctx, func(*snapshot) error { return nil }) // it is read again: they are leveled
}

// relevel goes on where a change of what has no marking could not be carried
// through.
func (x *Exchange) relevel(ctx context.Context) (more bool, err error) {
	if len(x.now.Load().unleveled) == 0 {
		return false, nil
	}
	return false, x.leveling(ctx, func() error { return nil })
}

// relevelled lets go of the Messages of a Channel that are in memory with the
// levels they had.
func (x *Exchange) relevelled(id feed.ID) {
	x.rings.mu.Lock()
	r := x.rings.byFeed[id]
	x.rings.mu.Unlock()
	if r != nil {
		r.forget()
	}
}
