package admin

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// addObjects imports a batch of objects. Whether that is allowed is found out before
// the body is taken.
func (q *request) addObjects() (answer, error) {
	s, root, name := q.Session, q.names["root"], q.names["collection"]
	if as := q.params.Get("as"); as != "" {
		other, err := q.As(as)
		if err != nil {
			return answer{}, err
		}
		s = other
	}
	if err := s.MayAdd(root, name); err != nil {
		return answer{}, q.called(err)
	}
	body, release, err := q.opt.Body(q.w, q.r, maxImport)
	if err != nil {
		return answer{}, err
	}
	defer release()
	st, err := s.Add(q.r.Context(), root, name, body)
	return answer{code: http.StatusAccepted, value: st}, q.called(err)
}

// called gives what is not found its name: who administers knows what was
// asked for, and the words are the same whether it is absent or hidden.
func (q *request) called(err error) error {
	if taxii.KindOf(err) != taxii.NotFound {
		return err
	}
	return taxii.Errorf(taxii.NotFound, "no collection %q in %q", q.names["collection"], q.names["root"])
}

// export gives a page of all that a Collection holds.
func (q *request) export() (answer, error) {
	filter, err := q.exportFilter()
	if err != nil {
		return answer{}, err
	}
	target := exchange.Target{Endpoint: exchange.Export, Root: q.names["root"], Collection: q.names["collection"]}
	view, err := q.View(q.r.Context(), target, filter)
	if err != nil {
		return answer{}, q.called(err)
	}
	page, err := view.Page(q.r.Context())
	if err != nil {
		return answer{}, err
	}
	receipt, err := view.Deliver(q.r.Context(), page)
	if err == nil {
		err = receipt.Wait()
	}
	if err != nil {
		return answer{}, err
	}
	return answer{code: http.StatusOK, chunks: exportChunks(page)}, nil
}

func (q *request) exportFilter() (filter taxii.Filter, err error) {
	filter.Next = q.params.Get("next")
	if text := q.params.Get("limit"); text != "" {
		limit, err := strconv.ParseInt(text, 10, 32)
		if err != nil || limit < 1 {
			return filter, taxii.Errorf(taxii.Malformed, "limit must be a whole number above zero")
		}
		filter.Limit = int(limit)
	}
	if text := q.params.Get("since"); text != "" {
		since, err := taxii.ParseTime(text)
		if err != nil {
			return filter, err
		}
		filter.AddedAfter = &since
	}
	return filter, nil
}

// exportChunks puts what the page has, octets as they are stored, between its
// head and its tail.
func exportChunks(p *exchange.Page) [][]byte {
	head := []byte(`{"more":` + strconv.FormatBool(p.More))
	if p.More {
		head = append(head, `,"next":`...)
		head, _ = jsontext.AppendQuote(head, p.Next) // a cursor is ASCII
	}
	chunks := append([][]byte{append(head, `,"entries":[`...)}, p.Chunks...)
	return append(chunks, []byte("]}\n"))
}
