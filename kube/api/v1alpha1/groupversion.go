package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of all our resources.
const GroupName = "kafka.banzaicloud.io"

// Version of the resources in this package.
const Version = "v1alpha1"

// Names by which the API server knows the resources.
const (
	KafkaTopicKind     = "KafkaTopic"
	KafkaTopicResource = "kafkatopics"

	KafkaUserKind     = "KafkaUser"
	KafkaUserResource = "kafkausers"

	CruiseControlOperationKind     = "CruiseControlOperation"
	CruiseControlOperationResource = "cruisecontroloperations"
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
	scheme.AddKnownTypes(GroupVersion(),
		&KafkaTopic{}, &KafkaTopicList{},
		&KafkaUser{}, &KafkaUserList{},
		&CruiseControlOperation{}, &CruiseControlOperationList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion())
	return nil
}

// ClusterReference names a KafkaCluster.
type ClusterReference struct {
	// Name of the KafkaCluster.
	Name string `json:"name"`
	// Its namespace. Default: that of this object.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// GetNamespace returns the namespace of the cluster that an object in the given namespace refers to.
func (r ClusterReference) GetNamespace(own string) string {
	if r.Namespace == "" {
		return own
	}
	return r.Namespace
}
