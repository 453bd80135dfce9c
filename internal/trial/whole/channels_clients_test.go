package whole_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// The Messages of a test for a client: those that are there before it comes, and
// those around each end of the server.
const (
	messagesBefore = 3
	messagesAround = 10
	messagesInAll  = messagesBefore + 2*messagesAround
)

// TestLibrariesForEventStreamsFollowAChannelAcrossRestarts lets libraries of others
// follow a Channel while the server is stopped once and killed once: they get every
// Message once, in order.
func TestLibrariesForEventStreamsFollowAChannelAcrossRestarts(t *testing.T) {
	t.Parallel()
	for _, client := range []struct {
		name    string
		program func(t *testing.T) []string // what comes before the name of the file
	}{
		{"sseclient-py", func(t *testing.T) []string { return []string{python(t), filepath.Join(scripts, "event_stream.py")} }},
		{"eventsource for Node", node},
	} {
		t.Run(client.name, func(t *testing.T) {
			t.Parallel()
			program := client.program(t)
			c := trial.Start(t, "--empty", "--listen", trial.Address(t)).NewChannel(t, "feed")
			ctx, cancel := context.WithTimeout(t.Context(), talkWithin)
			defer cancel()
			cmd := exec.CommandContext(ctx, program[0], append(program[1:], aboutChannel(t, c))...)
			cmd.Env = append(trial.Environ(), "REQUESTS_CA_BUNDLE="+c.CAFile, "CURL_CA_BUNDLE=", "NODE_EXTRA_CA_CERTS="+c.CAFile,
				"PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1")
			acrossRestarts(t, c, cmd)
		})
	}
}

// acrossRestarts starts a client, and publishes while the server ends and comes
// again.
func acrossRestarts(t *testing.T, c *trial.Channel, cmd *exec.Cmd) {
	t.Helper()
	publish(t, c, messagesBefore)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	came := 0
	next := func(n int) {
		for ; came < n && lines.Scan(); came++ {
			check(t, c.Sent[came], lines.Bytes())
		}
		if came < n {
			t.Fatalf("%d messages of %d came: %v\n%s", came, n, cmd.Wait(), &complaints)
		}
	}
	for _, end := range []func(testing.TB){c.Stop, c.Kill} {
		next(len(c.Sent))
		publish(t, c, messagesAround/2) // it ends while these are under way
		end(t)
		c.Run(t)
		publish(t, c, messagesAround/2)
	}
	next(messagesInAll)
	if lines.Scan() {
		t.Errorf("one more came: %s", lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &complaints)
	}
}

// publish publishes n Messages, one after the other.
func publish(t *testing.T, c *trial.Channel, n int) {
	t.Helper()
	for range n {
		c.Publish(t, trial.Envelope(identity(1, len(c.Sent), 1)))
	}
}

// check compares what a client printed of an event with the Message.
func check(t *testing.T, want trial.Published, line []byte) {
	t.Helper()
	var got struct {
		Last, Cursor, ID string
		Content          any
	}
	var content any
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	if err := json.Unmarshal(want.Content, &content); err != nil {
		t.Fatal(err)
	}
	if got.ID != want.ID || got.Last != want.Cursor || got.Cursor != want.Cursor || !equal(got.Content, content) {
		t.Fatalf("what came is %s\nwant %s at %s: %s", line, want.ID, want.Cursor, want.Content)
	}
}

// equal tells whether two values are the same JSON.
func equal(a, b any) bool {
	one, err := json.Marshal(a)
	other, failed := json.Marshal(b)
	return err == nil && failed == nil && bytes.Equal(one, other)
}

// aboutChannel writes what a client is told into a file.
func aboutChannel(t *testing.T, c *trial.Channel) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"url": c.URL + c.Path + "messages/?after=earliest", "user": "member", "password": c.Password(t, "member"), "count": messagesInAll,
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "about.json")
	write(t, file, text)
	return file
}

// node gives a Node with the package eventsource, if the machine has the one and
// npm finds the other: CI need not.
func node(t *testing.T) []string {
	t.Helper()
	trial.Asked(t, trial.ClientsVariable)
	program, err := exec.LookPath("node")
	if err == nil {
		_, err = exec.LookPath("npm")
	}
	if err == nil {
		err = exec.CommandContext(t.Context(), program, "-e", "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)").Run()
	}
	if err != nil {
		t.Skip("SKIPPED: Node 20 with npm is not there")
	}
	folder := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), installWithin)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--no-save",
		"eventsource@4.1.1", "eventsource-parser@3.1.1")
	install.Env = append(os.Environ(), "npm_config_update_notifier=false")
	if text, err := install.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: npm does not reach the package eventsource: %v\n%s", err, text)
	}
	return []string{program, filepath.Join("testdata", "node", "event_stream.cjs"), folder}
}
