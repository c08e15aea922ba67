package kube

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

const (
	configDir         = "/config"
	extensionsDir     = "/opt/kafka/libs/extensions"
	exporterDir       = "/opt/jmx-exporter/"
	exporterConfigDir = "/etc/jmx-exporter/"
	waitDir           = "/var/run/wait"
	keystoresDir      = "/var/run/secrets/java.io/keystores"

	configVolume     = "broker-config"
	extensionsVolume = "extensions"
	exporterVolume   = "jmx-jar-data"
	waitVolume       = "exitfile"
	stateVolume      = "start-state"
	clientVolume     = "client-ks-files"
)

// disk is a volume that holds a log dir.
type disk struct {
	name   string
	path   string
	source corev1.VolumeSource
}

// disksOf numbers claims by their names and then emptyDirs by their paths, as Koperator does. A claim whose disk is no
// longer in the spec stays mounted while ClaimNames has it: its data is being moved away.
func disksOf(in PodInput) ([]disk, error) {
	var claims, dirs []disk
	for _, storage := range in.Config.StorageConfigs {
		switch {
		case storage.PvcSpec != nil && in.ClaimNames[storage.MountPath] == "":
			return nil, fmt.Errorf("disk %s of broker %d has no claim yet", storage.MountPath, in.Broker.ID)
		case storage.PvcSpec != nil:
			continue
		case storage.EmptyDir != nil:
			dirs = append(dirs, disk{path: storage.MountPath, source: corev1.VolumeSource{EmptyDir: storage.EmptyDir}})
		case in.ClaimNames[storage.MountPath] == "":
			return nil, fmt.Errorf("disk %s of broker %d has neither pvcSpec nor emptyDir", storage.MountPath, in.Broker.ID)
		}
	}
	for _, path := range sortedKeys(in.ClaimNames) {
		if emptyDirAt(in.Config, path) {
			return nil, fmt.Errorf("disk %s of broker %d is an emptyDir, but claim %s is there for it: give the emptyDir another mountPath",
				path, in.Broker.ID, in.ClaimNames[path])
		}
		claims = append(claims, disk{path: path, source: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: in.ClaimNames[path]},
		}})
	}
	slices.SortFunc(claims, func(a, b disk) int {
		return strings.Compare(a.source.PersistentVolumeClaim.ClaimName, b.source.PersistentVolumeClaim.ClaimName)
	})
	slices.SortFunc(dirs, func(a, b disk) int { return strings.Compare(a.path, b.path) })
	return numbered(append(claims, dirs...)), nil
}

func emptyDirAt(config *v1beta1.BrokerConfig, path string) bool {
	return slices.ContainsFunc(config.StorageConfigs, func(s v1beta1.StorageConfig) bool {
		return s.MountPath == path && s.PvcSpec == nil && s.EmptyDir != nil
	})
}

func numbered(disks []disk) []disk {
	for i := range disks {
		disks[i].name = fmt.Sprint(dataVolume, i)
	}
	return disks
}

// dataVolume is how the names of volumes with log dirs begin.
const dataVolume = "kafka-data-"

// isDataVolume reports whether a log dir's volume could have this name, of this node or once it has more disks.
func isDataVolume(name string) bool {
	number, found := strings.CutPrefix(name, dataVolume)
	_, err := strconv.ParseUint(number, 10, 32)
	return found && err == nil
}

// podVolumes are sorted by name, the user's among ours.
func podVolumes(in PodInput, disks []disk) []corev1.Volume {
	volumes := []corev1.Volume{
		{Name: configVolume, VolumeSource: fromConfigMap(BrokerConfigName(in.Cluster.Name, in.id()))},
		{Name: JMXConfigName(in.Cluster.Name), VolumeSource: fromConfigMap(JMXConfigName(in.Cluster.Name))},
		{Name: extensionsVolume, VolumeSource: emptyDir()},
		{Name: exporterVolume, VolumeSource: emptyDir()},
		{Name: waitVolume, VolumeSource: emptyDir()},
		{Name: stateVolume, VolumeSource: emptyDir()},
	}
	for _, d := range disks {
		volumes = append(volumes, corev1.Volume{Name: d.name, VolumeSource: d.source})
	}
	for _, s := range keystores(in.spec()) {
		volumes = append(volumes, corev1.Volume{Name: s.volume, VolumeSource: fromSecret(s.secret)})
	}
	volumes = unique(append(volumes, in.Config.Volumes...), func(v corev1.Volume) string { return v.Name })
	slices.SortStableFunc(volumes, func(a, b corev1.Volume) int { return strings.Compare(a.Name, b.Name) })
	return volumes
}

// kafkaMounts are sorted by name, the user's among ours; a path can be mounted once.
func kafkaMounts(in PodInput, disks []disk) []corev1.VolumeMount {
	mounts := []corev1.VolumeMount{
		{Name: configVolume, MountPath: configDir},
		{Name: JMXConfigName(in.Cluster.Name), MountPath: exporterConfigDir},
		{Name: extensionsVolume, MountPath: extensionsDir},
		{Name: exporterVolume, MountPath: exporterDir},
		{Name: waitVolume, MountPath: waitDir},
		{Name: stateVolume, MountPath: startState},
	}
	for _, d := range disks {
		mounts = append(mounts, corev1.VolumeMount{Name: d.name, MountPath: d.path})
	}
	for _, s := range keystores(in.spec()) {
		mounts = append(mounts, corev1.VolumeMount{Name: s.volume, MountPath: s.path})
	}
	mounts = unique(append(mounts, in.Config.VolumeMounts...), func(m corev1.VolumeMount) string { return m.MountPath })
	slices.SortStableFunc(mounts, func(a, b corev1.VolumeMount) int { return strings.Compare(a.Name, b.Name) })
	return mounts
}

type keystore struct{ volume, secret, path string }

// keystores are mounted only where the user names a Secret: a Pod that mounts one which is not there never starts.
func keystores(spec *v1beta1.KafkaClusterSpec) []keystore {
	var list []keystore
	if secret := spec.ClientSSLCertSecret; secret != nil && secret.Name != "" {
		list = append(list, keystore{clientVolume, secret.Name, keystoresDir + "/client"})
	}
	for _, listener := range listenersOf(spec) {
		if secret := listener.GetServerSSLCertSecretName(); secret != "" && listener.Type == v1beta1.SecurityProtocolSSL {
			list = append(list, keystore{keystoreVolume(listener.Name), secret, keystoresDir + "/server/" + listener.Name})
		}
	}
	return list
}

func keystoreVolume(listener string) string { return "listener-" + listener + "-certs" }

// isKeystoreVolume reports whether the keystore of a listener could have this volume.
func isKeystoreVolume(name string) bool {
	return strings.HasPrefix(name, "listener-") && strings.HasSuffix(name, "-certs")
}

// emptyDir lies on the node's disk, where it outlives the container.
func emptyDir() corev1.VolumeSource {
	return corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
}

func fromConfigMap(name string) corev1.VolumeSource {
	return corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: name}, DefaultMode: ptr.To(int32(0o644)),
	}}
}

func fromSecret(name string) corev1.VolumeSource {
	return corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name, DefaultMode: ptr.To(int32(0o644))}}
}
