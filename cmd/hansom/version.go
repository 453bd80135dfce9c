package main

import (
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is what is known of this binary.
type build struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"` // of the revision
	Modified bool   `json:"modified,omitempty"`
}

func thisBuild() build {
	b := build{Version: version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		b.Version = firstOf(b.Version, "unknown")
		return b
	}
	b.Version, b.Go = firstOf(b.Version, info.Main.Version, "(devel)"), info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (a *app) version() *cobra.Command {
	return a.printsJSON(&cobra.Command{
		Use:     "version",
		Short:   "Print the version of this binary",
		Long:    "Prints the version of this binary and of the Go that built it.",
		Example: "  hansom version\n  hansom version --json",
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			return a.print(b, func() { a.say("hansom %s (%s)", b.Version, b.Go) })
		},
	})
}
