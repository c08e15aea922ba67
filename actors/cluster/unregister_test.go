package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// formerBroker is node 3, which runs as a controller alone, given up by Kafka and shown empty half a minute ago.
func formerBroker(changes ...func(*leaver)) leaver {
	l := leavingBroker(func(l *leaver) {
		l.n.broker, l.n.leaving, l.n.observed.PodRole = false, false, "false"
		l.v.kafka.Brokers = []messages.BrokerID{0, 1, 2}
	})
	for _, change := range changes {
		change(&l)
	}
	return l
}

func TestKafkaIsToldToForgetWhoIsNoBrokerAnyMore(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*leaver)
		task   removalTask
		waits  string
		empty  bool // whether the first look still counts
	}{
		"given up, and shown empty twice": {change: func(*leaver) {}, task: taskForget, empty: true},
		"shown empty for the first time": {
			change: func(l *leaver) { l.r.empty = time.Time{} }, waits: "nothing is on it; that is looked at once more", empty: true,
		},
		"the second look comes too soon": {
			change: func(l *leaver) { l.r.empty = now.Add(-29 * time.Second) }, waits: "nothing is on it; that is looked at once more", empty: true,
		},
		"not while Kafka counts on it": {
			change: func(l *leaver) { l.v.kafka.Brokers = l.v.asked.Brokers }, waits: "Kafka has not given it up yet",
		},
		"not while a replica is there": {
			change: func(l *leaver) { l.holds("orders") }, waits: "1 partition has a replica there: orders-0; move them to other brokers",
		},
		"not while one is on its way": {
			change: func(l *leaver) {
				r := *l.v.index.Replication()
				r.Reassigning = []messages.Reassignment{{Topic: "orders", Adding: []messages.BrokerID{3}}}
				l.v.index = kafka.Index(&r)
			}, waits: "1 partition has a replica there: orders-0; move them to other brokers",
		},
		"not by an answer about other Pods": {
			change: func(l *leaver) { l.v.asked.Brokers = []messages.BrokerID{0} }, waits: "Kafka has not answered since the Pods became as they are",
		},
		"not by none": {
			change: func(l *leaver) { l.v.index = nil }, waits: "Kafka has not answered since the Pods became as they are",
		},
		"once": {change: func(l *leaver) { l.r.forgotten = true }, empty: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := formerBroker(test.change)
			r, step := l.v.nextForgetting(l.n, l.r)
			require.Equal(t, test.task, step.task)
			require.Equal(t, messages.Removal{}, step.told, "its node goes on")
			require.Equal(t, test.empty, !r.empty.IsZero())
			if test.waits == "" {
				require.Empty(t, r.waits)
				return
			}
			require.Contains(t, r.waits, test.waits)
			require.Positive(t, step.again)
		})
	}
}

func TestWhoHasLostTheBrokerRole(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*node)
		want   bool
	}{
		"who runs without it":                           {func(*node) {}, true},
		"not who is to have it":                         {func(n *node) { n.broker = true }, false},
		"not while its Pod may have it":                 {func(n *node) { n.observed.PodRole = "true" }, false},
		"not without a Pod: the next one may have it":   {func(n *node) { n.observed.PodRole = "" }, false},
		"not while that goes":                           {func(n *node) { n.observed.Stopping = true }, false},
		"not before it has seen what it was told last":  {func(n *node) { n.told++ }, false},
		"not who leaves: it is unregistered on its way": {func(n *node) { n.leaving = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := formerBroker().n
			test.change(&n)
			require.Equal(t, test.want, lostRole(n))
		})
	}
}

func TestStatusSaysWhomKafkaHasRegistered(t *testing.T) {
	for name, test := range map[string]struct {
		known  bool
		change func(*view, *node)
		want   bool
	}{
		"who is up":                     {false, func(*view, *node) {}, true},
		"who is down":                   {true, func(v *view, _ *node) { v.kafka.Brokers = nil }, true},
		"not who never was":             {false, func(v *view, _ *node) { v.kafka.Brokers = nil }, false},
		"who runs until it is replaced": {false, func(_ *view, n *node) { n.broker = false }, true},
		"not by an answer from before its Pod lost the role": {false, func(_ *view, n *node) { n.observed.PodRole = "false" }, false},
		"not whom Kafka has forgotten":                       {true, func(v *view, n *node) { v.forgotten = map[messages.BrokerID]bool{n.id: true} }, false},
		"nobody with ZooKeeper":                              {true, func(v *view, _ *node) { v.cluster.Spec.KRaft = false }, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := view{cluster: demo(0, 1, 2), kafka: messages.KafkaObserved{Answered: true, Brokers: []messages.BrokerID{1}}}
			n := node{id: 1, broker: true, observed: messages.BrokerObserved{PodRole: "true"}}
			test.change(&v, &n)
			require.Equal(t, test.want, v.isRegistered(test.known, n))
		})
	}
}

func TestTheRecordOfABrokerThatIsGone(t *testing.T) {
	recorded := v1beta1.BrokerState{FormattedLogDirs: []v1beta1.FormattedLogDir{{MountPath: "/kafka-logs"}}}
	for name, test := range map[string]struct {
		state  v1beta1.BrokerState
		change func(*view)
		stays  bool
	}{
		"stays while Kafka may know it, also when nothing is on it":   {recorded, func(*view) {}, true},
		"stays for its registration alone, as of one without a claim": {v1beta1.BrokerState{Registered: true}, func(*view) {}, true},
		"stays for what it had on an emptyDir":                        {v1beta1.BrokerState{RanOnEmptyDir: "pod"}, func(*view) {}, true},
		"goes when Kafka has forgotten it":                            {recorded, func(v *view) { v.forgotten = map[messages.BrokerID]bool{3: true} }, false},
		"goes when there is nothing to remember":                      {v1beta1.BrokerState{}, func(*view) {}, false},
		"goes with ZooKeeper when nothing is on it":                   {recorded, func(v *view) { v.cluster.Spec.KRaft = false }, false},
		"stays with ZooKeeper while nobody knows":                     {recorded, func(v *view) { v.cluster.Spec.KRaft, v.index = false, nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			v := view{cluster: demo(0, 1, 2), index: kafka.Index(&messages.Replication{At: now}), now: now}
			test.change(&v)
			states := map[string]v1beta1.BrokerState{}
			v.dropState(states, "3", test.state)
			_, stays := states["3"]
			require.Equal(t, test.stays, stays)
		})
	}
}

func TestWhatIsToldOfWhoIsToBeForgotten(t *testing.T) {
	require.Equal(t, "broker 3 has lost the broker role and is being unregistered", removalText([]node{{id: 3}}, nil))
	require.Equal(t, "broker 3 has lost the broker role, and before Kafka is told to forget it waits: 1 partition; to keep it give it the role back",
		removalText([]node{{id: 3}}, map[messages.BrokerID]string{3: "1 partition"}))
	require.Equal(t, "broker 3 left the spec and waits: "+goneWithReplicas+"; to keep it put it back",
		removalText([]node{{id: 3, leaving: true}}, map[messages.BrokerID]string{3: goneText("")}))
}
