package peer_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/outbound"
	"github.com/hansom-taxii/hansom/internal/peer"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/taxii"
)

// TestMain runs more tests at a time than there are processors: they mostly wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// receiver is an HTTPS server that takes pushes as the document tells its
// authors: it checks the signature and the time, repeats the challenge, and
// remembers what it got.
type receiver struct {
	t      *testing.T
	server *httptest.Server
	at     string

	mu      sync.Mutex // guards what follows
	secrets map[string]string
	ids     []string // of Messages, as they came
	names   []string // webhook-ids, as they came
	before  func(n int, w http.ResponseWriter, r *http.Request) bool
	got     int
	under   map[string]int // requests under way, by Subscription
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, secrets: map[string]string{}, under: map[string]int{}}
	r.start("127.0.0.1:0")
	r.at = r.server.Listener.Addr().String()
	t.Cleanup(func() { r.server.Close() })
	return r
}

func (r *receiver) start(address string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.server = httptest.NewUnstartedServer(r)
	r.server.Listener.Close()
	r.server.Listener = l
	r.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	r.server.StartTLS()
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	sub, _, _ := strings.Cut(q.Header.Get("webhook-id"), ".")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.under[sub]++; r.under[sub] > 1 {
		r.t.Errorf("%d requests for one subscription at once", r.under[sub])
	}
	defer func() { r.under[sub]-- }()
	if why := r.bad(sub, q, body); why != "" {
		r.t.Error(why)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.got++
	if r.before != nil && !r.before(r.got, w, q) {
		return
	}
	var challenge struct {
		Challenge string `json:"challenge"`
	}
	if json.Unmarshal(body, &challenge) == nil && challenge.Challenge != "" {
		fmt.Fprintf(w, `{"challenge":%q}`, challenge.Challenge)
		return
	}
	r.take(q.Header.Get("webhook-id"), body)
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) take(name string, body []byte) {
	var page taxii.Messages
	if err := json.Unmarshal(body, &page); err != nil {
		r.t.Errorf("%v: %.100s", err, body)
	}
	r.names = append(r.names, name)
	for _, m := range page.Messages {
		r.ids = append(r.ids, m.ID)
	}
}

// bad says what is wrong with a request.
func (r *receiver) bad(sub string, q *http.Request, body []byte) string {
	at, err := strconv.ParseInt(q.Header.Get("webhook-timestamp"), 10, 64)
	if off := time.Since(time.Unix(at, 0)); err != nil || off > 5*time.Minute || off < -5*time.Minute {
		return "webhook-timestamp is " + q.Header.Get("webhook-timestamp")
	}
	if q.Method != http.MethodPost || q.Header.Get("Content-Type") != taxii.MediaType {
		return q.Method + " of " + q.Header.Get("Content-Type")
	}
	for _, name := range []string{"Cookie", "Authorization", "Proxy-Authorization"} {
		if q.Header.Get(name) != "" {
			return "it has " + name
		}
	}
	secret := r.secrets[sub]
	if secret == "" {
		return "" // the test has not been told it yet
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err.Error()
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(q.Header.Get("webhook-id") + "." + q.Header.Get("webhook-timestamp") + "." + string(body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); !slices.Contains(strings.Fields(q.Header.Get("webhook-signature")), want) {
		return "webhook-signature is " + q.Header.Get("webhook-signature") + ", want " + want
	}
	return ""
}

func (r *receiver) set(change func()) { r.mu.Lock(); defer r.mu.Unlock(); change() }

func (r *receiver) messages() []string { r.mu.Lock(); defer r.mu.Unlock(); return slices.Clone(r.ids) }

// world is a server as far as pushing goes, on a store of its own.
type world struct {
	t      *testing.T
	path   string
	store  *store.Store
	x      *exchange.Exchange
	caller *outbound.Caller
	log    *bytes.Buffer // everything that is logged; read after stop
	stop   func()
}

func begin(t *testing.T, receivers ...*receiver) *world {
	t.Helper()
	w := &world{t: t, path: filepath.Join(t.TempDir(), "hansom.db"), log: &bytes.Buffer{}}
	o := outbound.Options{}
	for _, r := range receivers {
		o.Allow = append(o.Allow, netip.MustParseAddrPort(r.at))
		o.Authorities = append(o.Authorities, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.server.Certificate().Raw})...)
	}
	var err error
	if w.caller, err = outbound.New(o); err != nil {
		t.Fatal(err)
	}
	w.start()
	t.Cleanup(func() { w.stop() })
	op := w.x.Operator()
	if _, err := op.AddRoot(t.Context(), exchange.RootSetting{Name: "trust"}); err != nil {
		t.Fatal(err)
	}
	if _, err := op.AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "alerts"}); err != nil {
		t.Fatal(err)
	}
	return w
}

