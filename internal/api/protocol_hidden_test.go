package api_test

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// alike fails the test unless two answers are the same but for what varies with
// every request, and the repetition of the path.
func alike(t *testing.T, what string, a, b trial.Answer) {
	t.Helper()
	if a.Status != b.Status || string(a.Body) != string(b.Body) {
		t.Errorf("%s: %d %s\nelse: %d %s", what, a.Status, a.Body, b.Status, b.Body)
	}
	same(t, what+": header names", slices.Sorted(maps.Keys(a.Header)), slices.Sorted(maps.Keys(b.Header)))
	for name := range a.Header {
		if name != "Date" && name != "X-Request-Id" && a.Header.Get(name) != b.Header.Get(name) {
			t.Errorf("%s: %s is %q, else %q", what, name, a.Header.Get(name), b.Header.Get(name))
		}
	}
}

// hiddenPaths are pairs: what is there and a reader may not see, and what does not
// exist.
func hiddenPaths(t *testing.T, w *world) [][2]string {
	unknown := taxii.NewID()
	pairs := [][2]string{{"/open/", "/nowhere/"}, {"/open/collections/", "/nowhere/collections/"}}
	hidden := w.Collection(t, "dropbox")
	nothing := "/trust/collections/" + unknown
	operations := w.Collection(t, "operations")
	for _, rest := range []string{"/", "", "/objects/", "/manifest/", "/objects/?limit=0", "/objects/?next=x", "/objects/" + indicator + "/",
		"/objects/" + indicator + "/versions/", "//", "/x/"} {
		pairs = append(pairs, [2]string{hidden + rest, nothing + rest}, [2]string{operations + rest, "/nowhere/collections/" + unknown + rest})
	}
	return append(pairs, [2]string{"/trust/collections/dropbox/", "/trust/collections/nothing/"})
}

func TestWhatAnAccountMayNotSeeIsAsIfItWereNotThere(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R075", "R153", "R163", "R184", "R192", "R211", "R222", "R223", "R233", "R234", "R237", "R241", "R248", "R249", "R253",
		"R262", "R263")
	w := withContent()
	reader := w.as(t, "reader")
	for _, pair := range hiddenPaths(t, w) {
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "PUT"} {
			body := ""
			if method == "POST" {
				body = envelopeOf(observable(1))
			}
			for _, header := range []string{"X: y", "Accept: text/html", "Content-Type: text/html", "Accept-Encoding: gzip"} {
				there, not := reader.ask(t, method, pair[0], body, header), reader.ask(t, method, pair[1], body, header)
				alike(t, method+" "+pair[0]+" "+header, there, not)
				if there.Status != http.StatusNotFound {
					t.Errorf("%s %s %s: %d", method, pair[0], header, there.Status)
				}
			}
		}
	}
}

func TestWithoutCredentialsEverythingThatIsNotPublicIs401(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R067", "R068", "R069", "R074", "R172", "R184", "R192", "R211", "R222", "R233", "R237", "R248", "R253", "R262", "K17", "K24")
	w := withContent()
	nobody := w.as(t, "")
	first := nobody.get(t, "/nowhere/")
	if got := first.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, `Basic realm=`) {
		t.Errorf("the challenge is %q", got)
	}
	paths := []string{"/taxii2/", "/trust/status/" + taxii.NewID() + "/", "/", "/x", "/trust//"}
	for path := range resources(t, w) {
		paths = append(paths, path, path+"/")
	}
	for _, pair := range hiddenPaths(t, w) {
		paths = append(paths, pair[0], pair[1])
	}
	for _, path := range paths {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			if path == "/taxii2" || path == "/taxii2/" {
				method = "GET"
			}
			a := nobody.ask(t, method, path, "")
			refusal(t, a, http.StatusUnauthorized)
			alike(t, method+" "+path, a, first)
		}
	}
}

