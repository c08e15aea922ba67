package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// leaver is broker 3 on its way out of a healthy cluster, and what is remembered of it.
type leaver struct {
	v removalView
	n node
	r removal
}

// leavingBroker runs, was found empty half a minute ago and has just said so again.
func leavingBroker(changes ...func(*leaver)) leaver {
	watch := messages.Watch{KRaft: true, Brokers: []messages.BrokerID{0, 1, 2, 3}}
	l := leaver{
		n: node{id: 3, broker: true, leaving: true, told: 7, observed: messages.BrokerObserved{
			Revision: 7, Phase: messages.PhaseRunning, Pod: "pod-3", PodReady: true,
		}},
		r: removal{empty: now.Add(-31 * time.Second), disks: diskAnswer{at: now, keys: []string{kafka.CordonKey}}},
	}
	l.v = removalView{
		rollView: rollView{nodes: []node{{id: 0, broker: true}, l.n}, kafka: messages.KafkaObserved{Answered: true, Watch: watch, Brokers: watch.Brokers}, asked: watch, kraft: true, now: now},
		version:  kafka.Version{Major: 4, Minor: 3}, voteGone: func(node) (bool, string) { return true, "" },
	}
	l.holds()
	for _, change := range changes {
		change(&l)
	}
	return l
}

// holds gives the broker replicas of so many partitions.
func (l *leaver) holds(partitions ...string) {
	r := &messages.Replication{At: l.v.now, Partitions: []messages.Partition{{Topic: "others", Replicas: []messages.BrokerID{0, 1}, ISR: []messages.BrokerID{0, 1}}}}
	for _, topic := range partitions {
		r.Partitions = append(r.Partitions, messages.Partition{Topic: topic, Replicas: []messages.BrokerID{3}, ISR: []messages.BrokerID{3}, Leader: 3})
	}
	l.v.index = kafka.Index(r)
}

func stoppedFirst(l *leaver) {
	l.n.observed.Pod, l.n.observed.PodReady = "", false
	l.r.stopped = now.Add(-time.Second)
	l.v.kafka.Brokers = []messages.BrokerID{0, 1, 2}
}

