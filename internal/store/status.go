package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// StatusHead reads the record of one Add without its lists; NotFound where
// there is none.
func (s *Store) StatusHead(ctx context.Context, id string) (feed.Status, error) {
	st := feed.Status{ID: id}
	err := error(taxii.Errorf(taxii.NotFound, "no such Status"))
	failed := s.each(ctx, func(r *sql.Rows) error {
		var duplicates, others, taken int64
		err = r.Scan(&st.Feed, &st.Root, &st.Account, &st.Request, &st.At, &st.First, &st.Last, &duplicates, &others, &taken)
		// A duplicate is a number of a few digits; of failures, notes and what is taken the text itself is the most.
		st.Octets = int64(st.Last-st.First+1)*feed.DetailOctets + duplicates*feed.DetailOctets/4 + others*8 + taken*4
		return err
	}, `select feed, root, account, request, at, first, last, octet_length(duplicates), octet_length(failures) + octet_length(notes),
		octet_length(taken) from statuses where id = $1`, id)
	if failed != nil {
		return st, failed
	}
	return st, err
}

// Status reads the record of one Add; NotFound where there is none.
func (s *Store) Status(ctx context.Context, id string) (feed.Status, error) {
	st := feed.Status{ID: id}
	var duplicates, failures, notes, taken string
	found := false
	err := s.each(ctx, func(r *sql.Rows) error {
		found = true
		return r.Scan(&st.Feed, &st.Root, &st.Account, &st.Request, &st.At, &st.First, &st.Last, &duplicates, &failures, &notes, &taken)
	}, `select feed, root, account, request, at, first, last, duplicates, failures, notes, taken from statuses where id = $1`, id)
	if err != nil {
		return st, err
	}
	if !found {
		return st, taxii.Errorf(taxii.NotFound, "no such Status")
	}
	for text, list := range map[string]any{duplicates: &st.Duplicates, failures: &st.Failures, notes: &st.Notes, taken: &st.Taken} {
		if err := readList(text, list); err != nil {
			return st, fmt.Errorf("read Status %s: %w", id, err)
		}
	}
	return st, nil
}

// StatusVersions names what stood in the places of a Status when it was added,
// whether it is still there or only its tombstone is.
func (s *Store) StatusVersions(ctx context.Context, st feed.Status) ([]feed.Version, error) {
	at := map[feed.Place]feed.Version{}
	keep := func(r *sql.Rows) error {
		var p feed.Place
		var v feed.Version
		var key string
		err := r.Scan(&p, &v.ID, &v.Version, &v.Level, &key)
		v.Undated = feed.Undated(key)
		at[p] = v
		return err
	}
	places := s.engine.values(st.Duplicates)
	for _, from := range []struct{ table, place string }{{"entries", "seq"}, {"tombstones", "old_seq"}} {
		text := `select ` + from.place + `, id, version, level, version_key from ` + from.table + ` where feed = $1 and ` + from.place
		if err := s.each(ctx, keep, text+` between $2 and $3`, st.Feed, st.First, st.Last); err != nil {
			return nil, err
		}
		if err := s.each(ctx, keep, text+s.engine.oneOf("$2"), st.Feed, places); err != nil {
			return nil, err
		}
	}
	var list []feed.Version
	for p := st.First; p <= st.Last && p > 0; p++ {
		list = append(list, at[p])
	}
	for _, p := range st.Duplicates {
		list = append(list, at[p])
	}
	return list, nil
}
