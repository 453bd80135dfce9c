package api_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

func TestAcceptIsReadAsHTTPSays(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R047", "R048", "R049", "R050", "R051", "R053", "R055", "R056", "R281", "K10", "K11", "K12", "K13", "K16")
	w := withContent()
	member := w.as(t, "member")
	served := []string{
		"application/taxii+json;version=2.1", "application/taxii+json", "application/taxii+json; version=2.1", "application/taxii+json ; version=2.1",
		"application/taxii+json;version=\"2.1\"", "APPLICATION/TAXII+JSON;VERSION=2.1", "application/taxii+json;q=0.5;version=2.1",
		"application/taxii+json;charset=utf-8;version=2.1", "text/html , application/taxii+json;version=2.1",
		"application/taxii+json;version=3.0, application/taxii+json;version=2.1;q=0.1", "application/vnd.oasis.taxii+json;version=2.0,application/taxii+json",
		"*/*", "application/*", "text/html,*/*;q=0.1", "", "application/json", "application/json, text/plain, */*",
		"application/taxii+json;version=2.1, application/stix+json;version=2.1", "application/stix+json;version=2.1",
		"application/vnd.oasis.taxii+json;version=2.1", "application/vnd.oasis.taxii+json; version=2.1",
	}
	refused := []string{
		"application/vnd.oasis.taxii+json", "application/vnd.oasis.taxii+json;version=2.0", "application/vnd.oasis.taxii+json; version=2.0",
		"application/vnd.oasis.stix+json; version=2.0", "application/taxii+json;version=2.0", "application/taxii+json;version=3.0", "text/html", "text/*",
		"application/taxii+json;q=0", "*/*;q=0", "application/taxii+json;q=0, */*", "application/xml", "taxii",
	}
	for path := range resources(t, w) {
		for _, accept := range served {
			good(t, member.get(t, path+"/", "Accept: "+accept), http.StatusOK)
		}
		for _, accept := range refused {
			refusal(t, member.get(t, path+"/", "Accept: "+accept), http.StatusNotAcceptable)
		}
	}
}

func TestAcceptCountsForStatusAddAndDeleteToo(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R050", "R053", "R192", "R237", "R253", "R252", "K10", "K13", "K15")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	st := member.add(t, c, observable(1), observable(2))
	for _, accept := range []string{"application/taxii+json ; version=2.1", "*/*"} {
		good(t, member.get(t, "/trust/status/"+st.ID+"/", "Accept: "+accept), http.StatusOK)
		good(t, member.post(t, c, envelopeOf(observable(3)), "Accept: "+accept), http.StatusAccepted)
	}
	for _, accept := range []string{"application/vnd.oasis.taxii+json", "text/html"} {
		refusal(t, member.get(t, "/trust/status/"+st.ID+"/", "Accept: "+accept), http.StatusNotAcceptable)
		refusal(t, member.post(t, c, envelopeOf(observable(4)), "Accept: "+accept), http.StatusNotAcceptable)
		refusal(t, member.ask(t, "DELETE", c+"/objects/"+id("domain-name", 1)+"/", "", "Accept: "+accept), http.StatusNotAcceptable)
	}
	sameSet(t, "after refusals", member.page(t, c+"/objects/").ids(t), []string{id("domain-name", 1), id("domain-name", 2), id("domain-name", 3)})
	good(t, member.ask(t, "DELETE", c+"/objects/"+id("domain-name", 1)+"/", "", "Accept: */*", "Content-Type: text/html"), http.StatusOK)
}

func TestContentTypesOfAnAdd(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R047", "R052", "R054", "R055", "R239", "R281", "K10", "K14")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	for _, taken := range []string{
		"application/taxii+json;version=2.1", "application/taxii+json", "application/taxii+json ; version=2.1", "Application/TAXII+json;Version=\"2.1\"",
		"application/stix+json", "application/stix+json;version=2.1", "application/stix+json; version=2.1", "application/vnd.oasis.stix+json; version=2.1",
		"application/taxii+json;charset=utf-8", "application/taxii+json; charset=UTF-8; version=2.1", "application/stix+json; charset=\"utf-8\"; version=2.1",
	} {
		status(t, member.post(t, c, envelopeOf(observable(1)), "Content-Type: "+taken), http.StatusAccepted)
	}
	for _, not := range []string{
		"", "application/json", "application/taxii+json;version=2.0", "application/taxii+json;version=3.0", "application/vnd.oasis.stix+json",
		"application/vnd.oasis.stix+json;version=2.0", "application/vnd.oasis.taxii+json;version=2.0", "text/plain", "application/x-www-form-urlencoded",
		"multipart/form-data; boundary=x", "application/taxii+json;charset=iso-8859-1", "application/*", "x",
	} {
		refusal(t, member.post(t, c, envelopeOf(observable(2)), "Content-Type: "+not), http.StatusUnsupportedMediaType)
	}
	if got := member.page(t, c+"/objects/"); len(got.Items) != 1 {
		t.Errorf("what was refused is there: %s", got.Body)
	}
}

