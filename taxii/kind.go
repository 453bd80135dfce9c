package taxii

import "net/http"

// KindOfStatus gives the Kind that the HTTP status of an answer stands for;
// Internal for one that says no more than that.
func KindOfStatus(status int) Kind {
	switch status {
	case http.StatusBadRequest:
		return Malformed
	case http.StatusUnauthorized:
		return Unauthenticated
	case http.StatusForbidden:
		return Forbidden
	case http.StatusNotFound:
		return NotFound
	case http.StatusMethodNotAllowed:
		return MethodNotAllowed
	case http.StatusNotAcceptable:
		return NotAcceptable
	case http.StatusRequestTimeout:
		return TimedOut
	case http.StatusConflict:
		return Conflict
	case http.StatusGone:
		return Gone
	case http.StatusPreconditionFailed:
		return PreconditionFailed
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	case http.StatusUnsupportedMediaType:
		return UnsupportedMedia
	case http.StatusRequestedRangeNotSatisfiable:
		return BadRange
	case http.StatusUnprocessableEntity:
		return Unprocessable
	case http.StatusTooManyRequests:
		return TooMany
	case http.StatusRequestHeaderFieldsTooLarge:
		return HeadersTooLarge
	case http.StatusNotImplemented:
		return Unsupported
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return Unavailable
	case http.StatusInsufficientStorage:
		return Full
	}
	if status < http.StatusInternalServerError {
		return Unsupported // a redirect, or what no TAXII server answers
	}
	return Internal
}
