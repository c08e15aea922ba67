package cluster

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// repairPause is the least time between two repairs of a status: with somebody who changes it back each time nobody wins, and that
// must not cost a write a second.
const repairPause = 10 * time.Second

// repairer looks after a status that others change: by kubectl, from a backup, or with what an earlier leader had on its way. None of
// that is believed but the number of alerts (hearAlerts). It is written over once for each such change; what others add beside our fields stays theirs.
type repairer struct {
	// stands is the status as the API server had it in version, by its own word.
	stands  v1beta1.KafkaClusterStatus
	version uint64
	// due is set while a status stands that somebody else wrote.
	due  bool
	last time.Time
}

// stood is told of what the API server answered.
func (r *repairer) stood(resource *v1beta1.KafkaCluster) {
	r.stands, r.version = resource.Status, kube.VersionOf(resource)
}

// compare is told of what the cache shows. Sent is a status of ours of which nobody knows whether it stands.
func (r *repairer) compare(cached *v1beta1.KafkaCluster, sent *v1beta1.KafkaClusterStatus) {
	if kube.VersionOf(cached) <= r.version {
		return
	}
	ours := equality.Semantic.DeepEqual(cached.Status, r.stands) || sent != nil && equality.Semantic.DeepEqual(cached.Status, *sent)
	r.due = r.due || !ours
	r.stood(cached)
}

// repairs reports whether a status that somebody else wrote is to be written over now. If it is too early the actor looks again.
func (a *cluster) repairs(c actor.Context, now time.Time) bool {
	a.status.repair.compare(a.newest, a.status.sent)
	if !a.status.repair.due {
		return false
	}
	if left := repairPause - now.Sub(a.status.repair.last); left > 0 {
		a.again.SetSooner(c, left, lookNow{})
		return false
	}
	return true
}

// repaired is told that a status is on its way, whatever for.
func (a *cluster) repaired(now time.Time) {
	if a.status.repair.due {
		a.Log.Warn("status was changed by somebody else: writing it again", "reason", "all of it but the number of alerts is what the operator sees")
		a.status.repair.due, a.status.repair.last = false, now
	}
}

// hearAlerts takes the number of alerts that somebody has written into status. What is on its way keeps that number (kube.Writer), so that
// another one than stood is theirs.
func (a *cluster) hearAlerts(resource *v1beta1.KafkaCluster) {
	count := kube.Alerts(resource.Status)
	if !a.loaded || kube.VersionOf(resource) <= a.status.repair.version || count == kube.Alerts(a.status.repair.stands) {
		return
	}
	a.Log.Info("alerts counted", "alerts", count, "reason", "somebody has written so into status")
	a.known = kube.WithAlerts(a.known, count)
	a.status.repair.stands = kube.WithAlerts(a.status.repair.stands, count)
	if a.status.sent != nil {
		sent := kube.WithAlerts(*a.status.sent, count)
		a.status.sent = &sent
	}
}
