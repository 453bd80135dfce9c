package store

import (
	"context"
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/store/storetest"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// Each sentence of the contract has a schema of its own: to make one takes a
// hundredth of what it takes to make a database.
func TestPostgreSQLKeepsTheContractOfAStore(t *testing.T) {
	where := trial.Postgres(t)
	var schemas atomic.Int64
	storetest.Run(t, storetest.Engine{Tables: tablesOf, Empty: func(t *testing.T) storetest.Open {
		return openSchema(schemaOf(t, where, fmt.Sprint("s", schemas.Add(1))))
	}})
}

// schemaOf makes a schema in a database, and gives the URL of one who works in it.
func schemaOf(t *testing.T, where, schema string) string {
	t.Helper()
	_, err := beside(t, where).Exec(t.Context(), "create schema "+schema)
	must(t, err)
	u, err := url.Parse(where)
	must(t, err)
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func openSchema(where string) storetest.Open {
	return func(now func() time.Time) (storetest.Store, error) {
		s, err := Open(context.Background(), where, Options{Now: now})
		if err != nil {
			return nil, err // a nil *Store would be a Store
		}
		return s, nil
	}
}

// Two stores in schemas of one database do not see each other.
func TestSchemasOfOneDatabaseAreStoresOfTheirOwn(t *testing.T) {
	t.Parallel()
	where := trial.Postgres(t)
	one := collected(openStoreAt(t, schemaOf(t, where, "one"), Options{}))
	two := collected(openStoreAt(t, schemaOf(t, where, "two"), Options{}))
	must(t, one.put(someDraft("tool--1", "1", "content")))
	one.stands(feed.Head{Place: 1}, 1)
	two.stands(feed.Head{Place: 0}, 0)
}
