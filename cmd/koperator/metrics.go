package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// counted counts what a Writer does. Registering again under a new leadership finds the counter of the last one.
func counted(writer kube.Writer, registerer prometheus.Registerer) kube.Writer {
	return countedWriter{
		Writer: writer,
		writes: counterIn(registerer, "koperator_kube_writes_total", "Writes to the API server.", "verb", "result"),
		pods: counterIn(registerer, "koperator_cluster_pods_created_total",
			"Pods of brokers and controllers that were made, the first ones and those that replace others.", "cluster"),
	}
}

// countedGate counts the changing requests to Kafka that a gate lets pass.
func countedGate(gate kafka.Gate, registerer prometheus.Registerer) kafka.Gate {
	changes := counterIn(registerer, "koperator_kafka_changes_total", "Requests that change something in Kafka, by result: sent, or kept back "+
		"because the lease is not held.", "result")
	return func() error {
		err := gate()
		result := "sent"
		if err != nil {
			result = "kept back"
		}
		changes.WithLabelValues(result).Inc()
		return err
	}
}

// counterIn is a new counter, or the one of the same name that there is.
func counterIn(registerer prometheus.Registerer, name, help string, labels ...string) *prometheus.CounterVec {
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	if err := registerer.Register(counter); err != nil {
		if known, ok := err.(prometheus.AlreadyRegisteredError); ok { // the library returns it bare
			counter = known.ExistingCollector.(*prometheus.CounterVec)
		}
	}
	return counter
}

type countedWriter struct {
	kube.Writer
	writes, pods *prometheus.CounterVec
}

func (w countedWriter) count(verb string, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	w.writes.WithLabelValues(verb, result).Inc()
}

func (w countedWriter) Apply(ctx context.Context, wanted kube.Object) (kube.Object, error) {
	applied, err := w.Writer.Apply(ctx, wanted)
	w.count("apply", err)
	return applied, err
}

func (w countedWriter) Create(ctx context.Context, wanted kube.Object) (kube.Object, error) {
	applied, err := w.Writer.Create(ctx, wanted)
	w.count("create", err)
	if pod, ok := wanted.(*corev1.Pod); ok && err == nil {
		key := messages.ClusterKey{Namespace: pod.Namespace, Name: pod.Labels[kube.LabelCluster]}
		w.pods.WithLabelValues(key.String()).Inc()
	}
	return applied, err
}

func (w countedWriter) ApplyStatus(ctx context.Context, cluster *v1beta1.KafkaCluster) (*v1beta1.KafkaCluster, error) {
	applied, err := w.Writer.ApplyStatus(ctx, cluster)
	w.count("status", err)
	return applied, err
}

func (w countedWriter) Delete(ctx context.Context, object kube.Object) error {
	err := w.Writer.Delete(ctx, object)
	w.count("delete", err)
	return err
}

func (w countedWriter) Evict(ctx context.Context, pod *corev1.Pod, asked messages.Budgets) error {
	err := w.Writer.Evict(ctx, pod, asked)
	w.count("evict", err)
	return err
}

func (w countedWriter) TakeFields(ctx context.Context, object kube.Object) error {
	err := w.Writer.TakeFields(ctx, object)
	w.count("take fields", err)
	return err
}

func (w countedWriter) Mend(ctx context.Context, standing, wanted *corev1.Service) error {
	err := w.Writer.Mend(ctx, standing, wanted)
	w.count("mend", err)
	return err
}

func (w countedWriter) Resize(
	ctx context.Context, pod *corev1.Pod, container string, resources corev1.ResourceRequirements,
) (*corev1.Pod, error) {
	resized, err := w.Writer.Resize(ctx, pod, container, resources)
	w.count("resize", err)
	return resized, err
}

func (w countedWriter) Annotate(ctx context.Context, object kube.Object, annotations map[string]string) (kube.Object, error) {
	annotated, err := w.Writer.Annotate(ctx, object, annotations)
	w.count("annotate", err)
	return annotated, err
}

func (w countedWriter) ReleaseOwners(ctx context.Context, object kube.Object) (kube.Object, error) {
	free, err := w.Writer.ReleaseOwners(ctx, object)
	w.count("release", err)
	return free, err
}

func (w countedWriter) ReleaseFinalizers(ctx context.Context, object kube.Object, finalizers []string) error {
	err := w.Writer.ReleaseFinalizers(ctx, object, finalizers)
	w.count("release", err)
	return err
}

// stateCollector tells the state of clusters and brokers from the cache at each scrape: what is gone is not told, and
// nothing has to be kept in step.
type stateCollector struct {
	cache        *kube.Cache
	ready, nodes *prometheus.Desc
}

func newStateCollector(cache *kube.Cache) prometheus.Collector {
	return stateCollector{
		cache: cache,
		ready: prometheus.NewDesc("koperator_cluster_ready", "1 while the condition Ready of the cluster is True.",
			[]string{"cluster"}, nil),
		nodes: prometheus.NewDesc("koperator_cluster_nodes", "Brokers and controllers in the spec of the cluster.",
			[]string{"cluster"}, nil),
	}
}

func (s stateCollector) Describe(to chan<- *prometheus.Desc) {
	to <- s.ready
	to <- s.nodes
}

func (s stateCollector) Collect(to chan<- prometheus.Metric) {
	for _, key := range s.cache.Clusters() {
		cluster := s.cache.Cluster(key)
		if cluster == nil { // gone meanwhile
			continue
		}
		ready := 0.0
		if cluster.Status.State == v1beta1.ClusterRunning {
			ready = 1
		}
		to <- prometheus.MustNewConstMetric(s.ready, prometheus.GaugeValue, ready, key.String())
		to <- prometheus.MustNewConstMetric(s.nodes, prometheus.GaugeValue, float64(len(cluster.Spec.Brokers)), key.String())
	}
}
