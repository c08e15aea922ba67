package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

func TestAnEmptiedReplicaMayTakeWhatOthersHaveWhereNobodyLeads(t *testing.T) {
	type ids = []messages.BrokerID
	for name, test := range map[string]struct {
		partition messages.Partition
		gone      map[messages.BrokerID]bool
		last      bool
	}{
		"another one leads":                              {messages.Partition{Leader: 2, Replicas: ids{1, 2}, ISR: ids{2}}, nil, false},
		"nobody leads, it was in sync":                   {messages.Partition{Leader: -1, Replicas: ids{1, 2}, ISR: ids{1}}, nil, true},
		"Kafka still takes it for the leader":            {messages.Partition{Leader: 1, Replicas: ids{1, 2}, ISR: ids{1}}, nil, true},
		"nobody leads, another one was in sync":          {messages.Partition{Leader: -1, Replicas: ids{1, 2}, ISR: ids{2}}, nil, true},
		"nobody is told to be in sync":                   {messages.Partition{Leader: -1, Replicas: ids{1, 2}}, nil, true},
		"nobody else has a copy":                         {messages.Partition{Leader: -1, Replicas: ids{1}, ISR: ids{1}}, nil, false},
		"the copy of the other one is gone as well":      {messages.Partition{Leader: -1, Replicas: ids{1, 2}, ISR: ids{1}}, map[messages.BrokerID]bool{2: true}, false},
		"who leads is gone, and Kafka has yet to see it": {messages.Partition{Leader: 2, Replicas: ids{1, 2, 3}, ISR: ids{2}}, map[messages.BrokerID]bool{2: true}, true},
		"it has none":                                    {messages.Partition{Leader: -1, Replicas: ids{2, 3}, ISR: ids{2}}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			test.partition.Topic = "orders"
			last := LastCopyOn(1, test.gone, Index(&messages.Replication{Partitions: []messages.Partition{test.partition}}))
			require.Equal(t, test.last, len(last) == 1)
		})
	}
}
