package exchange

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// A cursor of a Channel is the same for every reader of a Message, so it is
// sealed without a nonce: one block of AES, which is 5 octets of the place, 2 of
// the incarnation, 4 of the feed's number and 5 of the Channel's name in its API
// Root. Who has not the key can neither count with it nor make one: the last
// nine octets of a guess would have to be right.
type mark struct {
	place       feed.Place
	incarnation int
	feed        uint32
	name        [5]byte
}

const placeBits = 40

// markCipher derives, from a key of cursors, the one that seals places.
func markCipher(key []byte) (cipher.Block, error) {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("hansom channel cursor"))
	return aes.NewCipher(mac.Sum(nil))
}

// nameMark stands for the name of a Channel, which its successor under the
// same name has too.
func nameMark(c *Channel) (mark [5]byte) {
	sum := sha256.Sum256([]byte(num(c.Root) + "/" + c.Name))
	copy(mark[:], sum[:])
	return mark
}

// cursorAt seals the place after which to read on.
func (s *snapshot) cursorAt(c *Channel, head feed.Head, at feed.Place) string {
	var block [aes.BlockSize]byte
	binary.BigEndian.PutUint64(block[:8], uint64(at)<<(64-placeBits)|uint64(len(head.Past))<<8)
	binary.BigEndian.PutUint32(block[7:11], uint32(c.Feed)) // no store has so many feeds
	name := nameMark(c)
	copy(block[11:], name[:])
	token := make([]byte, kidSize/2+aes.BlockSize)
	_, _ = hex.Decode(token, []byte(s.active))
	s.marks[s.active].Encrypt(token[kidSize/2:], block[:])
	return encoding.EncodeToString(token)
}

// openMark reads what cursorAt sealed.
func (s *snapshot) openMark(cursor string) (m mark, ok bool) {
	token, err := encoding.DecodeString(cursor)
	if err != nil || len(token) != kidSize/2+aes.BlockSize {
		return m, false
	}
	sealed := s.marks[hex.EncodeToString(token[:kidSize/2])]
	if sealed == nil {
		return m, false
	}
	var block [aes.BlockSize]byte
	sealed.Decrypt(block[:], token[kidSize/2:])
	m.place = feed.Place(binary.BigEndian.Uint64(block[:8]) >> (64 - placeBits))
	m.incarnation = int(binary.BigEndian.Uint16(block[5:7]))
	m.feed = binary.BigEndian.Uint32(block[7:11])
	copy(m.name[:], block[11:])
	return m, true
}

// placeOf gives the place of a cursor, earliest and latest included. One that
// cannot be honoured is an error that says where to go on: nothing is skipped in
// silence.
func (s *snapshot) placeOf(c *Channel, head feed.Head, cursor string) (feed.Place, error) {
	switch cursor {
	case taxii.Earliest:
		return head.Floor, nil
	case taxii.Latest:
		return head.Place, nil
	}
	m, ok := s.openMark(cursor)
	if !ok || m.name != nameMark(c) {
		e := taxii.Errorf(taxii.Malformed, "this is not a cursor of this channel").
			Describe("It was changed on the way, belongs to another channel, or its key has been retired. Go on with earliest, or with added_after.")
		e.Details = map[string]any{"reason": "malformed"}
		return 0, e
	}
	if m.feed != uint32(c.Feed) { // as in cursorAt
		return 0, s.lost(c, head, "replaced", "the channel was deleted and made anew under this name", nil)
	}
	return s.placeIn(c, head, m.incarnation, m.place)
}

// placeIn checks a place of an incarnation of the feed.
func (s *snapshot) placeIn(c *Channel, head feed.Head, incarnation int, place feed.Place) (feed.Place, error) {
	if common := head.Common(incarnation); incarnation < len(head.Past) && place > common {
		return 0, s.lost(c, head, "restored", "the server was restored from an older copy, which ends before this cursor",
			map[string]any{"resume": s.cursorAt(c, head, max(common, head.Floor))})
	}
	switch {
	case incarnation > len(head.Past) || place > head.Place:
		return 0, s.lost(c, head, "ahead", "the channel ends before this cursor: the server was restored from an older copy", nil)
	case place < head.Floor:
		return 0, s.lost(c, head, "expired", "messages after this cursor were purged", map[string]any{"missed": int64(head.Floor - place)})
	}
	return place, nil
}

func (s *snapshot) lost(c *Channel, head feed.Head, reason, words string, more map[string]any) error {
	e := taxii.Errorf(taxii.Gone, "%s", words).Describe("Go on from details.resume or, where there is none, details.earliest; known ids keep you from processing a message twice.")
	e.Details = map[string]any{"reason": reason, "earliest": s.cursorAt(c, head, head.Floor)}
	for name, value := range more {
		e.Details[name] = value
	}
	return e
}
