package messages

import (
	"fmt"
	"strconv"
)

// ClusterKey names one KafkaCluster.
type ClusterKey struct {
	Namespace string
	Name      string
}

// String is the form that logs, metrics and actor names use: "namespace/name".
func (k ClusterKey) String() string { return k.Namespace + "/" + k.Name }

// BrokerID is Kafka's node id (broker.id in ZooKeeper mode) of one entry of spec.brokers, broker or controller.
type BrokerID int32

// String is the decimal form that labels and names carry.
func (id BrokerID) String() string { return strconv.Itoa(int(id)) }

// ParseBrokerID reads the decimal form back.
func ParseBrokerID(s string) (BrokerID, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("broker id %q is not a number between 0 and 2147483647", s)
	}
	return BrokerID(n), nil
}
