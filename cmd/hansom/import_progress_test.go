package main

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/schollz/progressbar/v3"
)

// drawn gives what a terminal gets while an import reads 1 MB, in tenths.
func drawn(columns int, size int64, tenth time.Duration) (lines []string) {
	var out bytes.Buffer
	read, now := int64(0), time.Now()
	p := newProgress(&out, columns, &source{size: size, read: func() int64 { return read }}, now)
	progressbar.OptionThrottle(0)(p.bar)
	for range 9 {
		read += 100_000
		now = now.Add(tenth)
		p.moved(now)
	}
	p.end()
	for line := range strings.SplitSeq(out.String(), "\r") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestAnImportShowsABarHoweverWideTheTerminalIs(t *testing.T) {
	for _, columns := range []int{0, 20, 40, 59, 60, 80, 300} {
		t.Run(strconv.Itoa(columns), func(t *testing.T) {
			lines := drawn(columns, 1_000_000, 200*time.Millisecond)
			if len(lines) < 5 || !strings.Contains(lines[0], "0% |") {
				t.Fatalf("%d columns: drawn %q", columns, lines)
			}
			for _, line := range lines {
				_, bar, _ := strings.Cut(line, "|")
				bar, _, ends := strings.Cut(bar, "|")
				if n := len([]rune(bar)); !ends || n < shortestBar || n > longestBar || columns > 0 && len([]rune(line)) >= columns {
					t.Errorf("%d columns: %q has a bar of %d", columns, line, n)
				}
			}
			last := lines[len(lines)-1]
			if !strings.Contains(last, "90%") || strings.Contains(last, "/s") != (columns == 0 || columns >= enoughColumns) {
				t.Errorf("%d columns: ends with %q", columns, last)
			}
		})
	}
}

// The first line used to tell of 125 GB/s.
func TestNoRateIsShownInTheFirstSecond(t *testing.T) {
	for _, size := range []int64{1_000_000, -1} {
		if lines := drawn(80, size, 110*time.Millisecond); len(lines) == 0 || strings.Contains(strings.Join(lines, ""), "/s") {
			t.Errorf("drawn %q", lines)
		}
	}
}
