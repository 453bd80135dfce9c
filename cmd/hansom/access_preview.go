package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/spf13/cobra"
)

func (a *app) accessPreview() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "preview ACCOUNT [ROOT/NAME]",
		Short: "Show a Collection as an account sees it",
		Long: `Shows a Collection as an account sees it: how many object versions are at marking levels
that it sees and how many are not, and the first objects that it gets. Without a name it
shows every Collection of this server.

The scope and the ceiling of a token or certificate can only take away from what is shown.`,
		Example: "  hansom access preview alice trust/indicators\n  hansom access preview alice --objects 0",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return misused("--objects cannot be below 0")
			}
			return a.control(cmd.Context(), func(c *admin.Client) error { return a.preview(cmd.Context(), c, args, limit) })
		},
	}
	cmd.Flags().IntVar(&limit, "objects", 10, "show the first `NUMBER` of objects of each Collection, at most 100")
	return a.printsJSON(cmd)
}

func (a *app) preview(ctx context.Context, c *admin.Client, args []string, limit int) error {
	on := ""
	if len(args) == 2 {
		root, name, err := collectionName(args[1])
		if err != nil {
			return err
		}
		on = root + "/collection/" + name
	}
	list, err := c.Preview(ctx, args[0], on, limit)
	if taxii.KindOf(err) == taxii.NotFound && strings.Contains(on, "/channel/collection/") {
		return fmt.Errorf("preview shows Collections, and %s names a Channel; `hansom access explain` takes both", args[1])
	}
	if err != nil {
		return tried(err, "preview what %q sees", args[0])
	}
	if a.json {
		return a.print(list, nil)
	}
	for i := range list {
		a.showPreview(args[0], &list[i])
	}
	return nil
}

func (a *app) showPreview(account string, p *exchange.Preview) {
	switch {
	case !p.Reads:
		a.say("%s may not read %s, which has %s", account, p.Collection, countsOf(p.Hidden))
		return
	case p.Ceiling != "":
		a.say("%s reads %s up to %s: %s; not shown: %s", account, p.Collection, p.Ceiling, countsOf(p.Visible), countsOf(p.Hidden))
	default:
		a.say("%s reads all of %s: %s", account, p.Collection, countsOf(p.Visible))
	}
	if len(p.Objects) == 0 {
		return
	}
	rows := [][]string{{"LEVEL", "TYPE", "ID", "VERSION"}}
	for _, o := range p.Objects {
		rows = append(rows, []string{o.Level, o.Type, o.ID, o.Version})
	}
	a.table(rows...)
}

// countsOf says how many object versions there are at which levels.
func countsOf(levels map[string]int64) string {
	if len(levels) == 0 {
		return "no object versions"
	}
	var parts []string
	order := func(x, y string) int {
		a, _ := exchange.ParseLevel(x)
		b, _ := exchange.ParseLevel(y)
		return int(a - b)
	}
	for _, level := range slices.SortedFunc(maps.Keys(levels), order) {
		parts = append(parts, fmt.Sprintf("%d %s", levels[level], level))
	}
	return strings.Join(parts, ", ")
}
