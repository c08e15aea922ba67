package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of all our resources. It is Koperator's, since the manifests are.
const GroupName = "kafka.banzaicloud.io"

// Version of the KafkaCluster resource.
const Version = "v1beta1"

// Names by which the API server knows a KafkaCluster.
const (
	KafkaClusterKind     = "KafkaCluster"
	KafkaClusterResource = "kafkaclusters"
)

// SchemeGroupVersion is what GroupVersion returns. The generated apply configurations look for a variable of this name;
// nothing ever writes it.
var SchemeGroupVersion = GroupVersion()

// GroupVersion returns the group and version of this package's resources.
func GroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: GroupName, Version: Version}
}

// Resource returns the group and version with the name of a resource, as REST paths and informers need it.
func Resource(resource string) schema.GroupVersionResource {
	return GroupVersion().WithResource(resource)
}

// AddToScheme lets a scheme encode and decode this package's kinds.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion(), &KafkaCluster{}, &KafkaClusterList{})
	metav1.AddToGroupVersion(scheme, GroupVersion())
	return nil
}
