package cluster

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// edited puts another status than ours.
func (s *stage) edited(edit func(*v1beta1.KafkaCluster)) {
	cluster := s.cache.Cluster(key()).DeepCopy()
	edit(cluster)
	s.put(cluster)
}

func TestAStatusThatSomebodyElseWroteIsWrittenAgainOnce(t *testing.T) {
	for name, edit := range map[string]func(*v1beta1.KafkaClusterStatus){
		"a condition is gone":            func(is *v1beta1.KafkaClusterStatus) { is.Conditions = nil },
		"it says that nothing runs":      func(is *v1beta1.KafkaClusterStatus) { is.BrokersReady = "0/3" },
		"a field that we keep as it was": func(is *v1beta1.KafkaClusterStatus) { is.AlertCount = 7 },
		"all of it is gone":              func(is *v1beta1.KafkaClusterStatus) { *is = v1beta1.KafkaClusterStatus{} },
		"it is no longer formatted": func(is *v1beta1.KafkaClusterStatus) {
			state := is.BrokersState["1"]
			state.FormattedLogDirs = nil
			is.BrokersState["1"] = state
		},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
				settle(time.Minute)
				right, writes := s.cache.Cluster(key()).Status, s.statusCount()
				s.edited(func(c *v1beta1.KafkaCluster) { edit(&c.Status) })
				settle(2 * time.Second)
				require.Equal(t, right, s.cache.Cluster(key()).Status)
				settle(time.Hour)
				require.Equal(t, writes+1, s.statusCount())
			})
		})
	}
}

func TestAStatusIsNotWrittenForAChangeOfSomethingElse(t *testing.T) {
	onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
		settle(time.Minute)
		writes := s.statusCount()
		for range 5 {
			s.edited(func(c *v1beta1.KafkaCluster) {
				metav1.SetMetaDataAnnotation(&c.ObjectMeta, "theirs", time.Now().String())
			})
			settle(time.Minute)
		}
		require.Equal(t, writes, s.statusCount())
	})
}

func TestWithSomebodyWhoChangesTheStatusBackEachTimeThereIsNoWar(t *testing.T) {
	onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
		settle(time.Minute)
		writes := s.statusCount()
		for range 60 {
			s.edited(func(c *v1beta1.KafkaCluster) { c.Status.BrokersReady = "0/3" })
			time.Sleep(time.Second)
			synctest.Wait()
		}
		require.InDelta(t, 6, s.statusCount()-writes, 1)
		settle(repairPause)
		require.Equal(t, "3/3", s.cache.Cluster(key()).Status.BrokersReady)
		require.Equal(t, s.statusCount(), func() int { settle(time.Hour); return s.statusCount() }())
	})
}

func TestAQuorumThatSomebodyElseWroteIntoStatusDecidesNothing(t *testing.T) {
	onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
		settle(time.Minute)
		s.edited(func(c *v1beta1.KafkaCluster) { // a controller more, which a static quorum cannot take
			c.Status.Quorum = v1beta1.QuorumStatic
			c.Spec.Brokers = append(c.Spec.Brokers, v1beta1.Broker{ID: 3, BrokerConfigGroup: "default"})
			c.Generation++
		})
		settle(time.Minute)
		status := s.cache.Cluster(key()).Status
		require.Equal(t, v1beta1.QuorumDynamic, status.Quorum)
		require.Nil(t, kube.Condition(status.Conditions, kube.ConditionStalled))
		require.NotNil(t, s.cache.ConfigMap("kafka", "demo-config-3"))
	})
}