func TestContentTypeIsIgnoredWhereItHasNoUse(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R054", "K15")
	w := withContent()
	for path := range resources(t, w) {
		good(t, w.as(t, "member").get(t, path+"/", "Content-Type: text/html; charset=utf-7"), http.StatusOK)
	}
}

func TestEveryAnswerVariesByAcceptAndEncoding(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K16", "K72")
	w := withContent()
	for path := range resources(t, w) {
		for _, a := range []trial.Answer{w.as(t, "member").get(t, path), w.as(t, "member").get(t, path+"/nothing/x"), w.as(t, "").get(t, path)} {
			if got := strings.Join(a.Header.Values("Vary"), ", "); got != "Accept, Accept-Encoding" {
				t.Errorf("%s: Vary is %q", path, got)
			}
			if got := a.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s: Cache-Control is %q", path, got)
			}
		}
	}
}

func TestLargeAnswersAreCompressedForWhoAsks(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K16", "K72")
	w := withContent()
	member, path := w.as(t, "member"), w.Collection(t, "indicators")+"/objects/"
	plain := member.get(t, path)
	for _, wanted := range []string{"gzip", "gzip, deflate", "GZIP;q=0.5, br", "*", "x-gzip"} {
		a := member.get(t, path, "Accept-Encoding: "+wanted)
		if a.Header.Get("Content-Encoding") != "gzip" || len(a.Body) >= len(plain.Body) {
			t.Errorf("%s: %v with %d octets of %d", wanted, a.Header, len(a.Body), len(plain.Body))
		}
		if !bytes.Equal(unpacked(t, a.Body), plain.Body) {
			t.Errorf("%s: another answer", wanted)
		}
		a.Body = plain.Body
		good(t, a, http.StatusOK)
	}
	for _, not := range []string{"", "identity", "br, deflate", "gzip;q=0", "*;q=0", "gzip;q=0, *"} {
		if a := member.get(t, path, "Accept-Encoding: "+not); a.Header.Get("Content-Encoding") != "" || !bytes.Equal(a.Body, plain.Body) {
			t.Errorf("%q: %v", not, a.Header)
		}
	}
	small := member.get(t, "/trust/nothing/", "Accept-Encoding: gzip")
	refusal(t, small, http.StatusNotFound)
}

// unpacked undoes gzip.
func unpacked(t *testing.T, packed []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestABodyMayBeGzipAndNothingElse(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R239", "K64")
	w := writable()
	member, c := w.as(t, "member"), w.collection(t)
	packed := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, text)
		_ = z.Close()
		return b.String()
	}
	body := packed(envelopeOf(observable(1)))
	status(t, member.post(t, c, body, "Content-Encoding: gzip"), http.StatusAccepted)
	status(t, member.post(t, c, envelopeOf(observable(2)), "Content-Encoding: identity"), http.StatusAccepted)
	for _, coding := range []string{"deflate", "br", "zstd", "compress", "gzip, gzip"} {
		refusal(t, member.post(t, c, body, "Content-Encoding: "+coding), http.StatusUnsupportedMediaType)
	}
	for _, broken := range []string{envelopeOf(observable(3)), body[:len(body)-9], "\x1f\x8b" + body[2:20]} {
		refusal(t, member.post(t, c, broken, "Content-Encoding: gzip"), http.StatusUnprocessableEntity)
	}
	bomb := packed(envelopeOf(observable(4, `"x_fill":"`+strings.Repeat("a", 11<<20)+`"`)))
	e := refusal(t, member.post(t, c, bomb, "Content-Encoding: gzip"), http.StatusRequestEntityTooLarge)
	if e.Details["max_content_length"] != 10_485_760.0 {
		t.Errorf("the limit is not named: %+v", e)
	}
	if got := member.page(t, c+"/objects/"); len(got.Items) != 2 {
		t.Errorf("%d objects are there", len(got.Items))
	}
}
