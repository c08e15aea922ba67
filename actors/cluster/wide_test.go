package cluster

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func TestWhichKeysOfAllBrokersStayForABroker(t *testing.T) {
	const retention, bytes = "log.retention.ms", "message.max.bytes"
	w := wideWriter{applied: kafka.Applied{retention: "", bytes: ""}, elsewhere: "message.max.bytes=5\n"}
	settled := node{broker: true, told: 3, observed: messages.BrokerObserved{Revision: 3, PodReady: true, ConfigSettled: true}}
	with := func(change func(*node)) []node {
		other := settled
		change(&other)
		return []node{settled, other}
	}
	for name, test := range map[string]struct {
		nodes []node
		kept  []string
	}{
		"none when all have what is theirs":            {nodes: []node{settled, settled}},
		"all for one that waits for something":         {with(func(n *node) { n.observed.ConfigSettled = false }), []string{retention, bytes}},
		"all for one that has yet to look at the wish": {with(func(n *node) { n.told = 4 }), []string{retention, bytes}},
		"for one that is down those that are written for others too": {
			with(func(n *node) { n.observed = messages.BrokerObserved{Revision: 3} }), []string{bytes},
		},
		"all for one that is down and was started with something else": {
			with(func(n *node) { n.observed = messages.BrokerObserved{Revision: 3, ConfigStale: true} }), []string{retention, bytes},
		},
		"all for one that runs and is not ready": {
			with(func(n *node) { n.observed = messages.BrokerObserved{Revision: 3, Started: time.Unix(1, 0)} }), []string{retention, bytes},
		},
		"none for a controller":         {nodes: with(func(n *node) { n.broker, n.observed.ConfigSettled = false, false })},
		"none for a broker that leaves": {nodes: with(func(n *node) { n.leaving, n.observed.ConfigSettled = true, false })},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.kept, w.kept(test.nodes)) })
	}
}

// deafBrokers are Kafka with brokers of eight threads, some of which do not answer.
type deafBrokers struct {
	Dialer
	deaf string
}

func (d deafBrokers) Admin(_ context.Context, address string) (broker.Admin, error) {
	if strings.Contains(address, d.deaf) {
		return nil, fmt.Errorf("%s is deaf", address)
	}
	return eightThreads{}, nil
}

type eightThreads struct{ broker.Admin }

func (eightThreads) Close() {}

func (eightThreads) Describe(_ context.Context, resource kafka.ConfigResource) (kafka.Configs, error) {
	if resource.ClusterWide {
		return kafka.Configs{}, nil
	}
	return kafka.Configs{"num.io.threads": {Name: "num.io.threads", Value: ptr.To("8"), Source: kafka.SourceDefault}}, nil
}

func TestABrokerThatDoesNotAnswerKeepsNothingButNumbersOfThreadsWaiting(t *testing.T) {
	wish := wideWish{brokers: map[messages.BrokerID]string{0: "broker-0", 1: "broker-1"}, running: kafka.Running{Version: kafka.Version{Major: 4}}}
	cluster := &v1beta1.KafkaCluster{Spec: v1beta1.KafkaClusterSpec{ClusterWideConfig: "num.io.threads=9\nmessage.max.bytes=5\n"}}
	for deaf, test := range map[string]struct {
		address string
		keys    []string
	}{
		"nobody":   {"broker-0", []string{"message.max.bytes", "num.io.threads"}},
		"broker-1": {"broker-0", []string{"message.max.bytes"}},
		"broker-0": {"broker-1", []string{"message.max.bytes"}},
	} {
		t.Run(deaf, func(t *testing.T) {
			var result wideResult
			e := worldEffects{Config{Kafka: deafBrokers{deaf: deaf}}}
			plan, address, err := e.planAll(t.Context(), cluster, wish, &result)
			require.NoError(t, err)
			require.Equal(t, test.address, address)
			var keys []string
			for _, c := range plan.Changes {
				keys = append(keys, c.Key)
			}
			require.Equal(t, test.keys, keys)
			require.Equal(t, deaf != "nobody", result.unanswered != "", "it is asked again soon")
		})
	}
}
