package simulation

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// kafkaCluster is a custom resource without brokers in the namespace of scenarios; changes fill it.
func kafkaCluster(name string, changes ...func(*v1beta1.KafkaCluster)) *v1beta1.KafkaCluster {
	cluster := &v1beta1.KafkaCluster{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1beta1.GroupVersion().String(), Kind: "KafkaCluster"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1beta1.KafkaClusterSpec{
			KRaft: true, HeadlessServiceEnabled: true,
			ListenersConfig: v1beta1.ListenersConfig{InternalListeners: []v1beta1.InternalListenerConfig{
				{CommonListenerSpec: v1beta1.CommonListenerSpec{
					Name: "internal", Type: v1beta1.SecurityProtocolPlaintext, ContainerPort: 29092, UsedForInnerBrokerCommunication: true,
				}},
				{CommonListenerSpec: v1beta1.CommonListenerSpec{
					Name: "controller", Type: v1beta1.SecurityProtocolPlaintext, ContainerPort: 29093,
				}, UsedForControllerCommunication: true},
			}},
			BrokerConfigGroups: map[string]v1beta1.BrokerConfig{"default": {
				StorageConfigs: []v1beta1.StorageConfig{{MountPath: "/kafka-logs", PvcSpec: claimOf("10Gi")}},
			}},
			RollingUpgradeConfig: v1beta1.RollingUpgradeConfig{FailureThreshold: 1},
			CruiseControlConfig:  v1beta1.CruiseControlConfig{Disabled: true},
		},
	}
	for _, change := range changes {
		change(cluster)
	}
	return cluster
}

func claimOf(size string) *corev1.PersistentVolumeClaimSpec {
	return &corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceStorage: resource.MustParse(size),
		}},
	}
}

// nodes adds n nodes that are broker and controller, with the next free ids.
func nodes(n int) func(*v1beta1.KafkaCluster) {
	return withRoles(n, v1beta1.BrokerRole, v1beta1.ControllerRole)
}

// brokers adds n nodes that are brokers only.
func brokers(n int) func(*v1beta1.KafkaCluster) { return withRoles(n, v1beta1.BrokerRole) }

// controllersOnly adds n nodes that are controllers only.
func controllersOnly(n int) func(*v1beta1.KafkaCluster) { return withRoles(n, v1beta1.ControllerRole) }

func withRoles(n int, roles ...string) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) {
		for range n {
			next := int32(0)
			for _, b := range cluster.Spec.Brokers {
				next = max(next, b.ID+1)
			}
			cluster.Spec.Brokers = append(cluster.Spec.Brokers, v1beta1.Broker{
				ID: next, BrokerConfigGroup: "default", BrokerConfig: &v1beta1.BrokerConfig{ProcessRoles: roles},
			})
		}
	}
}

// withoutBroker takes the entry of a broker away.
func withoutBroker(id int32) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) {
		var rest []v1beta1.Broker
		for _, b := range cluster.Spec.Brokers {
			if b.ID != id {
				rest = append(rest, b)
			}
		}
		cluster.Spec.Brokers = rest
	}
}

// notHeadless gives every broker a Service of its own.
func notHeadless(cluster *v1beta1.KafkaCluster) { cluster.Spec.HeadlessServiceEnabled = false }

// zooKeeper is Kafka 3.x without KRaft.
func zooKeeper(cluster *v1beta1.KafkaCluster) {
	cluster.Spec.KRaft = false
	cluster.Spec.ZKAddresses = []string{"zookeeper:2181"}
	for i := range cluster.Spec.Brokers {
		cluster.Spec.Brokers[i].BrokerConfig = nil
	}
}

// withCruiseControl leaves moving replicas to Cruise Control.
func withCruiseControl(cluster *v1beta1.KafkaCluster) {
	cluster.Spec.CruiseControlConfig.Disabled = false
}

// racks puts brokers into racks by zone.
func racks(cluster *v1beta1.KafkaCluster) {
	cluster.Spec.RackAwareness = &v1beta1.RackAwareness{Labels: []string{corev1.LabelTopologyZone}}
}

