// Package e2e tests with a real browser: Chromium, which a test starts without a
// window, against the real binary over TLS. It has nothing but tests, and knows of
// the server what a page can see.
package e2e
