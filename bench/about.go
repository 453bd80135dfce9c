package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// aboutHere says where and how it is measured.
func (c *conductor) aboutHere(ctx context.Context) about {
	a := about{
		Time: time.Now(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.GOMAXPROCS(0),
		CPU: processorName(), Pairs: c.pairs, Each: c.each.String(), Version: "unknown",
	}
	out, err := exec.CommandContext(ctx, c.binary, "version").Output()
	if fields := strings.Fields(string(out)); err == nil && len(fields) > 1 {
		a.Version = fields[1]
	}
	return a
}

// processorName is what the system calls the processor.
func processorName() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range bytes.Lines(text) {
		if name, value, _ := strings.Cut(string(line), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
