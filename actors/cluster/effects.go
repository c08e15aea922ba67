package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func realEffects(config Config) effects { return worldEffects{config} }

type worldEffects struct{ Config }

func (e worldEffects) load(ctx context.Context) (*v1beta1.KafkaCluster, error) {
	return e.Reader.Cluster(ctx, e.Key)
}

func (e worldEffects) writeStatus(ctx context.Context, cluster *v1beta1.KafkaCluster) (*v1beta1.KafkaCluster, error) {
	return e.Writer.ApplyStatus(ctx, cluster)
}

// applyObjects writes side by side; the result of a failed write is nil.
func (e worldEffects) applyObjects(ctx context.Context, wanted []kube.Object) ([]kube.Object, error) {
	applied := make([]kube.Object, len(wanted))
	errs := make([]error, len(wanted))
	kit.Together(len(wanted), func(i int) { applied[i], errs[i] = kube.Write(ctx, e.Writer, e.Cache, wanted[i]) })
	return applied, errors.Join(errs...)
}

// release lets the cluster's topics, users and operations go before the cluster itself: they are records of what is in a
// Kafka that ends with it, and nobody would ever release their finalizers later.
func (e worldEffects) release(ctx context.Context, cluster *v1beta1.KafkaCluster) error {
	dependents, err := e.Writer.Dependents(ctx, e.Key)
	if err != nil {
		return fmt.Errorf("list what belongs to the cluster: %w", err)
	}
	for _, object := range dependents {
		err := errors.Join(e.Writer.Delete(ctx, object), e.Writer.ReleaseFinalizers(ctx, object, kube.DependentFinalizers()))
		if err != nil {
			return err
		}
	}
	return e.Writer.ReleaseFinalizers(ctx, cluster, kube.ClusterFinalizers())
}

// cached is the cache's version of one of the cluster's own objects, nil when there is none.
func (a *cluster) cached(wanted kube.Object) kube.Object {
	namespace, name := a.Key.Namespace, wanted.GetName()
	var found kube.Object
	switch wanted.(type) {
	case *corev1.Service:
		found = orNil(a.Cache.Service(namespace, name))
	case *corev1.ConfigMap:
		found = orNil(a.Cache.ConfigMap(namespace, name))
	case *policyv1.PodDisruptionBudget:
		found = orNil(a.Cache.Budget(namespace, name))
	}
	return found
}

// orNil turns a typed nil into none at all.
func orNil[T any, P interface {
	*T
	kube.Object
}](object P) kube.Object {
	if object == nil {
		return nil
	}
	return object
}

func isBudget(object kube.Object) bool {
	_, ok := object.(*policyv1.PodDisruptionBudget)
	return ok
}

func isPaused(cluster *v1beta1.KafkaCluster) bool {
	value, set := cluster.Annotations[kube.AnnotationPause]
	return set && value != "false"
}

func isReady(status v1beta1.KafkaClusterStatus) bool {
	return clusterState(status.Conditions) == v1beta1.ClusterRunning
}

func hasOurFinalizer(cluster *v1beta1.KafkaCluster) bool {
	return slices.ContainsFunc(cluster.Finalizers, func(f string) bool { return slices.Contains(kube.ClusterFinalizers(), f) })
}

func newClusterID() (string, error) { return kafka.NewClusterID(rand.Reader) }

func listenerStatuses(cluster *v1beta1.KafkaCluster) *v1beta1.ListenerStatuses {
	statuses := kafka.ListenerStatuses(cluster, kube.AddressesOf(cluster))
	return &statuses
}
