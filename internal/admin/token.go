package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

func (q *request) tokens() (answer, error) {
	account := q.params.Get("account")
	if account == "" {
		list, err := q.AllTokens(q.r.Context())
		return ok(tokenList{list}, err)
	}
	list, err := q.Tokens(q.r.Context(), account)
	return ok(tokenList{list}, err)
}

func (q *request) createToken() (answer, error) {
	var set exchange.TokenSetting
	if err := q.settings(&set); err != nil {
		return answer{}, err
	}
	token, record, err := q.CreateToken(q.r.Context(), set)
	return created(exchange.NewToken{Token: token, TokenRecord: record}, err)
}

func (q *request) revokeToken() (answer, error) {
	return done(q.RevokeToken(q.r.Context(), q.names["token"]))
}

// Tokens lists the API tokens of an account or, for "", of all: never the tokens
// themselves.
func (c *Client) Tokens(ctx context.Context, account string) ([]exchange.TokenRecord, error) {
	var list tokenList
	err := c.call(ctx, http.MethodGet, "tokens/"+asking("account", account), nil, &list)
	return list.Tokens, err
}

// CreateToken makes an API token, and gives it this once.
func (c *Client) CreateToken(ctx context.Context, set exchange.TokenSetting) (exchange.NewToken, error) {
	var made exchange.NewToken
	err := c.call(ctx, http.MethodPost, "tokens/", set, &made)
	return made, err
}

// RevokeToken ends an API token, by its id, and those that were made with it.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "tokens/"+url.PathEscape(id)+"/", nil, nil)
}