// disks gives every node without the controller role n disks; a controller has exactly one.
func disks(n int) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) {
		for i := range cluster.Spec.Brokers {
			config := cluster.Spec.Brokers[i].BrokerConfig
			if config == nil || config.IsController() {
				continue
			}
			for disk := range n {
				config.StorageConfigs = append(config.StorageConfigs, v1beta1.StorageConfig{
					MountPath: "/kafka-logs-" + strconv.Itoa(disk), PvcSpec: claimOf("10Gi"),
				})
			}
		}
	}
}

// retained keeps claims when the cluster is deleted.
func retained(cluster *v1beta1.KafkaCluster) {
	cluster.Spec.PersistentVolumeClaimRetentionPolicy = &v1beta1.PersistentVolumeClaimRetentionPolicy{
		WhenDeleted: v1beta1.RetentionRetain,
	}
}

// annotated sets an annotation.
func annotated(name, value string) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) {
		if cluster.Annotations == nil {
			cluster.Annotations = map[string]string{}
		}
		cluster.Annotations[name] = value
	}
}

// paused stops reconciliation.
func paused(cluster *v1beta1.KafkaCluster) { annotated(kube.AnnotationPause, "true")(cluster) }

// resumed lets reconciliation go on.
func resumed(cluster *v1beta1.KafkaCluster) { delete(cluster.Annotations, kube.AnnotationPause) }

// alerted is how many alerts and impaired brokers close the gates.
func alerted(threshold int) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { c.Spec.RollingUpgradeConfig.FailureThreshold = threshold }
}

// maintained puts nodes into maintenance, and takes all others back.
func maintained(ids ...int32) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) {
		for i := range cluster.Spec.Brokers {
			b := &cluster.Spec.Brokers[i]
			b.Maintenance = false
			for _, id := range ids {
				b.Maintenance = b.Maintenance || b.ID == id
			}
		}
	}
}

// withoutDisk takes the last of two disks out of the spec of all brokers.
func withoutDisk(c *v1beta1.KafkaCluster) {
	for i := range c.Spec.Brokers {
		config := c.Spec.Brokers[i].BrokerConfig
		if config != nil && len(config.StorageConfigs) == 2 {
			config.StorageConfigs = slices.Clone(config.StorageConfigs)[:1]
		}
	}
}

// withDisk puts it back.
func withDisk(c *v1beta1.KafkaCluster) {
	for i := range c.Spec.Brokers {
		config := c.Spec.Brokers[i].BrokerConfig
		if config != nil && len(config.StorageConfigs) == 1 && !config.IsController() {
			config.StorageConfigs = append(slices.Clone(config.StorageConfigs), v1beta1.StorageConfig{MountPath: lastDisk, PvcSpec: claimOf("10Gi")})
		}
	}
}

// lastDisk is where the second disk of disks is mounted.
const lastDisk = "/kafka-logs-1"

// roles gives a node other roles.
func roles(id int32, roles ...string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		for i := range c.Spec.Brokers {
			if c.Spec.Brokers[i].ID == id {
				c.Spec.Brokers[i].BrokerConfig.ProcessRoles = roles
			}
		}
	}
}

// bound gives the moves of replicas another rate.
func bound(rate int64) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { c.Spec.CruiseControlConfig.ReplicationThrottle = &rate }
}

// onEmptyDirs puts the metadata of all controllers, and what else is on their disks, on emptyDirs.
func onEmptyDirs(c *v1beta1.KafkaCluster) {
	for i := range c.Spec.Brokers {
		if config := c.Spec.Brokers[i].BrokerConfig; config != nil && config.IsController() {
			limit := resource.MustParse("10Gi")
			config.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/kafka-logs", EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &limit}}}
		}
	}
}

// kafkaImage is an image with a release of Kafka.
func kafkaImage(version string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { c.Spec.ClusterImage = "registry.example/kafka:" + version }
}

// metadataVersion asks for a finalised level.
func metadataVersion(name string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { c.Spec.MetadataVersion = name }
}

// image sets the image of all brokers.
func image(name string) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) { cluster.Spec.ClusterImage = name }
}

// budgeted lets so many brokers go at once.
func budgeted(budget string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		c.Spec.DisruptionBudget = &v1beta1.DisruptionBudget{Create: true, Budget: budget}
	}
}

// taintedBy has the Pods with a label restarted.
func taintedBy(selector *metav1.LabelSelector) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { c.Spec.TaintedBrokersSelector = selector }
}

// labelled selects by one label.
func labelled(name, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{name: value}}
}
