package exchange

import (
	"cmp"
	"context"
	"regexp"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// AccountSetting is an account as an operator states it. Password is only taken,
// never given; PasswordHash is what is kept of it.
type AccountSetting struct {
	Name         string   `json:"name" yaml:"name"`
	Options      []string `json:"options,omitempty" yaml:"options,omitempty"`
	Password     string   `json:"password,omitempty" yaml:"-"`
	PasswordHash string   `json:"password_hash,omitempty" yaml:"password_hash,omitempty"`
	Limits       Limits   `json:"limits,omitzero" yaml:"limits,omitempty"`
}

// AccountRecord is what is told of an account.
type AccountRecord struct {
	ID      int64    `json:"id"` // never used again
	Name    string   `json:"name"`
	Options []string `json:"options,omitempty"`
	Builtin bool     `json:"builtin,omitempty"`
	Removed bool     `json:"removed,omitempty"`
	SignIn  []string `json:"sign_in,omitempty"` // kinds of its credentials
	Limits  Limits   `json:"limits,omitzero"`   // of its own
}

// KindPassword is the kind of credential that HTTP Basic uses.
const KindPassword = "password"

const (
	minPassword = 8    // octets; below it a guesser needs no list
	maxPassword = 1024 // octets; more costs time and adds nothing
)

var (
	accountForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}$`)
	options     = []string{OptionForeignCursor, OptionEmptyList, OptionCertificate}
)

// Accounts lists the accounts, also removed ones: their names stand in records.
func (s *Session) Accounts(context.Context) ([]AccountRecord, error) {
	snap := s.x.now.Load()
	if err := s.manages(snap, resource{scope: OnServer}); err != nil {
		return nil, err
	}
	list := []AccountRecord{}
	for _, a := range snap.accounts {
		list = append(list, snap.record(a))
	}
	slices.SortFunc(list, func(a, b AccountRecord) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

func (s *snapshot) record(a *Account) AccountRecord {
	r := AccountRecord{ID: a.ID, Name: a.Name, Options: slices.Clone(a.Options), Builtin: a.Builtin, Removed: a.Removed, Limits: a.Limits}
	for _, c := range s.credentials[a.ID] {
		if !slices.Contains(r.SignIn, c.Kind) {
			r.SignIn = append(r.SignIn, c.Kind)
		}
	}
	return r
}

// AccountRecord gives one account that is not removed.
func (s *Session) AccountRecord(_ context.Context, name string) (AccountRecord, error) {
	snap := s.x.now.Load()
	a, err := s.managedAccount(snap, name, true)
	if err != nil {
		return AccountRecord{}, err
	}
	return snap.record(a), nil
}

func (s *Session) managedAccount(snap *snapshot, name string, builtin bool) (*Account, error) {
	if err := s.manages(snap, resource{scope: OnServer}); err != nil {
		return nil, err
	}
	a := snap.names[name]
	if a == nil {
		return nil, taxii.Errorf(taxii.NotFound, "no account %q", name)
	}
	if a.Builtin && !builtin {
		return nil, taxii.Errorf(taxii.Conflict, "%q is built in and stays as it is", name)
	}
	return a, nil
}

// AddAccount makes an account, which may do nothing until it is granted rights.
func (s *Session) AddAccount(ctx context.Context, set AccountSetting) error {
	return s.change(ctx, act{"account.add", set.Name}, func(snap *snapshot) error {
		if err := s.manages(snap, resource{scope: OnServer}); err != nil {
			return err
		}
		if err := s.x.checkAccount(&set); err != nil {
			return err
		}
		if err := snap.free(set.Name); err != nil {
			return err
		}
		hash, err := s.x.hash(set)
		if err != nil {
			return err
		}
		_, err = s.x.store.PutAccount(ctx, Account{Name: set.Name, Options: set.Options, Limits: set.Limits}, s.x.passwords(hash)...)
		return err
	})
}

// checkAccount tells whether an account can be as stated. It makes no hash.
func (x *Exchange) checkAccount(set *AccountSetting) error {
	switch {
	case !accountForm.MatchString(set.Name):
		return invalid("name", "must begin with a letter, a digit or _ and have only letters, digits and . _ @ + -, at most 128")
	case set.Password != "" && set.PasswordHash != "":
		return invalid("password", "and password_hash exclude each other")
	case set.PasswordHash != "" && !x.opt.IsHash(set.PasswordHash):
		return invalid("password_hash", "must be an argon2id hash as `hansom account hash` prints it")
	case set.Password != "" && len(set.Password) < minPassword:
		return invalid("password", "is shorter than 8 octets")
	case IsToken(set.Password):
		return invalid("password", "has the form of an API token, and would be taken for one")
	case len(set.Password) > maxPassword:
		return invalid("password", "is longer than 1,024 octets")
	}
	if set.Name == OperatorName && set.Limits != (Limits{}) {
		return invalid("limits", "do not hold for the operator, who acts on the server itself")
	}
	if err := set.Limits.check(); err != nil {
		return err
	}
	return checkOptions(set.Options)
}

// hash gives what is kept of the password of a setting, or "" where it has none.
func (x *Exchange) hash(set AccountSetting) (string, error) {
	if set.PasswordHash != "" || set.Password == "" {
		return set.PasswordHash, nil
	}
	return x.opt.HashPassword(set.Password)
}

// passwords gives what is kept of a hash: a credential, or nothing for "".
func (x *Exchange) passwords(hash string) []Credential {
	if hash == "" {
		return nil
	}
	return []Credential{{Kind: KindPassword, Secret: hash, Created: taxii.TimeOf(x.opt.Now())}}
}

// SetAccount changes options, limits or the password of an account: edit is given
// its options and limits.
func (s *Session) SetAccount(ctx context.Context, name string, edit func(*AccountSetting) error) error {
	return s.change(ctx, act{"account.set", name}, func(snap *snapshot) error {
		a, err := s.managedAccount(snap, name, true)
		if err != nil {
			return err
		}
		set := AccountSetting{Name: name, Options: slices.Clone(a.Options), Limits: a.Limits}
		if err := edit(&set); err != nil {
			return err
		}
		if set.Name != name {
			return taxii.Errorf(taxii.Unprocessable, "an account cannot be renamed: records know it by its name")
		}
		if err := s.x.checkAccount(&set); err != nil {
			return err
		}
		hash, err := s.x.hash(set)
		if err != nil {
			return err
		}
		if hash != "" && a.Builtin {
			return taxii.Errorf(taxii.Conflict, "%q cannot sign in", name)
		}
		changed := *a
		changed.Options, changed.Limits = set.Options, set.Limits
		_, err = s.x.store.PutAccount(ctx, changed, s.x.passwords(hash)...)
		return err
	})
}

func checkOptions(list []string) error {
	for _, o := range list {
		if !slices.Contains(options, o) {
			return invalid("option", o+" is not known: options are ignore_foreign_cursor, empty_list and certificate_required")
		}
	}
	return nil
}

// RemoveAccount ends an account with its credentials and grants. What it added
// stays, under its name; its number is never used again.
func (s *Session) RemoveAccount(ctx context.Context, name string) error {
	return s.change(ctx, act{"account.remove", name}, func(snap *snapshot) error {
		a, err := s.managedAccount(snap, name, false)
		if err != nil {
			return err
		}
		if a.ID == s.account.ID {
			return taxii.Errorf(taxii.Conflict, "an account cannot remove itself")
		}
		return s.x.store.RemoveAccount(ctx, a.ID)
	})
}
