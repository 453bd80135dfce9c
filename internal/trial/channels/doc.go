// Package channels torments the Channels of a server: publishers publish and
// followers of every kind follow while connections are cut, Messages expire, the
// clock is set and the process is killed; afterwards it judges what each of them
// was told. It knows the protocol, and of the server only how to start and kill it.
package channels
