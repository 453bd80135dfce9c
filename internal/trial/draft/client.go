// Package draft is a client of the first draft of TAXII's Channels: the
// proposed REST API of TAXII 2, in which a Subscription is a GET of a Channel
// with parameters. It was written from that draft alone and shares nothing with
// hansom, so that what the draft says is tried by someone who knows nothing
// else. Where the draft leaves a form open, the client is told it (Form).
package draft

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// MinMaxSize is the smallest value that X-Max-Size may have, in octets, and
// what holds without the header.
const MinMaxSize = 9437184

// The ways in which an answer breaks the draft. They are found by errors.Is.
var (
	ErrNotHTTPS     = errors.New("only HTTPS is conformant")
	ErrStatus       = errors.New("a status that the draft does not list for this method")
	ErrMaxSizeSent  = errors.New("X-Max-Size in a response")
	ErrTooLarge     = errors.New("a response larger than X-Max-Size")
	ErrSmallMaxSize = errors.New("X-Max-Size below the smallest value allowed")
	ErrMessageForm  = errors.New("an answer in which no messages can be read")
)

// The statuses that the draft lists, in its order.
var (
	listStatuses      = []int{200, 400, 403}
	infoStatuses      = []int{200, 400, 403}
	createStatuses    = []int{201, 400, 403, 501}
	postStatuses      = []int{202, 400, 403, 501}
	subscribeStatuses = []int{200, 204, 400, 403, 501}
)

// controlMedia is the media type of control messages, such as the Channel create
// object: the draft writes them in JSON and names no other.
const controlMedia = "application/json"

// A Form is how messages travel. The draft asks "How is content negotiated?"
// and does not answer, so a client must be told.
type Form struct {
	Accept  string // of messages; "" sends no Accept
	Content string // Content-Type of posted messages
	// Join puts one or several messages into a body, Split takes them out.
	Join  func(messages ...[]byte) []byte
	Split func(body []byte) ([][]byte, error)
}

// A Client asks one API-Base as one user. Its fields may be changed between
// calls, not during one.
type Client struct {
	Form    Form
	MaxSize int64       // X-Max-Size in octets; 0 sends no header
	Headers http.Header // sent with each request beside the client's own

	base, user, password string
	http                 *http.Client
}

// New is a client of an API-Base, any HTTPS URL, with HTTP Basic. It sends
// nothing. The error is ErrNotHTTPS or that of the URL.
func New(base, user, password string, over *http.Client) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%w: %s", ErrNotHTTPS, base)
	}
	return &Client{Form: JSON(), base: strings.TrimSuffix(base, "/"), user: user, password: password, http: over}, nil
}

// An Answer is what the server said, read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Get asks for any URL below the host of the API-Base, such as the Discovery
// URL, and holds the answer only to the rules of X-Max-Size.
func (c *Client) Get(ctx context.Context, address string) (Answer, error) {
	return c.ask(ctx, http.MethodGet, address, nil, "", nil)
}

// List asks for the Channels that the user may see. The names are those of the
// draft's URLs; there are none where Status is not 200.
func (c *Client) List(ctx context.Context) (Answer, []Channel, error) {
	a, err := c.ask(ctx, http.MethodGet, c.base+"/channels/", nil, "", listStatuses)
	if err != nil || a.Status != http.StatusOK {
		return a, nil, err
	}
	list, err := readChannels(a.Body)
	return a, list, err
}

// Info asks what a Channel is. In the draft the same URL without parameters is
// also a Subscription that selects everything: a server may answer as either,
// and the Channel is zero where the answer is none.
func (c *Client) Info(ctx context.Context, name string) (Answer, Channel, error) {
	allowed := append(slices.Clone(infoStatuses), subscribeStatuses...)
	a, err := c.ask(ctx, http.MethodGet, c.channel(name), nil, "", allowed)
	if err != nil || a.Status != http.StatusOK {
		return a, Channel{}, err
	}
	return a, readChannel(a.Body), nil
}

