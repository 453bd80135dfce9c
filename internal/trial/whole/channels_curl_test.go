package whole_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// curledChannel is a Channel that curl reads as the admin.
func curledChannel(t *testing.T) (*trial.Channel, *curl) {
	t.Helper()
	s := trial.Start(t, "--empty", "--listen", trial.Address(t))
	return s.NewChannel(t, "feed"), newCurl(t, s)
}

// curled is one curl that goes on beside the test.
type curled struct {
	cmd        *exec.Cmd
	lines      *bufio.Reader
	complaints bytes.Buffer
}

// start starts curl with further lines of configuration. What it prints is to be
// read as it comes.
func (c *curl) start(t *testing.T, config string) *curled {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), talkWithin)
	t.Cleanup(cancel)
	going := &curled{cmd: exec.CommandContext(ctx, "curl", "--config", "-")}
	going.cmd.Stdin, going.cmd.Stderr = strings.NewReader(c.common+config), &going.complaints
	out, err := going.cmd.StdoutPipe()
	if err == nil {
		err = going.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	going.lines = bufio.NewReader(out)
	return going
}

// event reads the lines of the next event that has a name.
func (c *curled) event(t *testing.T) (name, id, data string) {
	t.Helper()
	for {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			t.Fatalf("curl ended: %v; %v: %s", err, c.cmd.Wait(), &c.complaints)
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "event":
			name = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if name != "" {
				return name, id, data
			}
		}
	}
}

// message reads the next event, which must be this Message.
func (c *curled) message(t *testing.T, want trial.Published) {
	t.Helper()
	name, id, data := c.event(t)
	var got taxii.Message
	if err := json.Unmarshal([]byte(data), &got); err != nil || name != "message" {
		t.Fatalf("an event %s with %.300s: %v", name, data, err)
	}
	if got.ID != want.ID || id != want.Cursor || got.Cursor != want.Cursor || !bytes.Equal(got.Content, want.Content) {
		t.Fatalf("event %s is %.300s, want %+v", id, data, want)
	}
}

// TestCurlFollowsAChannel uses curl -N as the demo prints it, and goes on behind
// the last id after the server has stopped.
func TestCurlFollowsAChannel(t *testing.T) {
	t.Parallel()
	c, with := curledChannel(t)
	publish(t, c, 2)
	stream := &curl{with.server, strings.Replace(with.common, taxii.MediaType, "text/event-stream", 1)}
	all := fmt.Sprintf("no-buffer\nurl = %q\n", c.URL+c.Path+"messages/?after=earliest")
	going := stream.start(t, all)
	for n := range 5 {
		if n == len(c.Sent) { // the rest comes while it follows
			publish(t, c, 1)
		}
		going.message(t, c.Sent[n])
	}
	c.Stop(t)
	name, _, data := going.event(t)
	var why taxii.Error
	if err := json.Unmarshal([]byte(data), &why); err != nil || name != "end" || !strings.Contains(data, `"http_status":"503"`) {
		t.Errorf("the last event is %s: %s", name, data)
	}
	if err := going.cmd.Wait(); err != nil {
		t.Errorf("curl says %v of a stream that ended: %s", err, &going.complaints)
	}
	c.Run(t)
	publish(t, c, 1)
	going = stream.start(t, all+fmt.Sprintf("header = \"Last-Event-ID: %s\"\n", c.Sent[3].Cursor))
	for _, m := range c.Sent[4:] {
		going.message(t, m)
	}
	_ = going.cmd.Process.Kill()
	_ = going.cmd.Wait() // says that it was killed
}

