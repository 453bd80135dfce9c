// Package signin leads from a proof of identity to a Session: HTTP Basic now,
// other proofs later. It is the only room that knows how passwords are hashed.
// What an account may do is not its business.
package signin
