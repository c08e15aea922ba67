package simulation

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// koperatorID is the id of clusters that Koperator made.
const koperatorID = "Kop3rat0rMadeThisOne_A"

// madeByKoperator puts a cluster as Koperator leaves it: generated names, static voters, Pods that are never restarted,
// its finalizers, labels, annotations and status. It returns the custom resource.
func (w *World) madeByKoperator(cluster *v1beta1.KafkaCluster) *v1beta1.KafkaCluster {
	cluster.Finalizers = kube.ClusterFinalizers()
	cluster.Status = v1beta1.KafkaClusterStatus{
		State: v1beta1.ClusterRunning, ClusterID: koperatorID, BrokersState: map[string]v1beta1.BrokerState{},
	}
	for i := range cluster.Spec.Brokers {
		backup, err := kube.ConfigurationBackup(cluster.Spec.Brokers[i])
		if err != nil {
			w.t.Fatal(err)
		}
		cluster.Status.BrokersState[fmt.Sprint(cluster.Spec.Brokers[i].ID)] = v1beta1.BrokerState{
			ConfigurationState: v1beta1.ConfigInSync, PerBrokerConfigurationState: v1beta1.PerBrokerConfigInSync,
			GracefulActionState: v1beta1.GracefulActionState{CruiseControlState: v1beta1.GracefulUpscaleSucceeded},
			ConfigurationBackup: backup,
		}
	}
	cluster = w.store.put(cluster).(*v1beta1.KafkaCluster)
	for _, service := range kube.ClusterServices(cluster) {
		w.store.put(unsigned(service))
	}
	w.store.put(unsigned(kube.JMXConfigMap(cluster)))
	for i := range cluster.Spec.Brokers {
		k := koperatorNode{cluster, messages.BrokerID(cluster.Spec.Brokers[i].ID)}
		w.store.put(k.claim())
		w.store.put(k.config())
		w.store.put(k.pod())
	}
	return cluster
}

// unsigned is an object without what this daemon alone writes, with Koperator's record of it.
func unsigned(object kube.Object) kube.Object {
	object.SetAnnotations(map[string]string{kube.AnnotationLastApplied: koperatorsRecord})
	return object
}

// koperatorsRecord stands for what Koperator keeps of an object: base64 of a zip archive.
const koperatorsRecord = "UEsDBBQ="

// koperatorNode is one node as Koperator makes it.
type koperatorNode struct {
	cluster *v1beta1.KafkaCluster
	id      messages.BrokerID
}

// roles are those of a node of the cluster.
func (k koperatorNode) roles(id messages.BrokerID) []string {
	at := slices.IndexFunc(k.cluster.Spec.Brokers, func(b v1beta1.Broker) bool { return messages.BrokerID(b.ID) == id })
	config, err := v1beta1.BrokerConfigOf(&k.cluster.Spec, &k.cluster.Spec.Brokers[at])
	if err != nil {
		panic(err)
	}
	return config.ProcessRoles
}

func (k koperatorNode) has(id messages.BrokerID, role string) bool {
	return slices.Contains(k.roles(id), role)
}

func (k koperatorNode) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: k.cluster.Namespace, Name: name,
		Labels:          map[string]string{"app": "kafka", "kafka_cr": k.cluster.Name, "brokerId": k.id.String()},
		OwnerReferences: []metav1.OwnerReference{kube.OwnerReference(k.cluster)},
	}
}

func (k koperatorNode) claimName() string {
	return fmt.Sprintf("%s-%d-storage-0-x%dz9q", k.cluster.Name, k.id, k.id)
}

func (k koperatorNode) claim() *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: k.meta(k.claimName()), Spec: *claimOf("10Gi")}
	claim.Annotations = map[string]string{"mountPath": "/kafka-logs", kube.AnnotationLastApplied: koperatorsRecord}
	claim.Labels["pvcRoles"] = strings.Join(k.roles(k.id), "_")
	return claim
}

func (k koperatorNode) config() *corev1.ConfigMap {
	var voters []string
	for _, b := range k.cluster.Spec.Brokers {
		if id := messages.BrokerID(b.ID); k.has(id, v1beta1.ControllerRole) {
			host := kube.AddressesOf(k.cluster).Controller(id, k.has(id, v1beta1.BrokerRole))
			voters = append(voters, fmt.Sprintf("%d@%s:29093", b.ID, host))
		}
	}
	meta := k.meta(kube.BrokerConfigName(k.cluster.Name, k.id))
	meta.Annotations = map[string]string{kube.AnnotationLastApplied: koperatorsRecord}
	files := map[string]string{kube.KeyBrokerConfig: fmt.Sprintf(
		"controller.quorum.voters=%s\nlog.dirs=/kafka-logs/kafka\nnode.id=%d\nprocess.roles=%s\n%s",
		strings.Join(voters, ","), k.id, strings.Join(k.roles(k.id), ","), k.cluster.Spec.ReadOnlyConfig)}
	if text := levelsOf(k.cluster, k.id); text != "" {
		files[kube.KeyLog4j] = text
	}
	return &corev1.ConfigMap{ObjectMeta: meta, Data: files}
}

func (k koperatorNode) pod() *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: k.meta(fmt.Sprintf("%s-%d-abcd%d", k.cluster.Name, k.id, k.id))}
	pod.Labels["isBrokerNode"] = fmt.Sprint(k.has(k.id, v1beta1.BrokerRole))
	pod.Labels["isControllerNode"] = fmt.Sprint(k.has(k.id, v1beta1.ControllerRole))
	pod.Annotations = map[string]string{kube.AnnotationLastApplied: koperatorsRecord}
	pod.Spec = corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever,
		Hostname:      fmt.Sprintf("%s-%d", k.cluster.Name, k.id),
		Subdomain:     k.cluster.Name + "-headless",
		Containers: []corev1.Container{{
			Name: kube.KafkaContainer, Image: "ghcr.io/adobe/koperator/kafka:2.13-3.9.1",
			Resources: koperatorsResources(),
			Env:       []corev1.EnvVar{{Name: "CLUSTER_ID", Value: koperatorID}, {Name: "LOG_DIRS", Value: "/kafka-logs/kafka"}},
			VolumeMounts: []corev1.VolumeMount{
				{Name: "broker-config", MountPath: "/config"}, {Name: "kafka-data-0", MountPath: "/kafka-logs"},
			},
		}},
		Volumes: []corev1.Volume{
			{Name: "broker-config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: kube.BrokerConfigName(k.cluster.Name, k.id)},
			}}},
			{Name: "kafka-data-0", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{
				ClaimName: k.claimName(),
			}}},
		},
	}
	if levelsOf(k.cluster, k.id) != "" {
		kafka := &pod.Spec.Containers[0]
		kafka.Env = append(kafka.Env, corev1.EnvVar{Name: log4jOption, Value: "-Dlog4j.configuration=file:/config/log4j.properties"})
	}
	return pod
}

// koperatorsResources are its defaults as an API server writes them.
func koperatorsResources() corev1.ResourceRequirements {
	of := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	}
	return corev1.ResourceRequirements{Requests: of("1", "2Gi"), Limits: of("1500m", "3Gi")}
}
