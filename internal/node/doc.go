// Package node is one running process: it reads the configuration, wires the
// rooms to each other, and starts and stops them. What they do is theirs.
package node
