package main

import (
	"strings"

	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settingFlags gives a verb a flag for every key of the configuration. They are
// all text here: node.Load reads it as it reads the file.
func settingFlags(cmd *cobra.Command) {
	for _, s := range node.Settings() {
		if s.Key == "data" {
			continue // every verb has it
		}
		value := &settingValue{text: s.Default, bool: s.Bool}
		flag := cmd.Flags().VarPF(value, flagName(s.Key), "", s.About)
		if s.Bool {
			flag.NoOptDefVal = "true"
		}
	}
}

// settingsOf gives the settings whose flags were used, by key.
func settingsOf(cmd *cobra.Command) map[string]string {
	set := map[string]string{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if v, ok := f.Value.(*settingValue); ok {
			set[strings.ReplaceAll(f.Name, "-", "_")] = v.text
		}
	})
	return set
}

func flagName(key string) string { return strings.ReplaceAll(key, "_", "-") }

// settingValue is the text of a setting's flag.
type settingValue struct {
	text string
	bool bool
}

func (v *settingValue) String() string        { return v.text }
func (v *settingValue) Set(text string) error { v.text = text; return nil }
func (v *settingValue) Type() (one string) {
	if v.bool {
		return "bool"
	}
	return "VALUE"
}
