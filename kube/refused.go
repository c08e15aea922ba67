package kube

import (
	"encoding/json"
	"maps"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

const keyRefused = "refused.json"

// RefusedValue is a value that people have written into a broker's file and that Kafka does not take.
type RefusedValue struct {
	// Wish is a hash of what was refused: another wish is tried.
	Wish string `json:"wish"`
	// Accepted is what the broker's file says of the key instead, nil where it says nothing.
	Accepted *string `json:"accepted,omitempty"`
	// Said are Kafka's words.
	Said string `json:"said,omitempty"`
}

// WishHash is that of a value, or of a key without one.
func WishHash(value string, set bool) string {
	if !set {
		return FileHash("")
	}
	return FileHash("=" + value)
}

// Is reports whether a wish is the one that was refused.
func (r RefusedValue) Is(value string, set bool) bool { return r.Wish == WishHash(value, set) }

// Equal compares by value.
func (r RefusedValue) Equal(other RefusedValue) bool {
	same := r.Accepted == other.Accepted || r.Accepted != nil && other.Accepted != nil && *r.Accepted == *other.Accepted
	return same && r.Wish == other.Wish && r.Said == other.Said
}

// SameRefusals compares what two records say of refused values.
func SameRefusals(a, b map[string]RefusedValue) bool { return maps.EqualFunc(a, b, RefusedValue.Equal) }

// WithRefusals adds to a broker's record what of its file Kafka has refused: whoever makes its next Pod, for whatever reason,
// must not start Kafka with that.
func WithRefusals(record *corev1.ConfigMap, refused map[string]RefusedValue) *corev1.ConfigMap {
	if len(refused) == 0 {
		return record
	}
	if text, err := json.Marshal(refused); err == nil { // sorted by key; texts can always be marshalled
		record.Data[keyRefused] = string(text)
	}
	return record
}

// Refusals reads them; there are none in a record that does not belong to the cluster.
func Refusals(record *corev1.ConfigMap, cluster *v1beta1.KafkaCluster) map[string]RefusedValue {
	refused := map[string]RefusedValue{}
	if record == nil || !Owned(record, cluster) || json.Unmarshal([]byte(record.Data[keyRefused]), &refused) != nil {
		return nil
	}
	return refused
}
