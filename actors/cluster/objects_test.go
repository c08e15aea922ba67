package cluster

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// lines is what an actor logs.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// with are the lines so far that have all of the words.
func (l *lines) with(words ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			found = append(found, line)
		}
	}
	return found
}

func TestEveryWriteOfAnObjectOfTheClusterTellsItsReasonOnce(t *testing.T) {
	onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
		settle(time.Minute)
		made := []string{`msg=apply object="Service demo-headless"`, `reason="it is missing"`}
		require.Len(t, s.log.with(made...), 1)
		s.fail("demo-headless")
		s.drop(s.cache.Service("kafka", "demo-headless").DeepCopy())
		s.lookOften(5 * time.Minute)
		require.Len(t, s.log.with(made...), 2, "an attempt that fails is told by its failure")
		for range 2 {
			s.drop(s.cache.ConfigMap("kafka", "demo-kafka-jmx-exporter").DeepCopy())
			settle(2 * time.Minute)
		}
		require.Len(t, s.log.with(`object="ConfigMap demo-kafka-jmx-exporter"`, `reason="it is missing"`), 3, "others succeed meanwhile")
		s.fail("")
		settle(2 * time.Minute)
		changed := s.cache.Service("kafka", "demo-headless").DeepCopy()
		changed.Spec.Ports[0].Port = 1
		s.put(changed)
		settle(time.Minute)
		require.Len(t, s.log.with(`object="Service demo-headless"`, `reason="it differs at .spec.ports[0].port"`), 1)
		require.Len(t, s.log.with(`object="Service demo-headless"`), 3)
	})
}

func TestWhyNoNodeMayBeDrainedIsToldWhenItChanges(t *testing.T) {
	onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
		settle(time.Minute)
		require.Len(t, s.log.with(`msg="nodes may be drained"`), 1)
		pods := s.cache.Objects(kube.KindPod, key())
		s.put(flipped(pods[0].DeepCopyObject().(kube.Object)))
		s.lookOften(time.Minute)
		require.Len(t, s.log.with(`msg="no node may be drained"`, `reason="the Pod of broker 0 is not ready"`), 1)
		require.Len(t, s.log.with("msg=apply", "PodDisruptionBudget demo-pdb",
			"it differs at .spec.minAvailable; no node may be drained: the Pod of broker 0 is not ready"), 1)
		s.put(pods[0])
		s.lookOften(time.Minute)
		require.Len(t, s.log.with(`msg="nodes may be drained"`), 2)
	})
}

func TestWhyNobodyMayDrainANode(t *testing.T) {
	watch := messages.Watch{KRaft: true, Bootstrap: []string{"demo:29092"}}
	for want, spoil := range map[string]func(a *cluster){
		"": func(a *cluster) { // claims wait for no votes, and budgets that have yet to be asked close nothing
			a.voters.changed, a.decision.takeVote = time.Now(), &goingVote{id: 1, pod: "pod-1"}
		},
		"the Pod of broker 1 is not ready":                         func(a *cluster) { a.listed[1].observed.PodReady = false },
		"Kafka has not answered: it hangs":                         func(a *cluster) { a.kafka = messages.KafkaObserved{Error: "it hangs"} },
		"Kafka has not answered":                                   func(a *cluster) { a.kafka.Answered = false },
		"Kafka has not answered since the Pods became as they are": func(a *cluster) { a.kafka.Watch.Bootstrap = nil },
		"Kafka does not know broker 0":                             func(a *cluster) { a.kafka.Brokers = []messages.BrokerID{1} },
		"replicas are not in sync":                                 func(a *cluster) { a.kafka.UnderReplicated = true },
		"a vote in the metadata quorum counts against the majority: its node does not run, or its disk is lost": func(a *cluster) {
			a.kafka.Elsewhere = a.kafka.Voters[:1]
		},
		"the vote of a controller is being taken for its restart": func(a *cluster) { a.voters.taking = true },
		"the vote of controller 1 is taken for its restart": func(a *cluster) {
			a.decision.takeVote, a.voters.mayGo = &goingVote{id: 1, pod: "pod-1"}, "pod-1"
		},
		"the votes in the metadata quorum have just changed": func(a *cluster) {
			a.listed[0].voteVolatile, a.voters.changed = true, time.Now().Add(-time.Second)
		},
		"controllers with their metadata on emptyDirs are under two PodDisruptionBudgets, which would let one of each go at once": func(a *cluster) {
			a.listed[0].voteVolatile, a.listed[1].voteVolatile, a.listed[1].observed.PodRole = true, true, "false"
		},
	} {
		t.Run("because "+want, func(t *testing.T) {
			ids := []messages.BrokerID{0, 1}
			a := &cluster{Config: Config{Cache: kube.NewCache(nil)}, watch: watch, kafka: messages.KafkaObserved{Answered: true, Watch: watch, Brokers: ids, Voters: ids}}
			for _, id := range ids {
				a.listed = append(a.listed, node{id: id, broker: true, controller: true, observed: messages.BrokerObserved{PodReady: true}})
			}
			spoil(a)
			require.Equal(t, want, a.gatesClosed())
		})
	}
}

func TestARestartIsCountedAndLoggedWithItsReasonOnce(t *testing.T) {
	log, registry := &lines{}, prometheus.NewRegistry()
	a := newCluster(Config{
		Key: key(), Metrics: kit.NewMetrics(registry, kittest.System(t)), Log: slog.New(slog.NewTextHandler(log, nil)),
	}, nil)
	a.valid = demo(0, 1)
	stuck := messages.BrokerObserved{Pod: "uid-1", Revision: 1, Restart: messages.Restart{Reason: "`num.partitions` is read-only", Stuck: true}}
	a.listed = []node{
		{id: 0, broker: true, observed: messages.BrokerObserved{Pod: "uid-0", PodReady: true, Revision: 1}},
		{id: 1, broker: true, told: 1, observed: stuck},
	}
	for range 3 {
		a.keepRoll(nil)
	}
	require.Len(t, log.with("msg=permit", "broker=1", "pod=uid-1", "reason=\"`num.partitions` is read-only\""), 1)
	require.Len(t, log.with("msg=permit"), 1)
	require.Equal(t, 1.0, (&stage{registry: registry}).counted(t, "koperator_cluster_restarts_total", "kafka/demo"))
}
