package kafka_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

func TestWhatIsLeftOnABrokerByTheMetadata(t *testing.T) {
	of := func(topic string, n int32, replicas ...messages.BrokerID) messages.Partition {
		return messages.Partition{Topic: topic, Number: n, Replicas: replicas, ISR: replicas, Leader: replicas[0]}
	}
	for name, test := range map[string]struct {
		replication messages.Replication
		left        string
	}{
		"nothing": {messages.Replication{Partitions: []messages.Partition{of("a", 0, 1, 2)}}, ""},
		"one replica": {
			messages.Replication{Partitions: []messages.Partition{of("a", 0, 1, 2), of("a", 1, 3, 1)}},
			"1 partition has a replica there: a-1",
		},
		"one is on its way": {
			messages.Replication{
				Partitions:  []messages.Partition{of("a", 0, 1, 2)},
				Reassigning: []messages.Reassignment{{Topic: "a", Adding: []messages.BrokerID{3}}},
			},
			"1 partition has a replica there: a-0",
		},
		"one is on its way and shown already": {
			messages.Replication{
				Partitions:  []messages.Partition{of("a", 0, 1, 2, 3)},
				Reassigning: []messages.Reassignment{{Topic: "a", Adding: []messages.BrokerID{3}}},
			},
			"1 partition has a replica there: a-0",
		},
		"many": {
			messages.Replication{Partitions: []messages.Partition{
				of("a", 0, 3), of("a", 1, 3), of("a", 2, 3), of("b", 0, 3), of("b", 1, 3), of("b", 2, 3), of("c", 0, 3),
			}},
			"7 partitions have a replica there: a-0, a-1, a-2, b-0, b-1 and 2 more",
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.left, kafka.LeftOn(3, kafka.Index(&test.replication)))
		})
	}
}

func TestWhatIsLeftInLogDirsByTheBroker(t *testing.T) {
	full := kafka.ObservedLogDir{Path: "/a/kafka", Replicas: []kafka.ObservedReplica{{Topic: "t", Partition: 4}}}
	empty := kafka.ObservedLogDir{Path: "/b/kafka"}
	failed := kafka.ObservedLogDir{Path: "/c/kafka", Failure: "KAFKA_STORAGE_ERROR"}
	for name, test := range map[string]struct {
		paths []string
		dirs  []kafka.ObservedLogDir
		left  string
	}{
		"an empty one beside a full one": {[]string{"/b/kafka"}, []kafka.ObservedLogDir{full, empty}, ""},
		"a full one":                     {[]string{"/a/kafka"}, []kafka.ObservedLogDir{full, empty}, "1 partition has a replica there: t-4"},
		"a path is no prefix":            {[]string{"/b"}, []kafka.ObservedLogDir{empty}, "the broker does not show its log dir /b"},
		"a failed one is not empty": {
			[]string{"/c/kafka"}, []kafka.ObservedLogDir{failed},
			"the broker cannot read its log dir /c/kafka (KAFKA_STORAGE_ERROR), so nobody knows what is in it",
		},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.left, kafka.LeftIn(test.paths, test.dirs)) })
	}
}
