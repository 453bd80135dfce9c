package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/klauspost/compress/gzip"
)

// compressFrom is the size from which an answer is compressed for who asks:
// below it the gain is less than a packet.
const compressFrom = 1 << 10

func (a *Server) writeJSON(w http.ResponseWriter, r *http.Request, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return a.write(w, r, status, body)
}

// write sends a whole answer.
func (a *Server) write(w http.ResponseWriter, r *http.Request, status int, body []byte) error {
	if err := fits(r, len(body)); err != nil {
		return err
	}
	out := answer(w, r, status, len(body))
	defer out.close()
	out.Write(body)
	return nil
}

// out is the body of an answer on its way, compressed or not. Once it has begun
// an error can only cut it off: the client sees that it is not whole.
type out struct {
	w    http.ResponseWriter
	zip  *gzip.Writer
	head bool // the request was a HEAD: there is no body
	err  error
}

// answer begins an answer of so many octets.
func answer(w http.ResponseWriter, r *http.Request, status, size int) *out {
	o := &out{w: w, head: r.Method == http.MethodHead}
	w.Header().Set("Content-Type", taxii.MediaType)
	if size >= compressFrom && gzipWanted(r.Header.Values("Accept-Encoding")) {
		w.Header().Set("Content-Encoding", "gzip")
		if !o.head {
			o.zip = zippers.Get().(*gzip.Writer)
			o.zip.Reset(w)
		}
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(size))
	}
	w.WriteHeader(status)
	return o
}

// zippers are kept because each holds large tables. Level 1: at others the
// processor is busy longer than the line.
var zippers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is a good one
	return z
}}

func (o *out) Write(b []byte) {
	switch {
	case o.err != nil || o.head:
	case o.zip != nil:
		_, o.err = o.zip.Write(b)
	default:
		_, o.err = o.w.Write(b)
	}
}

// await waits until it is recorded what goes out. Where it cannot be, the answer is
// cut off.
func (o *out) await(receipt *exchange.Receipt) {
	if o.err == nil {
		o.err = receipt.Wait()
	}
}

// close ends the answer; one that could not be written whole is cut off.
func (o *out) close() {
	if o.end() != nil {
		panic(http.ErrAbortHandler)
	}
}

// end ends the answer and tells whether it was written whole, as far as is known
// without waiting for the connection to take it.
func (o *out) end() error {
	if o.zip != nil {
		if o.err == nil {
			o.err = o.zip.Close()
		}
		o.zip.Reset(nil)
		zippers.Put(o.zip)
		o.zip = nil
	}
	return o.err
}

// gzipWanted reads Accept-Encoding (RFC 9110 12.5.3): gzip by name, or by *,
// and not with quality 0.
func gzipWanted(values []string) bool {
	named, any := -1, -1 // 1 wanted, 0 refused, -1 not said
	for element := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, parameters, _ := strings.Cut(strings.ToLower(element), ";")
		wanted := 1
		if q, ok := strings.CutPrefix(strings.TrimSpace(parameters), "q="); ok && strings.Trim(q, "0.") == "" {
			wanted = 0
		}
		switch strings.TrimSpace(coding) {
		case "gzip", "x-gzip":
			named = wanted
		case "*":
			any = wanted
		}
	}
	return named == 1 || named == -1 && any == 1
}
