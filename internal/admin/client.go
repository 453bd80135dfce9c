package admin

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/hansom-taxii/hansom/taxii"
)

// Client speaks to the administration of a server. Its methods are those of the
// face, one for each operation; their errors are *taxii.Error with the Kind that
// the server meant, or what kept the request from being answered.
type Client struct {
	HTTP *http.Client // how to get there: through the control socket, or over HTTPS with credentials; nil: plainly
	Base string       // what comes before /admin/, such as http://control or https://taxii.example.com
}

// maxAnswer bounds an answer, in octets: a page of an export may hold one object
// that is far larger than a page, and nothing else comes near.
const maxAnswer = 256 << 20

// call sends a request and reads the answer into out, unless that is nil. Path
// is what follows /admin/, escaped. In is sent as JSON, []byte as it is.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	body, err := encode(in)
	if err != nil {
		return fmt.Errorf("%s /admin/%s: %w", method, path, err)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.Base, "/")+"/admin/"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the administration: %w", err)
	}
	r.Header.Set("Accept", mediaJSON)
	if in != nil {
		r.Header.Set("Content-Type", mediaJSON)
	}
	answer, status, err := c.send(r)
	switch {
	case err != nil:
		return fmt.Errorf("ask the administration: %w", err)
	case status.code >= http.StatusBadRequest:
		return status.failure(answer)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s /admin/%s: the answer cannot be read: %w", method, path, err)
	}
	return nil
}

func encode(in any) ([]byte, error) {
	switch v := in.(type) {
	case nil:
		return nil, nil
	case []byte:
		return v, nil
	case map[string]any:
		if v == nil {
			return []byte("{}"), nil // a patch that changes nothing
		}
	}
	return stdjson.Marshal(in)
}

// status is what an answer says beside its body.
type status struct {
	code       int
	retryAfter time.Duration
}

func (c *Client) send(r *http.Request) ([]byte, status, error) {
	client := c.HTTP
	if client == nil {
		client = new(http.Client)
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, status{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer is longer than %d octets", maxAnswer)
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return body, status{resp.StatusCode, time.Duration(seconds) * time.Second}, err
}

// failure reads an error resource. An answer that is none still says its status.
func (s status) failure(body []byte) error {
	e := new(taxii.Error)
	if err := json.Unmarshal(body, e); err != nil || e.Title == "" {
		*e = taxii.Error{Title: fmt.Sprintf("the server answered %d %s", s.code, http.StatusText(s.code))}
	}
	e.Kind, e.RetryAfter = taxii.KindOfStatus(s.code), s.retryAfter
	return e
}

// rootPath gives the path of an API Root; a name of several segments is one here.
func rootPath(root string) string { return "roots/" + url.PathEscape(root) + "/" }

func collectionPath(root, name string) string {
	return rootPath(root) + "collections/" + url.PathEscape(name) + "/"
}

func accountPath(name string) string { return "accounts/" + url.PathEscape(name) + "/" }

// asking gives a query string of what is not empty, with its question mark.
func asking(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

// number writes a number for a query; 0 is left out.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
