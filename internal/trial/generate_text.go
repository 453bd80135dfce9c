package trial

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// words are what texts are made of: several scripts, characters of two, three
// and four bytes in UTF-8, and all that JSON must or may escape.
func words() []string {
	return []string{
		"harbour", "tide", "berth", "lantern", "toll", "coach", "quay", "signal", "ferry", "timetable", "a", "of", "the",
		"Fähre", "été", "naïve", "Łódź", "переправа", "διόδια", "渡し船", "나루터", "مرفأ", "🚋", "🛳️", "👩‍✈️", "𝔣𝔢𝔯𝔯𝔶",
		"https://berth.example.com/plan/7", "C:\\quay\\plan.txt", "\"quoted\"", "first\nsecond", "one\ttwo", "<b>&amp;</b>",
		"\u2028", "\u00a0", "\b\f\r", "\x1f", "\x7f", "e\u0301",
	}
}

// text writes a string of at least size bytes, quotes included, in one of
// three ways of escaping.
func (g *generator) text(size int) string {
	var b strings.Builder
	b.WriteByte('"')
	all, how := words(), g.r.IntN(3)
	for b.Len() < size-1 || b.Len() == 1 {
		if b.Len() > 1 {
			b.WriteByte(' ')
		}
		g.escape(&b, all[g.r.IntN(len(all))], how)
	}
	b.WriteByte('"')
	return b.String()
}

// escape writes text as part of a JSON string: how 0 escapes what must be, 1
// all that is not ASCII, 2 also every slash and now and then a letter.
func (g *generator) escape(b *strings.Builder, text string, how int) {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\t': `\t`, '\r': `\r`, '\b': `\b`, '\f': `\f`}
	for _, c := range text {
		switch s := short[c]; {
		case s != "":
			b.WriteString(s)
		case how == 2 && c == '/':
			b.WriteString(`\/`)
		case c < ' ', how > 0 && c > '~', how == 2 && g.percent(3):
			g.escapeUnits(b, c)
		default:
			b.WriteRune(c)
		}
	}
}

// escapeUnits writes a character as one or two \u escapes, in either case.
func (g *generator) escapeUnits(b *strings.Builder, c rune) {
	form := g.pick(`\u%04x`, `\u%04X`)
	for _, unit := range utf16.Encode([]rune{c}) {
		fmt.Fprintf(b, form, unit)
	}
}

// number writes a number, often in a form that no encoder would choose.
func (g *generator) number() string {
	return g.pick("0", "1.0", "1e3", "1E+2", "-0.0", "0.10", "2.50e-7", "1000000000000000000000", "9007199254740993",
		"-1", "3.141592653589793238", strconv.Itoa(g.r.IntN(1_000_000)))
}

func (g *generator) numbers() string {
	list := make([]string, 1+g.r.IntN(6))
	for i := range list {
		list[i] = g.number()
	}
	return "[" + strings.Join(list, g.pick(",", ", ", " ,\t")) + "]"
}

// rows writes a list of small objects of at least size bytes.
func (g *generator) rows(size int) string {
	var b strings.Builder
	b.WriteString("[")
	for b.Len() < size-1 || b.Len() == 1 {
		if b.Len() > 1 {
			b.WriteString(g.pick(",", ", ", ",\n\t"))
		}
		fmt.Fprintf(&b, `{"z":%s,"Note":%s,"a":%s,"sure":%s,"\u0074op":{"e\u0301t\u00e9":"-"}}`,
			g.number(), g.text(20), g.numbers(), g.pick("true", "false"))
	}
	b.WriteString("]")
	return b.String()
}