func TestWrongCredentialsAre401EverywhereAndTellNothing(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R067", "R068", "R069", "R163", "K24", "K26", "K27")
	w := withContent()
	// An account of its own, and few tries of each name: more would be slowed down.
	const name, password = "guessed", "its own pässwörd:mit"
	if _, err := w.control.AddAccount(t.Context(), exchange.AccountSetting{Name: name, Password: password}); err != nil {
		t.Fatal(err)
	}
	first := w.as(t, "").get(t, "/trust/", "Authorization: "+basic(name, "wrong"))
	refusal(t, first, http.StatusUnauthorized)
	paths := []string{"/trust/", "/nowhere/", "/taxii2/", w.Collection(t, "operations") + "/objects/"}
	for i, credentials := range []string{basic("nobody", "wrong"), basic("nobody", password), basic("nobody", ""), basic("admin", password),
		basic(name, "Wrong"), basic(name, ""), basic(name, password+" "), basic("Guessed", password), basic("", ""), basic("", password),
		basic("operator", ""), basic("operator", "x"), basic("anonymous", ""), basic("nobody else", password), basic("nobody else", "wrong")} {
		a := w.as(t, "").get(t, paths[i%len(paths)], "Authorization: "+credentials)
		refusal(t, a, http.StatusUnauthorized)
		alike(t, paths[i%len(paths)], a, first)
	}
	for _, odd := range []string{"Basic", "Basic !!!", "Bearer x", "Token x", "Negotiate", "Basic " + base64.StdEncoding.EncodeToString([]byte("nocolon")), "x"} {
		refusal(t, w.as(t, "").get(t, "/trust/", "Authorization: "+odd), http.StatusUnauthorized)
	}
}

func TestCredentialsAreTakenOnTheFirstRequestWhateverTheCaseOfTheScheme(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R067", "R071", "R074", "K20", "K24")
	w := withContent()
	good(t, w.as(t, "member").get(t, "/trust/"), http.StatusOK)
	credentials := strings.TrimPrefix(basic("member", w.Password(t, "member")), "Basic ")
	for _, scheme := range []string{"basic", "BASIC", "bAsIc", "Basic "} {
		good(t, w.as(t, "").get(t, "/trust/", "Authorization: "+scheme+" "+credentials), http.StatusOK)
	}
}

func TestAPasswordMayHoldColonsAndAnyCharacters(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R071")
	w := writable()
	name, password := "a-"+taxii.NewID(), "grüße: an:alle ☂ "
	if _, err := w.control.AddAccount(t.Context(), exchange.AccountSetting{Name: name, Password: password}); err != nil {
		t.Fatal(err)
	}
	good(t, actor{w, name, password}.get(t, "/taxii2/"), http.StatusOK)
}

func TestCredentialsInTheQueryAreNeverAccepted(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K26")
	w := withContent()
	p := w.Password(t, "member")
	for _, query := range []string{"?user=member&password=" + p, "?access_token=" + p, "?Authorization=" + strings.ReplaceAll(basic("member", p), " ", "+"), "?token=" + p} {
		refusal(t, w.as(t, "").get(t, "/trust/"+query), http.StatusUnauthorized)
	}
}

func TestWhatIsGrantedToAnonymousNeedsNoCredentialsAndStillChecksThem(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R004", "R069", "R072", "R075", "R163", "R180", "K27")
	w := writable()
	root := w.root(t, exchange.RootSetting{})
	public := w.collection(t, exchange.CollectionSetting{Root: root, Alias: "public"})
	secret := w.collection(t, exchange.CollectionSetting{Root: root, Alias: "secret"})
	w.as(t, "member").add(t, public, observable(1))
	w.as(t, "member").add(t, secret, observable(2))
	w.grant(t, "anonymous", public, "read")

	nobody := w.as(t, "")
	if got := nobody.page(t, public+"/objects/"); len(got.Items) != 1 {
		t.Errorf("the public collection shows %s", got.Body)
	}
	if d := discovery(t, nobody); !slices.Contains(d.APIRoots, w.URL+"/"+root+"/") || slices.Contains(d.APIRoots, w.URL+"/trust/") {
		t.Errorf("discovery shows %q", d.APIRoots)
	}
	if list := collections(t, nobody, "/"+root+"/"); len(list) != 1 || list[0].CanWrite || !list[0].CanRead {
		t.Errorf("the collections are %+v", list)
	}
	unknown := "/" + root + "/collections/" + taxii.NewID()
	for _, rest := range []string{"/", "/objects/", "/objects/?limit=0", "/objects/?next=x", "/objects/" + id("domain-name", 2) + "/", "/manifest/",
		"/objects/" + id("domain-name", 2) + "/versions/", "/x/"} {
		for _, method := range []string{"GET", "POST", "DELETE", "PUT"} {
			for _, header := range []string{"X: y", "Accept: text/html"} {
				a := nobody.ask(t, method, secret+rest, "", header)
				refusal(t, a, http.StatusUnauthorized) // method, query and Accept used to be judged first: 405, 400, 406
				alike(t, method+" "+rest, a, nobody.ask(t, method, unknown+rest, "", header))
			}
		}
	}
	refusal(t, nobody.post(t, public, envelopeOf(observable(3))), http.StatusForbidden)
	refusal(t, nobody.get(t, public+"/objects/", "Authorization: "+basic("member", "wrong")), http.StatusUnauthorized)
	good(t, w.account(t).get(t, public+"/objects/"), http.StatusOK)
}

