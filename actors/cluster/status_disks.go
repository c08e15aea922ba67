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
	if !v.runsFormatted(n) {
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

// runsFormatted reports whether a node surely has formatted what it mounts.
func (v view) runsFormatted(n node) bool {
	return n.observed.PodReady && (v.kafka.Answered && v.kafka.Knows(n.id, n.broker) || v.someBrokerServes())
}

// ranOnEmptyDir is the Pod in which a broker ran last with a log dir on an emptyDir. It is known from when one was seen to run, by the Pod's
// word of then: the spec may have changed since. A Pod without the broker role says nothing of the replicas that the last one had.
func (v view) ranOnEmptyDir(known string, n node) string {
	o, pod := n.observed, string(n.observed.Pod)
	switch {
	case pod == "" || v.cluster.Spec.KRaft && !runsBroker(n):
		return known
	case known == pod:
		return known
	case o.ReplicasOnPod && (v.runsFormatted(n) || known != "" && !o.Started.IsZero()):
		return pod
	case !o.ReplicasOnPod && v.runsFormatted(n):
		return ""
	default:
		return known
	}
}

// unanswered is how long ready brokers have run, with none that started meanwhile, when their Pods' word is enough. While a large
// cluster comes up Kafka's own word is worth waiting for: it comes once, where Pods become ready one by one.
const unanswered = 10 * time.Second

func (v view) someBrokerServes() bool {
	newest, some := newestStart(v.nodes)
	return some && v.now.Sub(newest) >= unanswered
}

// newestStart is when the ready broker was started that was started last.
func newestStart(nodes []node) (newest time.Time, some bool) {
	for _, n := range nodes {
		if n.broker && n.observed.PodReady {
			some = true
			if n.observed.Started.After(newest) {
				newest = n.observed.Started
			}
		}
	}
	return newest, some
}

// unconfirmed is how long it takes until the word of ready brokers' Pods is enough, zero where Kafka has answered or it is already.
func (a *cluster) unconfirmed(now time.Time) (left time.Duration) {
	if newest, some := newestStart(a.nodes()); some && !a.kafka.Answered {
		left = max(0, unanswered-now.Sub(newest))
	}
	return left
}
