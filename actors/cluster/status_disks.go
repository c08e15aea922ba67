package cluster

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// formattedLogDirs adds the mounted claims of a node whose Pod is ready and that Kafka knows: it has formatted them and runs on
// them. A broker's word is enough, since its listeners open when it is registered (BrokerServer.startup); that of a controller is
// not, but when any broker is ready the controllers have formed their quorum. Kafka's own answer, which comes a moment later, is waited
// for a little: a thousand claims are not written while a thousand Pods are made. An entry never goes by itself: it is what forbids to
// format the disk again. That of a disk which left goes when all that was on it has its copies elsewhere; its claim follows.
func (v view) formattedLogDirs(known []v1beta1.FormattedLogDir, n node) []v1beta1.FormattedLogDir {
	if !n.observed.PodReady || !(v.kafka.Answered && v.kafka.Knows(n.id, n.broker)) && !v.someBrokerServes() {
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

// unanswered is how long a ready broker has run when its Pod's word is enough.
const unanswered = 10 * time.Second

func (v view) someBrokerServes() bool {
	return slices.ContainsFunc(v.nodes, func(n node) bool {
		return n.broker && n.observed.PodReady && v.now.Sub(n.observed.Started) >= unanswered
	})
}

// unconfirmed is how long it takes until the word of a ready broker's Pod is enough, zero where Kafka has answered or it is already.
func (a *cluster) unconfirmed(now time.Time) (left time.Duration) {
	if a.kafka.Answered {
		return 0
	}
	for _, n := range a.nodes() {
		if young := unanswered - now.Sub(n.observed.Started); n.broker && n.observed.PodReady && young > 0 && (left == 0 || young < left) {
			left = young
		}
	}
	return left
}
