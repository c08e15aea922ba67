package v1alpha1_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1alpha1"
)

func TestAUserThatSaysNothingHasKoperatorsDefaults(t *testing.T) {
	spec := v1alpha1.KafkaUserSpec{}
	require.True(t, spec.GetCreateCert())
	require.Equal(t, int32(7_776_000), spec.GetExpirationSeconds())
	require.Equal(t, v1alpha1.AuthenticationTLS, spec.GetAuthentication())
	require.Equal(t, v1alpha1.PatternLiteral, v1alpha1.UserTopicGrant{}.GetPatternType())
	require.Equal(t, v1alpha1.PatternLiteral, v1alpha1.UserGroupGrant{}.GetPatternType())
	require.Equal(t, v1alpha1.PatternLiteral, v1alpha1.UserTransactionalIDGrant{}.GetPatternType())
}

func TestWhatAUserSaysWinsOverTheDefaults(t *testing.T) {
	no, hour := false, int32(3600)
	spec := v1alpha1.KafkaUserSpec{CreateCert: &no, ExpirationSeconds: &hour, Authentication: v1alpha1.AuthenticationSCRAMSHA512}
	require.False(t, spec.GetCreateCert())
	require.Equal(t, int32(3600), spec.GetExpirationSeconds())
	require.Equal(t, v1alpha1.AuthenticationSCRAMSHA512, spec.GetAuthentication())
	require.Equal(t, v1alpha1.PatternPrefixed, v1alpha1.UserTopicGrant{PatternType: v1alpha1.PatternPrefixed}.GetPatternType())
}

func TestAClusterReferenceWithoutANamespaceMeansTheObjectsOwn(t *testing.T) {
	require.Equal(t, "mine", v1alpha1.ClusterReference{Name: "kafka"}.GetNamespace("mine"))
	require.Equal(t, "theirs", v1alpha1.ClusterReference{Name: "kafka", Namespace: "theirs"}.GetNamespace("mine"))
}

func TestAnOperationIsRetriedUnlessItSaysOtherwise(t *testing.T) {
	require.Equal(t, v1alpha1.ErrorPolicyRetry, (&v1alpha1.CruiseControlOperationSpec{}).GetErrorPolicy())
	require.Equal(t, v1alpha1.ErrorPolicyIgnore,
		(&v1alpha1.CruiseControlOperationSpec{ErrorPolicy: v1alpha1.ErrorPolicyIgnore}).GetErrorPolicy())
}
