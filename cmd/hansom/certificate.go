package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/spf13/cobra"
)

func (a *app) certificate() *cobra.Command {
	return noun("certificate", "Add, list and remove client certificates of accounts",
		`A client certificate signs an account in, alone or beside its password, token or JWT. The
server asks for one where client_certificates is request or require, and takes those of the
authorities in client_ca that stand on no list in client_crl.

Which account a certificate is of is said by one of its names: its fingerprint, an
alternative name, or its subject. The most specific name decides, and a name is of one
account. An account with the option certificate_required is let in with one alone.`,
		a.certificateAdd(), a.certificateList(), a.certificateRemove())
}

// certificateNames are the flags by which a certificate is named.
type certificateNames struct{ fingerprint, san, subject, file string }

func (a *app) certificateAdd() *cobra.Command {
	var names certificateNames
	var scope []string
	var ceiling string
	cmd := &cobra.Command{
		Use:   "add ACCOUNT --fingerprint SHA256 | --file PEM | --san KIND:NAME | --subject DN",
		Short: "Make a client certificate the sign of an account",
		Long: `Makes client certificates with a name the sign of an account. With --scope and --ceiling
they let through no more than these, as a token does.

A fingerprint is of one certificate, and ends with it. An alternative name or a subject is
of every certificate in which an authority of client_ca puts it: trust only authorities
that keep to their names. The order of the parts of a subject does not matter, everything
else in it does.`,
		Example: `  hansom certificate add sensor-7 --san dns:sensor-7.example.com
  hansom certificate add alice --file alice.pem
  hansom certificate add partner --subject "CN=taxii,O=Example Org,C=DE" --scope "read on trust"`,
		Args: takes("ACCOUNT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := a.certificateName(&names)
			if err != nil {
				return err
			}
			set := exchange.CertificateSetting{Account: args[0], Name: name, Ceiling: ceiling}
			return a.control(cmd.Context(), func(c *admin.Client) error { return a.addCertificate(cmd.Context(), c, set, scope) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&names.fingerprint, "fingerprint", "", "`SHA256` of the certificate, in hexadecimal digits, as openssl x509 -fingerprint -sha256 prints it")
	flags.StringVar(&names.file, "file", "", "`PEM` file with the certificate itself, of which the fingerprint is taken")
	flags.StringVar(&names.san, "san", "", "alternative name, `KIND:NAME`: dns:HOST, email:ADDRESS, uri:URI or ip:ADDRESS")
	flags.StringVar(&names.subject, "subject", "", "subject, a `DN` such as CN=alice,O=Example")
	flags.StringArrayVar(&scope, "scope", nil, "`\"RIGHTS on RESOURCE\"` that it lets through, such as \"read on trust/indicators\"; repeatable")
	flags.StringVar(&ceiling, "ceiling", "", "highest marking `LEVEL` that it reads: clear, green, amber, amber+strict or red")
	return a.printsJSON(cmd)
}

// certificateName gives the one name that the flags say.
func (a *app) certificateName(n *certificateNames) (string, error) {
	var given []string
	for kind, value := range map[string]string{"sha256:": n.fingerprint, "": n.san, "subject:": n.subject} {
		if value != "" {
			given = append(given, kind+value)
		}
	}
	if n.file != "" {
		fingerprint, err := a.fingerprintOf(n.file)
		if err != nil {
			return "", tried(err, "read %s", n.file)
		}
		given = append(given, "sha256:"+fingerprint)
	}
	if len(given) != 1 {
		return "", misused("exactly one of --fingerprint, --file, --san and --subject is needed")
	}
	name, err := exchange.ParseCertificateName(given[0])
	if err != nil {
		return "", misused("%w", err)
	}
	return name, nil
}

func (a *app) fingerprintOf(file string) (string, error) {
	text, err := a.readFile(file)
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return "", errors.New("it holds no certificate in PEM")
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return "", err
	}
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:]), nil
}

func (a *app) addCertificate(ctx context.Context, c *admin.Client, set exchange.CertificateSetting, scope []string) (err error) {
	if set.Scope, err = scopeOf(ctx, c, scope); err != nil {
		return err
	}
	made, err := c.AddCertificate(ctx, set)
	if err != nil {
		return tried(err, "add a certificate of %q", set.Account)
	}
	return a.print(made, func() { a.say("%s signs %s in, under the id %s", made.Name, made.Account, made.ID) })
}

func (a *app) certificateList() *cobra.Command {
	return lists(a, "certificates", &cobra.Command{
		Use:     "list [ACCOUNT]",
		Short:   "List client certificates",
		Long:    "Lists the client certificates of an account, or of all, by the names under which they are known.",
		Example: "  hansom certificate list\n  hansom certificate list sensor-7",
	}, func(c *admin.Client, ctx context.Context, account string) ([]exchange.CertificateRecord, error) {
		return c.Certificates(ctx, account)
	}, []string{"ID", "ACCOUNT", "NAME", "SCOPE", "CEILING", "CREATED"}, func(r *exchange.CertificateRecord) []string {
		return []string{r.ID, r.Account, r.Name, scopeText(r.Scope), r.Ceiling, r.Created.String()}
	})
}

func scopeText(scope []exchange.ScopeSetting) string {
	var parts []string
	for _, part := range scope {
		parts = append(parts, strings.Join(part.Rights, ",")+" on "+part.On)
	}
	return strings.Join(parts, "; ")
}

func (a *app) certificateRemove() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "remove ID",
		Short: "End a client certificate as the sign of its account",
		Long: `Ends a client certificate as the sign of its account, by its id: at once, and within a
second where a request lasts. The certificate itself is revoked by its authority.`,
		Example: "  hansom certificate remove 5f1c0a9e3b7d2468",
		Args:    takes("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				if err := c.RemoveCertificate(cmd.Context(), args[0]); err != nil {
					return tried(err, "remove certificate %s", args[0])
				}
				return a.print(removed{args[0]}, func() { a.say("certificate %s is removed", args[0]) })
			})
		},
	})
}
