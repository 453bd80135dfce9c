package node_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"golang.org/x/crypto/chacha20poly1305"
)

// recorded is a connection that keeps what came in.
type recorded struct {
	net.Conn
	mu sync.Mutex // guards in
	in []byte
}

func (r *recorded) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.in = append(r.in, b[:n]...)
	return n, err
}

// A client may send early data only if a session ticket says how much (RFC 8446,
// 4.6.1). The tickets are sealed, so this test opens them with the secret that
// the client logs.
func TestNoEarlyDataIsOffered(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R081")
	s := serve(t, nil)
	plain, err := net.DialTimeout("tcp", s.address(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	record, secrets := &recorded{Conn: plain}, &bytes.Buffer{}
	c := tls.Client(record, &tls.Config{
		RootCAs: s.ca, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS13, KeyLogWriter: secrets,
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	})
	if r, text := send(t, c, head("alice", "GET", "/taxii2/")); r.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", r.Status, text)
	}
	tickets := 0
	for _, message := range opened(t, c.ConnectionState().CipherSuite, secrets.String(), record.in) {
		if message[0] != 4 { // NewSessionTicket
			continue
		}
		tickets++
		if extensions(message)[42] {
			t.Errorf("a ticket allows early data: %x", message)
		}
	}
	if tickets == 0 {
		t.Error("no ticket was found, so nothing is shown")
	}
}

// extensions gives the types of the extensions of a NewSessionTicket.
func extensions(message []byte) map[uint16]bool {
	rest := message[4+4+4:]                                // type and length, lifetime, age
	rest = rest[1+int(rest[0]):]                           // nonce
	rest = rest[2+int(binary.BigEndian.Uint16(rest)):][2:] // ticket
	types := map[uint16]bool{}
	for len(rest) >= 4 {
		types[binary.BigEndian.Uint16(rest)] = true
		rest = rest[4+int(binary.BigEndian.Uint16(rest[2:])):]
	}
	return types
}

// opened gives the messages of the handshake that the server sent after it, from
// the records that came in (RFC 8446, 5.2 and 7.3).
func opened(t *testing.T, suite uint16, log string, records []byte) (messages [][]byte) {
	t.Helper()
	var secret []byte
	for line := range strings.Lines(log) {
		if f := strings.Fields(line); f[0] == "SERVER_TRAFFIC_SECRET_0" {
			secret, _ = hex.DecodeString(f[2])
		}
	}
	aead, iv := keys(t, suite, secret)
	for number := uint64(0); len(records) >= 5; {
		size := int(binary.BigEndian.Uint16(records[3:]))
		if len(records) < 5+size {
			break
		}
		nonce := bytes.Clone(iv)
		for i := range 8 {
			nonce[len(nonce)-1-i] ^= byte(number >> (8 * i))
		}
		// What was sealed in the handshake has another key, and does not open.
		if text, err := aead.Open(nil, nonce, records[5:5+size], records[:5]); err == nil {
			number++
			if text = bytes.TrimRight(text, "\x00"); text[len(text)-1] == 22 {
				messages = append(messages, split(text[:len(text)-1])...)
			}
		}
		records = records[5+size:]
	}
	return messages
}

func split(text []byte) (messages [][]byte) {
	for len(text) >= 4 {
		size := 4 + int(text[1])<<16 + int(text[2])<<8 + int(text[3])
		messages, text = append(messages, text[:size]), text[size:]
	}
	return messages
}

// keys derives the key and the nonce of a traffic secret.
func keys(t *testing.T, suite uint16, secret []byte) (cipher.AEAD, []byte) {
	t.Helper()
	size, h := 16, func() hash.Hash { return sha256.New() }
	switch suite {
	case tls.TLS_AES_256_GCM_SHA384:
		size, h = 32, func() hash.Hash { return sha512.New384() }
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		size = 32
	}
	expand := func(label string, n int) []byte {
		label = "tls13 " + label
		info := append([]byte{byte(n >> 8), byte(n), byte(len(label))}, label...)
		key, err := hkdf.Expand(h, secret, string(append(info, 0)), n)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	if suite == tls.TLS_CHACHA20_POLY1305_SHA256 {
		aead, err := chacha20poly1305.New(expand("key", size))
		if err != nil {
			t.Fatal(err)
		}
		return aead, expand("iv", 12)
	}
	block, err := aes.NewCipher(expand("key", size))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead, expand("iv", 12)
}