// TestCurlWaitsForMessages asks again and again with the next of the last answer.
func TestCurlWaitsForMessages(t *testing.T) {
	t.Parallel()
	c, with := curledChannel(t)
	ask := func(query string) (page taxii.Messages) {
		status(t, with.reply(t, c.Path+"messages/?"+query), http.StatusOK).JSON(t, &page)
		return page
	}
	publish(t, c, 3)
	page := ask("limit=2")
	if len(page.Messages) != 2 || !page.More || page.Next != c.Sent[1].Cursor {
		t.Fatalf("the first page is %+v", page)
	}
	if page = ask("wait=55&next=" + page.Next); len(page.Messages) != 1 || page.More || page.Messages[0].ID != c.Sent[2].ID {
		t.Fatalf("the second page is %+v", page)
	}
	if empty := ask("wait=1&after=" + page.Next); len(empty.Messages) != 0 || empty.More || empty.Next != page.Next {
		t.Errorf("a wait in which nothing came gives %+v", empty)
	}
	began := time.Now()
	waiting := with.start(t, prints(c, "messages/?wait=55&after="+page.Next, ""))
	time.Sleep(time.Second) // so that it waits when the Message comes; if it does not yet, the answer is the same
	publish(t, c, 1)
	if page, code, _ := waiting.page(t); code != "200" || len(page.Messages) != 1 || page.Messages[0].ID != c.Sent[3].ID || page.Next != c.Sent[3].Cursor {
		t.Errorf("the wait gives %s %+v", code, page)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the wait ended after %v, as if nothing had come", took)
	}
}

// TestCurlReadsInTheDraftForm keeps the bare question mark that makes an address a
// reading, which many other programs drop.
func TestCurlReadsInTheDraftForm(t *testing.T) {
	t.Parallel()
	c, with := curledChannel(t)
	var about taxii.Channel
	status(t, with.reply(t, c.Path), http.StatusOK).JSON(t, &about)
	if about.Name != c.Name {
		t.Errorf("without a query the answer is %+v", about)
	}
	first := with.start(t, prints(c, "?", "")) // waits 25 s, as nothing else is said
	until(t, "its subscription", time.Minute, func() bool {
		var list taxii.Subscriptions
		status(t, c.Get(t, "admin", c.Path+"subscriptions/"), http.StatusOK).JSON(t, &list)
		return len(list.Subscriptions) == 1
	})
	publish(t, c, 2)
	page, code, sid := first.page(t)
	if code != "200" || !page.Created || len(page.Messages) == 0 || page.Messages[0].ID != c.Sent[0].ID {
		t.Fatalf("the first read gives %s %+v", code, page)
	}
	seen := len(page.Messages)
	if seen < 2 { // it had gone out before the second was there
		if page, code, _ = with.start(t, prints(c, "?wait=30", "")).page(t); code != "200" || page.Messages[0].ID != c.Sent[1].ID {
			t.Fatalf("the second read gives %s %+v", code, page)
		}
	}
	if page.Created != (seen == 2) {
		t.Errorf("created is %v in the answer with %d messages", page.Created, len(page.Messages))
	}
	_, code, again := with.start(t, prints(c, "?wait=0", "")).page(t)
	if code != "204" || again != sid || sid == "" {
		t.Errorf("what was read is acknowledged by the next read: %s of %q, before of %q", code, again, sid)
	}
	if _, code, _ = with.start(t, prints(c, "?", "head\n")).page(t); code != "200" {
		t.Errorf("HEAD is answered with %s", code)
	}
}

// prints is a configuration of curl that reads something below a Channel, and prints
// a line with the status and the Subscription behind the answer.
func prints(c *trial.Channel, query, more string) string {
	return fmt.Sprintf("%sno-fail\nurl = %q\nwrite-out = %q\n", more, c.URL+c.Path+query, "\n%{http_code} %header{content-location}")
}

// page reads what such a curl prints.
func (c *curled) page(t *testing.T) (page taxii.Messages, code, subscription string) {
	t.Helper()
	var out bytes.Buffer
	if _, err := out.ReadFrom(c.lines); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("curl: %v: %s", err, &c.complaints)
	}
	at := bytes.LastIndexByte(out.Bytes(), '\n')
	code, subscription, _ = strings.Cut(out.String()[at+1:], " ")
	if body := out.Bytes()[:max(at, 0)]; bytes.HasPrefix(body, []byte("{")) {
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatalf("%v in %.300s", err, body)
		}
	}
	return page, code, subscription
}
