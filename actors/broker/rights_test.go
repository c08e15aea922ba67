package broker

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// withZooKeeper makes a wish that of a broker in ZooKeeper mode.
func withZooKeeper(w *messages.BrokerWanted) {
	w.Cluster.Spec.KRaft, w.Cluster.Spec.ZKAddresses = false, []string{"zookeeper:2181"}
	w.ClusterID, w.Quorum, w.InitialController = "", messages.Quorum{}, false
}

// usedWithZooKeeper is one whose disk Kafka was seen to run on.
func usedWithZooKeeper(w *messages.BrokerWanted) {
	withZooKeeper(w)
	w.Formatted = map[string]types.UID{"/kafka-logs": claimUID}
}

func TestInZooKeeperModeKafkaMayFormatWhatItWasNotSeenOn(t *testing.T) {
	open := []string{"/kafka-logs"}
	for name, test := range map[string]struct {
		change func(*messages.BrokerWanted)
		spoil  func(*scene)
		want   []string
	}{
		"a new claim, or one that Koperator made":  {change: withZooKeeper, want: open},
		"one that status knows":                    {change: usedWithZooKeeper},
		"one that took the place of a lost one":    {change: usedWithZooKeeper, spoil: func(s *scene) { s.claim().UID = "another" }, want: open},
		"one that itself says that it was used":    {change: withZooKeeper, spoil: func(s *scene) { s.claim().Annotations[kube.AnnotationFormat] = "formatted:" }},
		"with KRaft a claim has the right or none": {spoil: func(s *scene) { delete(s.claim().Annotations, kube.AnnotationFormat) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := planned(t, test.change, test.spoil)
			require.Equal(t, test.want, s.w.openRights(s.o.claims))
		})
	}
}

func TestAClaimSaysThatKafkaRanOnItInEitherMode(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*messages.BrokerWanted)
		says   string // before
		want   string // empty: nothing is written
	}{
		"with ZooKeeper, where there is no id": {change: usedWithZooKeeper, want: "formatted:"},
		"once":                                 {change: usedWithZooKeeper, says: "formatted:"},
		"with the id, where there is one now": {
			change: func(w *messages.BrokerWanted) { w.Formatted = map[string]types.UID{"/kafka-logs": claimUID} },
			says:   "formatted:", want: "formatted:Qk1hb2tqT3ZBUVlYbEE9PQ:Dynamic",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := planned(t, test.change, func(s *scene) {
				s.claim().Annotations[kube.AnnotationFormat], s.claim().Annotations[kube.AnnotationNodeDisks] = test.says, "/kafka-logs"
			})
			written, _ := claimRecords(s.w, s.o, now).(apply)
			if test.want == "" {
				require.Empty(t, written.objects)
				return
			}
			require.Equal(t, test.want, written.objects[0].(*corev1.PersistentVolumeClaim).Annotations[kube.AnnotationFormat])
		})
	}
}

func TestTheWayOutOfAnEmptyVolumeIsToldInZooKeeperMode(t *testing.T) {
	s := planned(t, usedWithZooKeeper, nil)
	require.Contains(t, s.w.unformattedWayOut(s.o, "/kafka-logs/kafka has no meta.properties, the volume came back empty"), "delete claim demo-0-9e423fa7")
}
