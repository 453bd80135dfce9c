package main

import (
	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/spf13/cobra"
)

// renewed is what restored prints as JSON.
type renewed struct {
	Restored bool `json:"restored"`
}

func (a *app) restored() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "restored",
		Short: "Say that an older copy of the store was put back",
		Long: `Says that the store was put back from an older copy, such as a backup, or that some of the
last writes were lost. Run it once after that, and before clients come back.

Followers of Channels hold cursors, and the copy may end before them. What is published
from now on takes places that other Messages had before: without a word, a follower would
skip some. From this command on the server knows which cursors are from before: those up
to the end of the copy go on as if nothing had happened, and those after it are answered
with 410, the reason "restored", and where to go on. Run where nothing was put back it
harms nothing.`,
		Example: "  hansom restored",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.control(cmd.Context(), func(c *admin.Client) error {
				if err := c.Restored(cmd.Context()); err != nil {
					return tried(err, "begin anew after a restore")
				}
				return a.print(renewed{true}, func() { a.say("every channel and collection begins anew where the copy ends") })
			})
		},
	})
}
