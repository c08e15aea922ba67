package kube

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// Keys of a broker's ConfigMap, which are also the names of the files below /config.
const (
	KeyBrokerConfig = "broker-config"
	// KeyUserConfig is what of the file people had written when the broker was started: from it and what they write today
	// follows what changes.
	KeyUserConfig = "user-config"
	// KeyStartedConfig is the file that the broker was started with, where it was changed while the broker ran.
	KeyStartedConfig = "started-config"
	// KeyMetadataVersion is the release whose metadata.version a first voter formats with; it is gone once the quorum is there.
	KeyMetadataVersion = "metadata-version"
	// KeyLog4j is the file of the loggers, where people have written one.
	KeyLog4j    = "log4j.properties"
	keyJMXRules = "config.yaml"
)

// ConfigInput is what a broker's ConfigMap is made of.
type ConfigInput struct {
	Cluster *v1beta1.KafkaCluster // read only
	Broker  v1beta1.Broker
	Config  *v1beta1.BrokerConfig // group and broker merged
	// Properties is the whole rendered file, with the lines that depend on the node.
	Properties string
	// UserProperties is what of it people wrote.
	UserProperties string
	// UserInputsHash and RenderedHash are those of the Pod that reads the file: they record what it was made for, also
	// while there is no Pod.
	UserInputsHash, RenderedHash string
}

// BrokerConfigMap holds the files of one node. Its backup of the broker's entry in the spec rebuilds a broker that is
// lost while it leaves the cluster.
func BrokerConfigMap(in ConfigInput) (*corev1.ConfigMap, error) {
	backup, err := ConfigurationBackup(in.Broker)
	if err != nil {
		return nil, err
	}
	id, files := messages.BrokerID(in.Broker.ID), configFiles(in)
	return &corev1.ConfigMap{
		TypeMeta: configMapType(),
		ObjectMeta: metav1.ObjectMeta{
			Name:            BrokerConfigName(in.Cluster.Name, id),
			Namespace:       in.Cluster.Namespace,
			Labels:          clusterLabels(in.Cluster, brokerSelector(in.Cluster.Name, id)),
			Annotations:     configAnnotations(in, backup),
			OwnerReferences: owners(in.Cluster),
		},
		Data: files,
	}, nil
}

func configAnnotations(in ConfigInput, backup string) map[string]string {
	annotations := map[string]string{AnnotationConfigurationBackup: backup}
	if in.UserInputsHash != "" {
		annotations[AnnotationUserInputsHash] = in.UserInputsHash
	}
	if in.RenderedHash != "" {
		annotations[AnnotationRenderedHash] = in.RenderedHash
	}
	return annotations
}

func configFiles(in ConfigInput) map[string]string {
	files := map[string]string{KeyBrokerConfig: in.Properties, KeyUserConfig: in.UserProperties}
	if in.Config.Log4jConfig != "" {
		files[KeyLog4j] = in.Config.Log4jConfig
	}
	return files
}

// JMXConfigMap holds the rules by which the brokers' JMX exporter names metrics.
func JMXConfigMap(cluster *v1beta1.KafkaCluster) *corev1.ConfigMap {
	return signed(&corev1.ConfigMap{
		TypeMeta: configMapType(),
		ObjectMeta: metav1.ObjectMeta{
			Name:            JMXConfigName(cluster.Name),
			Namespace:       cluster.Namespace,
			Labels:          clusterLabels(cluster, map[string]string{LabelApp: AppKafkaJMX, LabelCluster: cluster.Name}),
			OwnerReferences: owners(cluster),
		},
		Data: map[string]string{keyJMXRules: jmxRules(cluster)},
	})
}

func jmxRules(cluster *v1beta1.KafkaCluster) string {
	if m := cluster.Spec.MonitoringConfig; m != nil && m.KafkaJMXExporterConfig != "" {
		return m.KafkaJMXExporterConfig
	}
	return defaultJMXRules
}

func configMapType() metav1.TypeMeta { return metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"} }

// ConfigurationBackup is a broker's entry of the spec as base64(gzip(JSON)), the form that Koperator has in status.
func ConfigurationBackup(broker v1beta1.Broker) (string, error) {
	text, err := json.Marshal(broker)
	if err != nil {
		return "", fmt.Errorf("backup of broker %d: %w", broker.ID, err)
	}
	if len(text) <= maxStored {
		return base64.StdEncoding.EncodeToString(stored(text)), nil
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(text); err != nil {
		return "", fmt.Errorf("backup of broker %d: %w", broker.ID, err)
	}
	if err := writer.Close(); err != nil {
		return "", fmt.Errorf("backup of broker %d: %w", broker.ID, err)
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}

// maxStored is up to where compressing is not worth it: a compressor takes 0.8 MB of memory, which a thousand brokers
// that start together would take at the same time.
const maxStored = 4 << 10

// stored is text as a gzip file that does not compress (RFC 1952; one stored block of RFC 1951, section 3.2.4).
func stored(text []byte) []byte {
	const deflate, unknownSystem, lastBlockStored = 8, 255, 1
	file := []byte{0x1f, 0x8b, deflate, 0, 0, 0, 0, 0, 0, unknownSystem, lastBlockStored}
	file = binary.LittleEndian.AppendUint16(file, uint16(len(text)))
	file = binary.LittleEndian.AppendUint16(file, ^uint16(len(text)))
	file = append(file, text...)
	file = binary.LittleEndian.AppendUint32(file, crc32.ChecksumIEEE(text))
	return binary.LittleEndian.AppendUint32(file, uint32(len(text)))
}

// maxBackup bounds what a backup may unpack to; an entry of the spec cannot be larger than its object.
const maxBackup = 2 << 20

// BrokerFromBackup reads a backup, ours or Koperator's.
func BrokerFromBackup(backup string) (v1beta1.Broker, error) {
	var broker v1beta1.Broker
	packed, err := base64.StdEncoding.DecodeString(backup)
	if err != nil {
		return broker, fmt.Errorf("configuration backup: %w", err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return broker, fmt.Errorf("configuration backup: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(reader, maxBackup))
	if err != nil {
		return broker, fmt.Errorf("configuration backup: %w", err)
	}
	if err := json.Unmarshal(text, &broker); err != nil {
		return broker, fmt.Errorf("configuration backup: %w", err)
	}
	return broker, nil
}
