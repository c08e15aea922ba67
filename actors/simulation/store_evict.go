package simulation

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// evict answers an eviction as the API server does: by the one PodDisruptionBudget that selects the Pod.
func (s *store) evict(k key, uid types.UID) error {
	if err := s.budgetRefuses(k); err != nil {
		return err
	}
	return s.delete(k, uid, "")
}

func (s *store) budgetRefuses(k key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.objects[k]
	if r == nil {
		return nil
	}
	pod := r.object.(*corev1.Pod)
	if ended(pod) || pod.DeletionTimestamp != nil || neverStarted(pod) {
		return nil // these count for no budget
	}
	var selecting []*policyv1.PodDisruptionBudget
	for _, object := range s.listed(kube.KindBudget) {
		budget := object.(*policyv1.PodDisruptionBudget)
		selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
		if err == nil && budget.Namespace == k.namespace && selector.Matches(labels.Set(pod.Labels)) {
			selecting = append(selecting, budget)
		}
	}
	switch len(selecting) {
	case 0:
		return nil
	case 1:
		return s.exhausted(selecting[0], pod)
	default:
		return apierrors.NewInternalError(fmt.Errorf("this pod has more than one PodDisruptionBudget, which the eviction " +
			"subresource does not support"))
	}
}

// exhausted refuses where fewer Pods would be ready than the budget demands.
func (s *store) exhausted(budget *policyv1.PodDisruptionBudget, pod *corev1.Pod) error {
	is, policy := s.budgetStatus(budget), budget.Spec.UnhealthyPodEvictionPolicy
	if !podIsReady(pod) && (is.CurrentHealthy >= is.DesiredHealthy || policy != nil && *policy == policyv1.AlwaysAllow) {
		return nil
	}
	if is.DisruptionsAllowed > 0 {
		return nil
	}
	refused := apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
	refused.ErrStatus.Details.Causes = append(refused.ErrStatus.Details.Causes, metav1.StatusCause{
		Type: policyv1.DisruptionBudgetCause,
		Message: fmt.Sprintf("The disruption budget %s needs %d healthy pods and has %d currently",
			budget.Name, is.DesiredHealthy, is.CurrentHealthy),
	})
	return refused
}

// budgetStatus is what the disruption controller says of a budget with minAvailable, without its delay. The store is locked.
func (s *store) budgetStatus(budget *policyv1.PodDisruptionBudget) policyv1.PodDisruptionBudgetStatus {
	is := policyv1.PodDisruptionBudgetStatus{ObservedGeneration: budget.Generation, DesiredHealthy: int32(budget.Spec.MinAvailable.IntValue())}
	selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
	if err != nil {
		return is
	}
	for _, object := range s.listed(kube.KindPod) {
		pod := object.(*corev1.Pod)
		if pod.Namespace == budget.Namespace && selector.Matches(labels.Set(pod.Labels)) && podIsReady(pod) && pod.DeletionTimestamp == nil {
			is.CurrentHealthy++
		}
	}
	is.DisruptionsAllowed = max(is.CurrentHealthy-is.DesiredHealthy, 0)
	return is
}

// withBudgetStatus are budgets as the API server tells of them.
func (s *store) withBudgetStatus(objects []kube.Object) []policyv1.PodDisruptionBudget {
	s.mu.Lock()
	defer s.mu.Unlock()
	var budgets []policyv1.PodDisruptionBudget
	for _, object := range objects {
		budget := object.(*policyv1.PodDisruptionBudget).DeepCopy()
		budget.Status = s.budgetStatus(budget)
		budgets = append(budgets, *budget)
	}
	return budgets
}

// refusesToStop answers whether the budgets that are asked let a Pod go.
func (s *store) refusesToStop(pod *corev1.Pod, asked messages.Budgets) error {
	switch asked {
	case messages.AllBudgets:
		return evictionError(s.budgetRefuses(keyOf(pod)))
	case messages.OthersBudgets:
		stands, _ := s.get(keyOf(pod)).(*corev1.Pod)
		if stands == nil {
			return nil
		}
		var budgets []kube.Object
		s.snapshot(kube.KindBudget, func(objects []kube.Object) { budgets = objects })
		budgets = slices.DeleteFunc(budgets, func(o kube.Object) bool { return o.GetNamespace() != pod.Namespace })
		if refused := kube.RefusedByOthers(stands, s.withBudgetStatus(budgets)); refused != "" {
			return &kube.EvictionRefused{Message: refused}
		}
	}
	return nil
}

func podIsReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
