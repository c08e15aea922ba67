package kube

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/messages"
)

func TestWhichBudgetOfOthersKeepsAPod(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Labels: map[string]string{LabelCluster: "demo"}, OwnerReferences: []metav1.OwnerReference{{UID: "demo"}},
	}}
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	theirs := policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "theirs", Generation: 3}}
	theirs.Spec.Selector = &metav1.LabelSelector{}
	theirs.Status = policyv1.PodDisruptionBudgetStatus{ObservedGeneration: 3, DesiredHealthy: 3, CurrentHealthy: 3}
	const exhausted = "the disruption budget theirs needs 3 healthy pods and has 3 currently"
	unready := func(p *corev1.Pod, _ *policyv1.PodDisruptionBudget) { p.Status.Conditions = nil }
	for name, test := range map[string]struct {
		change func(*corev1.Pod, *policyv1.PodDisruptionBudget)
		want   string
	}{
		"it has nothing left": {func(*corev1.Pod, *policyv1.PodDisruptionBudget) {}, exhausted},
		"it lets one go":      {func(_ *corev1.Pod, b *policyv1.PodDisruptionBudget) { b.Status.DisruptionsAllowed = 1 }, ""},
		"it is about other Pods": {func(_ *corev1.Pod, b *policyv1.PodDisruptionBudget) {
			b.Spec.Selector.MatchLabels = map[string]string{"app": "a"}
		}, ""},
		"it selects none":          {func(_ *corev1.Pod, b *policyv1.PodDisruptionBudget) { b.Spec.Selector = nil }, ""},
		"it has just been made":    {func(_ *corev1.Pod, b *policyv1.PodDisruptionBudget) { b.Generation = 4 }, "the disruption budget theirs is still being processed by the server"},
		"a Pod that has never run": {func(p *corev1.Pod, _ *policyv1.PodDisruptionBudget) { p.Status.Phase = corev1.PodPending }, ""},
		"a Pod that is being stopped": {func(p *corev1.Pod, _ *policyv1.PodDisruptionBudget) {
			p.DeletionTimestamp = ptr.To(metav1.NewTime(time.Now()))
		}, ""},
		"a Pod that is not ready": {unready, ""},
		"one too many": {func(p *corev1.Pod, b *policyv1.PodDisruptionBudget) {
			unready(p, b)
			b.Status.CurrentHealthy = 2
		}, "the disruption budget theirs needs 3 healthy pods and has 2 currently"},
		"one too many, which may go always": {func(p *corev1.Pod, b *policyv1.PodDisruptionBudget) {
			unready(p, b)
			b.Status.CurrentHealthy, b.Spec.UnhealthyPodEvictionPolicy = 2, ptr.To(policyv1.AlwaysAllow)
		}, ""},
		"it is ours": {func(_ *corev1.Pod, b *policyv1.PodDisruptionBudget) {
			b.Labels, b.OwnerReferences = map[string]string{LabelCluster: "demo"}, []metav1.OwnerReference{{UID: "demo"}}
		}, ""},
		"it has our label alone": {func(_ *corev1.Pod, b *policyv1.PodDisruptionBudget) {
			b.Labels = map[string]string{LabelCluster: "demo"}
		}, exhausted},
	} {
		t.Run(name, func(t *testing.T) {
			p, b := pod.DeepCopy(), theirs.DeepCopy()
			test.change(p, b)
			require.Equal(t, test.want, RefusedByOthers(p, []policyv1.PodDisruptionBudget{*b}))
		})
	}
}

func TestBudgetsOfOthersAreNamedWhereTwoSelectAPod(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Labels: map[string]string{LabelCluster: "demo"}, OwnerReferences: []metav1.OwnerReference{{UID: "demo"}},
	}}
	everybody := policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{}}
	ours := policyv1.PodDisruptionBudget{Spec: everybody, ObjectMeta: metav1.ObjectMeta{
		Name: "demo-pdb", Labels: pod.Labels, OwnerReferences: pod.OwnerReferences,
	}}
	theirs := policyv1.PodDisruptionBudget{Spec: everybody, ObjectMeta: metav1.ObjectMeta{Name: "theirs"}}
	elsewhere := policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "elsewhere"}}
	require.Equal(t, "; remove PodDisruptionBudget theirs, or have the operator make none: spec.disruptionBudget.create: false",
		namedOthers(pod, selecting(pod, []policyv1.PodDisruptionBudget{ours, theirs, elsewhere})))
	require.Empty(t, namedOthers(pod, []policyv1.PodDisruptionBudget{ours}))
}

// The API server answers 500 where two budgets select a Pod, and for whatever else went wrong on its side, also after the Pod was stopped.
func TestAFailureOfTheAPIServerIsNoRefusal(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Name: "demo-node-0", Labels: map[string]string{LabelCluster: "demo"}}}
	budget := func(name string) *policyv1.PodDisruptionBudget {
		return &policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Namespace: "kafka", Name: name},
			Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{}},
		}
	}
	evicted := func(budgets ...runtime.Object) error {
		core := fake.NewClientset(budgets...)
		core.PrependReactor("create", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewInternalError(errors.New("etcdserver: request timed out"))
		})
		return NewClient(core, nil, nil, open).Evict(t.Context(), pod, messages.AllBudgets)
	}
	var refused *EvictionRefused
	require.ErrorAs(t, evicted(budget("ours"), budget("theirs")), &refused)
	err := evicted(budget("ours"))
	require.NotErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "etcdserver: request timed out")
}
