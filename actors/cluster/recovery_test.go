package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// lostDisks is a cluster of three voters and four brokers, of which the given ones have lost their disks.
func lostDisks(lost ...messages.BrokerID) rollView {
	watch := messages.Watch{KRaft: true, Brokers: []messages.BrokerID{0, 1, 2, 3}}
	v := rollView{kafka: messages.KafkaObserved{Answered: true, Watch: watch}, asked: watch, kraft: true, now: now}
	r := &messages.Replication{At: now, QuorumLeader: 1}
	for id := range messages.BrokerID(4) {
		n := node{id: id, broker: true, controller: id < 3, told: 7, observed: messages.BrokerObserved{Revision: 7, Pod: "pod", PodReady: true}}
		caughtUp := now
		for _, gone := range lost {
			if gone == id {
				n.observed = messages.BrokerObserved{Revision: 7, Phase: messages.PhaseBlocked, Lost: []string{"/a", "/b"}}
				caughtUp = now.Add(-time.Hour)
			}
		}
		if n.observed.PodReady {
			v.kafka.Brokers = append(v.kafka.Brokers, id)
		}
		if n.controller {
			r.Quorum = append(r.Quorum, messages.QuorumReplica{ID: id, Voter: true, LastCaughtUp: caughtUp})
		}
		v.nodes = append(v.nodes, n)
	}
	r.Partitions = []messages.Partition{
		{Topic: "orders", Leader: 1, Replicas: []messages.BrokerID{1, 2, 3}, ISR: []messages.BrokerID{1}},
		{Topic: "single", Leader: -1, Replicas: []messages.BrokerID{2}},
	}
	v.index = kafka.Index(r)
	return v
}

// stuckSince is how long broker 1 has not come up and will not by itself.
func stuckSince(ago time.Duration) func(*rollView) {
	return func(v *rollView) {
		unready(1, true)(v)
		v.nodes[1].observed.Since = now.Add(-ago)
	}
}

// downSince is how long broker 1 has not been ready, for whatever reason, while the others are in sync.
func downSince(ago time.Duration) func(*rollView) {
	return func(v *rollView) {
		insync(v)
		v.nodes[1].observed.PodReady, v.nodes[1].observed.Since = false, now.Add(-ago)
	}
}

func insync(v *rollView) {
	r := v.index.Replication()
	r.Partitions[0].ISR = []messages.BrokerID{1, 2}
	v.index = kafka.Index(r)
}

