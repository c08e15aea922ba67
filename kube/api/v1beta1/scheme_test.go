package v1beta1_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	apply "github.com/koperator-go/koperator/kube/apply/v1beta1/api/v1beta1"
)

func TestASchemeKnowsTheKind(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, v1beta1.AddToScheme(scheme))
	require.True(t, scheme.Recognizes(v1beta1.GroupVersion().WithKind(v1beta1.KafkaClusterKind)))
	require.Equal(t, "kafkaclusters.v1beta1.kafka.banzaicloud.io", resourceName())
}

func resourceName() string {
	resource := v1beta1.Resource(v1beta1.KafkaClusterResource)
	return resource.Resource + "." + resource.Version + "." + resource.Group
}

// A status is written by server-side apply. What an apply configuration leaves out, it gives up: it must be able to send
// the required fields also when they are empty.
func TestAnApplyConfigurationSendsRequiredFieldsThatAreEmpty(t *testing.T) {
	status := apply.KafkaClusterStatus().WithState("").WithAlertCount(0).WithConditions(metav1ac.Condition().WithType("Ready"))
	sent, err := json.Marshal(apply.KafkaCluster("kafka", "ns").WithStatus(status))
	require.NoError(t, err)
	require.JSONEq(t, `{"apiVersion":"kafka.banzaicloud.io/v1beta1","kind":"KafkaCluster","metadata":{"name":"kafka","namespace":"ns"},
		"status":{"state":"","alertCount":0,"conditions":[{"type":"Ready"}]}}`, string(sent))
}
