package admin

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// audit gives a page of records.
func (q *request) audit() (answer, error) {
	query := exchange.AuditQuery{
		Account: q.params.Get("account"), Event: q.params.Get("event"), On: q.params.Get("on"),
		Request: q.params.Get("request"), From: q.params.Get("from"),
	}
	limit, err := q.number("limit")
	if err == nil {
		query.Limit = int(limit)
		query.After, err = q.number("after")
	}
	if err == nil {
		query.Since, err = q.time("since")
	}
	if err == nil {
		query.Until, err = q.time("until")
	}
	if err != nil {
		return answer{}, err
	}
	return ok(q.Audit(q.r.Context(), query))
}

func (q *request) recall() (answer, error) {
	since, err := q.time("since")
	if err != nil {
		return answer{}, err
	}
	return ok(q.Recall(q.r.Context(), exchange.RecallQuery{Object: q.names["object"], On: q.params.Get("on"), Since: since}))
}

// number reads a parameter that is a whole number above zero; 0: it is absent.
func (q *request) number(name string) (int64, error) {
	text := q.params.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 53)
	if err != nil || n < 1 {
		return 0, taxii.Errorf(taxii.Malformed, "%s must be a whole number above zero", name)
	}
	return n, nil
}

// time reads a parameter that is a time; 0: it is absent.
func (q *request) time(name string) (taxii.Time, error) {
	text := q.params.Get(name)
	if text == "" {
		return 0, nil
	}
	t, err := taxii.ParseTime(text)
	if err != nil {
		return 0, taxii.Errorf(taxii.Malformed, "%s must be a time such as 2026-01-31T12:00:00Z", name).Because(err)
	}
	return t, nil
}

// Audit gives a page of the records that match, the oldest first.
func (c *Client) Audit(ctx context.Context, q exchange.AuditQuery) (exchange.AuditPage, error) {
	var page exchange.AuditPage
	path := "audit/" + asking(
		"after", count(q.After), "since", moment(q.Since), "until", moment(q.Until), "account", q.Account, "event", q.Event,
		"on", q.On, "request", q.Request, "from", q.From, "limit", number(q.Limit),
	)
	err := c.call(ctx, http.MethodGet, path, nil, &page)
	return page, err
}

// Recall tells who was sent an object.
func (c *Client) Recall(ctx context.Context, q exchange.RecallQuery) (exchange.Recall, error) {
	var r exchange.Recall
	err := c.call(ctx, http.MethodGet, "audit/recall/"+url.PathEscape(q.Object)+"/"+asking("on", q.On, "since", moment(q.Since)), nil, &r)
	return r, err
}

// count and moment write a number and a time for a query; 0 is left out.
func count(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func moment(t taxii.Time) string {
	if t == 0 {
		return ""
	}
	return t.String()
}
