package main

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

// serveWithin is how long the server of package broken may take to serve on a
// busy machine.
const serveWithin = time.Minute

// await waits for the ready file, which is written whole or not at all.
func (b *brokenServer) await(t testing.TB, file string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(serveWithin); ; <-tick.C {
		text, err := os.ReadFile(file)
		if err == nil {
			if err := json.Unmarshal(text, &b.Ready); err != nil {
				t.Fatalf("ready file: %v\n%s", err, text)
			}
			return
		}
		if time.Now().After(deadline) {
			b.kill(t)
			t.Fatalf("the server does not serve after %v\n%s", serveWithin, b.log)
		}
	}
}
