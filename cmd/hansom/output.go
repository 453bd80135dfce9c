package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode"
)

// print writes v as JSON if that was asked for, and text otherwise.
func (a *app) print(v any, text func()) error {
	if !a.json {
		text()
		return nil
	}
	content, err := indented(v)
	if err == nil {
		_, err = a.out.Write(content)
	}
	return err
}

func indented(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(v)
	return out.Bytes(), err
}

// say writes one line for people.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.out, printable(fmt.Sprintf(format, args...)))
}

// table writes rows in columns, the first as their heads.
func (a *app) table(rows ...[]string) {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if row[i] = printable(cell); cell == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // to a terminal; there is nobody else to tell
}

// printable keeps text from others from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// yes writes a truth for a table.
func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// removed is what a verb that removes prints as JSON.
type removed struct {
	Removed string `json:"removed"`
}
