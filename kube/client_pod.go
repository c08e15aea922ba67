package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/messages"
)

// createPod makes a Pod or fails: an apply would write the annotations of a newer wish on a Pod of ours that the cache has yet to show,
// and it would seem to have been made from that.
func (c *Client) createPod(ctx context.Context, pod *corev1.Pod) (Object, error) {
	if err := c.begin(ctx, "create", pod); err != nil {
		return nil, err
	}
	defer c.end(pod)
	made, err := c.core.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{FieldManager: FieldManager})
	if apierrors.IsAlreadyExists(err) {
		err = c.relabelled(ctx, pod, err)
	}
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", describe(pod), err)
	}
	return made, nil
}

// relabelled gives a Pod of ours back the labels that say whose it is: without them nobody here sees it, and its place seems empty
// although its name is taken. It does nothing to a Pod of somebody else. The error says what was done, or what is to be done.
func (c *Client) relabelled(ctx context.Context, wanted *corev1.Pod, taken error) error {
	pods := c.core.CoreV1().Pods(wanted.Namespace)
	selector := fields.OneTermEqualSelector(metav1.ObjectNameField, wanted.Name).String()
	found, err := pods.List(ctx, metav1.ListOptions{FieldSelector: selector})
	if err != nil {
		return taken
	}
	at := slices.IndexFunc(found.Items, func(pod corev1.Pod) bool { return pod.Name == wanted.Name })
	if at < 0 {
		return taken
	}
	standing := &found.Items[at]
	lost := LostLabels(standing, wanted)
	if len(lost) == 0 {
		return taken
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": standing.UID, "resourceVersion": standing.ResourceVersion, "labels": lost,
	}})
	if err != nil {
		return err
	}
	names := strings.Join(slices.Sorted(maps.Keys(lost)), ", ")
	if err := c.through("label", wanted); err != nil {
		return err
	}
	if _, err = pods.Patch(ctx, wanted.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager}); err != nil {
		return fmt.Errorf("%w: it has lost its labels %s, and they are not given back: %w", taken, names, err)
	}
	return fmt.Errorf("%w: it had lost its labels %s, and has them again", taken, names)
}

// LostLabels are the labels of a broker's Pod that somebody has taken off the one that stands under its name, with their values. There
// are none on a Pod that is about to go, nor on one that belongs to somebody else.
func LostLabels(standing, wanted *corev1.Pod) map[string]string {
	owns := func(a metav1.OwnerReference) bool {
		return slices.ContainsFunc(wanted.OwnerReferences, func(b metav1.OwnerReference) bool { return a.UID == b.UID })
	}
	if standing.DeletionTimestamp != nil || !slices.ContainsFunc(standing.OwnerReferences, owns) {
		return nil
	}
	lost := map[string]string{}
	for _, label := range []string{LabelApp, LabelCluster, LabelBrokerID} {
		if value, labelled := wanted.Labels[label]; labelled && standing.Labels[label] != value {
			lost[label] = value
		}
	}
	return lost
}

// Pods reads the Pods of one cluster past any cache.
func (c *Client) Pods(ctx context.Context, key messages.ClusterKey) ([]*corev1.Pod, error) {
	if err := c.calls.enter(ctx, key); err != nil {
		return nil, err
	}
	defer c.calls.leave(key)
	list, err := c.core.CoreV1().Pods(key.Namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(ClusterSelector(key.Name)).String()})
	if err != nil {
		return nil, fmt.Errorf("list the Pods of %s: %w", key, err)
	}
	pods := make([]*corev1.Pod, len(list.Items))
	for i := range list.Items {
		pods[i] = &list.Items[i]
	}
	return pods, nil
}
