package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

const (
	// ratedAfter is when the bar begins to show a rate and the time that is
	// left: what is measured over less says nothing.
	ratedAfter = time.Second
	// drawnEvery is often enough for eyes.
	drawnEvery = 100 * time.Millisecond
	// usualColumns is for a terminal that does not tell how wide it is.
	usualColumns = 80
	// Beside the bar stands "importing 100% || (999 MB/s) [1h0m0s:1h0m0s]" or,
	// where there is no room for that, " 100% ||".
	besideBar, besideShortBar = 50, 10
	longestBar, shortestBar   = 40, 4
	enoughColumns             = besideBar + 10
)

// progress shows on a terminal how far an import is.
type progress struct {
	bar   *progressbar.ProgressBar // nil: nobody looks
	read  func() int64
	rates time.Time // when rates are shown; zero: they are already, or never
}

func (a *app) progress(src *source) *progress {
	f, ok := a.err.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		columns = 0
	}
	return newProgress(f, columns, src, time.Now())
}

// newProgress draws a bar on a terminal with so many columns, 0 where nobody
// knows. It has no goroutine: whoever reads draws it.
func newProgress(w io.Writer, columns int, src *source, now time.Time) *progress {
	if columns <= 0 {
		columns = usualColumns
	}
	p := &progress{read: src.read}
	length, word := columns-besideShortBar, ""
	if columns >= enoughColumns {
		length, word, p.rates = columns-besideBar, "importing", now.Add(ratedAfter)
	}
	p.bar = progressbar.NewOptions64(src.size, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(word),
		progressbar.OptionSetWidth(min(max(length, shortestBar), longestBar)), progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetSpinnerChangeInterval(0), progressbar.OptionThrottle(drawnEvery), progressbar.OptionClearOnFinish())
	p.bar.StartWithoutRender()
	_ = p.bar.RenderBlank() // that a terminal cannot take it is no failure
	return p
}

// moved draws the bar anew.
func (p *progress) moved(now time.Time) {
	if p.bar == nil {
		return
	}
	if !p.rates.IsZero() && now.After(p.rates) {
		p.rates = time.Time{}
		progressbar.OptionShowBytes(true)(p.bar)
		progressbar.OptionSetPredictTime(true)(p.bar)
	}
	_ = p.bar.Set64(p.read())
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// watched moves the bar as it is read.
type watched struct {
	io.Reader
	progress *progress
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.progress.moved(time.Now())
	return n, err
}
