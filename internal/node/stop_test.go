package node_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// ending stops a server and gives how it ended and how long it took.
func (s *served) ending() (<-chan error, time.Time) {
	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	return ended, time.Now()
}

func TestAServerThatStopsSaysSoAndFinishesItsAnswers(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *node.Config) { c.DrainTimeout = node.Defaults().DrainTimeout })
	s.fill(t, 200)
	health := func() (int, int) {
		alive, _ := s.do(t, s.request(t, "GET", "/healthz", ""))
		ready, _ := s.do(t, s.request(t, "GET", "/readyz", ""))
		return alive.StatusCode, ready.StatusCode
	}
	if alive, ready := health(); alive != http.StatusOK || ready != http.StatusOK {
		t.Errorf("at first: healthz %d, readyz %d", alive, ready)
	}
	c := s.stall(t, "bob", 200, medium)
	post := s.begin(t, envelope(999, 2000))
	ended, began := s.ending()
	await(t, "readiness to end", time.Second, func() bool {
		alive, ready := health()
		if alive != http.StatusOK {
			t.Fatalf("healthz is %d while it finishes", alive)
		}
		return ready == http.StatusServiceUnavailable
	})
	if r, text := send(t, post, envelope(999, 2000)); r.StatusCode != http.StatusAccepted {
		t.Errorf("an Add that had begun: %s %s", r.Status, text)
	}
	if n, err := steady(c, 256<<10); err != nil || n < 3<<20 {
		t.Errorf("the answer that had begun: %d octets, %v", n, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to stop once all was answered", took)
	}
}

func TestAnswersThatDoNotFinishAreCutOffInTime(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *node.Config) { c.DrainTimeout = time.Second })
	s.fill(t, 200)
	c := s.stall(t, "bob", 200, small)
	if err := begun(c); err != nil {
		t.Fatal(err)
	}
	// The control socket, too, has a request that does not end. One was waited for
	// after the other.
	control := s.control(t)
	_, err := io.WriteString(control, "POST /admin/roots/ HTTP/1.1\r\nHost: control\r\nContent-Length: 100\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(control).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("%q %v", line, err)
	}
	ended, began := s.ending()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v to stop, with a drain time of 1s", took)
	}
}

func TestTheControlSocketIsForItsOwnerAndGoesWithTheServer(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	file := filepath.Join(s.conf.Data, "control.sock")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Type() != os.ModeSocket || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("after the server has stopped: %v", err)
	}
}

func TestADataDirectoryIsForOneProcess(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	second := s.conf
	second.Listen = "127.0.0.1:0"
	err := node.Serve(t.Context(), second, node.Options{})
	if err == nil || !strings.Contains(err.Error(), "another process uses this data directory") || !strings.Contains(err.Error(), s.conf.Data) {
		t.Errorf("a second server: %v", err)
	}
	if _, err := node.Init(t.Context(), second); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("init beside it: %v", err)
	}
	if r, text := s.do(t, s.request(t, "GET", "/taxii2/", "")); r.StatusCode != http.StatusOK {
		t.Errorf("the first, afterwards: %s %s", r.Status, text)
	}
}

func TestAFileOfTheStoreIsForOneProcessWhereverItIsNamed(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	other := filepath.Join(t.TempDir(), "other.db")
	if err := os.Symlink(filepath.Join(s.conf.Data, "hansom.db"), other); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(s.conf.Data, "hansom.db"), other} {
		second := s.conf
		second.Data, second.Listen, second.Store = t.TempDir(), "127.0.0.1:0", "sqlite:"+file
		if _, err := node.Init(t.Context(), second); err == nil || !strings.Contains(err.Error(), "another process uses this store") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestWithoutADataDirectoryItSaysHowToMakeOne(t *testing.T) {
	t.Parallel()
	c := node.Defaults()
	c.Data, c.Listen = filepath.Join(t.TempDir(), "none"), "127.0.0.1:0"
	if err := node.Serve(t.Context(), c, node.Options{}); err == nil || !strings.Contains(err.Error(), "hansom init --data "+c.Data) {
		t.Error(err)
	}
}

func TestWhatAKilledServerLeavesDoesNotHinderTheNext(t *testing.T) {
	t.Parallel()
	s := trial.Start(t, "--empty")
	path := s.Collection(t, "indicators")
	if a := s.Post(t, "member", path, trial.Envelope(trial.Objects(1, 20)...)); a.Status != http.StatusAccepted {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	s.Kill(t)
	if _, err := os.Stat(filepath.Join(s.Dir, "control.sock")); err != nil {
		t.Fatalf("the socket of the killed server: %v", err)
	}
	s.Run(t)
	var page struct {
		Objects []struct{} `json:"objects"`
	}
	s.Get(t, "member", path+"/objects/?match[version]=all").JSON(t, &page)
	if len(page.Objects) != 20 {
		t.Errorf("%d of 20 objects are there", len(page.Objects))
	}
	client, done, err := node.Control(t.Context(), node.Config{Data: s.Dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Roots(t.Context()); err != nil {
		t.Error(err)
	}
	if err := done(); err != nil {
		t.Error(err)
	}
}
