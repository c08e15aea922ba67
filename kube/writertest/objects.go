package writertest

import (
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// another is the UID of nothing.
const another = "00000000-0000-4000-8000-000000000000"

func (s Server) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.Namespace, Name: name}
}

func (s Server) config(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: s.named(name), Data: data,
	}
}

func (s Server) claim(name string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}, ObjectMeta: s.named(name),
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceStorage: resource.MustParse("10Mi"),
			}},
		},
	}
}

func (s Server) service(name string) *corev1.Service {
	return &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: s.named(name),
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": name},
			Ports: []corev1.ServicePort{{
				Name: "tcp-internal", Protocol: corev1.ProtocolTCP, Port: 29092, TargetPort: intstr.FromInt32(29092),
			}},
		},
	}
}

// pod waits for a node for ever.
func (s Server) pod(name string) *corev1.Pod {
	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: s.named(name),
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{"writertest": "nowhere"},
			Containers:   []corev1.Container{{Name: "none", Image: "none"}},
		},
	}
	pod.Labels = map[string]string{"app": name}
	return pod
}

// running is what a kubelet says of a Pod that is ready: budgets do not protect one that waits.
func running(pod *corev1.Pod) *corev1.Pod {
	return changed(pod, func(p *corev1.Pod) {
		p.Status.Phase = corev1.PodRunning
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	})
}

// budget lets none of the Pods of an app go while there is only one.
func (s Server) budget(name, app string) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		TypeMeta: metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}, ObjectMeta: s.named(name),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable: ptr.To(intstr.FromInt32(1)),
			Selector:     &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}},
		},
	}
}

// cluster is one that a daemon elsewhere looks after, so that none that runs here writes it meanwhile.
func (s Server) cluster(name string) *v1beta1.KafkaCluster {
	cluster := &v1beta1.KafkaCluster{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1beta1.GroupVersion().String(), Kind: "KafkaCluster"},
		ObjectMeta: s.named(name),
		Spec: v1beta1.KafkaClusterSpec{
			KRaft: true, HeadlessServiceEnabled: true,
			ListenersConfig: v1beta1.ListenersConfig{InternalListeners: []v1beta1.InternalListenerConfig{{
				CommonListenerSpec: v1beta1.CommonListenerSpec{
					Name: "internal", Type: v1beta1.SecurityProtocolPlaintext, ContainerPort: 29092, UsedForInnerBrokerCommunication: true,
				},
			}}},
			Brokers: []v1beta1.Broker{},
		},
	}
	cluster.Annotations = map[string]string{kube.AnnotationRemoteOwner: "elsewhere"}
	return cluster
}
