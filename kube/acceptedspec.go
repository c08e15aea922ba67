package kube

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

const (
	keyAcceptedSpec = "spec.json.gz"
	// maxAcceptedSpec keeps the ConfigMap under what an object may have (1 MiB with its metadata).
	maxAcceptedSpec = 900 << 10
)

// AcceptedSpecName is the name of the ConfigMap with the last spec of a cluster that could work.
func AcceptedSpecName(cluster string) string { return cluster + "-accepted-spec" }

// AcceptedSpecConfigMap records a spec that could work. A daemon that starts while the newest spec cannot still cares for
// the brokers by it. The file is packed: it is for the daemon alone.
func AcceptedSpecConfigMap(cluster *v1beta1.KafkaCluster) (*corev1.ConfigMap, error) {
	text, err := json.Marshal(cluster.Spec)
	if err != nil {
		return nil, fmt.Errorf("pack the accepted spec: %w", err)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(text); err != nil {
		return nil, fmt.Errorf("pack the accepted spec: %w", err)
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("pack the accepted spec: %w", err)
	}
	if packed.Len() > maxAcceptedSpec {
		return nil, fmt.Errorf("the packed spec has %d bytes, more than the %d that are kept", packed.Len(), maxAcceptedSpec)
	}
	return signed(&corev1.ConfigMap{
		TypeMeta: configMapType(),
		ObjectMeta: metav1.ObjectMeta{
			Name:            AcceptedSpecName(cluster.Name),
			Namespace:       cluster.Namespace,
			Labels:          clusterLabels(cluster, ClusterSelector(cluster.Name)),
			OwnerReferences: owners(cluster),
		},
		BinaryData: map[string][]byte{keyAcceptedSpec: packed.Bytes()},
	}), nil
}

// AcceptedSpec reads what AcceptedSpecConfigMap has recorded for the cluster; config may be nil.
func AcceptedSpec(config *corev1.ConfigMap, cluster *v1beta1.KafkaCluster) (*v1beta1.KafkaClusterSpec, error) {
	if config == nil || !Owned(config, cluster) {
		return nil, errors.New("there is no record of an accepted spec")
	}
	reader, err := gzip.NewReader(bytes.NewReader(config.BinaryData[keyAcceptedSpec]))
	if err != nil {
		return nil, fmt.Errorf("read the accepted spec: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(reader, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("read the accepted spec: %w", err)
	}
	spec := &v1beta1.KafkaClusterSpec{}
	if err := json.Unmarshal(text, spec); err != nil {
		return nil, fmt.Errorf("read the accepted spec: %w", err)
	}
	return spec, nil
}
