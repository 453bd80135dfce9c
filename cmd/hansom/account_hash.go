package main

import (
	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/spf13/cobra"
)

func (a *app) accountHash() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:   "hash",
		Short: "Print the hash of a password read from standard input",
		Long: `Prints the argon2id hash of a password read from standard input, for password_hash in a
file for hansom apply. No server is asked, and nothing is kept.`,
		Example: "  hansom account hash <password.txt",
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			password, err := a.readPassword()
			if err != nil {
				return err
			}
			hash, err := node.HashPassword(password)
			if err != nil {
				return tried(err, "hash the password")
			}
			return a.print(map[string]string{"password_hash": hash}, func() { a.say("%s", hash) })
		},
	})
}
