// Package demo keeps the sample content that hansom demo serves: two API
// Roots, four Collections and a STIX bundle for each, and two Channels, all of
// it written for this purpose. Actors, malware and members are invented, and addresses and
// names come from the ranges that are reserved for documentation (RFC 5737,
// RFC 3849, RFC 5398, RFC 7042, RFC 2606). It knows neither accounts nor the
// server; it only says what there is to load.
package demo

import "embed"

//go:embed *.json
var files embed.FS

// A Root is an API Root of the demo.
type Root struct {
	Name        string // its path segment, such as trust
	Title       string
	Description string
}

// A Collection is a Collection of the demo and what it holds at first.
type Collection struct {
	Root        string // Name of its Root
	ID          string // UUIDv4, lower case, the same in every demo (K06)
	Alias       string
	Title       string // unique within its Root (K07)
	Description string
	Bundle      []byte // a STIX bundle of 2.1 and 2.0 objects, some in several versions; the caller's own copy
}

// A Channel is a Channel of the demo.
type Channel struct {
	Root        string // Name of its Root
	Name        string // unique within its Root
	Title       string
	Description string
	From        string // alias of the Collection that feeds it, or ""
}

// Roots returns the demo's API Roots; the first is the default one.
func Roots() []Root {
	return []Root{
		{
			Name:        "trust",
			Title:       "Trust group",
			Description: "What the members of Harbour Watch, an invented trust group, tell each other.",
		},
		{
			Name:        "open",
			Title:       "Open data",
			Description: "For what may be shown to everyone. So far it holds only the desk's own notes.",
		},
	}
}

// Collections returns the demo's Collections. References inside a bundle lead
// to the bundle itself or to one that stands before it.
func Collections() []Collection {
	return []Collection{
		{
			Root:        "trust",
			ID:          "e23634c5-c11c-4fe0-938c-ae4d53a9c630",
			Alias:       "indicators",
			Title:       "Indicators and what they indicate",
			Description: "Patterns to look for, what was seen, and who is behind it.",
			Bundle:      bundle("indicators.json"),
		},
		{
			Root:        "trust",
			ID:          "2c446c55-4afb-4b3b-b17f-c029f4cb711c",
			Alias:       "reports",
			Title:       "Reports",
			Description: "What the reading desk wrote about it, and what members think of that.",
			Bundle:      bundle("reports.json"),
		},
		{
			Root:        "trust",
			ID:          "c2930430-1260-41a9-b775-fee816574fc1",
			Alias:       "dropbox",
			Title:       "Drop box",
			Description: "Members put in what the desk should look at; only the desk takes it out.",
			Bundle:      bundle("dropbox.json"),
		},
		{
			Root:        "open",
			ID:          "c923c759-b4cd-44b4-92d5-4a0e435b665e",
			Alias:       "operations",
			Title:       "Operations",
			Description: "The desk's own watch book, not for members.",
			Bundle:      bundle("operations.json"),
		},
	}
}

// Channels returns the demo's Channels. What feeds one is a Collection of its
// Root.
func Channels() []Channel {
	return []Channel{
		{
			Root:        "trust",
			Name:        "alerts",
			Title:       "Alerts",
			Description: "What cannot wait: members publish, and whoever follows hears of it at once.",
		},
		{
			Root:        "trust",
			Name:        "indicators",
			Title:       "New indicators",
			Description: "Everything that is added to the collection of indicators, as it is added.",
			From:        "indicators",
		},
	}
}

// bundle returns a copy of an embedded file. That a named file is missing can
// only be a mistake in this package, which its test would show.
func bundle(name string) []byte {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return content
}
