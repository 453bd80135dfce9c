package outbound

import (
	"context"
	"fmt"
	"net/http"
)

// Get asks for one resource of at most so many octets, as Post sends one: with the
// same bounds, the same checks of addresses, and no redirects. Accept says which
// media types are wanted; "" says nothing. The answer has the whole body.
//
// The error is a *[Refused] where the URL or an address of its host may not be
// called, and another one where no whole answer came, where it is larger, or where
// its status is not 200. No error holds the URL or anything of the answer.
func (c *Caller) Get(ctx context.Context, url, accept string, most int64) ([]byte, error) {
	header := http.Header{"Cache-Control": {"no-cache"}}
	if accept != "" {
		header.Set("Accept", accept)
	}
	a, err := c.call(ctx, http.MethodGet, url, header, nil, most+1)
	switch {
	case err != nil:
		return nil, err
	case a.status != http.StatusOK:
		return nil, fmt.Errorf("the host answered %d", a.status)
	case int64(len(a.body)) > most:
		return nil, fmt.Errorf("the answer is larger than %d octets", most)
	}
	return a.body, nil
}
