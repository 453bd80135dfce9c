package exchange

import (
	"cmp"
	"context"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// KindCertificate is the kind of credential that is a client certificate: the
// name of one, under which its account is known. It is no secret.
const KindCertificate = "certificate"

// OptionCertificate is the option of an account that passwords, tokens and JWTs
// are taken from it beside a client certificate of its own alone (K25).
const OptionCertificate = "certificate_required"

// maxCertificates bounds the names of one account: a fleet of sensors shares a
// subject, and what is told apart further has accounts of its own.
const maxCertificates = 100

// CertificateSetting says which client certificate is the sign of which account.
type CertificateSetting struct {
	Account string         `json:"account" yaml:"account"`
	Name    string         `json:"name" yaml:"name"`                           // see ParseCertificateName
	Scope   []ScopeSetting `json:"scope,omitempty" yaml:"scope,omitempty"`     // what it lets through of what the account may do; none: all
	Ceiling string         `json:"ceiling,omitempty" yaml:"ceiling,omitempty"` // name of a marking level, likewise; "": all
}

// CertificateRecord is what is told of one.
type CertificateRecord struct {
	ID      string     `json:"id"` // 16 hexadecimal digits
	Created taxii.Time `json:"created"`
	CertificateSetting
}

// OpenCertificate gives the Session of the account that a client certificate is
// the sign of: of its names, which are in the form of ParseCertificateName and
// come most specific first, the first that any account has decides. Where none
// has, it is NotFound: the certificate is nobody's.
func (x *Exchange) OpenCertificate(names []string) (*Session, error) {
	snap := x.now.Load()
	for _, name := range names {
		for _, c := range snap.secret[secretKey(KindCertificate, name)] {
			account := snap.accounts[c.Account]
			if account == nil || account.Removed {
				continue
			}
			return x.openWith(account, c, ByCertificate), nil
		}
	}
	return nil, taxii.Errorf(taxii.NotFound, "the client certificate belongs to no account")
}

// Suffices tells whether what a request proved itself with is enough: an account
// may want a client certificate of its own beside everything else.
func (s *Session) Suffices() error {
	if account := s.x.now.Load().accounts[s.account.ID]; account == nil || s.wantsCertificate(account) {
		return refused(nil)
	}
	return nil
}

// wantsCertificate tells whether the Session lacks the certificate that its
// account, as it is now, needs.
func (s *Session) wantsCertificate(account *Account) bool {
	certified := s.way == ByCertificate || slices.ContainsFunc(s.besides, func(o *Session) bool { return o.way == ByCertificate })
	return s.way != "" && !certified && slices.Contains(account.Options, OptionCertificate)
}

// Certificates lists the client certificates of one account or, for "", of all, by
// account and name.
func (s *Session) Certificates(_ context.Context, account string) ([]CertificateRecord, error) {
	snap, list := s.x.now.Load(), []CertificateRecord{}
	if err := s.manages(snap, resource{scope: OnServer}); err != nil {
		return nil, err
	}
	if account != "" && snap.names[account] == nil {
		return nil, absent(s, "no account %q", account)
	}
	for _, a := range snap.names {
		if account != "" && a.Name != account {
			continue
		}
		for i := range snap.credentials[a.ID] {
			if c := &snap.credentials[a.ID][i]; c.Kind == KindCertificate {
				list = append(list, snap.certificate(a, c))
			}
		}
	}
	slices.SortFunc(list, func(a, b CertificateRecord) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

func (s *snapshot) certificate(a *Account, c *Credential) CertificateRecord {
	set := CertificateSetting{Account: a.Name, Name: c.Secret, Scope: s.scopeSettings(c.Scope), Ceiling: ceilingName(c.Ceiling)}
	return CertificateRecord{ID: c.ID, Created: c.Created, CertificateSetting: set}
}

// AddCertificate makes a client certificate the sign of an account. A name that
// another account has is a Conflict; one that this account has is set anew.
func (s *Session) AddCertificate(ctx context.Context, set CertificateSetting) (CertificateRecord, error) {
	var made CertificateRecord
	err := s.change(ctx, act{"certificate.add", set.Account}, func(snap *snapshot) error {
		a, err := s.managedAccount(snap, set.Account, false)
		if err != nil {
			return err
		}
		c, err := s.certificateOf(snap, a, &set)
		if err != nil {
			return err
		}
		made = snap.certificate(a, c)
		return s.x.store.PutCredential(ctx, *c)
	})
	return made, err
}

// certificateOf gives the credential of a setting.
func (s *Session) certificateOf(snap *snapshot, a *Account, set *CertificateSetting) (*Credential, error) {
	name, err := ParseCertificateName(set.Name)
	if err != nil {
		return nil, err
	}
	c := &Credential{Account: a.ID, Kind: KindCertificate, Name: name, Secret: name, Created: taxii.TimeOf(s.x.opt.Now()), ID: newTokenID()}
	for _, other := range snap.secret[secretKey(KindCertificate, name)] {
		if owner := snap.accounts[other.Account]; other.Account != a.ID && owner != nil && !owner.Removed {
			return nil, taxii.Errorf(taxii.Conflict, "%s is of account %q already: a certificate has one account", name, owner.Name)
		}
		c.ID, c.Created = other.ID, other.Created
	}
	if c.Scope, err = snap.scopeOf(s, set.Scope); err != nil {
		return nil, err
	}
	if c.Ceiling, err = parseCeiling(set.Ceiling); err != nil {
		return nil, err
	}
	return c, snap.roomForCertificate(a.ID, name)
}

func (s *snapshot) roomForCertificate(account int64, name string) error {
	n := 0
	for _, c := range s.credentials[account] {
		if c.Kind == KindCertificate && c.Name != name {
			n++
		}
	}
	if n >= maxCertificates {
		return taxii.Errorf(taxii.Unprocessable, "the account has %d client certificates, which is as many as it can have", n)
	}
	return nil
}

// RemoveCertificate ends a client certificate as the sign of its account: by its
// id. What is open by it ends within a second.
func (s *Session) RemoveCertificate(ctx context.Context, id string) error {
	return s.change(ctx, act{"certificate.remove", id}, func(snap *snapshot) error {
		if err := s.manages(snap, resource{scope: OnServer}); err != nil {
			return err
		}
		c := snap.credential[id]
		if c == nil || c.Kind != KindCertificate {
			return taxii.Errorf(taxii.NotFound, "no client certificate %q", id)
		}
		return s.x.store.RemoveCredential(ctx, c.Account, KindCertificate, c.Name)
	})
}
