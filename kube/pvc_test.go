package kube

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func claimInput(cluster *v1beta1.KafkaCluster, storage v1beta1.StorageConfig) ClaimInput {
	return ClaimInput{
		Cluster: cluster, Broker: 2, Config: &v1beta1.BrokerConfig{ProcessRoles: []string{"controller", "broker", "broker"}},
		Storage: storage, Format: FormatState{Allowed: true, ClusterID: "Qk1hb2tqT3ZBUVlYbEE9PQ"},
	}
}

func retain(c *v1beta1.KafkaCluster) {
	c.Spec.PersistentVolumeClaimRetentionPolicy = &v1beta1.PersistentVolumeClaimRetentionPolicy{WhenDeleted: v1beta1.RetentionRetain}
}

func TestClaimGolden(t *testing.T) {
	storage := v1beta1.StorageConfig{MountPath: "/kafka-logs", PvcSpec: claimSpec("10Gi")}
	golden := func(name string, in ClaimInput) {
		t.Run(name, func(t *testing.T) {
			claim, err := Claim(in)
			require.NoError(t, err)
			wantGolden(t, "claim-"+name, claim)
		})
	}
	golden("new", claimInput(demo(), storage))
	golden("zookeeper", func() ClaimInput {
		in := claimInput(demo(zooKeeper), storage)
		in.Format = FormatState{}
		return in
	}())
	golden("retained", claimInput(demo(retain), storage))
	golden("of-koperator", func() ClaimInput {
		in := claimInput(demo(extras), storage)
		in.Name, in.Format = "demo-2-storage-0-x7k2p", FormatState{Formatted: true, ClusterID: "Qk1hb2tqT3ZBUVlYbEE9PQ"}
		return in
	}())
	template := storage.DeepCopy()
	template.PvcSpec.StorageClassName = ptr.To(`{{ if eq .BrokerId 2 }}fast{{ else }}slow{{ end }}-{{ .MountPath | base }}`)
	template.PvcSpec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"disk": `broker-{{ add .BrokerId 1 }}`}}
	golden("template", claimInput(demo(), *template))
}

func TestClaimFor(t *testing.T) {
	claim := func(name, id, path string) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{LabelBrokerID: id}, Annotations: map[string]string{AnnotationMountPath: path},
		}}
	}
	going := claim("going", "1", "/a")
	going.DeletionTimestamp = ptr.To(metav1.Now())
	tests := map[string]struct {
		claims     []*corev1.PersistentVolumeClaim
		want, fail string
	}{
		"the one whose label and annotation agree": {
			claims: []*corev1.PersistentVolumeClaim{claim("other", "1", "/b"), claim("mine", "1", "/a")}, want: "mine",
		},
		"none that is there":          {claims: []*corev1.PersistentVolumeClaim{claim("other", "1", "/b")}},
		"none that is being deleted":  {claims: []*corev1.PersistentVolumeClaim{going}},
		"not that of another broker":  {claims: []*corev1.PersistentVolumeClaim{claim("a", "7", "/a")}, fail: "claim a is for /a of broker 7, not 1"},
		"not one of two for one path": {claims: []*corev1.PersistentVolumeClaim{claim("a", "1", "/a"), claim("b", "1", "/a")}, fail: "claims a and b are both"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found, err := ClaimFor(test.claims, 1, "/a")
			if test.fail != "" {
				require.ErrorContains(t, err, test.fail)
				return
			}
			require.NoError(t, err)
			if test.want == "" {
				require.Nil(t, found)
				return
			}
			require.Equal(t, test.want, found.Name)
		})
	}
}

func TestFormatState(t *testing.T) {
	for _, state := range []FormatState{{}, {Allowed: true, ClusterID: "x"}, {Formatted: true, ClusterID: "x"}, {Formatted: true}} {
		require.Equal(t, state, FormatStateOf(map[string]string{AnnotationFormat: state.String()}))
	}
	require.False(t, FormatStateOf(map[string]string{AnnotationFormat: "true"}).Allowed, "nobody of us wrote that")
	require.False(t, FormatStateOf(nil).Allowed)
}

func TestRefused(t *testing.T) {
	claim := func(change func(*corev1.PersistentVolumeClaimSpec)) *corev1.PersistentVolumeClaim {
		claim := &corev1.PersistentVolumeClaim{Spec: *claimSpec("10Gi")}
		change(&claim.Spec)
		return claim
	}
	observed := claim(func(s *corev1.PersistentVolumeClaimSpec) {
		s.StorageClassName, s.VolumeName = ptr.To("standard"), "pv-1"
		s.VolumeMode = ptr.To(corev1.PersistentVolumeFilesystem)
	})
	tests := map[string]struct {
		wanted *corev1.PersistentVolumeClaim
		fields []string
	}{
		"nothing changed":                  {wanted: claim(func(*corev1.PersistentVolumeClaimSpec) {})},
		"a size that grows":                {wanted: &corev1.PersistentVolumeClaim{Spec: *claimSpec("20Gi")}},
		"a size that shrinks":              {wanted: &corev1.PersistentVolumeClaim{Spec: *claimSpec("5Gi")}, fields: []string{"spec.resources.requests.storage"}},
		"the mode that Kubernetes assumes": {wanted: claim(func(s *corev1.PersistentVolumeClaimSpec) { s.VolumeMode = ptr.To(corev1.PersistentVolumeFilesystem) })},
		"class, access modes and mode": {wanted: claim(func(s *corev1.PersistentVolumeClaimSpec) {
			s.StorageClassName, s.VolumeMode = ptr.To("fast"), ptr.To(corev1.PersistentVolumeBlock)
			s.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
		}), fields: []string{"spec.storageClassName", "spec.accessModes", "spec.volumeMode"}},
		"selector, volume and source": {wanted: claim(func(s *corev1.PersistentVolumeClaimSpec) {
			s.Selector, s.VolumeName = &metav1.LabelSelector{}, "pv-2"
			s.DataSource = &corev1.TypedLocalObjectReference{Kind: "VolumeSnapshot", Name: "x"}
		}), fields: []string{"spec.volumeName", "spec.selector", "spec.dataSource"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var fields []string
			for _, problem := range Refused(observed, test.wanted) {
				fields = append(fields, problem.Field)
				require.Contains(t, problem.Message, "another mountPath", "the way out")
			}
			require.Equal(t, test.fields, fields)
			require.Empty(t, Refused(observed, WithoutRefused(observed, test.wanted)))
		})
	}
	t.Run("a long value keeps the way out in sight", func(t *testing.T) {
		observed := &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To(strings.Repeat("a", 250))}}
		wanted := &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To(strings.Repeat("b", 250))}}
		problems := Refused(observed, wanted)
		require.Len(t, problems, 1)
		require.Less(t, len(problems[0].Message), 400)
		require.Contains(t, problems[0].Message, "and should be bbb")
		require.True(t, strings.HasSuffix(problems[0].Message, "when the data has moved (a controller is replaced by one with a new id)"))
	})
	t.Run("other kinds, or two of them, say nothing", func(t *testing.T) {
		require.Empty(t, Refused(JMXConfigMap(demo()), JMXConfigMap(demo())))
		require.Empty(t, Refused(JMXConfigMap(demo()), AllBrokerService(demo())))
	})
}
