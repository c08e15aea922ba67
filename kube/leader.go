package kube

import (
	"context"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// LabelLeader is on the operator's Pod that leads. A Service whose answers only the leader has selects it: its endpoints have to be
// Ready too, and a replica that waits for the lease is.
const LabelLeader = "kafka.banzaicloud.io/leader"

// LeaderLabel moves that label between the Pods of one Deployment.
type LeaderLabel struct {
	Core kubernetes.Interface
	// Pod is the daemon's own.
	Pod types.NamespacedName
	// Gate is asked before each request.
	Gate Gate
}

// Take gives the label to the daemon's own Pod, after every other Pod of its Deployment has lost it: in between a Service leads to
// nobody, which clients try again, and never to one that does not lead any more.
func (l LeaderLabel) Take(ctx context.Context) error {
	pods := l.Core.CoreV1().Pods(l.Pod.Namespace)
	own, err := pods.Get(ctx, l.Pod.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read the operator's Pod %s: %w", l.Pod, err)
	}
	siblings := siblingLabels(own)
	if len(siblings) == 1 { // nothing tells the Pods of its Deployment from those of others
		return l.patch(ctx, l.Pod.Name, `"true"`)
	}
	selector := labels.SelectorFromSet(siblings)
	others, err := pods.List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return fmt.Errorf("list the operator's Pods with label %s: %w", LabelLeader, err)
	}
	for i := range others.Items {
		if name := others.Items[i].Name; name != l.Pod.Name {
			if err := l.patch(ctx, name, "null"); err != nil {
				return err
			}
		}
	}
	if own.Labels[LabelLeader] == "true" {
		return nil
	}
	return l.patch(ctx, l.Pod.Name, `"true"`)
}

// siblingLabels are on the Pod of the Deployment that led before, also of another ReplicaSet as long as its template has the same labels.
func siblingLabels(pod *corev1.Pod) map[string]string {
	all := maps.Clone(pod.Labels)
	maps.DeleteFunc(all, func(key, _ string) bool {
		return slices.Contains([]string{appsv1.DefaultDeploymentUniqueLabelKey, LabelLeader}, key)
	})
	return with(all, LabelLeader, "true")
}

func (l LeaderLabel) patch(ctx context.Context, pod, value string) error {
	if err := l.Gate(); err != nil {
		return fmt.Errorf("label Pod %s/%s is not sent: %w", l.Pod.Namespace, pod, err)
	}
	patch := fmt.Sprintf(`{"metadata":{"labels":{%q:%s}}}`, LabelLeader, value)
	_, err := l.Core.CoreV1().Pods(l.Pod.Namespace).Patch(ctx, pod, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil {
		return fmt.Errorf("label Pod %s/%s with %s: %w", l.Pod.Namespace, pod, LabelLeader, err)
	}
	return nil
}
