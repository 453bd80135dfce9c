// Package signin leads from proofs of identity to a Session: passwords, API tokens,
// JWTs and client certificates, which the Door composes. It is the only room that
// knows how passwords are hashed, and it slows down who guesses them.
// What an account may do is not its business.
package signin
