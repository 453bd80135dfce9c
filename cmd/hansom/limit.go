package main

import (
	"math"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// limitHelp is the help of the flag --limit of accounts and groups.
const limitHelp = "`LIST` of limits, such as requests=50,burst=200,objects/day=100000,bytes/day=10GiB,streams=64,subscriptions=500; " +
	"NAME=none is no limit, NAME=default that of the groups or the server"

// limitUsage explains the flag in the long help of those verbs.
const limitUsage = `Limits are requests per second (requests), how many may come at once before that counts
(burst), what may be added and sent in a day, in UTC (objects/day, bytes/day, with KiB, MiB,
GiB or TiB), and what may be open or kept (streams, subscriptions). An account without a
limit of its own has the largest of its groups, and without one there that of the server.`

// readLimits changes the limits that the words of --limit name.
func readLimits(l exchange.Limits, words []string) (exchange.Limits, error) {
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return l, misused("--limit takes NAME=NUMBER, NAME=none or NAME=default, got %q", word)
		}
		if err := readLimit(&l, strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			return l, err
		}
	}
	return l, nil
}

func readLimit(l *exchange.Limits, name, value string) (err error) {
	set := func(into *int64, units bool) { *into, err = limitNumber(name, value, units) }
	small := func(into *int) {
		n := int64(*into)
		set(&n, false)
		*into = int(n)
		if err == nil && n < 0 {
			err = misused("--limit: %s is always bounded: NUMBER or default", name)
		}
	}
	switch name {
	case "requests":
		l.Requests, err = limitRate(value)
	case "burst":
		small(&l.Burst)
	case "objects/day":
		set(&l.Objects, false)
	case "bytes/day":
		set(&l.Octets, true)
	case "streams":
		small(&l.Streams)
	case "subscriptions":
		small(&l.Subscriptions)
	default:
		err = misused("--limit knows requests, burst, objects/day, bytes/day, streams and subscriptions, got %q", name)
	}
	return err
}

// limitWord reads what is no number.
func limitWord(value string) (n int64, ok bool) {
	switch value {
	case "none":
		return exchange.Unlimited, true
	case "default":
		return 0, true
	}
	return 0, false
}

func limitRate(value string) (float64, error) {
	if n, ok := limitWord(value); ok {
		return float64(n), nil
	}
	rate, err := strconv.ParseFloat(value, 64)
	if err != nil || rate <= 0 || math.IsNaN(rate) || math.IsInf(rate, 0) {
		return 0, misused("--limit: requests takes a number above 0, none or default, got %q", value)
	}
	return rate, nil
}

// limitUnits are the units of octets; never written to.
var limitUnits = []struct {
	name  string
	shift uint
}{{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}}

func limitNumber(name, value string, units bool) (int64, error) {
	if n, ok := limitWord(value); ok {
		return n, nil
	}
	digits, shift := value, uint(0)
	for _, u := range limitUnits {
		if number, ok := strings.CutSuffix(value, u.name); ok && units {
			digits, shift = number, u.shift
		}
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(digits, "_", ""), 10, 64)
	if err != nil || n <= 0 || n<<shift>>shift != n || n<<shift <= 0 {
		with := ""
		if units {
			with = ", also with KiB, MiB, GiB or TiB"
		}
		return 0, misused("--limit: %s takes a whole number above 0%s, none or default, got %q", name, with, value)
	}
	return n << shift, nil
}

// limitText writes limits as --limit takes them.
func limitText(l exchange.Limits) string {
	var words []string
	add := func(name string, n float64) {
		switch {
		case n < 0:
			words = append(words, name+"=none")
		case n > 0:
			words = append(words, name+"="+strconv.FormatFloat(n, 'f', -1, 64))
		}
	}
	add("requests", l.Requests)
	add("burst", float64(l.Burst))
	add("objects/day", float64(l.Objects))
	add("bytes/day", float64(l.Octets))
	add("streams", float64(l.Streams))
	add("subscriptions", float64(l.Subscriptions))
	return strings.Join(words, ",")
}
