package exchange

import (
	"context"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

func (s *Session) certificateSettings(ctx context.Context) (list []CertificateSetting, err error) {
	records, err := s.Certificates(ctx, "")
	for _, r := range records {
		list = append(list, r.CertificateSetting)
	}
	return list, err
}

func (p *planner) certificates() error {
	p.names = map[string]bool{}
	for _, c := range p.want.Certificates {
		if err := p.certificate(c); err != nil {
			return at(err, "certificate %q", c.Name)
		}
	}
	return nil
}

// certificate plans one client certificate that is declared. What another account
// has is an error where it stays with that, else it changes hands.
func (p *planner) certificate(c CertificateSetting) error {
	name, err := ParseCertificateName(c.Name)
	if err == nil {
		_, err = parseCeiling(c.Ceiling)
	}
	if err == nil {
		err = p.checkScope(c.Scope)
	}
	if err != nil {
		return err
	}
	c.Name, c.Scope = name, slices.Clone(c.Scope)
	for i, part := range c.Scope {
		c.Scope[i].On = p.resourceName(part.On)
	}
	known := slices.ContainsFunc(p.now.Accounts, func(a AccountSetting) bool { return a.Name == c.Account })
	switch {
	case p.names[name]:
		return invalid("certificate", name+" is declared twice")
	case builtin(c.Account):
		return taxii.Errorf(taxii.Conflict, "%q is built in and signs in with nothing", c.Account)
	case !p.kept[2][c.Account] && (p.pruning || !known):
		return taxii.Errorf(taxii.Unprocessable, "there is no account %q, and none is declared", c.Account)
	}
	p.names[name] = true
	run := func(ctx context.Context) error { _, err := p.s.AddCertificate(ctx, c); return err }
	i := slices.IndexFunc(p.now.Certificates, func(o CertificateSetting) bool { return o.Name == name })
	switch {
	case i < 0:
		p.step("add", "certificate", name, "of "+c.Account, run)
	case p.now.Certificates[i].Account != c.Account:
		p.step("set", "certificate", name, "of "+c.Account+", no more of "+p.now.Certificates[i].Account, func(ctx context.Context) error {
			if err := p.s.endCertificate(ctx, name); err != nil {
				return err
			}
			return run(ctx)
		})
	case !p.now.Certificates[i].equal(&c):
		p.step("set", "certificate", name, "scope and ceiling", run)
	}
	return nil
}

// checkScope tells whether the resources of a scope will be there.
func (p *planner) checkScope(scope []ScopeSetting) error {
	for _, part := range scope {
		if _, err := ParseRights(part.Rights); err != nil {
			return err
		}
		if part.On != string(OnServer) && !p.will(part.On) {
			return taxii.Errorf(taxii.Unprocessable, "scope: there is no %s, and none is declared", part.On)
		}
	}
	return nil
}

func (set *CertificateSetting) equal(o *CertificateSetting) bool {
	return set.Ceiling == o.Ceiling && slices.EqualFunc(set.Scope, o.Scope, func(a, b ScopeSetting) bool {
		return a.On == b.On && sameSet(a.Rights, b.Rights)
	})
}

func (s *Session) endCertificate(ctx context.Context, name string) error {
	for _, c := range s.x.now.Load().secret[secretKey(KindCertificate, name)] {
		if err := s.RemoveCertificate(ctx, c.ID); err != nil {
			return err
		}
	}
	return nil
}

// pruneCertificates ends client certificates that are not declared.
func (p *planner) pruneCertificates() {
	for _, c := range p.now.Certificates {
		if !p.names[c.Name] {
			p.remove("certificate", c.Name, "of "+c.Account, func(ctx context.Context) error { return p.s.endCertificate(ctx, c.Name) })
		}
	}
}
