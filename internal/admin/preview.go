package admin

import (
	"context"
	"net/http"
	"strconv"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// defaultPreview is how many objects of each Collection are shown where the
// request does not say.
const defaultPreview = 10

type previewList struct {
	Collections []exchange.Preview `json:"collections"`
}

// preview shows Collections as an account sees them.
func (q *request) preview() (answer, error) {
	limit := defaultPreview
	if text := q.params.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return answer{}, taxii.Errorf(taxii.Malformed, "limit must be a whole number, 0 or above")
		}
		limit = n
	}
	list, err := q.Preview(q.r.Context(), q.names["account"], q.params.Get("on"), limit)
	return ok(previewList{list}, err)
}

// Preview shows a Collection as an account sees it, or for "" all; with at most
// limit objects of each.
func (c *Client) Preview(ctx context.Context, account, on string, limit int) ([]exchange.Preview, error) {
	var list previewList
	err := c.call(ctx, http.MethodGet, accountPath(account)+"preview/"+asking("on", on, "limit", strconv.Itoa(limit)), nil, &list)
	return list.Collections, err
}
