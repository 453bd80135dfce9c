package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
	"github.com/spf13/cobra"
)

// usageError says that the command line could not be understood.
type usageError struct{ error }

func misused(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// takes allows as many arguments as there are names; a last name that ends in
// "..." stands for one or more.
func takes(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		many := len(names) > 0 && strings.HasSuffix(names[len(names)-1], "...")
		switch {
		case len(args) < len(names):
			return misused("%s is missing", strings.TrimSuffix(names[len(args)], "..."))
		case len(args) > len(names) && !many:
			return misused("unexpected argument %q", args[len(names)])
		}
		return nil
	}
}

// knownVerb refuses a verb that does not exist.
func knownVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	meant := ""
	cmd.SuggestionsMinimumDistance = 2 // letters that may be wrong
	if list := cmd.SuggestionsFor(args[0]); len(list) > 0 {
		meant = fmt.Sprintf("; %s was perhaps meant", strings.Join(list, " or "))
	}
	return misused("there is no verb %q%s", args[0], meant)
}

// noun is a verb that only holds others.
func noun(use, short, long string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: knownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var names []string
			for _, c := range cmd.Commands() {
				names = append(names, c.Name())
			}
			return misused("%s needs one of %s", cmd.Name(), strings.Join(names, ", "))
		},
	}
	cmd.AddCommand(verbs...)
	return cmd
}

// tried says what was to be done when err came.
func tried(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// explain adds to an error what may be done about it.
func explain(err error) string {
	text := err.Error()
	var e *taxii.Error
	if !errors.As(err, &e) {
		return text
	}
	if e.ID != "" {
		text += " (error_id " + e.ID + ", as in the server's log)"
	}
	switch {
	case e.Kind == taxii.Unavailable:
		text += "; try again later"
	case e.Kind != taxii.NotFound:
	case strings.HasPrefix(e.Title, "no API Root"):
		text += "; `hansom root list` shows those that there are"
	case strings.HasPrefix(e.Title, "no collection"):
		text += "; `hansom collection list` shows those that there are"
	case strings.HasPrefix(e.Title, "no channel"):
		text += "; `hansom channel list` shows those that there are"
	case strings.HasPrefix(e.Title, "no account"):
		text += "; `hansom account list` shows those that there are"
	case strings.HasPrefix(e.Title, "no group"):
		text += "; `hansom group list` shows those that there are"
	case strings.HasPrefix(e.Title, "no token"):
		text += "; `hansom token list` shows those that there are"
	case strings.HasPrefix(e.Title, "no client certificate"):
		text += "; `hansom certificate list` shows those that there are"
	case strings.HasPrefix(e.Title, "no key"):
		text += "; `hansom keys list` shows those that there are"
	}
	return text
}
