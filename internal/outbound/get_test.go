package outbound

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestADocumentIsGotWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 16)
	r := receive(t, "host.example", func(w http.ResponseWriter, q *http.Request) {
		asked <- q.Method + " " + q.URL.Path + " " + q.Header.Get("Accept") + " " + q.Header.Get("Authorization")
		switch q.URL.Path {
		case "/moved":
			http.Redirect(w, q, "/ten", http.StatusFound)
		case "/gone":
			http.Error(w, "0123456789", http.StatusGone)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("0123456789"))
		default:
			_, _ = w.Write([]byte("0123456789"))
		}
	})
	c, err := New(Options{Authorities: r.ca, Allow: []netip.AddrPort{r.address}})
	if err != nil {
		t.Fatal(err)
	}
	base := "https://" + r.address.String()
	text, err := c.Get(t.Context(), base+"/ten", "application/json", 10)
	if err != nil || string(text) != "0123456789" {
		t.Errorf("got %q, %v", text, err)
	}
	if got := <-asked; got != "GET /ten application/json " {
		t.Errorf("asked %q", got)
	}
	for what, most := range map[string]int64{"/ten": 9, "/moved": 100, "/gone": 100, "/cut": 100} {
		text, err := c.Get(t.Context(), base+what, "", most)
		if err == nil || text != nil || strings.Contains(err.Error(), "0123") || strings.Contains(err.Error(), "host.example") {
			t.Errorf("%s of at most %d: %q, %v", what, most, text, err)
		}
		<-asked
	}
	if len(asked) != 0 {
		t.Error("a redirect was followed")
	}
	_, err = c.Get(t.Context(), "http://"+r.address.String()+"/ten", "", 10)
	wantRefused(t, "http", err)
	_, err = c.Get(t.Context(), "https://127.0.0.1:1/ten", "", 10)
	wantRefused(t, "an address that is not allowed", err)
}
