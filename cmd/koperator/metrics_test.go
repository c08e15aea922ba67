package main

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// refusing is a Writer that does nothing of what is asked; it answers no questions.
type refusing struct{ kube.Writer }

var errRefused = errors.New("refused")

func (refusing) Apply(context.Context, kube.Object) (kube.Object, error)       { return nil, errRefused }
func (refusing) Create(context.Context, kube.Object) (kube.Object, error)      { return nil, errRefused }
func (refusing) Delete(context.Context, kube.Object) error                     { return errRefused }
func (refusing) Evict(context.Context, *corev1.Pod, messages.Budgets) error    { return errRefused }
func (refusing) MayCreate(context.Context, *corev1.Pod) error                  { return errRefused }
func (refusing) MayEvict(context.Context, *corev1.Pod, messages.Budgets) error { return errRefused }

func (refusing) ApplyStatus(context.Context, *v1beta1.KafkaCluster) (*v1beta1.KafkaCluster, error) {
	return nil, errRefused
}

func (refusing) TakeFields(context.Context, kube.Object) error { return errRefused }

func (refusing) Mend(context.Context, *corev1.Service, *corev1.Service) error { return errRefused }

func (refusing) ReleaseFinalizers(context.Context, kube.Object, []string) error { return errRefused }

func (refusing) ReleaseOwners(context.Context, kube.Object) (kube.Object, error) {
	return nil, errRefused
}

func (refusing) Annotate(context.Context, kube.Object, map[string]string) (kube.Object, error) {
	return nil, errRefused
}

func (refusing) Resize(context.Context, *corev1.Pod, string, corev1.ResourceRequirements) (*corev1.Pod, error) {
	return nil, errRefused
}

// The methods come from the interface, so that one that is added there is counted or fails here.
func TestEveryWriteIsCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	writer := reflect.ValueOf(counted(refusing{}, registry))
	writes := reflect.TypeFor[kube.Writer]()
	want := 0.0
	for i := range writes.NumMethod() {
		if slices.Contains([]string{"Dependents", "MayCreate", "MayEvict", "PodLog", "Volume"}, writes.Method(i).Name) { // these change nothing
			continue
		}
		method := writer.MethodByName(writes.Method(i).Name)
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		for j := 1; j < method.Type().NumIn(); j++ {
			args = append(args, reflect.Zero(method.Type().In(j)))
		}
		results := method.Call(args)
		require.Equal(t, errRefused, results[len(results)-1].Interface())
		want++
		require.Equal(t, want, countOf(t, registry), writes.Method(i).Name)
	}
	require.Equal(t, want, countOf(t, registry))
	counted(refusing{}, registry) // the next leadership goes on counting
	require.Equal(t, want, countOf(t, registry))
}

func countOf(t *testing.T, registry *prometheus.Registry) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	sum := 0.0
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			sum += metric.GetCounter().GetValue()
		}
	}
	return sum
}

// making is a Writer that makes what it is asked for.
type making struct{ kube.Writer }

func (making) Create(_ context.Context, wanted kube.Object) (kube.Object, error) { return wanted, nil }

func TestPodsThatAreMadeAreCountedByCluster(t *testing.T) {
	registry := prometheus.NewRegistry()
	pod, config := &corev1.Pod{}, &corev1.ConfigMap{}
	pod.Namespace, pod.Labels = "kafka", map[string]string{kube.LabelCluster: "demo"}
	config.Namespace, config.Labels = pod.Namespace, pod.Labels
	for _, object := range []kube.Object{pod, config, pod} {
		_, err := counted(making{}, registry).Create(t.Context(), object)
		require.NoError(t, err)
	}
	_, err := counted(refusing{}, registry).Create(t.Context(), pod)
	require.ErrorIs(t, err, errRefused)
	require.Equal(t, map[string]float64{"kafka/demo": 2}, valuesOf(t, registry, "koperator_cluster_pods_created_total"))
}

func TestChangesOfKafkaAreCountedAtTheGate(t *testing.T) {
	registry := prometheus.NewRegistry()
	var closed error
	gate := countedGate(func() error { return closed }, registry)
	require.NoError(t, gate())
	require.NoError(t, countedGate(gate, registry)(), "a new leadership counts on")
	closed = errRefused
	require.ErrorIs(t, gate(), errRefused)
	require.Equal(t, map[string]float64{"sent": 3, "kept back": 1}, valuesOf(t, registry, "koperator_kafka_changes_total"))
}

// valuesOf are the values of a counter with one label, by that.
func valuesOf(t *testing.T, registry *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == name {
				values[metric.GetLabel()[0].GetValue()] = metric.GetCounter().GetValue()
			}
		}
	}
	return values
}
