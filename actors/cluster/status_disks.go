package cluster

import (
	"maps"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// formattedLogDirs adds the mounted claims of a node whose Pod is ready and that Kafka knows: it has formatted them and runs on
// them. A broker's word is enough, since its listeners open when it is registered (BrokerServer.startup); that of a controller is
// not, but when any broker is ready the controllers have formed their quorum. An entry never goes by itself: it is what forbids to
// format the disk again. That of a disk which left goes when all that was on it has its copies elsewhere; its claim follows.
func (v view) formattedLogDirs(known []v1beta1.FormattedLogDir, n node) []v1beta1.FormattedLogDir {
	if !n.observed.PodReady || !(v.kafka.Answered && v.kafka.Knows(n.id, n.broker)) && !v.anyBrokerReady() {
		return known
	}
	dirs := slices.Clone(known)
	if v.copied {
		dirs = slices.DeleteFunc(dirs, func(d v1beta1.FormattedLogDir) bool { return slices.Contains(n.observed.LetGo, d.MountPath) })
	}
	for _, mountPath := range slices.Sorted(maps.Keys(n.observed.Mounted)) {
		entry := v1beta1.FormattedLogDir{MountPath: mountPath, ClaimUID: string(n.observed.Mounted[mountPath])}
		at := slices.IndexFunc(dirs, func(d v1beta1.FormattedLogDir) bool { return d.MountPath == mountPath })
		if at < 0 {
			dirs = append(dirs, entry)
		} else {
			dirs[at] = entry
		}
	}
	slices.SortFunc(dirs, func(a, b v1beta1.FormattedLogDir) int { return strings.Compare(a.MountPath, b.MountPath) })
	return dirs
}

func (v view) anyBrokerReady() bool {
	return slices.ContainsFunc(v.nodes, func(n node) bool { return n.broker && n.observed.PodReady })
}
