package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (a *app) collection() *cobra.Command {
	return noun("collection", "Add, list, show, set and remove Collections",
		`A Collection holds STIX objects and is read by asking. Here it is called ROOT/ALIAS,
ROOT/ID or, as in grants, ROOT/collection/ALIAS.`,
		a.collectionAdd(), a.collectionList(), a.collectionShow(), a.collectionSet(), a.collectionRemove())
}

// collectionName reads the name of a Collection.
func collectionName(name string) (root, collection string, err error) {
	root, collection, ok := strings.Cut(name, "/collection/")
	if i := strings.LastIndexByte(name, '/'); !ok && i > 0 {
		root, collection, ok = name[:i], name[i+1:], true
	}
	if !ok || root == "" || collection == "" || strings.Contains(collection, "/") {
		return "", "", misused("a collection is called ROOT/ALIAS, ROOT/ID or ROOT/collection/ALIAS, got %q", name)
	}
	return root, collection, nil
}

// collectionFlags gives a verb the flags for the settings of a Collection.
func collectionFlags(cmd *cobra.Command, set *exchange.CollectionSetting) *cobra.Command {
	flags := cmd.Flags()
	flags.StringVar(&set.Alias, "alias", "", "`NAME` that works in paths beside the id")
	flags.StringVar(&set.Title, "title", "", "`TEXT` that clients show and choose by; unique in its API Root")
	flags.StringVar(&set.Description, "description", "", "longer `TEXT`")
	flags.StringVar(&set.Validation, "validation", "", "what objects must be: `off|shape|strict` (default shape)")
	flags.StringSliceVar(&set.Types, "types", nil, "object `TYPES` that are taken, with commas (default all)")
	unmarkedFlag(flags, &set.Unmarked, "objects without a TLP marking")
	return cmd
}

// unmarkedFlag lets a verb say what counts as the level of what has no marking.
func unmarkedFlag(flags *pflag.FlagSet, level *string, what string) {
	flags.StringVar(level, "unmarked", "", "marking level of "+what+": `clear|green|amber|amber+strict|red` (default clear)")
}

func (a *app) collectionAdd() *cobra.Command {
	var set exchange.CollectionSetting
	cmd := &cobra.Command{
		Use:   "add ROOT",
		Short: "Add a Collection to an API Root",
		Long: `Adds a Collection to an API Root and prints its id, which is made unless --id gives one.
Nobody may read or write it until a grant says so.

--validation off takes any object with an id; shape wants well-formed ids, types and
timestamps; strict also the required properties and value ranges of each STIX 2.1 type.`,
		Example: `  hansom collection add trust --alias indicators --title "Indicators"
  hansom collection add trust --title "Addresses" --types ipv4-addr,ipv6-addr --validation strict`,
		Args: takes("ROOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			set.Root = args[0]
			if set.Title == "" {
				return misused("--title is missing")
			}
			return a.control(cmd.Context(), func(c *admin.Client) error {
				made, err := c.AddCollection(cmd.Context(), set)
				if err != nil {
					return tried(err, "add a collection to %q", set.Root)
				}
				return a.print(made, func() {
					a.say("collection %s/%s is there, its id is %s", made.Root, firstOf(made.Alias, made.ID), made.ID)
				})
			})
		},
	}
	cmd.Flags().StringVar(&set.ID, "id", "", "`UUID` of version 4, in lower case (default a new one)")
	return a.printsJSON(collectionFlags(cmd, &set))
}

func (a *app) collectionList() *cobra.Command {
	return lists(a, "collections", &cobra.Command{
		Use:     "list [ROOT]",
		Short:   "List the Collections of an API Root, or all",
		Long:    "Lists the Collections of an API Root or, without one, of all.",
		Example: "  hansom collection list\n  hansom collection list trust --json",
	}, (*admin.Client).Collections, []string{"ROOT", "ALIAS", "ID", "TITLE", "VALIDATION", "TYPES"}, func(s *exchange.CollectionSetting) []string {
		return []string{s.Root, s.Alias, s.ID, s.Title, s.Validation, strings.Join(s.Types, ",")}
	})
}

func (a *app) collectionShow() *cobra.Command {
	return a.printsJSON(a.onCollection(&cobra.Command{
		Use:     "show ROOT/NAME",
		Short:   "Show a Collection",
		Long:    "Shows the settings of a Collection and how many object versions it holds.",
		Example: "  hansom collection show trust/indicators",
	}, a.showCollection))
}

// onCollection completes a verb that takes the name of a Collection.
func (a *app) onCollection(cmd *cobra.Command, do func(ctx context.Context, c *admin.Client, root, name string) error) *cobra.Command {
	return a.onNamed(cmd, collectionName, do)
}

func (a *app) showCollection(ctx context.Context, c *admin.Client, root, name string) error {
	r, err := c.Collection(ctx, root, name)
	if err != nil {
		return tried(err, "show collection %s/%s", root, name)
	}
	return a.print(r, func() {
		a.table([]string{"root", r.Root}, []string{"alias", r.Alias}, []string{"id", r.ID}, []string{"title", r.Title},
			[]string{"description", r.Description}, []string{"validation", r.Validation},
			[]string{"types", firstOf(strings.Join(r.Types, ","), "all")}, []string{"unmarked", firstOf(r.Unmarked, "clear")}, []string{"object versions", strconv.FormatInt(r.Entries, 10)})
	})
}

func (a *app) collectionSet() *cobra.Command {
	var set exchange.CollectionSetting
	cmd := &cobra.Command{
		Use:   "set ROOT/NAME",
		Short: "Change a Collection",
		Long: `Changes the settings of a Collection that are named by flags, and no others. It keeps its
id and its API Root. What it holds is not validated again. Another --unmarked holds for what
it holds too, which takes up to a minute for each million objects.`,
		Example: `  hansom collection set trust/indicators --validation strict
  hansom collection set trust/indicators --types ""`,
	}
	collectionFlags(cmd, &set)
	return a.printsJSON(a.onCollection(cmd, func(ctx context.Context, c *admin.Client, root, name string) error {
		patch := changed(cmd, map[string]any{
			"alias": &set.Alias, "title": &set.Title, "description": &set.Description,
			"validation": &set.Validation, "types": &set.Types, "unmarked": &set.Unmarked,
		})
		if len(patch) == 0 {
			return misused("nothing to set")
		}
		made, err := c.SetCollection(ctx, root, name, patch)
		if err != nil {
			return tried(err, "set collection %s/%s", root, name)
		}
		return a.showCollection(ctx, c, root, made.ID)
	}))
}

func (a *app) collectionRemove() *cobra.Command {
	return a.printsJSON(a.onCollection(&cobra.Command{
		Use:   "remove ROOT/NAME",
		Short: "Remove a Collection with what it holds",
		Long: `Removes a Collection with what it holds and the grants on it. At once nobody sees it any
more and its names are free; its content goes from the disk in small steps. This cannot be undone.`,
		Example: "  hansom collection remove trust/indicators",
	}, func(ctx context.Context, c *admin.Client, root, name string) error {
		if err := c.RemoveCollection(ctx, root, name); err != nil {
			return tried(err, "remove collection %s/%s", root, name)
		}
		return a.print(removed{root + "/" + name}, func() { a.say("collection %s/%s is removed", root, name) })
	}))
}
