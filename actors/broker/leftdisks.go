package broker

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// keepLeftDisks adds the disks that left the spec after Kafka ran on them. They come last in log.dirs, as if they had been written
// there: to the Pod and its hashes a disk that is to go looks as it did before.
func (w *blueprint) keepLeftDisks() {
	for _, mountPath := range slices.Sorted(maps.Keys(w.Formatted)) {
		inSpec := slices.ContainsFunc(w.config.StorageConfigs, func(s v1beta1.StorageConfig) bool { return s.MountPath == mountPath })
		if inSpec || w.Formatted[mountPath] == "" { // an emptyDir was gone with its Pod
			continue
		}
		w.draining = append(w.draining, mountPath)
	}
	for _, mountPath := range w.draining {
		w.config.StorageConfigs = append(w.config.StorageConfigs, v1beta1.StorageConfig{
			MountPath: mountPath, PvcSpec: &corev1.PersistentVolumeClaimSpec{},
		})
	}
}

// drains reports whether a disk left the spec and stays.
func (w blueprint) drains(mountPath string) bool { return slices.Contains(w.draining, mountPath) }

// lost are the disks that left the spec and whose claim somebody has deleted. One that the Pod still mounts is not lost.
func (w blueprint) lost(o observed) []string {
	var lost []string
	for _, mountPath := range w.draining {
		there := slices.ContainsFunc(o.claims, func(claim *corev1.PersistentVolumeClaim) bool {
			mounted := o.pod() != nil && mounts(o.pod(), claim.Name)
			return claim.Annotations[kube.AnnotationMountPath] == mountPath && (claim.DeletionTimestamp == nil || mounted)
		})
		if !there {
			lost = append(lost, mountPath)
		}
	}
	return lost
}

// asMade knows the next Pod, or the one that was made without disks that left the spec and are lost, by the hashes of one without: when
// nothing is remembered of them any more, those are what it is known by.
func (w blueprint) asMade(o observed) blueprint {
	lost := slices.DeleteFunc(w.lost(o), func(p string) bool { return o.pod() != nil && claimsDisk(o.pod(), p) })
	if len(lost) == 0 {
		return w
	}
	if fewer, err := w.without(lost); err == nil && fewer.makeHashes() == nil {
		w.userHash, w.renderedHash = fewer.userHash, fewer.renderedHash
	}
	return w
}

// without is the blueprint with fewer disks. Its hashes stay: that a claim was deleted is no wish of the spec, and asks for
// no restart.
func (w blueprint) without(lost []string) (blueprint, error) {
	config := *w.config
	config.StorageConfigs = slices.DeleteFunc(slices.Clone(config.StorageConfigs), func(s v1beta1.StorageConfig) bool {
		return slices.Contains(lost, s.MountPath)
	})
	w.config, w.disks = &config, config.StorageConfigs
	w.draining = slices.DeleteFunc(slices.Clone(w.draining), func(p string) bool { return slices.Contains(lost, p) })
	err := w.render()
	if err == nil {
		err = w.makeConfigMap()
	}
	return w, err
}

// planOn plans with the disks that are there. A controller's metadata log may be on one that is not: without it the node
// would come back with an empty one.
func planOn(w blueprint, o observed, next func(blueprint) step) step {
	lost := w.lost(o)
	if len(lost) == 0 {
		return next(w)
	}
	if w.Cluster.Spec.KRaft && w.config.IsController() && o.pod() == nil {
		return blocked("DataVolumeLost: the claim for %s is gone, and the controller's metadata may have been on it: restore the "+
			"claim, or remove the node from the spec and add one with another id", lost[0])
	}
	if pending := w.notGiven(o, lost); pending != "" {
		return blocked("DataVolumeLost: the claim for %s, which left the spec, is gone, and Kafka has run on it; condition DataVolumeLost "+
			"says what the broker waits for", pending)
	}
	fewer, err := w.without(lost)
	if err != nil {
		return blocked("%v", err)
	}
	return next(fewer)
}

// notGiven is a lost disk without which no Pod may be made yet: nobody has proved that what was on it is elsewhere. A broker
// that leaves is never made again without it.
func (w blueprint) notGiven(o observed, lost []string) string {
	if o.pod() != nil && everStarted(o.pod()) && !podEnded(o.pod()) || w.Leaving && (w.Removal.Stopped || w.Removal.Retire) {
		return ""
	}
	for _, mountPath := range lost {
		if !slices.Contains(w.Replace, mountPath) {
			return mountPath
		}
	}
	return ""
}
