package api_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// tlsWith gives the settings of a client of the server with one version of TLS.
func tlsWith(w *world, version uint16) *tls.Config {
	conf := w.HTTP.Transport.(*http.Transport).TLSClientConfig.Clone()
	conf.MinVersion, conf.MaxVersion = version, version
	conf.ServerName = "127.0.0.1"
	return conf
}

func TestTLS12And13AreAcceptedAndOlderOnesNot(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R078", "R079", "R080", "R081")
	w := withContent()
	address := strings.TrimPrefix(w.URL, "https://")
	for version, good := range map[uint16]bool{tls.VersionTLS13: true, tls.VersionTLS12: true, tls.VersionTLS11: false, tls.VersionTLS10: false} {
		conn, err := tls.Dial("tcp", address, tlsWith(w, version))
		if (err == nil) != good {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
	// A ticket that allowed for early data would say so; crypto/tls hands it to the session cache.
	cache := &tickets{}
	conf := tlsWith(w, tls.VersionTLS13)
	conf.ClientSessionCache = cache
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}}
	answer, err := c.Get(w.URL + "/taxii2/")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if cache.state == nil {
		t.Fatal("the server gave no ticket")
	}
	if _, state, err := cache.state.ResumptionState(); err != nil || state.EarlyData {
		t.Errorf("the ticket allows for early data: %v", err)
	}
}

// tickets keeps the last session.
type tickets struct{ state *tls.ClientSessionState }

func (c *tickets) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

func (c *tickets) Put(_ string, s *tls.ClientSessionState) { c.state = s }

func TestNoSuiteOfTheBlackListIsAccepted(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R082")
	w := withContent()
	address := strings.TrimPrefix(w.URL, "https://")
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if len(suite.SupportedVersions) == 1 && suite.SupportedVersions[0] == tls.VersionTLS13 {
			continue
		}
		ephemeral, sealed := strings.Contains(suite.Name, "_ECDHE_"), strings.Contains(suite.Name, "_GCM_") || strings.Contains(suite.Name, "_CHACHA20_")
		conf := tlsWith(w, tls.VersionTLS12)
		conf.CipherSuites = []uint16{suite.ID}
		conn, err := tls.Dial("tcp", address, conf)
		if err == nil {
			_ = conn.Close()
			if !ephemeral || !sealed {
				t.Errorf("%s is accepted", suite.Name)
			}
		}
	}
}

func TestNothingIsKeyedByTheAddressOfWhoAsks(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K73")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	st := member.add(t, c, observable(1), observable(2))
	first := member.page(t, c+"/objects/?limit=1")
	for _, from := range []string{"127.0.0.2", "127.0.0.3"} {
		transport := w.HTTP.Transport.(*http.Transport).Clone()
		transport.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext
		elsewhere := *w.Server
		elsewhere.HTTP = &http.Client{Transport: transport}
		there := actor{&world{Server: &elsewhere}, member.name, member.password}
		status(t, there.get(t, "/trust/status/"+st.ID+"/"), http.StatusOK)
		same(t, "the same cursor from "+from, there.page(t, c+"/objects/?next="+first.Next).Items, []string{observable(2)})
		transport.CloseIdleConnections()
	}
}
