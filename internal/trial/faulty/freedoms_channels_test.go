package faulty_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/conformance"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/faulty"
)

// channelFreedoms are servers that have fewer Channels than the demo, or say more of
// them. Of the checks at least so many are carried out, and none fails.
func channelFreedoms() []struct {
	fault
	passed int
} {
	noted := asking("GET list", "POST list", "GET channel", "PUT channel", "POST channel", "POST messages", "GET subscriptions", "POST subscriptions", "GET subscription",
		"PUT subscription", "PUT position", "GET grants", "PUT grants", "GET invitations", "POST invitations", "POST join")
	return []struct {
		fault
		passed int
	}{
		{forges("there are none", channelled, always(an(http.StatusNotFound))), 0},
		{forges("nobody may create one", asking("POST list"), always(an(http.StatusForbidden))), 50},
		{forges("there is a fixed set of them", asking("POST list"), always(an(http.StatusNotImplemented))), 50},
		{alters("they have properties of their own", noted, properties(func(v map[string]any) { v["x_example_com_note"] = map[string]any{"free": true} })), 410},
	}
}

func TestAServerMayHaveFewerChannelsOrSayMoreOfThem(t *testing.T) {
	t.Parallel()
	s := trial.Start(t)
	checks, err := conformance.Select(conformance.All(), "channels")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range channelFreedoms() {
		t.Run(f.Name, func(t *testing.T) {
			proxy := faulty.Before(t, s.URL, s.HTTP, f.Fault)
			target := target(t, s)
			target.URL, target.TLS, target.Channel = proxy.URL, proxy.TLS, "alerts"
			suite, err := conformance.New(target)
			if err != nil {
				t.Fatal(err)
			}
			report := suite.RunAll(t.Context(), checks, nil)
			allPassed(t, report)
			if report.Passed < f.passed {
				t.Errorf("only %d of %d checks were carried out", report.Passed, len(checks))
			}
			for _, r := range report.Results {
				if r.Outcome == conformance.Skipped && !strings.Contains(r.Why, "Channel") && !strings.Contains(r.Why, "attempts to join") {
					t.Errorf("%s was skipped: %s", r.Check, r.Why)
				}
			}
		})
	}
}
