package store

import "errors"

const (
	// auditReserve is what is kept of the disk for the audit: at some 300 octets a
	// record, room for two hundred thousand reads while an operator makes room.
	auditReserve = 64 << 20
	// reserveShare bounds the reserve on a small disk, of which it is a part.
	reserveShare = 8
)

// spare answers the writes that are not to touch the reserve, where the disk has no
// more than that, and gives the others.
func (s *Store) spare(batch []*job) []*job {
	err := s.reserved()
	if err == nil {
		return batch
	}
	var rest []*job
	for _, j := range batch {
		if j.do == nil || j.spared {
			rest = append(rest, j)
		} else {
			j.err <- err
		}
	}
	return rest
}

var errReserved = errors.New("what is left of the disk is kept for records of the audit")

// reserved gives the error of a disk that has no more room than is reserved. One
// that cannot be seen has, until a write fails.
func (s *Store) reserved() error {
	if s.space == nil || s.reserve < 0 {
		return nil
	}
	free, all, err := s.space()
	if err != nil || free >= min(s.reserve, all/reserveShare) {
		return nil
	}
	return full(errReserved)
}

// spared tells of a write that is carried out however full the disk is: who may do
// what is small, and to shut somebody out must not wait for room; what makes room,
// in small steps, least of all; and without levels nothing is served.
func spared(what string) bool {
	switch what {
	case "put account", "remove account", "put credential", "remove credential", "put grant", "put group", "remove group", "put secrets", "settle the audit",
		"purge", "purge the audit", "expire", "remove Collection", "remove Channel", "remove API Root", "relevel":
		return true
	}
	return false
}
