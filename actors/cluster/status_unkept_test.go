package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// labelled is an object with the labels of a node of the cluster.
func labelled(object kube.Object, name, id string, owned bool) kube.Object {
	cluster := demo(0, 1, 2)
	object.SetNamespace(cluster.Namespace)
	object.SetName(name)
	object.SetLabels(map[string]string{kube.LabelApp: kube.AppKafka, kube.LabelCluster: cluster.Name, kube.LabelBrokerID: id})
	if owned {
		object.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(cluster)})
	}
	return object
}

func pod(name, id string, owned bool) kube.Object { return labelled(&corev1.Pod{}, name, id, owned) }

func claim(name, id string, owned bool) kube.Object {
	return labelled(&corev1.PersistentVolumeClaim{}, name, id, owned)
}

func TestWhatNobodyCaresForIsFound(t *testing.T) {
	cruise, gone := pod("cruise", "", false), claim("gone", "8", true)
	cruise.SetLabels(map[string]string{kube.LabelApp: "cruisecontrol", kube.LabelCluster: "demo"})
	gone.SetDeletionTimestamp(&metav1.Time{Time: now})
	retained := claim("retained", "10", false)
	retained.SetAnnotations(map[string]string{kube.AnnotationRetainedClaim: "demo"})
	for name, test := range map[string]struct {
		pods, claims []kube.Object
		want         unkept
	}{
		"what brokers of the spec have is not":      {[]kube.Object{pod("a", "0", true)}, []kube.Object{claim("b", "1", true)}, unkept{}},
		"a side component's Pod is not":             {[]kube.Object{cruise}, nil, unkept{}},
		"a Pod with the id of a broker of the spec": {[]kube.Object{pod("copy", "1", false)}, nil, unkept{strays: []string{"Pod copy"}}},
		"a Pod with an id that nobody has":          {[]kube.Object{pod("copy", "77", false)}, nil, unkept{strays: []string{"Pod copy"}}},
		"a Pod with an id that is none":             {[]kube.Object{pod("copy", "x", false)}, nil, unkept{strays: []string{"Pod copy"}}},
		"a restored claim without an owner":         {nil, []kube.Object{claim("copy", "5", false)}, unkept{strays: []string{"claim copy"}}},
		"a Pod of ours whose entry nobody knows, with its claim": {
			[]kube.Object{pod("demo-node-9", "9", true), pod("demo-node-9-twin", "9", true)}, []kube.Object{claim("demo-9-a", "9", true)},
			unkept{running: []node{{id: 9, leaving: true}}}},
		"claims that are left, by id": {nil, []kube.Object{retained, claim("b", "7", true), gone, claim("c", "7", true)},
			unkept{claims: []leftover{{7, "b"}, {7, "c"}, {10, "retained"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			cared := map[messages.BrokerID]bool{0: true, 1: true, 2: true}
			require.Equal(t, test.want, unkeptOf(demo(0, 1, 2), cared, test.pods, test.claims))
		})
	}
}

func TestAStrayPodIsNamedAndBrokersThatWaitPointToIt(t *testing.T) {
	v := healthy(phase(1, messages.PhaseStarting, "Pod has no node: 3 node(s) didn't match pod anti-affinity rules"),
		func(v *view) { v.unkept.strays = []string{"Pod copy"} })
	status := statusOf(v, now)
	stray := kube.Condition(status.Conditions, kube.ConditionStrayObjects)
	require.True(t, strings.HasPrefix(stray.Message, "Pod copy carries the labels of this cluster's nodes but does not"), stray.Message)
	require.Contains(t, stray.Message, "anti-affinity")
	require.True(t, strings.HasSuffix(stray.Message, "delete it or remove its label kafka_cr"), stray.Message)
	ready := kube.Condition(status.Conditions, kube.ConditionReady)
	require.True(t, strings.HasSuffix(ready.Message, "; see condition StrayObjects"), ready.Message)

	v = healthy(func(v *view) {
		for i := range 50 {
			v.unkept.strays = append(v.unkept.strays, fmt.Sprintf("Pod %d-%s", i, strings.Repeat("p", 240)))
		}
	})
	stray = kube.Condition(statusOf(v, now).Conditions, kube.ConditionStrayObjects)
	require.LessOrEqual(t, len(stray.Message), 1000)
	require.True(t, strings.HasPrefix(stray.Message, "Pod 0-p"), stray.Message)
	require.True(t, strings.HasSuffix(stray.Message, "delete them or remove their label kafka_cr"), stray.Message)
	require.Contains(t, stray.Message, "and 45 more")
}

func TestClaimsThatAreLeftAreListed(t *testing.T) {
	message := func(claims ...leftover) string {
		status := statusOf(healthy(func(v *view) { v.unkept.claims = claims }), now)
		return kube.Condition(status.Conditions, kube.ConditionLeftoverClaims).Message
	}
	require.Equal(t, "a claim of broker 7 is left although the spec does not name the id any more (demo-7-a): the data is kept; "+
		"put the broker back to use it again, or delete it", message(leftover{7, "demo-7-a"}))
	require.Equal(t, "claims of brokers 7, 8 are left although the spec does not name the id any more (a, b, c): the data is kept; "+
		"put the broker back to use them again, or delete them", message(leftover{7, "a"}, leftover{7, "b"}, leftover{8, "c"}))
	var many []leftover
	for id := range messages.BrokerID(1000) {
		many = append(many, leftover{id, strings.Repeat("n", 250)})
	}
	require.LessOrEqual(t, len(message(many...)), 1000)
	require.Contains(t, message(many...), "and 995 more")
	require.True(t, strings.HasSuffix(message(many...), "or delete them"))
}

func TestClaimsThatPolicyKeepsAreNotLeftovers(t *testing.T) {
	claims := []leftover{{7, "a"}}
	cluster := demo(0)
	require.Equal(t, claims, leftoverClaims(cluster, claims))
	cluster.Spec.PersistentVolumeClaimRetentionPolicy = &v1beta1.PersistentVolumeClaimRetentionPolicy{WhenScaled: v1beta1.RetentionRetain}
	require.Empty(t, leftoverClaims(cluster, claims))
}

func TestBrokersThatLeaveSayWhatTheyWaitFor(t *testing.T) {
	message := func(spoil func(*view)) string {
		return kube.Condition(statusOf(healthy(spoil), now).Conditions, kube.ConditionBrokersLeaving).Message
	}
	require.Equal(t, "broker 1 left the spec and is being removed", message(func(v *view) { v.nodes[1].leaving = true }))
	waits := message(func(v *view) {
		v.nodes[1].leaving, v.nodes[2].leaving = true, true
		v.removals = map[messages.BrokerID]string{2: "1 partition has a replica there: a-0"}
	})
	require.Equal(t, "broker 2 left the spec and waits: 1 partition has a replica there: a-0; to keep it put it back; also broker 1", waits)
	unknown := message(func(v *view) { v.unkept.running = []node{{id: 9, leaving: true}} })
	require.Contains(t, unknown, "broker 9 left the spec", "also one whose entry nobody remembers")
}

func TestStraysAndLeftoversAreSeenInTheCache(t *testing.T) {
	onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
		settle(time.Minute)
		condition := func(kind string) *metav1.Condition {
			return kube.Condition(s.cache.Cluster(key()).Status.Conditions, kind)
		}
		for _, id := range []string{"77", "1", ""} {
			stray := pod("copy-"+id, id, false)
			s.put(stray)
			settle(time.Minute)
			require.Contains(t, condition(kube.ConditionStrayObjects).Message, "Pod copy-"+id)
			s.drop(stray)
			settle(time.Minute)
			require.Nil(t, condition(kube.ConditionStrayObjects), id)
			require.True(t, s.ready())
		}
		left := claim("demo-7-0123", "7", true)
		s.put(left)
		settle(time.Minute)
		require.Contains(t, condition(kube.ConditionLeftoverClaims).Message, "demo-7-0123")
		s.drop(left)
		settle(time.Minute)
		require.Nil(t, condition(kube.ConditionLeftoverClaims))
	})
}
