package api

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/taxii"
)

// Whoever set an outside issuer up could find nowhere why its JWTs were refused.
func TestWhyCredentialsAreRefusedIsInTheLogAtLevelDebugAndNotInTheAnswer(t *testing.T) {
	t.Parallel()
	inner := taxii.Errorf(taxii.Unauthenticated, "the credentials are not valid").Because(errors.New("it is for another audience"))
	refused := taxii.Errorf(taxii.Unauthenticated, "the credentials are not valid").Because(inner)
	for _, c := range []struct {
		level slog.Level
		err   error
		want  string // in the log
	}{
		{slog.LevelDebug, refused, `level=DEBUG msg="credentials refused" request_id="" why="it is for another audience"`},
		{slog.LevelInfo, refused, ""},
		{slog.LevelDebug, taxii.Errorf(taxii.Unauthenticated, "credentials are needed"), ""},
		{slog.LevelDebug, taxii.Errorf(taxii.NotFound, "not found").Because(errors.New("why")), ""},
	} {
		var log bytes.Buffer
		fail := Failing(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: c.level})), func(*http.Request) []string { return []string{"Basic"} })
		answer := httptest.NewRecorder()
		fail(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/taxii2/", nil), c.err)
		if !strings.Contains(log.String(), c.want) || c.want == "" && log.Len() > 0 {
			t.Errorf("%v at %v: the log has %q, want %q", c.err, c.level, log.String(), c.want)
		}
		if strings.Contains(answer.Body.String(), "audience") {
			t.Errorf("the peer is told %s", answer.Body)
		}
	}
}
