package simulation

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// controllers are those of Kubernetes that the daemon counts on: garbage collection and the protection of claims.
type controllers struct {
	store    *store
	kubelets *kubelets
	kafka    *kafka
}

func startControllers(s *store, l *kubelets, k *kafka) {
	c := &controllers{s, l, k}
	s.observe(func(ch change) {
		switch {
		case ch.after == nil && ch.key.kind == kube.KindCluster:
			uid := ch.before.GetUID()
			time.AfterFunc(300*time.Millisecond, func() { c.collect(uid) })
			time.AfterFunc(time.Minute, func() { c.forget(ch.key) })
		case ch.after == nil && ch.key.kind == kube.KindPod, ch.key.kind == kube.KindClaim:
			time.AfterFunc(200*time.Millisecond, c.releaseClaims)
		case ch.before == nil: // an object of an owner that is gone already
			for _, owner := range ch.after.GetOwnerReferences() {
				time.AfterFunc(time.Minute, func() { c.collectOrphan(ch.key, owner.UID) })
			}
		}
	})
}

// owned lists every object that names the owner.
func (c *controllers) owned(owner types.UID) []kube.Object {
	var found []kube.Object
	for _, kind := range kube.WatchedKinds() {
		for _, object := range c.store.list(kind) {
			for _, reference := range object.GetOwnerReferences() {
				if reference.UID == owner {
					found = append(found, object)
				}
			}
		}
	}
	return found
}

func (c *controllers) collect(owner types.UID) {
	for _, object := range c.owned(owner) {
		_ = c.store.delete(keyOf(object), object.GetUID(), "") // gone meanwhile is as good
	}
}

func (c *controllers) collectOrphan(k key, owner types.UID) {
	if !c.exists(owner) {
		if object := c.store.get(k); object != nil {
			_ = c.store.delete(k, object.GetUID(), "")
		}
	}
}

func (c *controllers) exists(owner types.UID) bool {
	return slices.ContainsFunc(c.store.list(kube.KindCluster), func(o kube.Object) bool { return o.GetUID() == owner })
}

// releaseClaims lets claims go that are deleted and that no Pod with a node uses (pvcprotection, podUsesPVC); their volumes go with them.
func (c *controllers) releaseClaims() {
	used := map[types.UID]bool{}
	for _, object := range c.store.list(kube.KindPod) {
		pod := object.(*corev1.Pod)
		for _, v := range pod.Spec.Volumes {
			if v.PersistentVolumeClaim != nil && pod.Spec.NodeName != "" {
				used[c.kubelets.claimUID(pod.Namespace, v.PersistentVolumeClaim.ClaimName)] = true
			}
		}
	}
	for _, object := range c.store.list(kube.KindClaim) {
		if object.GetDeletionTimestamp() == nil || used[object.GetUID()] || !slices.Contains(object.GetFinalizers(), claimProtection) {
			continue
		}
		c.store.update(keyOf(object), func(o kube.Object) {
			o.SetFinalizers(slices.DeleteFunc(o.GetFinalizers(), func(f string) bool { return f == claimProtection }))
		})
	}
}

// forget ends the model of a Kafka whose disks are all gone.
func (c *controllers) forget(k key) {
	if _, again := c.store.get(k).(*v1beta1.KafkaCluster); again {
		return
	}
	for _, object := range c.store.list(kube.KindClaim) {
		if object.GetNamespace() == k.namespace && object.GetLabels()[kube.LabelCluster] == k.name {
			return
		}
	}
	c.kafka.end(messages.ClusterKey{Namespace: k.namespace, Name: k.name})
}
