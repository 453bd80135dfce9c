package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// talkWithin bounds a whole test: a browser waits as long as a person does.
const talkWithin = 2 * time.Minute

// browser gives a page of a browser that trusts the authorities of these servers
// beside those that come with it, as one does into which a person has imported them.
func browser(t *testing.T, servers ...*publisher) context.Context {
	t.Helper()
	home := t.TempDir()
	trusting(t, home, servers)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.Env("HOME="+home), chromedp.UserDataDir(filepath.Join(home, "profile")),
		chromedp.WindowSize(900, 700))
	ctx, cancel := context.WithTimeout(t.Context(), talkWithin)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	// A browser that is newer than the library tells of things that it does not know.
	quiet := func(string, ...any) {}
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithLogf(quiet), chromedp.WithErrorf(quiet))
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("the browser: %v", err)
	}
	return ctx
}

// chromium gives the path of the browser.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if file, err := exec.LookPath(name); err == nil {
			return file
		}
	}
	trial.Need(t, false, "Chromium (Debian: chromium)")
	return ""
}

// trusting makes the database of authorities that a browser has in a home.
func trusting(t *testing.T, home string, servers []*publisher) {
	t.Helper()
	certutil, err := exec.LookPath("certutil")
	trial.Need(t, err == nil, "certutil (Debian: libnss3-tools)")
	database := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(database, 0o700); err != nil {
		t.Fatal(err)
	}
	orders := [][]string{{"-N", "--empty-password"}}
	for _, s := range servers {
		orders = append(orders, []string{"-A", "-t", "C,,", "-n", s.URL, "-i", s.CAFile})
	}
	for _, args := range orders {
		if text, err := exec.CommandContext(t.Context(), certutil, append(args, "-d", "sql:"+database)...).CombinedOutput(); err != nil {
			t.Fatalf("certutil %q: %v\n%s", args, err, text)
		}
	}
}

// open goes to a URL, as a person does who types it.
func open(t *testing.T, page context.Context, url string) {
	t.Helper()
	response, err := chromedp.Run(page, chromedp.NavigateResponse(url))
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	if response.Status != http.StatusOK {
		t.Fatalf("%s is answered with a %d", url, response.Status)
	}
}

// run runs a script in the page.
func run(t *testing.T, page context.Context, script string) {
	t.Helper()
	if _, err := chromedp.Run(page, chromedp.Evaluate[chromedp.Void](script)); err != nil {
		t.Fatalf("%.200s: %v", script, err)
	}
}

// asked tells how often the browser asks for a name and a password while do goes
// on. The first time it is given these, if there is a name; whatever comes then
// is cancelled, and afterwards nobody answers any more.
func asked(t *testing.T, page context.Context, name, password string, do func()) (times int) {
	t.Helper()
	target := chromedp.FromContext(page).Target
	ctx, cancel := context.WithCancel(page)
	defer cancel()
	var all sync.WaitGroup
	questions, requests := cdp.Events(ctx, target, fetch.AuthRequired), cdp.Events(ctx, target, fetch.RequestPaused)
	all.Go(func() { // while there may be questions, every request waits for a word
		for paused, err := range requests {
			if err == nil {
				_, _ = cdp.Call(ctx, target, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: paused.RequestID})
			}
		}
	})
	all.Go(func() {
		for question, err := range questions {
			if err != nil {
				return
			}
			answer := fetch.AuthChallengeResponse{Response: fetch.AuthChallengeResponseResponseCancelAuth}
			if times++; times == 1 && name != "" {
				answer = fetch.AuthChallengeResponse{Response: fetch.AuthChallengeResponseResponseProvideCredentials, Username: name, Password: password}
			}
			_, _ = cdp.Call(ctx, target, fetch.ContinueWithAuth, fetch.ContinueWithAuthParams{RequestID: question.RequestID, AuthChallengeResponse: &answer})
		}
	})
	yes := true
	if _, err := cdp.Call(ctx, target, fetch.Enable, fetch.EnableParams{HandleAuthRequests: &yes}); err != nil {
		t.Fatal(err)
	}
	do()
	if _, err := cdp.Call(ctx, target, fetch.Disable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	cancel()
	all.Wait()
	return times
}

// picture keeps what the page looks like (go test -artifacts).
func picture(t *testing.T, page context.Context) {
	t.Helper()
	png, err := chromedp.Run(page, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.ArtifactDir(), "page.png")
	if err := os.WriteFile(file, png, 0o600); err != nil {
		t.Fatal(err)
	}
}

// followed is what the page has of follow.js.
type followed struct {
	Messages []struct {
		Last   string `json:"last"` // lastEventId
		Cursor string `json:"cursor"`
		ID     string `json:"id"`
		Name   string `json:"name"`
	} `json:"messages"`
	Gaps   []string `json:"gaps"`
	Ends   []string `json:"ends"`
	Opened int      `json:"opened"`
	Errors int      `json:"errors"`
	Closed bool     `json:"closed"`
}

// follow follows a URL in the page, which may be relative.
func follow(t *testing.T, page context.Context, url string) {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", "follow.js"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(url)
	if err != nil {
		t.Fatal(err)
	}
	run(t, page, string(script)+"follow("+string(text)+")")
}

// until waits for the page to have come somewhere, and gives what it has.
func until(t *testing.T, page context.Context, what string, there func(followed) bool) followed {
	t.Helper()
	for {
		f, err := chromedp.Run(page, chromedp.Evaluate[followed]("followed"))
		if err != nil {
			t.Fatalf("waited for %s: %v; last %+v", what, err, f)
		}
		if there(f) {
			return f
		}
		select {
		case <-page.Done():
			t.Fatalf("waited for %s in vain: %+v", what, f)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// shown is the text of the page.
func shown(t *testing.T, page context.Context) string {
	t.Helper()
	text, err := chromedp.Run(page, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(text)
}
