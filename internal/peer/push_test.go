package peer

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/outbound"
)

func TestWhatBecameOfACallIsToldWithoutAnythingOfTheNetwork(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		a    outbound.Answer
		err  error
		want exchange.PushAnswer
	}{
		{outbound.Answer{Status: 503, Body: []byte("x"), RetryAfter: time.Minute}, nil, exchange.PushAnswer{Status: 503, Body: []byte("x"), RetryAfter: time.Minute}},
		{outbound.Answer{}, errors.New("dial tcp 10.0.0.1:443: refused"), exchange.PushAnswer{}},
		{outbound.Answer{}, fmt.Errorf("wrapped: %w", &outbound.Refused{Reason: "why"}), exchange.PushAnswer{Refused: "why"}},
	} {
		if got := answerOf(row.a, row.err); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", row.want) {
			t.Errorf("%+v, %v: %+v, want %+v", row.a, row.err, got, row.want)
		}
	}
}
