package simulation

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// gates are since when something speaks against the restart of a broker that serves, zero while it does not.
type gates struct {
	// alerts reach the failure threshold; budget is one of others that lets nobody go.
	alerts, budget time.Time
}

// permitted is how long a permit may be under way: what was granted before a gate closed may be used for so long.
const permitted = time.Minute + underWay

// gated says which closed gate the daemon has gone through, empty when none. It must have known of it. That a Pod serves nobody, that its
// broker leaves, and that a controller has given up its vote for it opens all of them.
func (i *invariants) gated(pod *corev1.Pod, owner *v1beta1.KafkaCluster, blindness time.Duration) string {
	if owner == nil {
		return ""
	}
	cluster, id := clusterOf(pod), idOf(pod)
	i.mu.Lock()
	is, specs := i.restarts.gates, i.restarts.between(owner.UID, time.Now().Add(-blindness-underWay), time.Now())
	i.mu.Unlock()
	leaves := slices.ContainsFunc(specs, func(is *v1beta1.KafkaCluster) bool {
		return !slices.ContainsFunc(is.Spec.Brokers, func(b v1beta1.Broker) bool { return messages.BrokerID(b.ID) == id })
	})
	if leaves || kube.MetadataOnPod(pod) || !podIsReady(pod) || i.restarts.kafka.countedFor(cluster, id, pod.UID) <= blindness+permitted {
		return ""
	}
	closed := func(since time.Time, known time.Duration) bool {
		return !since.IsZero() && time.Since(since) > blindness+known
	}
	switch {
	case closed(is.alerts, permitted):
		return "alerts speak against it"
	case closed(is.budget, underWay):
		return "a PodDisruptionBudget of others lets it not go"
	default:
		return ""
	}
}

// countAlerts is what part of the daemon, or somebody else, counts in the status: as many as close the gates, or none.
func (w *World) countAlerts(shut bool) {
	threshold, alerts := w.cluster("demo").Spec.RollingUpgradeConfig.FailureThreshold, 0
	if shut {
		alerts = threshold
	}
	w.counted(alerts)
	w.invariants.mu.Lock()
	defer w.invariants.mu.Unlock()
	gates := &w.invariants.restarts.gates
	if gates.alerts = since(gates.alerts, shut); threshold == 0 {
		gates.alerts = time.Time{}
	}
}

// counted is somebody who counts alerts that speak against restarts, while a daemon runs.
func (w *World) counted(alerts int) {
	w.store.update(key{kube.KindCluster, namespace, "demo"}, func(o kube.Object) {
		status := &o.(*v1beta1.KafkaCluster).Status
		counted := v1beta1.RollingUpgradeStatus{}
		if status.RollingUpgrade != nil {
			counted = *status.RollingUpgrade
		}
		counted.ErrorCount = alerts
		status.RollingUpgrade = &counted
	})
}

// foreignBudget is somebody's budget that lets no Pod with some labels go.
func (w *World) foreignBudget(labels map[string]string) key {
	most := intstr.FromInt32(100)
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "foreign"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable: &most, Selector: &metav1.LabelSelector{MatchLabels: labels},
		},
	}
	w.store.put(budget)
	return keyOf(budget)
}

// closeBudget makes a PodDisruptionBudget that lets none of the cluster's Pods go, or takes it away.
func (w *World) closeBudget(shut bool) {
	if shut {
		w.foreignBudget(map[string]string{kube.LabelCluster: "demo"})
	} else {
		w.deleteObject(key{kube.KindBudget, namespace, "foreign"})
	}
	w.invariants.mu.Lock()
	defer w.invariants.mu.Unlock()
	gates := &w.invariants.restarts.gates
	gates.budget = since(gates.budget, shut)
}

// since is when something that holds now, or does not, began to.
func since(known time.Time, holds bool) time.Time {
	switch {
	case !holds:
		return time.Time{}
	case known.IsZero():
		return time.Now()
	default:
		return known
	}
}
