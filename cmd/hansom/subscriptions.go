package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
	"github.com/spf13/cobra"
)

// subscribing is one call of `hansom subscriptions`.
type subscribing struct {
	reach
	remove string
}

func (a *app) subscriptions() *cobra.Command {
	s := &subscribing{reach: reach{a: a}}
	cmd := &cobra.Command{
		Use:   "subscriptions URL",
		Short: "List one's Subscriptions on a Channel, or end one",
		Long: `Lists the Subscriptions that an account has on a Channel of hansom or of any other server that
has Channels and, if it manages the Channel, those of all accounts: how many Messages each has
still to acknowledge (its lag), when it was last seen, and what it has missed. hansom follow
--subscription makes them. URL is the Channel's.`,
		Example: `  hansom subscriptions https://taxii.example.com/trust/channels/alerts/ --account alice --password-file pw.txt
  hansom subscriptions URL --remove siem --account alice --password-file pw.txt`,
		Args: takes("URL"),
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd.Context(), args[0]) },
	}
	reachFlags(cmd, &s.reach)
	cmd.Flags().StringVar(&s.remove, "remove", "", "end the one of this `NAME` or id")
	return a.printsJSON(cmd)
}

func (s *subscribing) run(ctx context.Context, address string) error {
	c, err := s.open(address)
	if err != nil {
		return err
	}
	list := []taxii.Subscription{}
	for one, err := range c.Subscriptions(ctx, s.channel) {
		if err != nil {
			return s.failed(err, "list the Subscriptions on")
		}
		list = append(list, one)
	}
	if s.remove == "" {
		return s.a.print(taxii.Subscriptions{Subscriptions: list}, func() { s.show(list) })
	}
	one, err := s.named(list)
	if err != nil {
		return err
	}
	if err := c.Unsubscribe(ctx, s.channel, one.ID); err != nil {
		return s.failed(err, "end a Subscription on")
	}
	return s.a.print(removed{one.ID}, func() { s.a.say("Subscription %s is ended", firstOf(one.Name, one.ID)) })
}

// named finds the one to end. A name may stand for several, with different
// Selectors or of different accounts; then only an id will do.
func (s *subscribing) named(list []taxii.Subscription) (found taxii.Subscription, err error) {
	for _, one := range list {
		switch {
		case one.ID == s.remove:
			return one, nil
		case one.Name != s.remove:
		case found.ID != "":
			return found, fmt.Errorf("several Subscriptions on %s have the name %q: name one by its id, which the list without --remove shows", s.address, s.remove)
		default:
			found = one
		}
	}
	if found.ID == "" {
		return found, fmt.Errorf("no Subscription on %s has the name or id %q; the list without --remove shows those that there are", s.address, s.remove)
	}
	return found, nil
}

func (s *subscribing) show(list []taxii.Subscription) {
	rows := [][]string{{"NAME", "ID", "ACCOUNT", "SELECTOR", "LAG", "OCTETS", "LAST SEEN", "EXPIRES", "MISSED"}}
	for _, one := range list {
		rows = append(rows, []string{
			one.Name, one.ID, one.Account, selectorText(one.Selector), fmt.Sprint(one.Pending), fmt.Sprint(one.PendingBytes),
			seconds(one.LastSeen), seconds(one.Expires), missedText(one.Gap),
		})
	}
	s.a.table(rows...)
}

func selectorText(selector map[string][]string) string {
	var parts []string
	for _, field := range slices.Sorted(maps.Keys(selector)) {
		parts = append(parts, field+"="+strings.Join(selector[field], ","))
	}
	return strings.Join(parts, " ")
}

func missedText(gap *taxii.Gap) string {
	switch {
	case gap == nil:
		return ""
	case gap.Missed == nil:
		return "unknown (" + gap.Reason + ")"
	}
	return fmt.Sprintf("%d (%s)", *gap.Missed, gap.Reason)
}

func seconds(t taxii.Time) string { return t.Time().Format("2006-01-02 15:04:05Z") }
