package main

import (
	"bytes"

	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

func (a *app) serve() *cobra.Command {
	var printConfig bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Runs the server until SIGINT or SIGTERM: then it takes no more requests, lets answers
finish and exits with 0; a second signal ends it at once. Its log goes to standard error.

Every key of the configuration has a flag. --print-config prints what is in force and
serves nothing; with --json as one object of JSON, else as a configuration file.`,
		Example: `  hansom serve --data /var/lib/hansom
  hansom serve --config /etc/hansom.yaml --listen 0.0.0.0:443 --public-url https://taxii.example.com
  hansom serve --print-config`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.json && !printConfig {
				return misused("--json goes with --print-config: a server prints nothing but its log (--log-format)")
			}
			cfg, err := a.load(settingsOf(cmd))
			if err != nil {
				return err
			}
			if printConfig {
				return a.printConfig(cfg)
			}
			log, flush := logger(cfg, a.err)
			defer flush()
			return node.Serve(cmd.Context(), cfg, node.Options{Log: log, Version: thisBuild().Version, Alone: true})
		},
	}
	settingFlags(cmd)
	cmd.Flags().BoolVar(&printConfig, "print-config", false, "print the configuration in force, and serve nothing")
	return a.printsJSON(cmd)
}

// printConfig prints the configuration as YAML or, read from that, as JSON:
// with the same keys, and times as text with their units.
func (a *app) printConfig(cfg node.Config) error {
	if !a.json {
		return cfg.Print(a.out)
	}
	var text bytes.Buffer
	if err := cfg.Print(&text); err != nil {
		return err
	}
	var values map[string]any
	if err := yaml.Unmarshal(text.Bytes(), &values); err != nil {
		return tried(err, "print the configuration")
	}
	return a.print(values, nil)
}
