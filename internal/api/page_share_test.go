package api

import (
	"context"
	"testing"
)

// Who shared a page with an account that asked for much waited in that account's
// queue, and then once more in its own.
func TestWhoSharesAPageWaitsUnderItsOwnAccount(t *testing.T) {
	t.Parallel()
	d := desk(t, 20)
	d.pages.gate.overdraw(4 * pageOctets)
	ask := func(account int64, limit int) <-chan *held {
		v, got, queued := d.view(t, limit), make(chan *held, 1), d.pages.waiting()
		go func() {
			h, err := d.pages.hold(context.Background(), account, v)
			if err != nil {
				t.Error(err)
			}
			got <- h
		}()
		await(t, "its turn to be waited for", func() bool { return d.pages.waiting() == queued+1 })
		return got
	}
	var crowd []<-chan *held
	for limit := 15; limit > 10; limit-- {
		crowd = append(crowd, ask(1, limit))
	}
	crowd = append(crowd, ask(1, 10))
	shared := ask(2, 10)
	d.pages.gate.leave(pageOctets) // the turn of the one account ...
	d.pages.gate.leave(pageOctets) // ... and that of the other
	h := <-shared
	if h == nil || h.page.Count != 10 {
		t.Fatalf("%+v", h)
	}
	if <-crowd[len(crowd)-1] != h {
		t.Error("the page that both asked for is held twice")
	}
	if n := d.pages.waiting(); n != 4 {
		t.Errorf("%d still wait, want the 4 of the crowd that had no turn", n)
	}
	d.pages.gate.leave(2 * pageOctets)
	for _, got := range crowd[:len(crowd)-1] {
		other := <-got
		other.leaveFrom(0)
	}
}

func TestAPageThatNobodyWaitsForAnyMoreIsForgotten(t *testing.T) {
	t.Parallel()
	d := desk(t, 20)
	d.pages.gate.overdraw(4 * pageOctets)
	ctx, hangUp := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for account := range int64(2) {
		v := d.view(t, 10)
		go func() {
			_, err := d.pages.hold(ctx, account, v)
			ended <- err
		}()
	}
	await(t, "both to wait", func() bool { return d.pages.waiting() == 2 })
	hangUp()
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("a page was held for who hung up")
		}
	}
	d.pages.mu.Lock()
	defer d.pages.mu.Unlock()
	if n := len(d.pages.held); n != 0 || d.pages.gate.free != 0 {
		t.Errorf("%d pages are known, %d octets are free", n, d.pages.gate.free)
	}
}
