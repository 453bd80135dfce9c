package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// certificateList is the client certificates of accounts.
type certificateList struct {
	Certificates []exchange.CertificateRecord `json:"certificates"`
}

func (q *request) certificates() (answer, error) {
	list, err := q.Certificates(q.r.Context(), q.params.Get("account"))
	return ok(certificateList{list}, err)
}

func (q *request) addCertificate() (answer, error) {
	var set exchange.CertificateSetting
	if err := q.settings(&set); err != nil {
		return answer{}, err
	}
	return created(q.AddCertificate(q.r.Context(), set))
}

func (q *request) removeCertificate() (answer, error) {
	return done(q.RemoveCertificate(q.r.Context(), q.names["certificate"]))
}

// Certificates lists the client certificates of one account or, for "", of all.
func (c *Client) Certificates(ctx context.Context, account string) ([]exchange.CertificateRecord, error) {
	var list certificateList
	err := c.call(ctx, http.MethodGet, "certificates/"+asking("account", account), nil, &list)
	return list.Certificates, err
}

// AddCertificate makes a client certificate the sign of an account.
func (c *Client) AddCertificate(ctx context.Context, set exchange.CertificateSetting) (exchange.CertificateRecord, error) {
	var made exchange.CertificateRecord
	err := c.call(ctx, http.MethodPost, "certificates/", set, &made)
	return made, err
}

// RemoveCertificate ends a client certificate as the sign of its account, by id.
func (c *Client) RemoveCertificate(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "certificates/"+url.PathEscape(id)+"/", nil, nil)
}
