package exchange

import (
	"slices"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// Beside gives the Session of a request that carries two proofs of one account,
// such as a client certificate beside a password. It has what both let through,
// and ends with either. Proofs of different accounts are Unauthenticated.
func (s *Session) Beside(other *Session) (*Session, error) {
	if s.anonymous || other.anonymous || s.account.ID != other.account.ID {
		return nil, taxii.Errorf(taxii.Unauthenticated, "the credentials are not valid").
			Describe("The request carries credentials of several kinds, and they are not of one account.")
	}
	c := *s
	c.besides = append(slices.Clone(s.besides), other)
	c.groups = append(slices.Clone(s.groups), other.groups...)
	return &c, nil
}

// proofs gives the credentials of the request.
func (s *Session) proofs() (list []*Credential) {
	for _, one := range append([]*Session{s}, s.besides...) {
		if one.proof != nil {
			list = append(list, one.proof)
		}
	}
	return list
}

// Proved is Unauthenticated for who asks without credentials.
func (s *Session) Proved() error {
	if s.anonymous {
		return s.Missing()
	}
	return nil
}

// ends tells when what a request proved itself with expires, the first of it; 0:
// never.
func (s *Session) ends() (at taxii.Time) {
	earlier := func(t taxii.Time) {
		if t != 0 && (at == 0 || t < at) {
			at = t
		}
	}
	if s.proof != nil {
		earlier(s.proof.Expires)
	}
	if s.word != nil {
		earlier(s.word.expires)
	}
	for _, b := range s.besides {
		earlier(b.ends())
	}
	return at
}

// over tells whether something of it has expired.
func (s *Session) over() bool {
	at := s.ends()
	return at != 0 && taxii.TimeOf(s.x.opt.Now()) >= at
}

// before cuts a time to wait where something expires within it.
func (s *Session) before(most time.Duration) time.Duration {
	at := s.ends()
	if at == 0 {
		return most
	}
	return min(most, max(0, at.Time().Sub(s.x.opt.Now())))
}
