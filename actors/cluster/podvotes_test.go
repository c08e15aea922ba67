package cluster

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// metadataOnPods has the metadata of some nodes of a dynamic quorum on emptyDirs.
func metadataOnPods(ids ...messages.BrokerID) func(*rollView) {
	return func(v *rollView) {
		v.dynamic, v.formed, v.runsController = true, true, func(id messages.BrokerID) bool { return id < 3 }
		for _, id := range ids {
			v.nodes[id].volatile, v.nodes[id].voteVolatile = true, true
		}
	}
}

// voteless takes the vote of a node that runs on.
func voteless(id messages.BrokerID) func(*rollView) {
	return func(v *rollView) {
		for i, vote := range v.kafka.Voters {
			if vote == id {
				v.kafka.Voters = append(v.kafka.Voters[:i:i], v.kafka.Voters[i+1:]...)
				break
			}
		}
		v.kafka.Replication.Quorum[id].Voter = false
		v.index = kafka.Index(v.kafka.Replication)
	}
}

// resting is a controller in maintenance: its Pod is gone, its metadata with that, and its vote was taken before.
func resting(id messages.BrokerID) func(*rollView) {
	return func(v *rollView) {
		voteless(id)(v)
		v.threshold = 9
		n := &v.nodes[id]
		n.maintenance, n.voteVolatile = true, true
		n.observed = messages.BrokerObserved{Revision: n.observed.Revision, Phase: messages.PhaseStopped}
		v.kafka.Replication.Quorum = slices.Delete(v.kafka.Replication.Quorum, int(id), int(id)+1)
		v.kafka.Brokers = slices.DeleteFunc(slices.Clone(v.kafka.Brokers), func(b messages.BrokerID) bool { return b == id })
		v.index = kafka.Index(v.kafka.Replication)
	}
}

// brokerToo is one more broker that waits for its restart and has nothing to do with the quorum.
func brokerToo(id messages.BrokerID) func(*rollView) {
	return func(v *rollView) {
		v.nodes = append(v.nodes, node{id: id, broker: true, told: 1, observed: messages.BrokerObserved{
			ID: id, Revision: 1, Phase: messages.PhaseRunning, Pod: podOf(id), PodReady: true, Started: now.Add(-time.Hour),
			Restart: messages.Restart{Reason: "restart: `a` changes"},
		}})
		v.kafka.Brokers = append(v.kafka.Brokers, id)
	}
}

