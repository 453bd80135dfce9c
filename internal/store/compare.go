package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"github.com/hansom-taxii/hansom/internal/feed"
)

// Contents under one id and version are compared outside of the writer: it takes
// time in their size, and the writer serves everybody. Under the head it is only
// looked whether there is something to compare; if so the Add steps back, its
// contents are compared here, and it is tried again.

// comparisons are the verdicts on the drafts of one Add.
type comparisons struct {
	add    *feed.Add
	inside map[int]bool       // draft i is alike the first of its name in the Add
	kept   map[comparand]bool // draft is alike the entry in a place

	underHead bool // what is not compared yet is compared by the writer
}

type comparand struct {
	place feed.Place
	draft int
}

// uncompared says that an Add met entries with which its drafts have yet to be
// compared.
type uncompared struct {
	with   *comparisons
	drafts map[feed.Place][]int
}

func (u *uncompared) Error() string {
	return fmt.Sprintf("%d entries are yet to be compared", len(u.drafts))
}

// compareInside compares drafts of one name with the first of them.
func compareInside(add *feed.Add) *comparisons {
	c := &comparisons{add: add, inside: map[int]bool{}, kept: map[comparand]bool{}}
	groups := map[versionName][]int{}
	for i := range add.Drafts {
		name := nameOf(&add.Drafts[i])
		groups[name] = append(groups[name], i)
	}
	for _, group := range groups {
		if len(group) == 1 {
			continue
		}
		first := c.against(add.Drafts[group[0]].Content)
		for _, i := range group[1:] {
			c.inside[i] = first(i)
		}
	}
	return c
}

func nameOf(d *feed.Draft) versionName { return versionName{d.ID, d.SpecVersion, d.VersionKey} }

// against tells of drafts whether they are alike a content, whose form is found
// once at most.
func (c *comparisons) against(content []byte) func(draft int) bool {
	var form []byte
	return func(draft int) bool {
		sent := c.add.Drafts[draft].Content
		if bytes.Equal(content, sent) {
			return true
		}
		if c.add.Form == nil {
			return false
		}
		if form == nil {
			form = c.add.Form(content)
		}
		return bytes.Equal(form, c.add.Form(sent))
	}
}

const contentAt = `select content from entries where feed = $1 and seq = $2`

// compare reads the entries that an Add met, one after the other, and compares
// its drafts with them. An entry that has gone meanwhile needs no verdict.
func (s *Store) compare(ctx context.Context, u *uncompared) error {
	for place, drafts := range u.drafts {
		err := s.each(ctx, func(r *sql.Rows) error {
			var content sql.RawBytes
			if err := r.Scan(&content); err != nil {
				return err
			}
			alike := u.with.against(content)
			for _, i := range drafts {
				u.with.kept[comparand{place, i}] = alike(i)
			}
			return nil
		}, contentAt, u.with.add.Feed, place)
		if err != nil {
			return fmt.Errorf("compare with what is there: %w", err)
		}
	}
	return nil
}
