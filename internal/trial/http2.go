package trial

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// HTTP2 is the client's side of a connection of HTTP/2 that does nothing by
// itself: it neither reads what comes nor lets the server send more than its
// window, unless it is told to.
type HTTP2 struct {
	*http2.Framer
	encoded bytes.Buffer
	encoder *hpack.Encoder
	last    uint32 // the last stream that was opened
}

// BeginHTTP2 begins HTTP/2 on a connection. The server may send so many octets
// of answers, on each stream and on all, before it has to wait; at least
// 65,535.
func BeginHTTP2(c net.Conn, window uint32) (*HTTP2, error) {
	const initial = 65_535
	h := &HTTP2{Framer: http2.NewFramer(c, c)}
	h.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.encoder = hpack.NewEncoder(&h.encoded)
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		return nil, err
	}
	if err := h.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}); err != nil || window == initial {
		return h, err
	}
	return h, h.WriteWindowUpdate(0, window-initial)
}

// Ask sends the head of a request on a new stream: whole, or with a body to
// follow.
func (h *HTTP2) Ask(t testing.TB, s *Server, account, method, path string, body bool) (stream uint32, err error) {
	t.Helper()
	return h.Open([][2]string{
		{":method", method}, {":scheme", "https"}, {":authority", s.Host()}, {":path", path}, {"authorization", s.Basic(t, account)},
		{"accept", "application/taxii+json;version=2.1"}, {"content-type", "application/taxii+json;version=2.1"},
	}, body)
}

// Open sends these fields, however odd, as the head of a request on a new stream:
// whole, or with a body to follow.
func (h *HTTP2) Open(fields [][2]string, body bool) (stream uint32, err error) {
	h.encoded.Reset()
	for _, f := range fields {
		if err := h.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			return 0, err
		}
	}
	if h.last == 0 {
		h.last = 1
	} else {
		h.last += 2
	}
	return h.last, h.WriteHeaders(http2.HeadersFrameParam{
		StreamID: h.last, BlockFragment: h.encoded.Bytes(), EndStream: !body, EndHeaders: true,
	})
}

// Status reads frames until the answer of a stream begins, and gives its
// status. What comes for others is lost.
func (h *HTTP2) Status(stream uint32) (string, error) {
	for {
		frame, err := h.ReadFrame()
		if err != nil {
			return "", err
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			if f.StreamID == stream {
				return f.PseudoValue("status"), nil
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == stream {
				return "", fmt.Errorf("the stream was reset: %v", f.ErrCode)
			}
		case *http2.GoAwayFrame:
			return "", fmt.Errorf("the server goes away: %v", f.ErrCode)
		case *http2.SettingsFrame:
			if !f.IsAck() {
				if err := h.WriteSettingsAck(); err != nil {
					return "", err
				}
			}
		}
	}
}