func TestAVoteIsTakenBeforeItsPodGoes(t *testing.T) {
	const taken, nobody = 1, messages.BrokerID(-1)
	for name, test := range map[string]struct {
		view         rollView
		vote, permit messages.BrokerID
		blocked      string
	}{
		"first its vote": {quiet(waits(0), metadataOnPods(0)), 0, nobody, "its vote in the metadata quorum is taken first"},
		"then its Pod":   {quiet(waits(0), metadataOnPods(0), voteless(0)), nobody, 0, ""},
		"one whose vote is taken before others that would be first": {quiet(waits(0, 1), metadataOnPods(0, 1), voteless(taken)), nobody, 1, ""},
		"nobody else while one has none":                            {quiet(waits(0), metadataOnPods(0, 1), voteless(taken)), nobody, nobody, "controller 1 has no vote in the metadata quorum yet"},
		"not while the others are no majority": {quiet(waits(0), metadataOnPods(0), func(v *rollView) {
			v.kafka.Replication.Quorum[1].LastCaughtUp = now.Add(-time.Minute)
			v.index = kafka.Index(v.kafka.Replication)
		}), nobody, nobody, "quorum: of the voters {0,1,2} only {2} would be there"},
		"not while a partition needs its replica": {quiet(waits(0), metadataOnPods(0), func(v *rollView) {
			v.threshold = 9
			v.kafka.Replication.Partitions[0].ISR = []messages.BrokerID{0, 1}
			v.index = kafka.Index(v.kafka.Replication)
		}), nobody, nobody, "orders-0"},
		"the active controller has its vote until its Pod is gone": {quiet(waits(2), metadataOnPods(2)), nobody, 2, ""},
		"of one that crashes again and again, too":                 {quiet(waits(0), metadataOnPods(0), unready(0, true), func(v *rollView) { v.threshold = 9 }), 0, nobody, "is taken first"},
		"by a person's word, too":                                  {quiet(waits(0), metadataOnPods(0), func(v *rollView) { v.nodes[0].observed.Restart.Forced = true }), 0, nobody, "is taken first"},
		"one with a claim keeps it":                                {quiet(waits(0), metadataOnPods(1)), nobody, 0, ""},
		"none of two, one of which is in maintenance": {
			quiet(waits(0), metadataOnPods(0, 1, 2), resting(taken)), nobody, nobody, "quorum: of the voters {0,2} only {2} would be there and caught up without {0}, 2 are needed"},
		"none of two by a person's word either": {quiet(waits(0), metadataOnPods(0, 1, 2), resting(taken), func(v *rollView) {
			v.nodes[0].observed.Restart.Forced = true
		}), nobody, nobody, "2 are needed"},
		"nor that of the active controller":      {quiet(waits(2), metadataOnPods(0, 1, 2), resting(taken)), nobody, nobody, "2 are needed"},
		"who is no voter does not wait for that": {quiet(waits(0), metadataOnPods(0, 1, 2), resting(taken), brokerToo(3)), nobody, 3, ""},
		"of two without a vote one goes":         {quiet(waits(0, 1), metadataOnPods(0, 1, 2), voteless(0), voteless(1)), nobody, 1, ""},
		"who gets the role of a controller goes first, since others cannot": {quiet(waits(0, 1), metadataOnPods(0, 2), voteless(taken), func(v *rollView) {
			v.runsController = func(id messages.BrokerID) bool { return id != taken }
		}), nobody, 1, ""},
		"nobody while one runs with a claim and without a vote": {
			quiet(waits(0), metadataOnPods(0, 2), voteless(taken)), nobody, nobody, "controller 1 has no vote in the metadata quorum yet"},
		"nor of two with claims and one without": {quiet(waits(0), metadataOnPods(0), resting(taken)), nobody, nobody, "2 are needed"},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(test.view)
			vote, permit := nobody, nobody
			if d.takeVote != nil {
				vote = d.takeVote.id
			}
			for id := range d.permits {
				permit = id
			}
			require.Equal(t, test.vote, vote, d.blocked)
			require.Equal(t, test.permit, permit, d.blocked)
			require.Contains(t, d.blocked, test.blocked)
		})
	}
}

// podGone are three voters of which some had their metadata on an emptyDir whose Pod is gone, and whose votes are taken unless kept.
func podGone(kept bool, lost ...messages.BrokerID) rollView {
	v := lostDisks(lost...)
	v.dynamic, v.formed, v.voters = true, true, []messages.BrokerID{0, 1, 2}
	r := *v.index.Replication()
	for i := range v.nodes {
		n := &v.nodes[i]
		n.voteVolatile = n.controller
		if len(n.observed.Lost) > 0 {
			n.observed.Pod, n.observed.Since = "", now.Add(-time.Hour)
		}
	}
	r.Quorum = nil
	for _, vote := range v.index.Replication().Quorum {
		if gone := len(v.nodes[vote.ID].observed.Lost) > 0; kept || !gone {
			r.Quorum = append(r.Quorum, vote)
			v.kafka.Voters = append(v.kafka.Voters, vote.ID)
		}
	}
	r.Partitions = []messages.Partition{
		{Topic: "orders", Leader: 1, Replicas: []messages.BrokerID{0, 1, 2}, ISR: []messages.BrokerID{1}},
		{Topic: "single", Leader: -1, Replicas: []messages.BrokerID{2}},
	}
	v.index = kafka.Index(&r)
	return v
}

