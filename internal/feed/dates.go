package feed

import "github.com/hansom-taxii/hansom/taxii"

const (
	millisecond taxii.Time = 1_000
	// maxAhead bounds how far a feed's dates may run before the clock so that
	// the last entry of an Add lies on a whole millisecond (K46): a second of
	// lead hides no poll, more would.
	maxAhead taxii.Time = 1_000_000
)

// LastDate gives the date of the last of n new entries of a feed whose last
// date is clock, at the machine's time now; the entries take last-n+1 ... last.
//
// The dates rise strictly, whatever the machine's clock does. The last lies on
// a whole millisecond unless the feed would then be more than a second ahead of
// the machine (K46).
func LastDate(clock, now taxii.Time, n int) taxii.Time {
	earliest := clock + taxii.Time(n)
	if last := floor(now); earliest <= last {
		return last
	}
	if last := floor(earliest + millisecond - 1); last <= now+maxAhead {
		return last
	}
	return earliest
}

func floor(t taxii.Time) taxii.Time {
	r := t % millisecond
	if r < 0 {
		r += millisecond
	}
	return t - r
}
