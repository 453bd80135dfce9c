package exchange

import (
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

func TestANodeTakesAThousandAttemptsToJoinInAMinute(t *testing.T) {
	var a attempts
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for account := range int64(100) {
		for range joinsPerAccount {
			if err := a.count(account, now); err != nil {
				t.Fatalf("account %d: %v", account, err)
			}
		}
	}
	if err := a.count(1000, now.Add(59*time.Second)); taxii.KindOf(err) != taxii.TooMany || err == nil {
		t.Errorf("one more: %v", err)
	}
	for _, later := range []time.Duration{time.Minute, -time.Hour} { // the clock may be set back
		if err := a.count(1000, now.Add(later)); err != nil {
			t.Errorf("%v later: %v", later, err)
		}
	}
}

func TestTheMembersOfAChannelAreThoseOfItsSetting(t *testing.T) {
	for _, name := range channelMembers {
		err := ReadChannel([]byte(`{"`+name+`":null}`), &ChannelSetting{})
		if taxii.KindOf(err) != taxii.Unprocessable {
			t.Errorf("%s as null: %v", name, err)
		}
	}
}