func TestWhoComesBackWithoutTheMetadataOfItsPod(t *testing.T) {
	for name, test := range map[string]struct {
		view  rollView
		spoil func(*rollView)
		back  bool
		text  string
	}{
		"one whose vote is taken, beside a majority":        {view: podGone(false, 2), back: true},
		"not before its vote is taken":                      {view: podGone(true, 2), text: "its vote in the metadata quorum is taken first"},
		"not before it is recorded that there was a quorum": {view: podGone(false, 2), spoil: func(v *rollView) { v.formed = false }, text: "not recorded yet"},
		"not while Kafka does not answer":                   {view: podGone(false, 2), spoil: func(v *rollView) { v.kafka.Answered = false }, text: "bring the other controllers back"},
		"not while Kafka counts on it":                      {view: podGone(false, 2), spoil: func(v *rollView) { v.kafka.Brokers = []messages.BrokerID{0, 1, 2, 3} }, text: "has not given it up"},
		"not while the others have not caught up": {view: podGone(false, 2), spoil: func(v *rollView) {
			v.index.Replication().Quorum[0].LastCaughtUp = now.Add(-time.Minute)
			v.index = kafka.Index(v.index.Replication())
		}, text: "1 others have caught up, and it takes 2"},
		"not where others have older copies": {view: podGone(false, 2), spoil: func(v *rollView) {
			v.index.Replication().Partitions[0].Leader = -1
			v.index = kafka.Index(v.index.Replication())
		}, text: "would give them up for the empty ones here: orders-0; elect leaders"},
		"none of two of three": {view: podGone(true, 0, 2), text: "of the 3 voters that Kafka told of last the others are no majority: this cluster's metadata are lost"},
		"where nobody has told of the voters": {view: podGone(true, 0, 2), spoil: func(v *rollView) { v.voters, v.kafka.Answered = nil, false },
			text: "bring the other controllers back; if these were half of the voters or more, this cluster's metadata are lost"},
		"a controller that never voted is none of the voters": {view: podGone(true, 2), spoil: func(v *rollView) {
			v.voters, v.kafka.Answered = []messages.BrokerID{0, 1}, false
		}, text: "nobody knows who has the metadata; bring the other controllers back"},
		"what began a moment ago is not told": {view: podGone(true, 2), spoil: func(v *rollView) {
			v.nodes[2].observed.Since = now.Add(-time.Second)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.spoil != nil {
				test.spoil(&test.view)
			}
			r := test.view.decideRecovery(recovery{granted: -1}, nil, nil)
			if require.True(t, r.lost); test.back {
				require.Equal(t, messages.BrokerID(2), r.granted)
				require.Empty(t, r.texts)
				return
			}
			require.Equal(t, messages.BrokerID(-1), r.granted)
			if test.text == "" {
				require.Empty(t, r.texts)
				require.Equal(t, goneFor-time.Second, r.again)
				return
			}
			require.Contains(t, r.texts[0], test.text)
		})
	}
}

// Who holds no partitions waits for nobody's copies, and nobody waits for it.
func TestControllersWithoutDataComeBackBesideOthers(t *testing.T) {
	v := podGone(false, 2)
	v.nodes[2].broker = false
	v.nodes[3].observed = messages.BrokerObserved{Revision: 7, Phase: messages.PhaseBlocked, Lost: []string{"/a"}}
	v.kafka.Brokers = []messages.BrokerID{0, 1}
	r := v.decideRecovery(recovery{granted: -1}, nil, nil)
	require.Equal(t, messages.BrokerID(3), r.granted)
	require.Equal(t, []string{"/a"}, r.replaceFor(3))
	require.Equal(t, []string{"/a", "/b"}, r.replaceFor(2))
	require.Empty(t, r.replaceFor(1))
	require.Empty(t, r.texts)
}

func TestFirstVotersOnEmptyDirsAreKnownBeforeTheirPods(t *testing.T) {
	cluster := demo(0, 1, 2)
	for i := range cluster.Spec.Brokers {
		config, err := v1beta1.BrokerConfigOf(&cluster.Spec, &cluster.Spec.Brokers[i])
		require.NoError(t, err)
		cluster.Spec.Brokers[i].BrokerConfigGroup, cluster.Spec.Brokers[i].BrokerConfig = "", config
		config.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	}
	status := v1beta1.KafkaClusterStatus{ClusterID: "x", Quorum: v1beta1.QuorumDynamic, InitialControllers: []int32{0, 1, 2}}
	first := quorumNow(cluster, rolesOf(cluster), status, nil)
	require.Len(t, first.Initial, 3)
	require.NotEqual(t, first.Initial[0].DirectoryID, first.Initial[1].DirectoryID)
	cluster.UID = "another"
	require.NotEqual(t, first.Initial, quorumNow(cluster, rolesOf(cluster), status, nil).Initial, "a cluster that is made anew has no voter of the old one")
}
