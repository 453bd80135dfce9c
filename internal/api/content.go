package api

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// getContent answers with the content of a Message alone, as published, or with the
// range of it that was asked for.
func (a *Server) getContent(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	most, err := maxSize(r)
	if err != nil {
		return err
	}
	rd := &reader{a: a, w: w, r: r}
	rd.s = s.Within(rd.room)
	defer rd.release()
	c, err := rd.s.MessageContent(r.Context(), r.PathValue("root"), r.PathValue("channel"), r.PathValue("message"))
	if err != nil {
		return err
	}
	size := int64(len(c.Bytes))
	from, upto, part, err := rangeOf(r, c.ETag, size)
	if err != nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		return err
	}
	if most > 0 && upto-from > most {
		return taxii.Errorf(taxii.Malformed, "the content has %d octets, more than X-Max-Size", upto-from).
			Describe("Ask for it in parts, with Range.")
	}
	head, status := w.Header(), http.StatusOK
	if part {
		status = http.StatusPartialContent
		head.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, upto-1, size))
	}
	head.Set("Content-Type", c.MediaType)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Content-Disposition", "attachment")
	head.Set("Accept-Ranges", "bytes")
	head.Set("ETag", c.ETag)
	head.Set("Content-Length", strconv.FormatInt(upto-from, 10))
	w.WriteHeader(status)
	o := &out{w: w, head: r.Method == http.MethodHead}
	defer o.close()
	rd.written(func(out *batch) { out.add(c.Bytes[from:upto]) }, o.Write)
	return nil
}

// rangeOf gives the octets that a request asks for (RFC 9110 section 14): all of
// them unless Range names one range that can be read, and If-Range, where it is
// there, names this content by its tag.
func rangeOf(r *http.Request, tag string, size int64) (from, upto int64, part bool, err error) {
	ranges := r.Header.Values("Range")
	if condition := r.Header.Get("If-Range"); len(ranges) != 1 || r.Method != http.MethodGet || condition != "" && condition != tag {
		return 0, size, false, nil
	}
	unit, spec, _ := strings.Cut(ranges[0], "=")
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || strings.Contains(last, ",") {
		return 0, size, false, nil // several ranges may be answered with all of it
	}
	from, okFrom := octets(first)
	upto, okUpto := octets(last)
	switch {
	case first == "" && okUpto: // the last so many
		from, upto = max(0, size-upto), size
	case okFrom && last == "":
		upto = size
	case okFrom && okUpto && upto >= from:
		upto = min(upto, size-1) + 1
	default:
		return 0, size, false, nil
	}
	if from >= upto {
		return 0, 0, false, taxii.Errorf(taxii.BadRange, "the range lies outside the content, which has %d octets", size)
	}
	return from, upto, true, nil
}

// octets reads a position; one that no number holds lies behind every content.
func octets(text string) (n int64, ok bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return math.MaxInt64 - 1, true
	}
	return n, err == nil
}
