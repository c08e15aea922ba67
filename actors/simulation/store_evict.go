package simulation

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
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
	selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
	if err != nil {
		return err
	}
	healthy := 0
	for _, object := range s.listed(kube.KindPod) {
		other := object.(*corev1.Pod)
		if other.Namespace == pod.Namespace && selector.Matches(labels.Set(other.Labels)) && podIsReady(other) && other.DeletionTimestamp == nil {
			healthy++
		}
	}
	needed := budget.Spec.MinAvailable.IntValue()
	policy := budget.Spec.UnhealthyPodEvictionPolicy
	if !podIsReady(pod) && (healthy >= needed || policy != nil && *policy == policyv1.AlwaysAllow) {
		return nil
	}
	if healthy-1 >= needed {
		return nil
	}
	refused := apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
	refused.ErrStatus.Details.Causes = append(refused.ErrStatus.Details.Causes, metav1.StatusCause{
		Type:    policyv1.DisruptionBudgetCause,
		Message: fmt.Sprintf("The disruption budget %s needs %d healthy pods and has %d currently", budget.Name, needed, healthy),
	})
	return refused
}

func podIsReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
