package load

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
	applypolicy "k8s.io/client-go/applyconfigurations/policy/v1"
	"k8s.io/client-go/kubernetes"
)

// The resources that a daemon writes for a headless cluster.
const (
	pods     = "pods"
	claims   = "persistentvolumeclaims"
	configs  = "configmaps"
	services = "services"
	budgets  = "poddisruptionbudgets"
)

const (
	// clusterLabel is by what the daemon finds its objects; on the floor's objects it has another name, so that the
	// daemon does not see them.
	clusterLabel = "kafka_cr"
	floorLabel   = "floor_cr"
	brokerLabel  = "brokerId"
	// daemonManager is the field manager whose fields are copied.
	daemonManager = "koperator"
	// Parallel is how many requests the bare client has under way at once, as many as the daemon.
	Parallel = 32
)

// Floor is what the daemon wrote for one cluster, ready to be written again elsewhere.
type Floor struct {
	objects []object
	// Pods is how many of them are Pods.
	Pods int
}

// part is an object of the floor and where it stands in the order: a node's claim, ConfigMap and Pod come together.
type part struct {
	object
	broker string
	rank   int
}

// FloorOf reads from one namespace what the daemon set there, no more, for writing into another.
func FloorOf(ctx context.Context, core kubernetes.Interface, from, to string) (Floor, error) {
	var parts []part
	for rank, read := range []func(context.Context, kubernetes.Interface, string, string) ([]part, error){
		floorServices, floorBudgets, floorClaims, floorConfigs, floorPods,
	} {
		read, err := read(ctx, core, from, to)
		if err != nil {
			return Floor{}, fmt.Errorf("read what the daemon wrote: %w", err)
		}
		for _, p := range read {
			p.rank = rank
			parts = append(parts, p)
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.broker, b.broker), cmp.Compare(a.rank, b.rank))
	})
	floor := Floor{}
	for _, p := range parts {
		floor.objects = append(floor.objects, p.object)
		if p.resource == pods {
			floor.Pods++
		}
	}
	return floor, nil
}

// Objects is how many objects the floor has.
func (f Floor) Objects() int { return len(f.objects) }

// Write makes the floor's objects and says how long that took.
func (f Floor) Write(ctx context.Context, core kubernetes.Interface) (time.Duration, error) {
	began := time.Now()
	err := write(ctx, core, f.objects, Parallel)
	return time.Since(began), err
}

func selected() metav1.ListOptions { return metav1.ListOptions{LabelSelector: clusterLabel} }

// moved renames the cluster's label and makes a part of what is left.
func moved(resource, to string, meta *applymeta.ObjectMetaApplyConfiguration, wanted any) (part, error) {
	if value, found := meta.Labels[clusterLabel]; found {
		delete(meta.Labels, clusterLabel)
		meta.Labels[floorLabel] = value
	}
	meta.Namespace = &to
	o, err := newObject(resource, to, *meta.Name, wanted)
	return part{object: o, broker: meta.Labels[brokerLabel]}, err
}

func floorPods(ctx context.Context, core kubernetes.Interface, from, to string) ([]part, error) {
	list, err := core.CoreV1().Pods(from).List(ctx, selected())
	if err != nil {
		return nil, err
	}
	return eachItem(list.Items, func(pod *corev1.Pod) (part, error) {
		wanted, err := applycore.ExtractPod(asApplied(pod), daemonManager)
		if err != nil {
			return part{}, err
		}
		p, err := moved(pods, to, wanted.ObjectMetaApplyConfiguration, wanted)
		p.posted = true
		return p, err
	})
}

// asApplied is a Pod whose fields that the daemon posted seem to have been applied: client-go extracts no others.
func asApplied(pod *corev1.Pod) *corev1.Pod {
	pod = pod.DeepCopy()
	for i := range pod.ManagedFields {
		if m := &pod.ManagedFields[i]; m.Manager == daemonManager && m.Subresource == "" {
			m.Operation = metav1.ManagedFieldsOperationApply
		}
	}
	return pod
}

func floorClaims(ctx context.Context, core kubernetes.Interface, from, to string) ([]part, error) {
	list, err := core.CoreV1().PersistentVolumeClaims(from).List(ctx, selected())
	if err != nil {
		return nil, err
	}
	return eachItem(list.Items, func(claim *corev1.PersistentVolumeClaim) (part, error) {
		wanted, err := applycore.ExtractPersistentVolumeClaim(claim, daemonManager)
		if err != nil {
			return part{}, err
		}
		return moved(claims, to, wanted.ObjectMetaApplyConfiguration, wanted)
	})
}

func floorConfigs(ctx context.Context, core kubernetes.Interface, from, to string) ([]part, error) {
	list, err := core.CoreV1().ConfigMaps(from).List(ctx, selected())
	if err != nil {
		return nil, err
	}
	return eachItem(list.Items, func(config *corev1.ConfigMap) (part, error) {
		wanted, err := applycore.ExtractConfigMap(config, daemonManager)
		if err != nil {
			return part{}, err
		}
		return moved(configs, to, wanted.ObjectMetaApplyConfiguration, wanted)
	})
}

func floorServices(ctx context.Context, core kubernetes.Interface, from, to string) ([]part, error) {
	list, err := core.CoreV1().Services(from).List(ctx, selected())
	if err != nil {
		return nil, err
	}
	return eachItem(list.Items, func(service *corev1.Service) (part, error) {
		wanted, err := applycore.ExtractService(service, daemonManager)
		if err != nil {
			return part{}, err
		}
		return moved(services, to, wanted.ObjectMetaApplyConfiguration, wanted)
	})
}

func floorBudgets(ctx context.Context, core kubernetes.Interface, from, to string) ([]part, error) {
	list, err := core.PolicyV1().PodDisruptionBudgets(from).List(ctx, selected())
	if err != nil {
		return nil, err
	}
	return eachItem(list.Items, func(budget *policyv1.PodDisruptionBudget) (part, error) {
		wanted, err := applypolicy.ExtractPodDisruptionBudget(budget, daemonManager)
		if err != nil {
			return part{}, err
		}
		return moved(budgets, to, wanted.ObjectMetaApplyConfiguration, wanted)
	})
}
