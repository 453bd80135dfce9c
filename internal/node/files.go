package node

import (
	"log/slog"

	"golang.org/x/sys/unix"
)

// filesBeside is how many open files a node needs beside its connections: the
// store, certificates, the log, calls of its own.
const filesBeside = 128

// warnOfFiles tells, once, that the process may not open as many files as its
// settings allow streams.
func (n *node) warnOfFiles() {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return // then nothing is known
	}
	if need := uint64(n.conf.MaxStreams) + filesBeside; limit.Cur < need {
		n.log.Warn("the process may open fewer files than max_streams needs; raise the limit (LimitNOFILE, ulimit -n)",
			slog.Uint64("open_files", limit.Cur), slog.Uint64("needed", need), slog.Int("max_streams", n.conf.MaxStreams))
	}
	if n.conf.MaxStreams >= n.conf.MaxConnections {
		n.log.Warn("max_streams leaves no connection for other requests; raise max_connections",
			slog.Int("max_streams", n.conf.MaxStreams), slog.Int("max_connections", n.conf.MaxConnections))
	}
}
