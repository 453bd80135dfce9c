package node

import "github.com/hansom-taxii/hansom/internal/signin"

// HashPassword gives the argon2id hash of a password, as a declaration for
// `hansom apply` takes it.
func HashPassword(password string) (string, error) { return signin.HashPassword(password) }