func TestWhoGetsEmptyDisks(t *testing.T) {
	both := []string{"/a", "/b"}
	for name, test := range map[string]struct {
		view     rollView
		spoil    func(*rollView)
		known    recovery
		accepted map[messages.BrokerID]string
		granted  messages.BrokerID
		replace  []string
		text     string
	}{
		"a broker whose partitions others lead":        {view: lostDisks(3), granted: 3, replace: both},
		"a controller beside a majority":               {view: lostDisks(0), replace: both},
		"not by the words for an earlier loss":         {view: lostDisks(2), accepted: map[messages.BrokerID]string{2: "2/beef"}, text: "these partitions may have no other copy"},
		"nobody while nothing is lost":                 {view: lostDisks()},
		"not who may have the last copy":               {view: lostDisks(2), text: `broker 2 has lost its disk for /a, /b: these partitions may have no other copy: single-0; restore the claim, or give its data up with annotation kafka.banzaicloud.io/allow-data-loss: "2/cafe"`},
		"unless a person gives it up":                  {view: lostDisks(2), accepted: map[messages.BrokerID]string{2: "2/cafe"}, granted: 2, replace: both},
		"not a controller without a majority":          {view: lostDisks(0, 2), accepted: map[messages.BrokerID]string{0: "0/cafe", 2: "2/cafe"}, text: "and it takes 2 for a controller to come back without its metadata"},
		"not while Kafka does not answer":              {view: lostDisks(3), spoil: func(v *rollView) { v.kafka.Answered = false }, text: "nobody knows what is elsewhere"},
		"not while Kafka counts on it":                 {view: lostDisks(3), spoil: func(v *rollView) { v.kafka.Brokers = []messages.BrokerID{0, 1, 2, 3} }, text: "Kafka has not given it up yet"},
		"not who has not looked since":                 {view: lostDisks(3), spoil: func(v *rollView) { v.nodes[3].told++ }},
		"not one that leaves":                          {view: lostDisks(3), spoil: func(v *rollView) { v.nodes[3].leaving = true }},
		"one after the other":                          {view: lostDisks(3), known: recovery{granted: 1}, spoil: func(v *rollView) { v.nodes[1].observed.PodReady = false }, granted: 1, text: "broker 1 gets its data back first"},
		"not after one that is stuck":                  {view: lostDisks(3), known: recovery{granted: 1}, spoil: stuckSince(stuckFor), granted: 3, replace: both},
		"each Pod is for a moment":                     {view: lostDisks(3), known: recovery{granted: 1}, spoil: stuckSince(time.Second), granted: 1, text: "broker 1 gets its data back first"},
		"stuck before the cure":                        {view: lostDisks(3), known: recovery{granted: 1}, spoil: func(v *rollView) { stuckSince(stuckFor)(v); v.nodes[1].told++ }, granted: 1, text: "broker 1 gets its data back first"},
		"not while one gets its data back from before": {view: lostDisks(3), known: recovery{inherits: true}, text: "broker 2 gets its data back first"},
		"nor while such a one may be on its way":       {view: lostDisks(3), known: recovery{inherits: true}, spoil: downSince(0), text: "broker 1 gets its data back first"},
		"but not for ever":                             {view: lostDisks(3), known: recovery{inherits: true}, spoil: downSince(recoveryPatience), granted: 3, replace: both},
		"nor while one has not been looked at": {view: lostDisks(3), known: recovery{inherits: true}, spoil: func(v *rollView) {
			insync(v)
			v.nodes[1].told++
		}, text: "broker 1 gets its data back first"},
		"nor for one that cannot without a restart": {view: lostDisks(3), known: recovery{inherits: true}, spoil: func(v *rollView) {
			v.nodes[2].observed.Restart.Reason = "restart: asked for"
		}, granted: 3, replace: both},
		"at once when none does":                       {view: lostDisks(3), known: recovery{inherits: true}, spoil: insync, granted: 3, replace: both},
		"unless a person gives it up meanwhile":        {view: lostDisks(3), known: recovery{inherits: true}, accepted: map[messages.BrokerID]string{3: "3/cafe"}, granted: 3, replace: both},
		"the next one when the first has all its data": {view: lostDisks(3), known: recovery{granted: 1}, granted: 3, replace: both},
	} {
		t.Run(name, func(t *testing.T) {
			if test.spoil != nil {
				test.spoil(&test.view)
			}
			if test.known.granted == 0 {
				test.known.granted = -1
			}
			if test.replace == nil && test.granted == 0 {
				test.granted = -1
			}
			tokens := map[messages.BrokerID]string{0: "0/cafe", 1: "1/cafe", 2: "2/cafe", 3: "3/cafe"}
			r := test.view.decideRecovery(test.known, test.accepted, tokens)
			require.Equal(t, test.granted, r.granted)
			require.Equal(t, test.replace, r.replace)
			if test.text == "" {
				require.Empty(t, r.texts)
			} else {
				require.Contains(t, r.texts[0], test.text)
			}
		})
	}
}

func TestWhoseDataAPersonHasGivenUp(t *testing.T) {
	cluster := demo(0)
	require.Empty(t, givenUp(cluster))
	cluster.Annotations = map[string]string{kube.AnnotationAllowDataLoss: "3/0a1b2c3d, 12,all,-1,"}
	require.Equal(t, map[messages.BrokerID]string{3: "3/0a1b2c3d", 12: "12"}, givenUp(cluster))
}

func TestTheProofForEmptyDisksIsMadeAnewEachTime(t *testing.T) {
	v := lostDisks(2) // granted before, it has a last copy by now
	require.Nil(t, v.decideRecovery(recovery{granted: 2, replace: []string{"/a", "/b"}}, nil, nil).replace)
}

func TestAFailedDiskIsJudgedByAnAnswerOfLater(t *testing.T) {
	v := lostDisks()
	v.index = kafka.Index(&messages.Replication{At: now, Partitions: []messages.Partition{
		{Topic: "a", Leader: 1, Replicas: []messages.BrokerID{3, 1}, ISR: []messages.BrokerID{1}, Offline: []messages.BrokerID{3}},
	}})
	n := v.nodes[3]
	n.observed.FailedDisks, n.observed.FailedSince = []string{"/a"}, now.Add(-time.Minute)
	require.True(t, v.elsewhere(n))
	n.observed.FailedSince = now.Add(-30 * time.Second)
	require.False(t, v.elsewhere(n), "the controllers may not know of it yet")
	n.observed.FailedSince, v.now = now.Add(-time.Minute), now.Add(time.Minute)
	require.False(t, v.elsewhere(n), "the answer is old")
}
