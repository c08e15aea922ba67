package kube

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// PodInput is everything that a node's Pod is made of.
type PodInput struct {
	Cluster   *v1beta1.KafkaCluster // read only
	Broker    v1beta1.Broker
	Config    *v1beta1.BrokerConfig // group and broker merged, without defaults
	Addresses messages.Addresses
	ClusterID string // empty in ZooKeeper mode
	// Quorum lists the first voters only until the cluster has formed; a controller that gets a new disk later must
	// not write a voter set of its own.
	Quorum messages.Quorum
	// ClaimNames are the claims to mount by mount path: those of the disks in Config, and those that still drain.
	ClaimNames map[string]string
	// FormatDirs are the mount paths whose log dir has an open right to be formatted: of claims, the annotation; an
	// emptyDir is new with each Pod.
	FormatDirs []string
	// Properties is the rendered broker-config, without lines that depend on the node (rack, NodePort address).
	Properties string
	// UserProperties are the lines of it that the user wrote, in a fixed order.
	UserProperties string
	// UserInputsHash and RenderedHash are those of the Pod where they are known, empty where they are to be worked out.
	UserInputsHash, RenderedHash string
}

func (in PodInput) id() messages.BrokerID { return messages.BrokerID(in.Broker.ID) }

func (in PodInput) spec() *v1beta1.KafkaClusterSpec { return &in.Cluster.Spec }

// BrokerPod is the Pod of one node, broker or controller.
func BrokerPod(in PodInput) (*corev1.Pod, error) {
	disks, err := disksOf(in)
	if err != nil {
		return nil, err
	}
	if in.spec().KRaft && len(in.Config.ProcessRoles) == 0 {
		return nil, fmt.Errorf("node %d has no processRoles: name broker, controller or both", in.Broker.ID)
	}
	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name:            PodName(in.Cluster.Name, in.id()),
			Namespace:       in.Cluster.Namespace,
			Labels:          podLabels(in),
			Annotations:     maps.Clone(in.Config.BrokerAnnotations),
			OwnerReferences: owners(in.Cluster),
		},
		Spec: corev1.PodSpec{
			Hostname:                      podHostname(in),
			Subdomain:                     podSubdomain(in),
			InitContainers:                initContainers(in),
			Containers:                    containers(in, disks),
			Volumes:                       podVolumes(in, disks),
			Affinity:                      podAffinity(in),
			NodeSelector:                  in.Config.NodeSelector,
			Tolerations:                   in.Config.Tolerations,
			PriorityClassName:             in.Config.PriorityClassName,
			ServiceAccountName:            in.Config.GetServiceAccountName(),
			ImagePullSecrets:              in.Config.ImagePullSecrets,
			SecurityContext:               podSecurityContext(in.Config),
			TerminationGracePeriodSeconds: ptr.To(in.Config.GetTerminationGracePeriodSeconds()),
			// The kubelet restarts a crashed broker with its own backoff and keeps the log, without any daemon.
			RestartPolicy: corev1.RestartPolicyAlways,
			// Kafka asks the API server for nothing, and variables for each Service of the namespace only slow Java down.
			AutomountServiceAccountToken: ptr.To(false),
			EnableServiceLinks:           ptr.To(false),
		},
	}
	return withHashes(pod, in), nil
}

func withHashes(pod *corev1.Pod, in PodInput) *corev1.Pod {
	userInputs, rendered := in.UserInputsHash, in.RenderedHash
	if rendered == "" {
		userInputs, rendered = UserInputsHash(in), RenderedHash(pod, in)
	}
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	pod.Annotations[AnnotationUserInputsHash] = userInputs
	pod.Annotations[AnnotationRenderedHash] = rendered
	return pod
}

// podLabels: what the operator finds the Pod by wins over brokerLabels, those over the labels of the custom resource.
func podLabels(in PodInput) map[string]string {
	managed := maps.Clone(in.Config.BrokerLabels)
	if managed == nil {
		managed = map[string]string{}
	}
	maps.Copy(managed, brokerSelector(in.Cluster.Name, in.id()))
	maps.Copy(managed, roleLabels(in.spec().KRaft, in.Config))
	return clusterLabels(in.Cluster, managed)
}

func podHostname(in PodInput) string {
	if !in.Addresses.Headless {
		return ""
	}
	return in.Addresses.PodHostname(in.id())
}

// podSubdomain is the Service under which the node's own name is found. There can be only one (pod.spec.subdomain), so
// a combined node has that of the brokers: clients need it, and Addresses.Controller knows.
func podSubdomain(in PodInput) string {
	switch {
	case !in.Addresses.Headless:
		return ""
	case controllerOnly(in):
		return in.Addresses.ControllerService()
	default:
		return in.Addresses.HeadlessService()
	}
}

func controllerOnly(in PodInput) bool { return in.spec().KRaft && in.Config.IsControllerOnly() }

// podAffinity keeps brokers of one cluster on different nodes, unless the user says something else.
func podAffinity(in PodInput) *corev1.Affinity {
	if in.Config.Affinity != nil {
		return in.Config.Affinity
	}
	apart := corev1.PodAffinityTerm{
		LabelSelector: &metav1.LabelSelector{MatchLabels: ClusterSelector(in.Cluster.Name)},
		TopologyKey:   corev1.LabelHostname,
	}
	if in.spec().OneBrokerPerNode {
		return &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{apart},
		}}
	}
	return &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
		PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{Weight: 100, PodAffinityTerm: apart}},
	}}
}
