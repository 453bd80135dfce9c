package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/spf13/cobra"
)

func (a *app) root() *cobra.Command {
	return noun("root", "Add, list, show, set and remove API Roots",
		`An API Root is a group of Collections and Channels under one URL, https://HOST/NAME/.`,
		a.rootAdd(), a.rootList(), a.rootShow(), a.rootSet(), a.rootRemove())
}

// rootFlags gives a verb the flags for the settings of an API Root.
func rootFlags(cmd *cobra.Command, set *exchange.RootSetting) *cobra.Command {
	flags := cmd.Flags()
	flags.StringVar(&set.Title, "title", "", "`TEXT` that clients show (default the name)")
	flags.StringVar(&set.Description, "description", "", "longer `TEXT`")
	flags.BoolVar(&set.Relative, "relative", false, "let discovery print it as a path instead of a URL; some clients cannot use that")
	flags.StringVar(&set.Advertise, "advertise", "", "list the API Root of another server, at this https `URL`")
	flags.BoolVar(&set.Default, "default", false, "let discovery name it as the default, instead of any other")
	flags.StringSliceVar(&set.SignIn, "sign-in", nil, "`WAYS` to sign in that are taken, comma separated: password, token, jwt, certificate, and anonymous for none (default all)")
	return cmd
}

func (a *app) rootAdd() *cobra.Command {
	var set exchange.RootSetting
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add an API Root",
		Long: `Adds an API Root. NAME is one path segment of letters, digits, '_', '~' and '-'; several
segments are possible, but some clients cannot use them.`,
		Example: `  hansom root add trust --title "Trust group" --default
  hansom root add partner --advertise https://taxii.example.com/api1/`,
		Args: takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			set.Name = args[0]
			return a.control(cmd.Context(), func(c *admin.Client) error { return a.addRoot(cmd.Context(), c, set) })
		},
	}
	return a.printsJSON(rootFlags(cmd, &set))
}

func (a *app) addRoot(ctx context.Context, c *admin.Client, set exchange.RootSetting) error {
	warnings, err := c.AddRoot(ctx, set)
	if err != nil {
		return tried(err, "add API Root %q", set.Name)
	}
	for _, w := range warnings {
		fmt.Fprintln(a.err, "hansom: warning:", printable(w))
	}
	made, err := c.Root(ctx, set.Name)
	if err != nil {
		return tried(err, "show API Root %q", set.Name)
	}
	return a.print(made, func() { a.say("API Root %s is there", set.Name) })
}

func (a *app) rootList() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:     "list",
		Short:   "List the API Roots",
		Long:    "Lists the API Roots, also those of other servers that are advertised here.",
		Example: "  hansom root list\n  hansom root list --json",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				list, err := c.Roots(cmd.Context())
				if err != nil {
					return tried(err, "list API Roots")
				}
				return a.print(list, func() {
					rows := [][]string{{"NAME", "TITLE", "DEFAULT", "RELATIVE", "ADVERTISED AT"}}
					for _, r := range list {
						rows = append(rows, []string{r.Name, r.Title, yes(r.Default), yes(r.Relative), r.Advertise})
					}
					a.table(rows...)
				})
			})
		},
	})
}

func (a *app) rootShow() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:     "show NAME",
		Short:   "Show an API Root",
		Long:    "Shows the settings of an API Root.",
		Example: "  hansom root show trust",
		Args:    takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				r, err := c.Root(cmd.Context(), args[0])
				if err != nil {
					return tried(err, "show API Root %q", args[0])
				}
				return a.print(r, func() { a.showRoot(r) })
			})
		},
	})
}

func (a *app) showRoot(r exchange.RootSetting) {
	a.table([]string{"name", r.Name}, []string{"title", r.Title}, []string{"description", r.Description},
		[]string{"default", yes(r.Default)}, []string{"relative", yes(r.Relative)}, []string{"advertised at", r.Advertise},
		[]string{"sign in with", strings.Join(r.SignIn, ", ")})
}

func (a *app) rootSet() *cobra.Command {
	var set exchange.RootSetting
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change an API Root",
		Long: `Changes the settings of an API Root that are named by flags, and no others. It keeps its
name, since clients know it by its URL.`,
		Example: `  hansom root set trust --title "Trust group, members"
  hansom root set trust --default=false
  hansom root set trust --sign-in token,certificate
  hansom root set trust --sign-in ""`,
		Args: takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			patch := changed(cmd, map[string]any{
				"title": &set.Title, "description": &set.Description, "relative": &set.Relative,
				"advertise": &set.Advertise, "default": &set.Default, "sign-in": &set.SignIn,
			})
			if len(patch) == 0 {
				return misused("nothing to set")
			}
			return a.control(cmd.Context(), func(c *admin.Client) error {
				r, err := c.SetRoot(cmd.Context(), args[0], patch)
				if err != nil {
					return tried(err, "set API Root %q", args[0])
				}
				return a.print(r, func() { a.showRoot(r) })
			})
		},
	}
	return a.printsJSON(rootFlags(cmd, &set))
}

// changed gives of values, by the names of their flags, those that were set, under
// the names that settings have in JSON.
func changed(cmd *cobra.Command, values map[string]any) map[string]any {
	patch := map[string]any{}
	for name, value := range values {
		if cmd.Flags().Changed(name) {
			patch[strings.ReplaceAll(name, "-", "_")] = value
		}
	}
	return patch
}

func (a *app) rootRemove() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove an API Root with everything in it",
		Long:    "Removes an API Root with its Collections and Channels, their content and all grants on them. This cannot be undone.",
		Example: "  hansom root remove trust",
		Args:    takes("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				if err := c.RemoveRoot(cmd.Context(), args[0]); err != nil {
					return tried(err, "remove API Root %q", args[0])
				}
				return a.print(removed{args[0]}, func() { a.say("API Root %s is removed", args[0]) })
			})
		},
	})
}
