package exchange

import (
	"context"
	"fmt"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// turnKeys does what is due: a key whose time has come signs, one of which there
// is to be a next gets it, and one of which nothing is good any more is retired.
func (x *Exchange) turnKeys(ctx context.Context) (more bool, err error) {
	snap, now := x.now.Load(), x.opt.Now()
	for _, p := range x.purposes() {
		if len(x.due(snap, p, now)) == 0 && !snap.old(p, now) {
			continue
		}
		err := x.Operator().change(ctx, act{"key.turn", p.name}, func(snap *snapshot) error {
			changed := x.due(snap, p, now)
			if snap.old(p, now) {
				next, err := x.newKey(p.name, p.lead)
				if err != nil {
					return err
				}
				changed = append(changed, next)
			}
			return x.store.PutSecrets(ctx, changed...)
		})
		if err != nil {
			return false, fmt.Errorf("turn the %s keys: %w", p.name, err)
		}
	}
	return false, nil
}

// due gives the keys of a purpose that are to change, as they are then.
func (x *Exchange) due(snap *snapshot, p purpose, now time.Time) []Secret {
	if next, ok := snap.coming(p.name); ok && next.since() <= taxii.TimeOf(now) {
		return snap.turned(&next, taxii.TimeOf(now))
	}
	signs, ok := snap.signing(p.name)
	if !ok || p.done == 0 || now.Sub(signs.since().Time()) < p.done {
		return nil
	}
	var list []Secret
	for _, v := range snap.secrets {
		if v.Purpose == p.name && v.State == Accepted {
			v.State = Retired
			list = append(list, v)
		}
	}
	return list
}

// old tells whether it is time for the next key.
func (s *snapshot) old(p purpose, now time.Time) bool {
	signs, ok := s.signing(p.name)
	_, known := s.coming(p.name)
	return ok && !known && p.life > 0 && now.Sub(signs.since().Time()) >= p.life
}
