package api

import (
	"testing"

	"github.com/hansom-taxii/hansom/taxii"
)

func TestAClientReadsTheKindThatAServerMeant(t *testing.T) {
	for kind := taxii.Internal; kind <= taxii.Full; kind++ {
		if got := taxii.KindOfStatus(statusOf(kind)); got != kind {
			t.Errorf("kind %d goes out as %d, which is read as kind %d", kind, statusOf(kind), got)
		}
	}
}