// Create asks for a new Channel.
func (c *Client) Create(ctx context.Context, channel Channel) (Answer, error) {
	return c.CreateRaw(ctx, channel.object())
}

// CreateRaw is Create with any body in place of the Channel create object.
func (c *Client) CreateRaw(ctx context.Context, body []byte) (Answer, error) {
	return c.ask(ctx, http.MethodPost, c.base+"/channels/", body, controlMedia, createStatuses)
}

// Post adds one or several messages to a Channel in one request.
func (c *Client) Post(ctx context.Context, name string, messages ...[]byte) (Answer, error) {
	return c.PostRaw(ctx, name, c.Form.Join(messages...), c.Form.Content)
}

// PostRaw is Post with any body and Content-Type.
func (c *Client) PostRaw(ctx context.Context, name string, body []byte, content string) (Answer, error) {
	return c.ask(ctx, http.MethodPost, c.channel(name), body, content, postStatuses)
}

// Read gets or creates the Subscription of this user, Channel and selector, and
// gives its new messages; none with 204. It waits as long as the server does,
// which for a new Subscription is until a message comes, or as ctx allows.
func (c *Client) Read(ctx context.Context, name string, selector url.Values) (Answer, [][]byte, error) {
	a, err := c.ask(ctx, http.MethodGet, c.channel(name)+"?"+selector.Encode(), nil, c.Form.Accept, subscribeStatuses)
	if err != nil || a.Status != http.StatusOK {
		return a, nil, err
	}
	messages, err := c.Form.Split(a.Body)
	if err != nil {
		return a, nil, fmt.Errorf("%w: %w", ErrMessageForm, err)
	}
	return a, messages, nil
}

func (c *Client) channel(name string) string {
	return c.base + "/channels/" + url.PathEscape(name) + "/"
}

// ask sends one request and judges the answer; allowed nil allows any status.
// media is the Content-Type where there is a body and Accept where there is none.
func (c *Client) ask(ctx context.Context, method, address string, body []byte, media string, allowed []int) (Answer, error) {
	r, err := c.request(ctx, method, address, body, media)
	if err != nil {
		return Answer{}, err
	}
	response, err := c.http.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	a := Answer{response.StatusCode, response.Header, text}
	if err != nil {
		return a, err
	}
	return a, errors.Join(c.judge(response.ContentLength, a), listed(a, allowed))
}

func (c *Client) request(ctx context.Context, method, address string, body []byte, media string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("%w: %s", ErrNotHTTPS, address)
	}
	for name, values := range c.Headers {
		r.Header[name] = values
	}
	name := "Accept"
	if method == http.MethodPost {
		name = "Content-Type"
	}
	if media != "" {
		r.Header.Set(name, media)
	}
	if c.user != "" {
		r.SetBasicAuth(c.user, c.password)
	}
	return r, c.setMaxSize(r.Header)
}

func (c *Client) setMaxSize(h http.Header) error {
	if c.MaxSize == 0 {
		return nil
	}
	if c.MaxSize < MinMaxSize {
		return fmt.Errorf("%w: %d", ErrSmallMaxSize, c.MaxSize)
	}
	h.Set("X-Max-Size", strconv.FormatInt(c.MaxSize, 10))
	return nil
}

// judge holds an answer to the rules of X-Max-Size. An answer of no stated
// length is held to it by its body.
func (c *Client) judge(length int64, a Answer) error {
	if _, sent := a.Header["X-Max-Size"]; sent {
		return ErrMaxSizeSent
	}
	if most := max(c.MaxSize, MinMaxSize); length > most || int64(len(a.Body)) > most {
		return fmt.Errorf("%w: %d octets, at most %d", ErrTooLarge, max(length, int64(len(a.Body))), most)
	}
	return nil
}

func listed(a Answer, allowed []int) error {
	if allowed == nil || slices.Contains(allowed, a.Status) {
		return nil
	}
	return fmt.Errorf("%w: %d %s", ErrStatus, a.Status, a.Body)
}
