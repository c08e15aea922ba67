package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/messages"
)

// EvictionRefused says that a PodDisruptionBudget does not let a Pod go now, or that several of them select it.
type EvictionRefused struct{ Message string }

// Error implements error.
func (e *EvictionRefused) Error() string { return "eviction refused: " + e.Message }

// Evict implements Writer. The precondition keeps a decision about one Pod from hitting its successor.
func (c *Client) Evict(ctx context.Context, pod *corev1.Pod, asked messages.Budgets) error {
	return c.evict(ctx, pod, asked, nil)
}

// MayEvict implements Writer, by a dry run.
func (c *Client) MayEvict(ctx context.Context, pod *corev1.Pod, asked messages.Budgets) error {
	return c.evict(ctx, pod, asked, []string{metav1.DryRunAll})
}

func (c *Client) evict(ctx context.Context, pod *corev1.Pod, asked messages.Budgets, dryRun []string) error {
	if err := c.begin(ctx, "evict", pod); err != nil {
		return err
	}
	defer c.end(pod)
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: ptr.To(pod.UID)}, DryRun: dryRun}
	if asked == messages.AllBudgets {
		err := c.core.PolicyV1().Evictions(pod.Namespace).Evict(ctx, &policyv1.Eviction{
			ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}, DeleteOptions: &options,
		})
		if apierrors.IsInternalError(err) { // which names no budget, and may be any failure, also one after the Pod was stopped
			budgets, failed := c.core.PolicyV1().PodDisruptionBudgets(pod.Namespace).List(ctx, metav1.ListOptions{})
			if failed == nil && len(selecting(pod, budgets.Items)) > 1 {
				return &EvictionRefused{Message: strings.TrimSuffix(err.Error(), ".") + namedOthers(pod, selecting(pod, budgets.Items))}
			}
		}
		return evictionError(pod, err)
	}
	if asked == messages.OthersBudgets { // an eviction would ask ours, too
		budgets, err := c.core.PolicyV1().PodDisruptionBudgets(pod.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("list PodDisruptionBudgets before Pod %s is stopped: %w", pod.Name, err)
		}
		if refused := RefusedByOthers(pod, budgets.Items); refused != "" {
			return &EvictionRefused{Message: refused}
		}
	}
	if err := c.core.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, options); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s: %w", describe(pod), err)
	}
	return nil
}

// RefusedByOthers says which PodDisruptionBudget that is not the operator's own does not let a Pod go now, empty when all do. The rules are
// those by which the API server answers an eviction (pkg/registry/core/pod/storage/eviction.go).
func RefusedByOthers(pod *corev1.Pod, budgets []policyv1.PodDisruptionBudget) string {
	uncounted := []corev1.PodPhase{corev1.PodPending, corev1.PodSucceeded, corev1.PodFailed}
	if pod.DeletionTimestamp != nil || slices.Contains(uncounted, pod.Status.Phase) {
		return ""
	}
	for _, budget := range selecting(pod, budgets) {
		status := budget.Status
		switch {
		case ownedTogether(pod, &budget):
		case !readyCondition(pod) && ptr.Deref(budget.Spec.UnhealthyPodEvictionPolicy, policyv1.IfHealthyBudget) == policyv1.AlwaysAllow:
		case !readyCondition(pod) && status.CurrentHealthy >= status.DesiredHealthy && status.DesiredHealthy > 0:
		case status.ObservedGeneration < budget.Generation:
			return fmt.Sprintf("the disruption budget %s is still being processed by the server", budget.Name)
		case status.DisruptionsAllowed < 1:
			return fmt.Sprintf("the disruption budget %s needs %d healthy pods and has %d currently",
				budget.Name, status.DesiredHealthy, status.CurrentHealthy)
		}
	}
	return ""
}

// selecting are the PodDisruptionBudgets that select a Pod.
func selecting(pod *corev1.Pod, budgets []policyv1.PodDisruptionBudget) []policyv1.PodDisruptionBudget {
	return slices.DeleteFunc(slices.Clone(budgets), func(budget policyv1.PodDisruptionBudget) bool {
		selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
		return err != nil || !selector.Matches(labels.Set(pod.Labels))
	})
}

// namedOthers names those of the PodDisruptionBudgets that select a Pod which are not the operator's, and what to do about them; empty
// when there are none.
func namedOthers(pod *corev1.Pod, selecting []policyv1.PodDisruptionBudget) string {
	var names []string
	for i := range selecting {
		if !ownedTogether(pod, &selecting[i]) {
			names = append(names, selecting[i].Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; remove PodDisruptionBudget " + strings.Join(names, ", ") + ", or have the operator make none: spec.disruptionBudget.create: false"
}

// ownedTogether reports whether a budget belongs to the cluster that a Pod belongs to.
func ownedTogether(pod *corev1.Pod, budget *policyv1.PodDisruptionBudget) bool {
	return budget.Labels[LabelCluster] == pod.Labels[LabelCluster] && slices.ContainsFunc(budget.OwnerReferences, func(of metav1.OwnerReference) bool {
		return slices.ContainsFunc(pod.OwnerReferences, func(owner metav1.OwnerReference) bool { return owner.UID == of.UID })
	})
}

func readyCondition(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// evictionError tells a refusal, which waiting can cure, from a failure. The API server answers 429 where one budget has
// nothing left; its 500 where two select the Pod is told apart before (pkg/registry/core/pod/storage/eviction.go).
func evictionError(pod *corev1.Pod, err error) error {
	var status apierrors.APIStatus
	switch {
	case err == nil, apierrors.IsNotFound(err):
		return nil
	case apierrors.IsTooManyRequests(err) && errors.As(err, &status):
		return &EvictionRefused{Message: refusalText(status.Status())}
	default:
		return fmt.Errorf("evict %s: %w", describe(pod), err)
	}
}

// refusalText names the budget where the API server does.
func refusalText(status metav1.Status) string {
	if status.Details != nil {
		for _, cause := range status.Details.Causes {
			if cause.Type == policyv1.DisruptionBudgetCause {
				return cause.Message
			}
		}
	}
	return status.Message
}
