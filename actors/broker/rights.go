package broker

import (
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
)

// newClaimFormat is the right that a new claim gets: to be formatted once, under the cluster's id. In ZooKeeper mode
// there is no id, and Kafka formats by itself.
func (w blueprint) newClaimFormat() kube.FormatState {
	return kube.FormatState{Allowed: w.Cluster.Spec.KRaft, ClusterID: w.ClusterID, Quorum: w.Quorum.Mode, Joins: w.InitialController && w.Quorum.Formed}
}

// openRights are the mount paths that the next Pod may format, in ZooKeeper mode its Kafka: those of claims whose right was not
// withdrawn yet, and emptyDirs, which are new with each Pod.
func (w blueprint) openRights(claims []*corev1.PersistentVolumeClaim) []string {
	var open []string
	for _, disk := range w.disks {
		if disk.PvcSpec == nil {
			open = append(open, disk.MountPath)
			continue
		}
		claim, err := kube.ClaimFor(claims, w.id, disk.MountPath)
		if err == nil && claim != nil && w.mayBeFormatted(claim) && w.Formatted[disk.MountPath] != claim.UID {
			open = append(open, disk.MountPath)
		}
	}
	return open
}

// mayBeFormatted reports whether a claim says so. In ZooKeeper mode no claim is given a right, and Kafka takes one for new that nobody
// has seen it run on.
func (w blueprint) mayBeFormatted(claim *corev1.PersistentVolumeClaim) bool {
	state := kube.FormatStateOf(claim.Annotations)
	return state.Allowed || !w.Cluster.Spec.KRaft && !state.Formatted
}

// claimRecords takes back the right to format from claims on which Kafka was seen to run. Claims that Koperator made never
// had it, and those of a cluster with ZooKeeper need none; they get the record too, since it is what brings a lost cluster id and a lost
// status back.
func claimRecords(w blueprint, o observed, _ time.Time) step {
	var withdraw []kube.Object
	for _, disk := range w.disks {
		claim, err := kube.ClaimFor(o.claims, w.id, disk.MountPath)
		if err != nil || claim == nil || w.Formatted[disk.MountPath] != claim.UID || w.recordedOn(claim, disk.MountPath) {
			continue
		}
		built, err := w.claimAsIs(disk, claim, kube.FormatState{Formatted: true, ClusterID: w.ClusterID, Quorum: w.Quorum.Mode})
		if err != nil {
			return blocked("%v", err)
		}
		withdraw = append(withdraw, built)
	}
	if len(withdraw) == 0 {
		return nil
	}
	return apply{objects: withdraw, reason: "Kafka runs on the disks: they must never be formatted again"}
}

// recordedOn reports whether a claim says that it was formatted, under which id where there is one (a cluster that began with ZooKeeper had
// none), and which disks its node has besides. That of a disk which is to go may say what it will: it carries marks of its own.
func (w blueprint) recordedOn(claim *corev1.PersistentVolumeClaim, mountPath string) bool {
	disks, state := strings.Join(slices.Sorted(maps.Keys(w.Formatted)), ","), kube.FormatStateOf(claim.Annotations)
	return state.Formatted && (state.ClusterID != "" || w.ClusterID == "") && (claim.Annotations[kube.AnnotationNodeDisks] == disks || w.drains(mountPath))
}
