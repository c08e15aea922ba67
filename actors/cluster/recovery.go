package cluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// recovery is what was decided about lost disks.
type recovery struct {
	// granted is the node whose lost disks may be replaced by empty ones, and replace which they are; nil while none may.
	granted messages.BrokerID
	replace []string
	// texts say of each node with lost disks what it waits for, by id.
	texts []string
	// lost is set while any node has lost disks.
	lost bool
	// elsewhere are the nodes whose disks that cannot be read hold nothing that is not elsewhere.
	elsewhere map[messages.BrokerID]bool
}

// replaceFor is what a node hears of it.
func (r recovery) replaceFor(id messages.BrokerID) []string {
	if r.granted != id {
		return nil
	}
	return r.replace
}

// decideRecovery says which node may get empty disks in place of lost ones: one at a time, when every partition that it has a
// replica of is led by another broker, and for a controller when the others hold the metadata. accepted are the nodes whose
// data a person has given up.
func (v rollView) decideRecovery(known recovery, accepted []messages.BrokerID) recovery {
	next := recovery{elsewhere: map[messages.BrokerID]bool{}}
	if len(known.replace) > 0 && v.replacing(known.granted) {
		next.granted, next.replace = known.granted, known.replace
	}
	for _, n := range v.nodes {
		next.elsewhere[n.id] = v.elsewhere(n)
		lost := n.observed.Lost
		if len(lost) == 0 || n.leaving || !n.current() {
			continue
		}
		next.lost = true
		waits := v.keepsEmptyDisks(n, slices.Contains(accepted, n.id))
		switch {
		case len(next.replace) > 0 && next.granted == n.id:
			continue
		case waits == "" && len(next.replace) == 0:
			next.granted, next.replace = n.id, lost
			continue
		case waits == "":
			waits = fmt.Sprintf("broker %d gets its data back first", next.granted)
		}
		next.texts = append(next.texts, fmt.Sprintf("broker %d has lost its disk for %s: %s", n.id, strings.Join(lost, ", "), waits))
	}
	return next
}

// unreadable reports whether a node has disks that it cannot be asked about.
func unreadable(n node) bool {
	return len(n.observed.FailedDisks) > 0 || n.observed.Restart.Stuck && !n.observed.PodReady
}

// elsewhere reports whether a node's disks that cannot be read hold nothing that no other broker leads.
func (v rollView) elsewhere(n node) bool {
	if !unreadable(n) || !n.broker || !v.fresh() {
		return false
	}
	since := n.observed.Started
	return v.index.Replication().At.After(since) && len(kafka.OfflineWithoutLeader(n.id, v.index)) == 0 &&
		(n.observed.PodReady || !v.registered(n))
}

// failedDisksText says whose disks have failed and what people can do.
func failedDisksText(failed []node) string {
	if len(failed) == 0 {
		return ""
	}
	var parts []string
	for _, n := range failed {
		parts = append(parts, fmt.Sprintf("broker %d cannot use %s", n.id, strings.Join(n.observed.FailedDisks, ", ")))
	}
	return withEnd(strings.Join(parts, "; "), ": its replicas there are offline, all others serve. Take the disk out of the broker's "+
		"storageConfigs: when other brokers lead all that was on it, the broker is restarted without it; then add a new one")
}

// diskFull is how the start script says that a log dir has no room for Kafka to start.
const diskFull = "disk full"

// heldTexts are the words of the start scripts of nodes that wait.
func heldTexts(nodes []node) string {
	var texts []string
	for _, n := range nodes {
		texts = append(texts, fmt.Sprintf("broker %d: %s", n.id, n.observed.ScriptWaits))
	}
	return strings.Join(texts, "; ")
}

// replacing reports whether a node that got empty disks is not back with its data yet.
func (v rollView) replacing(id messages.BrokerID) bool {
	at := slices.IndexFunc(v.nodes, func(n node) bool { return n.id == id })
	if at < 0 || v.nodes[at].leaving {
		return false
	}
	n := v.nodes[at]
	if len(n.observed.Lost) > 0 || !n.current() || !n.observed.PodReady || !v.fresh() || !v.kafka.Knows(n.id, n.broker) {
		return true
	}
	return !v.index.Replication().At.After(n.observed.Started) || len(v.index.OutOfSync(id)) > 0
}

// keepsEmptyDisks says why a node may not come back with empty disks, empty when it may.
func (v rollView) keepsEmptyDisks(n node, accepted bool) string {
	if accepted && !n.controller && !v.registered(n) {
		return ""
	}
	if !v.fresh() {
		return "Kafka has not answered since the Pods became as they are, so nobody knows what is elsewhere" + v.wayOut(n)
	}
	if n.controller && v.kraft {
		if why := kafka.OthersHoldQuorum(v.index, n.id); why != "" {
			return why
		}
	}
	if only := kafka.OnlyOn(n.id, v.index); n.broker && len(only) > 0 && !accepted {
		return fmt.Sprintf("these partitions may have no other copy: %s%s", kafka.NamedPartitions(only), v.wayOut(n))
	}
	if v.registered(n) {
		return "Kafka has not given it up yet"
	}
	return ""
}

// wayOut is what a person can do about a node whose disks may have held the last copy. A controller's metadata cannot be given
// up: what the others would make of an empty log is not known.
func (v rollView) wayOut(n node) string {
	if n.controller && v.kraft && !v.fresh() {
		return "; restore the claim, or bring the other controllers back"
	}
	return fmt.Sprintf("; restore the claim, or give its data up with annotation %s: %q", kube.AnnotationAllowDataLoss, n.id.String())
}

// givenUp are the brokers whose data a person has given up by annotation.
func givenUp(cluster *v1beta1.KafkaCluster) []messages.BrokerID {
	var ids []messages.BrokerID
	for _, text := range strings.Split(cluster.Annotations[kube.AnnotationAllowDataLoss], ",") {
		if id, err := messages.ParseBrokerID(strings.TrimSpace(text)); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}
