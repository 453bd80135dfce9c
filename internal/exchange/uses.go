package exchange

import (
	"context"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// CredentialUse says when a credential was last used.
type CredentialUse struct {
	Account    int64
	Kind, Name string
	Used       taxii.Time
}

// usesEvery is how often uses of credentials are written: nobody needs to know
// better when a token was used last, and a write for each request would cost more
// than the request.
const usesEvery = time.Minute

// uses holds when credentials were used last, by their id. It has no more entries
// than there are credentials with an id, since only those that were accepted come
// here, and it is emptied with every write.
type uses struct {
	mu    sync.Mutex // guards fresh
	fresh map[string]taxii.Time
}

func (u *uses) note(c *Credential, now taxii.Time) {
	if c.ID == "" {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.fresh == nil {
		u.fresh = map[string]taxii.Time{}
	}
	u.fresh[c.ID] = max(now, u.fresh[c.ID])
}

func (u *uses) take() map[string]taxii.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	fresh := u.fresh
	u.fresh = nil
	return fresh
}

func (u *uses) of(id string) taxii.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.fresh[id]
}

// KeepUses writes now and then when credentials were last used, until ctx ends,
// and then once more.
func (x *Exchange) KeepUses(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(usesEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		if err := x.WriteUses(context.WithoutCancel(ctx)); err != nil {
			failed(err)
		}
	}
}

// WriteUses writes when credentials were last used, as far as that is not written
// yet. What cannot be written is tried again the next time.
func (x *Exchange) WriteUses(ctx context.Context) error {
	fresh, snap := x.uses.take(), x.now.Load()
	list := make([]CredentialUse, 0, len(fresh))
	for id, used := range fresh {
		if c := snap.credential[id]; c != nil { // who was revoked meanwhile is forgotten
			list = append(list, CredentialUse{c.Account, c.Kind, c.Name, used})
		}
	}
	if len(list) == 0 {
		return nil
	}
	err := x.store.PutCredentialUses(ctx, list...)
	if err != nil {
		for id, used := range fresh {
			if c := snap.credential[id]; c != nil {
				x.uses.note(c, used)
			}
		}
	}
	return err
}