// start opens the store and pushes until stop.
func (w *world) start() {
	w.t.Helper()
	var err error
	if w.store, err = store.Open(w.t.Context(), w.path, store.Options{}); err != nil {
		w.t.Fatal(err)
	}
	w.x, err = exchange.New(w.t.Context(), w.store, exchange.Options{
		PublicURL: "https://taxii.example.com", MasterKey: make([]byte, exchange.MasterKeySize), CheckPush: w.caller.Check,
		HashPassword: func(p string) (string, error) { return p, nil },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	go func() {
		peer.NewPusher(w.x, w.caller, log).Run(ctx)
		close(ended)
	}()
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			<-ended
			if err := w.store.Close(); err != nil {
				w.t.Error(err)
			}
		})
	}
}

// subscribe has the Messages of the Channel pushed to a receiver.
func (w *world) subscribe(r *receiver, name string) taxii.Subscription {
	w.t.Helper()
	r.mu.Lock() // so that it knows the secret before the first request
	defer r.mu.Unlock()
	sub, _, err := w.x.Operator().Subscribe(w.t.Context(), "trust", "alerts", taxii.NewSubscription{
		Name: name, Start: taxii.Earliest, Push: &taxii.Push{URL: "https://" + r.at + "/hook?token=t0k3n"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	r.secrets[sub.ID] = sub.Push.Secret
	return sub
}

// publish publishes Messages of these numbers.
func (w *world) publish(from, upto int) {
	w.t.Helper()
	for n := from; n <= upto; n++ {
		_, err := w.x.Operator().Publish(w.t.Context(), "trust", "alerts", exchange.Publication{
			ContentType: taxii.MediaType, Key: number(n), Body: []byte(`{"objects":[{"type":"indicator","id":"indicator--1"}]}`),
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func number(n int) string { return fmt.Sprintf("%08x-0000-4000-8000-000000000000", n) }

func (w *world) sub(id string) taxii.Subscription {
	w.t.Helper()
	sub, _, err := w.x.Operator().Subscription(w.t.Context(), "trust", "alerts", id)
	if err != nil {
		w.t.Fatal(err)
	}
	return sub
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long: %s", what)
		}
	}
}

// wantInOrder fails unless the Messages came in order, each at least once.
func wantInOrder(t *testing.T, got []string, upto int) {
	t.Helper()
	next := 1
	for _, id := range got {
		switch {
		case id == number(next):
			next++
		case id > number(next):
			t.Fatalf("%s came before %s", id, number(next))
		}
	}
	if next != upto+1 {
		t.Errorf("%d came, want %d", next-1, upto)
	}
}

func TestMessagesArePushedAsTheyArePublished(t *testing.T) {
	t.Parallel()
	r := receive(t)
	w := begin(t, r)
	w.publish(1, 3)
	sub := w.subscribe(r, "")
	eventually(t, "the first three", func() bool { return len(r.messages()) == 3 })
	for n := 4; n <= 200; n += 49 {
		w.publish(n, min(n+48, 200))
	}
	eventually(t, "all are taken", func() bool { return w.sub(sub.ID).Pending == 0 && len(r.messages()) >= 200 })
	if got := r.messages(); len(got) != 200 {
		t.Errorf("%d were sent", len(got))
	}
	wantInOrder(t, r.messages(), 200)
	if got := w.sub(sub.ID).Push; got.State != taxii.PushActive || got.LastError != "" {
		t.Errorf("the push is %+v", got)
	}
}

func TestAReceiverThatWasAwayGetsAllInOrder(t *testing.T) {
	t.Parallel()
	r := receive(t)
	w := begin(t, r)
	sub := w.subscribe(r, "")
	w.publish(1, 5)
	eventually(t, "the first five", func() bool { return w.sub(sub.ID).Pending == 0 })
	r.server.Close()
	w.publish(6, 10)
	eventually(t, "it is noticed", func() bool { return w.sub(sub.ID).Push.State == taxii.PushFailing })
	got := w.sub(sub.ID)
	if !strings.Contains(got.Push.LastError, "no answer") || strings.Contains(got.Push.LastError, "127.0.0.1") || got.Pending != 5 {
		t.Errorf("while it is away: %+v", got.Push)
	}
	r.start(r.at)
	eventually(t, "it is back", func() bool { return w.sub(sub.ID).Pending == 0 && w.sub(sub.ID).Push.State == taxii.PushActive })
	wantInOrder(t, r.messages(), 10)
}

func TestWhatWasTakenAndNotWrittenDownIsSentAgainAsTheSameRequest(t *testing.T) {
	t.Parallel()
	r := receive(t)
	w := begin(t, r)
	sub := w.subscribe(r, "")
	eventually(t, "it is verified", func() bool { return w.sub(sub.ID).Push.State == taxii.PushActive })
	taken, release := make(chan string, 1), make(chan struct{})
	r.set(func() {
		r.before = func(_ int, _ http.ResponseWriter, q *http.Request) bool {
			r.before = nil
			taken <- q.Header.Get("webhook-id")
			<-release
			return true
		}
	})
	w.publish(1, 1)
	first := <-taken
	w.stop() // the process dies while the receiver has the request
	close(release)
	eventually(t, "the receiver is done with it", func() bool { return len(r.messages()) == 1 })
	w.start()
	eventually(t, "it is taken", func() bool { return w.sub(sub.ID).Pending == 0 })
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.ids, []string{number(1), number(1)}) || !slices.Equal(r.names, []string{first, first}) {
		t.Errorf("messages %v in requests %v, want the first twice, as %s", r.ids, r.names, first)
	}
}

func TestManyPushesOfOneChannelStopStartAndLoseNothing(t *testing.T) {
	t.Parallel()
	receivers := []*receiver{receive(t), receive(t)}
	w := begin(t, receivers...)
	var subs []taxii.Subscription
	for n := range 8 { // of ten that an account may have verified in an hour
		subs = append(subs, w.subscribe(receivers[n%2], strconv.Itoa(n)))
	}
	const all = 120
	for n := 1; n <= all; n += 30 {
		w.publish(n, n+29)
		w.stop()
		w.start()
	}
	eventually(t, "all took all", func() bool {
		return !slices.ContainsFunc(subs, func(s taxii.Subscription) bool { return w.sub(s.ID).Pending > 0 })
	})
	for _, r := range receivers {
		seen := map[string]int{}
		for _, id := range r.messages() {
			seen[id]++
		}
		for n := 1; n <= all; n++ {
			if seen[number(n)] < 4 {
				t.Errorf("message %d came %d times to four subscriptions", n, seen[number(n)])
			}
		}
	}
}

func TestNoSecretAndNoURLIsLogged(t *testing.T) {
	t.Parallel()
	r := receive(t)
	w := begin(t, r)
	r.set(func() {
		r.before = func(n int, w http.ResponseWriter, _ *http.Request) bool {
			if n == 1 {
				http.Error(w, "words of the receiver", http.StatusInternalServerError)
			}
			return n != 1
		}
	})
	sub := w.subscribe(r, "")
	w.publish(1, 1)
	eventually(t, "it was taken", func() bool { return w.sub(sub.ID).Pending == 0 })
	r.server.Close()
	w.publish(2, 2)
	eventually(t, "it fails", func() bool { return w.sub(sub.ID).Push.State == taxii.PushFailing })
	shown, err := json.Marshal(w.sub(sub.ID))
	if err != nil {
		t.Fatal(err)
	}
	w.stop()
	log := w.log.String()
	if !strings.Contains(log, sub.ID) || strings.Count(log, "msg=push") < 4 {
		t.Errorf("the log tells nothing: %s", log)
	}
	for what, text := range map[string]string{
		"the secret": strings.TrimPrefix(sub.Push.Secret, "whsec_"), "the receiver's token": "t0k3n", "the answer": "words of the receiver", "content": "indicator--1",
	} {
		if strings.Contains(log, text) {
			t.Errorf("%s is in the log", what)
		}
		if what != "the receiver's token" && strings.Contains(string(shown), text) {
			t.Errorf("%s is in the answer", what)
		}
	}
}
