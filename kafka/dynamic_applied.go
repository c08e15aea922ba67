package kafka

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
)

// Applied is the record of the dynamic values that are ours at one resource, by key: only these are deleted when nobody
// wants them any more. What Kafka does not show has a hash of the value, so that a new value is noticed; other keys, and
// those whose value is uncertain, have an empty text. JSON writes it in the order of the keys.
type Applied map[string]string

// hashLength is in bytes: enough to notice a change, little in an annotation.
const hashLength = 16

// valueHash has the key in it, so that two keys with one password do not look alike.
func valueHash(key, value string) string {
	sum := sha256.Sum256([]byte(key + "\x00" + value))
	return hex.EncodeToString(sum[:hashLength])
}

// Equal says whether two records say the same; a nil record is an empty one.
func (a Applied) Equal(other Applied) bool { return maps.Equal(a, other) }

func (a Applied) copied() Applied {
	copied := make(Applied, len(a))
	maps.Copy(copied, a)
	return copied
}