func TestEachAPIRootHasAnAuthorizationOfItsOwn(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R030", "R075", "R180", "R184")
	w := writable()
	reader, writer := w.account(t), w.account(t)
	public, closed := w.root(t, exchange.RootSetting{}), w.root(t, exchange.RootSetting{})
	inPublic, inClosed := w.collection(t, exchange.CollectionSetting{Root: public}), w.collection(t, exchange.CollectionSetting{Root: closed})
	w.grant(t, "anonymous", public, "read")
	w.grant(t, reader.name, closed, "read")
	w.grant(t, writer.name, public, "write")
	for _, c := range []struct {
		who        actor
		collection string
		read, add  int
	}{
		{w.as(t, ""), inPublic, 200, 403}, {w.as(t, ""), inClosed, 401, 401},
		{reader, inPublic, 200, 403}, {reader, inClosed, 200, 403},
		{writer, inPublic, 200, 202}, {writer, inClosed, 404, 404},
	} {
		root, _, _ := strings.Cut(c.collection, "collections/")
		for _, path := range []string{root, root + "collections/", c.collection + "/", c.collection + "/objects/"} {
			if a := c.who.get(t, path); a.Status != c.read {
				t.Errorf("%q gets %s with %d, wanted %d: %s", c.who.name, path, a.Status, c.read, a.Body)
			}
		}
		if a := c.who.post(t, c.collection, envelopeOf(observable(1))); a.Status != c.add {
			t.Errorf("%q adds to %s with %d, wanted %d: %s", c.who.name, c.collection, a.Status, c.add, a.Body)
		}
	}
}

func TestAStatusIsThereForWhoMadeItAndForManagers(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R032", "R163", "R191", "R192", "R193", "R242", "K63")
	w := writable()
	c := w.collection(t)
	other := w.account(t)
	w.grant(t, other.name, c, "read", "write")
	manager := w.account(t)
	w.grant(t, manager.name, c, "manage")
	root := w.root(t, exchange.RootSetting{})
	st := w.as(t, "member").add(t, c, observable(1), observable(2))
	path, unknown := "/trust/status/"+st.ID+"/", "/trust/status/"+taxii.NewID()+"/"
	for _, a := range []actor{w.as(t, "member"), w.as(t, "admin"), manager} {
		if again := status(t, a.get(t, path), http.StatusOK); again.SuccessCount != 2 {
			t.Errorf("%s is told %+v", a.name, again)
		}
	}
	for _, a := range []actor{w.as(t, "reader"), other, w.as(t, "")} {
		alike(t, a.name, a.get(t, path), a.get(t, unknown))
	}
	refusal(t, other.get(t, path), http.StatusNotFound)
	admin := w.as(t, "admin")
	alike(t, "under another root", admin.get(t, "/"+root+"/status/"+st.ID+"/"), admin.get(t, "/"+root+"/status/"+taxii.NewID()+"/"))
	for _, odd := range []string{strings.ToUpper(st.ID), "x", st.ID[1:], "%20"} {
		refusal(t, admin.get(t, "/trust/status/"+odd+"/"), http.StatusNotFound)
	}
}

func TestDeletingAnswersByTheRightsOnTheCollection(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R163", "R253", "R254")
	w := writable()
	c := w.collection(t)
	w.as(t, "member").add(t, c, observable(1))
	there, unknown := c+"/objects/"+id("domain-name", 1)+"/", c+"/objects/"+id("domain-name", 2)+"/"
	for _, who := range []struct {
		right string
		want  int
	}{{"read", 403}, {"write", 403}, {"manage", 404}, {"", 404}} {
		a := w.account(t)
		if who.right != "" {
			w.grant(t, a.name, c, who.right)
		}
		answer := a.delete(t, there)
		refusal(t, answer, who.want)
		alike(t, who.right, answer, a.delete(t, unknown))
	}
	refusal(t, w.as(t, "").delete(t, there), http.StatusUnauthorized)
	good(t, w.as(t, "member").delete(t, there), http.StatusOK)
	refusal(t, w.as(t, "member").delete(t, there), http.StatusNotFound)
}
