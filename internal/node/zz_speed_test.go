package node_test
import ("testing";"time";"io";"net/http";"crypto/tls")
func TestZZSpeed(t *testing.T) {
	s := serve(t, nil)
	s.fill(t, 250)
	for _, h2 := range []bool{false,true} {
	tr := &http.Transport{ForceAttemptHTTP2: h2, DisableCompression: true, TLSClientConfig: &tls.Config{RootCAs: s.ca}}
	c := &http.Client{Transport: tr}
	began := time.Now(); n := int64(0)
	for range 60 { a, err := c.Do(s.request(t, "GET", objects+"?limit=250", "")); if err != nil { t.Fatal(err) }; m, _ := io.Copy(io.Discard, a.Body); n += m; a.Body.Close() }
	t.Logf("h2 %v: %.0f MB/s", h2, float64(n)/1e6/time.Since(began).Seconds())
	}
}
