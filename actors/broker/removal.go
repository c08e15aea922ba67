package broker

import (
	"maps"
	"strings"
	"time"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// leaving brings a broker that left the spec to its end, as far as the cluster actor lets it go. Until then it runs on, and
// its Pod is made again when it is lost: it may hold the last copy of a partition.
func leaving(w blueprint, o observed, _ time.Time) step {
	pod := o.pod()
	never := len(w.Formatted) == 0 && !w.RanOnPod && !w.RanBefore
	switch {
	case !w.Leaving:
		return nil
	case pod != nil && o.written.Deleting(pod):
		return nil
	case pod != nil && w.Removal.Stop == pod.UID:
		return remove{
			object: pod, reason: "it left the spec, and Kafka has nothing on it any more", notice: notice{"BrokerRemoved", "Stop"},
		}
	case pod != nil && never && !everStarted(pod):
		return remove{object: pod, reason: "the broker left the spec before it ever started"}
	case pod != nil:
		return nil
	case w.Removal.Retire:
		return w.retire(o)
	case w.Removal.Stopped:
		return wait{phase: messages.PhaseStopped, reason: "it left the spec and is stopped; Kafka has yet to forget it"}
	case never:
		return blocked("it left the spec before it ever ran: nothing is made for it; when Kafka answers that it does not know it, its "+
			"objects go; or delete its claims and its ConfigMap %s", kube.BrokerConfigName(w.Cluster.Name, w.id))
	}
	if _, problem := w.claimNames(o.claims); problem == "" && len(w.expectedClaims()) > 0 {
		return nil
	}
	return blocked("it left the spec and a disk of it is gone: nothing is made again; its other objects go when Kafka answers that " +
		"nothing is on it")
}

// retire deletes the broker's objects one by one. The ConfigMap goes last: it is what a new daemon knows the broker by.
func (w blueprint) retire(o observed) step {
	for _, object := range w.goingObjects(o) {
		if !o.written.Deleting(object) {
			return remove{object: object, reason: "the broker left the spec, and Kafka has forgotten it"}
		}
	}
	return wait{phase: messages.PhaseStopped, reason: "its objects are being deleted"}
}

// goingObjects are what a broker that is removed leaves behind and nobody means to keep, in the order of their deletion.
func (w blueprint) goingObjects(o observed) []kube.Object {
	var going []kube.Object
	if !w.keepsClaims() {
		for _, claim := range o.claims {
			going = append(going, claim)
		}
	}
	if o.service != nil {
		going = append(going, o.service)
	}
	if o.record != nil && !w.Removal.Remembered {
		going = append(going, o.record)
	}
	if o.config != nil {
		going = append(going, o.config)
	}
	return going
}

// keepsClaims reports whether the disks of removed brokers stay.
func (w blueprint) keepsClaims() bool {
	return w.Cluster.Spec.GetRetentionWhenScaled() == v1beta1.RetentionRetain
}

// gone reports whether nothing of a leaving broker is left but what is meant to stay.
func (w blueprint) gone(o observed) bool {
	if !w.Leaving || len(o.pods) > 0 || o.going {
		return false
	}
	if w.Removal.Retire {
		return len(w.goingObjects(o)) == 0
	}
	return len(o.objects()) == 0
}

// cordon is what keeps new replicas away: from a broker that leaves, from disks that do. It is empty where nothing does, and
// for a Kafka that knows no cordon.
func (w blueprint) cordon() string {
	version, err := kafka.ParseVersion(w.Kafka.Version)
	switch {
	case err != nil || !kafka.CanCordon(version) || !w.isBroker():
		return ""
	case w.Leaving:
		return kafka.AllLogDirs
	}
	var dirs []string
	for _, mountPath := range w.draining {
		dirs = append(dirs, kube.LogDir(mountPath))
	}
	return strings.Join(dirs, ",")
}

// withCordon adds the cordon to what the broker is to have dynamically: as a value of ours it is recorded, and taken back
// when the broker or the disk comes back to the spec.
func (w blueprint) withCordon(wanted kafka.Properties) kafka.Properties {
	dirs := w.cordon()
	if dirs == "" {
		return wanted
	}
	wanted = maps.Clone(wanted)
	wanted.Set(kafka.CordonKey, dirs)
	return wanted
}
