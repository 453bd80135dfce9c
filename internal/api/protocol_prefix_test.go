package api_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// below runs a server whose public URL is another than its address, as behind a
// proxy that passes whole paths on: with the roots trust and relative, and an
// administrator.
func below(t *testing.T, publicURL string) actor {
	t.Helper()
	conf := node.Defaults()
	conf.Data, conf.Listen, conf.PublicURL = t.TempDir(), freeAddress(t), publicURL
	caFile, err := node.Init(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- node.Serve(ctx, conf, node.Options{Prepare: furnish, Ready: func(node.Info) error { close(ready); return nil }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatal("the node does not serve")
	}
	return actor{&world{Server: &trial.Server{Ready: trial.Ready{URL: "https://" + conf.Listen}, HTTP: trusting(t, caFile)}}, "admin", "secret words"}
}

func furnish(ctx context.Context, x *exchange.Exchange) error {
	o := x.Operator()
	for _, set := range []exchange.RootSetting{{Name: "trust", Title: "Trust", Default: true}, {Name: "relative", Title: "Relative", Relative: true}} {
		if _, err := o.AddRoot(ctx, set); err != nil {
			return err
		}
	}
	if err := o.AddAccount(ctx, exchange.AccountSetting{Name: "admin", Password: "secret words"}); err != nil {
		return err
	}
	return o.SetGrant(ctx, exchange.GrantSetting{Account: "admin", On: "server", Rights: []string{"read", "write", "manage"}})
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// trusting makes a client that trusts the server's own authority and follows no
// redirect.
func trusting(t *testing.T, caFile string) *http.Client {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	c := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Minute,
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestEveryPrintedURLComesFromThePublicURL(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R026", "R177", "R178", "K01", "K02", "K03", "K05", "K09")
	const host = "https://taxii.example.com"
	for _, prefix := range []string{"/some/prefix", "/p/", ""} {
		t.Run("prefix "+prefix, func(t *testing.T) {
			t.Parallel()
			servesBelow(t, below(t, host+prefix), host, strings.TrimSuffix(prefix, "/"))
		})
	}
}

func servesBelow(t *testing.T, admin actor, host, path string) {
	d := discovery(t, admin)
	sameSet(t, "roots", d.APIRoots, []string{host + path + "/trust/", path + "/relative/"})
	if d.Default != host+path+"/trust/" {
		t.Errorf("the default is %s", d.Default)
	}
	atRoot := admin.get(t, "/taxii2")
	for _, other := range []string{path + "/taxii2", path + "/taxii2/"} {
		if a := admin.get(t, other); string(a.Body) != string(atRoot.Body) || a.Status != http.StatusOK {
			t.Errorf("%s is %d %s", other, a.Status, a.Body)
		}
	}
	for _, root := range []string{"/trust", "/relative", "/trust/collections"} {
		good(t, admin.get(t, path+root), http.StatusOK)
		good(t, admin.get(t, path+root+"/"), http.StatusOK)
		if path != "" {
			refusal(t, admin.get(t, root+"/"), http.StatusNotFound)
		}
	}
	for _, odd := range []string{"/x" + path + "/trust/", path + "//trust/", path + "/" + path + "/trust/", path + "/"} {
		refusal(t, admin.get(t, odd), http.StatusNotFound)
	}
}