func TestABrokerThatLeavesGoesStepByStep(t *testing.T) {
	stop := func(pod types.UID) messages.Removal { return messages.Removal{Stop: pod} }
	stays := messages.Removal{Stopped: true}
	for name, test := range map[string]struct {
		changes []func(*leaver)
		told    messages.Removal
		task    removalTask
		waits   string
	}{
		"empty twice: its Pod may stop": {told: stop("pod-3")},
		"found empty for the first time": {
			changes: []func(*leaver){func(l *leaver) { l.r.empty = time.Time{} }}, waits: "nothing is on it; that is looked at once more",
		},
		"the second look comes too soon": {
			changes: []func(*leaver){func(l *leaver) { l.r.empty = now.Add(-29 * time.Second) }}, waits: "nothing is on it; that is looked at once more",
		},
		"its last answer is old": {
			changes: []func(*leaver){func(l *leaver) { l.r.disks.at = now.Add(-10 * time.Second) }}, task: taskDisks,
		},
		"Kafka's metadata name it": {
			changes: []func(*leaver){func(l *leaver) { l.holds("orders") }},
			waits:   "1 partition has a replica there: orders-0; move them to other brokers, with kafka-reassign-partitions for example",
		},
		"its disks hold what the metadata do not know": {
			changes: []func(*leaver){func(l *leaver) { l.r.disks.left = "1 partition has a replica there: x-0" }},
			waits:   "on its disks: 1 partition has a replica there: x-0",
		},
		"a disk is not cordoned": {
			changes: []func(*leaver){func(l *leaver) { l.r.disks.open = []string{"/a/kafka"} }},
			waits:   "Kafka still gives new replicas to its log dir /a/kafka",
		},
		"nothing is known of Kafka": {
			changes: []func(*leaver){func(l *leaver) { l.v.kafka.Answered = false }}, waits: "Kafka has not answered since the Pods became as they are",
		},
		"it has a vote": {
			changes: []func(*leaver){func(l *leaver) { l.v.voteGone = func(node) (bool, string) { return false, "it has a vote" } }}, waits: "it has a vote",
		},
		"no broker would be left": {
			changes: []func(*leaver){func(l *leaver) { l.v.nodes = []node{{id: 0}, l.n} }}, waits: "no broker would be left",
		},
		"an older Kafka's dynamic values go before the stop": {
			changes: []func(*leaver){func(l *leaver) { l.v.version = kafka.Version{Major: 3, Minor: 6} }}, task: taskClear,
		},
		"and then it stops": {
			changes: []func(*leaver){func(l *leaver) { l.v.version, l.r.cleared = kafka.Version{Major: 3, Minor: 6}, true }}, told: stop("pod-3"),
		},
		"it crashes, and Kafka has not given it up": {
			changes: []func(*leaver){func(l *leaver) { l.n.observed.PodReady = false }},
			waits:   "its Pod is not ready, and Kafka has not given it up yet",
		},
		"it crashes, and Kafka has given it up": {
			changes: []func(*leaver){func(l *leaver) { l.n.observed.PodReady, l.v.kafka.Brokers = false, nil }}, told: stop("pod-3"),
		},
		"stopped, but Kafka has not been asked since": {
			changes: []func(*leaver){stoppedFirst, func(l *leaver) { l.r.stopped = now }}, told: stays,
			waits: "Kafka has not said since its stop whether something is on it",
		},
		"Kafka is silent for too long: it may be needed": {
			changes: []func(*leaver){stoppedFirst, func(l *leaver) { l.r.stopped, l.v.kafka.Answered = now.Add(-time.Minute), false }},
			waits:   "Kafka has not said since its stop whether something is on it",
		},
		"stopped, and Kafka still counts on it": {
			changes: []func(*leaver){stoppedFirst, func(l *leaver) { l.v.kafka.Brokers = []messages.BrokerID{0, 1, 2, 3} }}, told: stays,
			waits: "Kafka has not given it up yet",
		},
		"a replica landed before the stop": {
			changes: []func(*leaver){stoppedFirst, func(l *leaver) { l.holds("orders") }},
			waits:   "1 partition has a replica there: orders-0; move them to other brokers, with kafka-reassign-partitions for example; it is started again",
		},
		"a replica is left, and its disk is gone": {
			changes: []func(*leaver){stoppedFirst, func(l *leaver) { l.holds("orders"); l.n.observed.Lost = []string{"/a"} }},
			waits: "1 partition has a replica there: orders-0; move them to other brokers, with kafka-reassign-partitions for example; what it had " +
				"is gone, so it is not started again",
		},
		"a replica is left, and all that it had went with its Pod": {
			changes: []func(*leaver){stoppedFirst, func(l *leaver) { l.holds("orders"); l.n.allVolatile = true }},
			waits: "1 partition has a replica there: orders-0; move them to other brokers, with kafka-reassign-partitions for example; what it had " +
				"is gone, so it is not started again",
		},
		"stopped and empty": {changes: []func(*leaver){stoppedFirst}, told: stays, task: taskForget},
		"a new daemon finds it stopped": {
			changes: []func(*leaver){stoppedFirst, func(l *leaver) { l.r = removal{stopped: now.Add(-time.Second)} }}, told: stays,
			waits: "nothing is on it; that is looked at once more",
		},
		"Kafka has forgotten it": {
			changes: []func(*leaver){stoppedFirst, func(l *leaver) { l.r.forgotten = true }}, told: messages.Removal{Stopped: true, Retire: true},
		},
		"an older Kafka has forgotten it, and its values went before its stop": {
			changes: []func(*leaver){stoppedFirst, func(l *leaver) {
				l.v.version, l.r.forgotten, l.r.cleared = kafka.Version{Major: 3, Minor: 6}, true, true
			}},
			told: messages.Removal{Stopped: true, Retire: true},
		},
		"an older Kafka has forgotten it, and its values are still there: it was not asked before it stopped": {
			changes: []func(*leaver){stoppedFirst, func(l *leaver) { l.v.version, l.r.forgotten = kafka.Version{Major: 3, Minor: 6}, true }},
			told:    messages.Removal{Stopped: true, Retire: true, Remembered: true},
		},
		"it has not looked at its wish yet": {changes: []func(*leaver){func(l *leaver) { l.n.observed = messages.BrokerObserved{} }}},
	} {
		t.Run(name, func(t *testing.T) {
			l := leavingBroker(test.changes...)
			r, step := l.v.nextRemoval(l.n, l.r)
			require.Equal(t, test.told, step.told)
			require.Equal(t, test.task, step.task)
			require.Equal(t, test.waits, r.waits)
		})
	}
}

func TestALookThatShowsSomethingBeginsAnew(t *testing.T) {
	l := leavingBroker(func(l *leaver) { l.holds("orders") })
	r, _ := l.v.nextRemoval(l.n, l.r)
	require.True(t, r.empty.IsZero())
	l = leavingBroker(func(l *leaver) { l.r.disks.left = "x" })
	r, _ = l.v.nextRemoval(l.n, l.r)
	require.True(t, r.empty.IsZero())
}

// The metadata are the only proof of a broker that does not run, and an answer is believed for a while when Kafka says nothing new.
func TestTwoLooksAreTwoAnswers(t *testing.T) {
	for name, change := range map[string]func(*leaver){
		"not running": func(l *leaver) { l.n.observed.PodReady, l.v.kafka.Brokers, l.r.empty = false, nil, time.Time{} },
		"stopped":     func(l *leaver) { stoppedFirst(l); l.r.empty = time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			l := leavingBroker(change)
			r, step := l.v.nextRemoval(l.n, l.r)
			require.Empty(t, step.told.Stop)
			require.Zero(t, step.task)
			l.v.now = l.v.now.Add(31 * time.Second) // Kafka has said nothing since
			_, step = l.v.nextRemoval(l.n, r)
			require.Empty(t, step.told.Stop, "one answer, looked at twice")
			require.Zero(t, step.task, "one answer, looked at twice: task %v", step.task)
		})
	}
}
