package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// recovery is what was decided about lost disks.
type recovery struct {
	// granted is the node whose turn it is, -1 while it is nobody's: its lost disks may be replaced by empty ones, and then it gets
	// its data back. replace are the disks that may be, by a proof that is as old as the decision; nil when none may.
	granted messages.BrokerID
	replace []string
	// inherits is set while it is not known whether a grant of an earlier daemon, or from before a pause, is still under way.
	inherits bool
	// texts say of each node with lost disks what it waits for, by id.
	texts []string
	// lost is set while any node has lost disks.
	lost bool
	// again is when to decide anew although nothing has happened, zero when an event will tell.
	again time.Duration
	// beside are the lost disks of controllers that hold no partitions: they wait for nobody's copies.
	beside map[messages.BrokerID][]string
	// elsewhere are the nodes whose disks that cannot be read hold nothing that is not elsewhere.
	elsewhere map[messages.BrokerID]bool
	// startEmpty are the brokers that may start although what they had on emptyDirs is gone, each with those that had nothing when that was
	// proved.
	startEmpty map[messages.BrokerID]map[messages.BrokerID]bool
}

// replaceFor is what a node hears of it.
func (r recovery) replaceFor(id messages.BrokerID) []string {
	if r.granted != id {
		return r.beside[id]
	}
	return r.replace
}

// decideRecovery says which node may get empty disks in place of lost ones: one at a time, when every partition that it has a
// replica of is led by another broker, and for a controller when the others hold the metadata. The proof is made anew each time,
// as long as a disk is lost. accepted are the nodes whose lost disks a person has given up, tokens the words for it.
func (v rollView) decideRecovery(known recovery, accepted, tokens map[messages.BrokerID]string) recovery {
	next := recovery{
		granted: -1, inherits: known.inherits, beside: map[messages.BrokerID][]string{}, elsewhere: map[messages.BrokerID]bool{},
		startEmpty: map[messages.BrokerID]map[messages.BrokerID]bool{},
	}
	if known.granted >= 0 && v.replacing(known.granted) {
		next.granted = known.granted
	}
	first := next.granted
	if known.inherits && first < 0 {
		first = next.inherit(v)
	}
	for _, n := range v.nodes {
		next.elsewhere[n.id] = v.elsewhere(n)
		lost := n.observed.Lost
		if len(lost) == 0 || n.leaving || !n.current() {
			continue
		}
		next.lost = true
		given := tokens[n.id] != "" && accepted[n.id] == tokens[n.id]
		waits := v.keepsEmptyDisks(n, given, tokens[n.id])
		if n.metadataGone() {
			waits = v.keepsEmptyPod(n)
		}
		switch {
		case waits == "" && n.metadataGone() && !n.broker:
			next.beside[n.id] = lost
			continue
		case waits == "" && (first < 0 || first == n.id || given && next.replace == nil):
			first, next.granted, next.replace = n.id, n.id, lost
			continue
		case waits == "":
			waits = fmt.Sprintf("broker %d gets its data back first", first)
			if tokens[n.id] != "" {
				waits += v.wayOut(n, tokens[n.id])
			}
		}
		if left := goneFor - v.now.Sub(n.observed.Since); n.metadataGone() && left > 0 {
			next.soon(left)
			continue
		}
		next.texts = append(next.texts, fmt.Sprintf("broker %d has lost its disk for %s: %s", n.id, strings.Join(lost, ", "), waits))
	}
	next.decideEmptied(v, known, accepted, tokens)
	return next
}

// inherit is the node that others wait for although this daemon has granted it nothing: an earlier one may have given it empty disks. It
// is -1 when there is none. Who is down is not waited for for long: most are down for something else.
func (r *recovery) inherit(v rollView) messages.BrokerID {
	for _, n := range v.nodes {
		left := recoveryPatience - v.now.Sub(n.observed.Since)
		switch {
		case !n.broker || n.leaving || n.atRest() || n.observed.Gone || len(n.observed.Lost) > 0:
		case !n.current():
			return n.id
		case unreadable(n) || v.stuckForLong(n) || wantsRestart(n): // it may not catch up without a restart
		case !n.observed.PodReady && left > 0:
			r.soon(left)
			return n.id
		case n.observed.PodReady && v.fresh() && len(kafka.Fetching(n.id, v.index)) > 0:
			return n.id
		}
	}
	r.inherits = !v.fresh()
	return -1
}

// soon has it decided anew after a time at the latest.
func (r *recovery) soon(left time.Duration) {
	if r.again == 0 || left < r.again {
		r.again = left
	}
}

// unreadable reports whether a node has disks that Kafka cannot read.
func unreadable(n node) bool { return len(n.observed.FailedDisks) > 0 }

// elsewhere reports whether a node's disks that cannot be read hold nothing that no other broker leads.
func (v rollView) elsewhere(n node) bool {
	if !unreadable(n) || !n.broker || !v.fresh() {
		return false
	}
	at := v.index.Replication().At
	known := at.After(n.observed.Started) && v.now.Sub(at) < newestAnswer && (n.observed.PodReady || !v.registered(n))
	if len(n.observed.FailedDisks) > 0 {
		known = known && at.After(n.observed.FailedSince.Add(failureKnown))
	}
	return known && len(kafka.OfflineWithoutLeader(n.id, v.index)) == 0
}

const (
	// failureKnown is after what time the controllers know of a log dir that has failed (log.dir.failure.timeout.ms, and a
	// moment): until then the broker still seems to lead what was on it.
	failureKnown = 40 * time.Second
	// newestAnswer is how old an answer about the partitions may be from which a disk is let go.
	newestAnswer = 30 * time.Second
)

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
	if v.stuckForLong(n) {
		return false
	}
	if len(n.observed.Lost) > 0 || !n.current() || !n.observed.PodReady || !v.fresh() || !v.kafka.Knows(n.id, n.broker) {
		return true
	}
	// What has no leader is nothing that it could fetch.
	return !v.index.Replication().At.After(n.observed.Started) || len(kafka.Fetching(id, v.index)) > 0
}

// stuckFor is how long a node has to be stuck before others do not wait for it any more: each new Pod looks stuck for a moment.
const stuckFor = time.Minute

// stuckForLong reports whether a node with its disks fetches nothing, and will not by itself: its next Pod may wait for those others.
func (v rollView) stuckForLong(n node) bool {
	return n.observed.Restart.Stuck && !n.observed.PodReady && n.current() && len(n.observed.Lost) == 0 && v.now.Sub(n.observed.Since) >= stuckFor
}

// keepsEmptyDisks says why a node may not come back with empty disks, empty when it may.
func (v rollView) keepsEmptyDisks(n node, accepted bool, token string) string {
	if accepted && !n.controller && !v.registered(n) {
		return ""
	}
	if !v.fresh() {
		return "Kafka has not answered since the Pods became as they are, so nobody knows what is elsewhere" + v.wayOut(n, token)
	}
	if n.controller && v.kraft {
		if why := kafka.OthersHoldQuorum(v.index, n.id); why != "" {
			return why
		}
	}
	if only := kafka.OnlyOn(n.id, v.index); n.broker && len(only) > 0 && !accepted {
		return fmt.Sprintf("these partitions may have no other copy: %s%s", kafka.NamedPartitions(only), v.wayOut(n, token))
	}
	if v.registered(n) {
		return "Kafka has not given it up yet"
	}
	return ""
}

// wayOut is what a person can do about a node whose disks may have held the last copy. A controller's metadata cannot be given
// up: what the others would make of an empty log is not known.
func (v rollView) wayOut(n node, token string) string {
	if n.controller && v.kraft && !v.fresh() {
		return "; restore the claim, or bring the other controllers back"
	}
	return fmt.Sprintf("; restore the claim, or give its data up with annotation %s: %q (condition %s tells which partitions then still "+
		"need a leader)", kube.AnnotationAllowDataLoss, token, kube.ConditionOffline)
}

// givenUp are the words by which a person has given up lost disks, by broker: "3/1f2e3d4c" of broker 3.
func givenUp(cluster *v1beta1.KafkaCluster) map[messages.BrokerID]string {
	given := map[messages.BrokerID]string{}
	for _, text := range strings.Split(cluster.Annotations[kube.AnnotationAllowDataLoss], ",") {
		word := strings.TrimSpace(text)
		broker, _, _ := strings.Cut(word, "/")
		if id, err := messages.ParseBrokerID(broker); err == nil {
			given[id] = word
		}
	}
	return given
}

// lossTokens are the words by which the loss of each broker's disks is given up: they name the claim that was lost, so that
// they hold for this loss and for no later one. For what was on an emptyDir that is the Pod which it went with.
func lossTokens(cluster types.UID, nodes []node, states map[string]v1beta1.BrokerState) map[messages.BrokerID]string {
	const long = 8
	tokens := map[messages.BrokerID]string{}
	for _, n := range nodes {
		var uid string
		switch state := states[n.id.String()]; {
		case n.metadataGone(): // of which nothing can be given up
		case len(n.observed.Lost) > 0:
			path := n.observed.Lost[0]
			uid = cmp.Or(string(formattedOf(state)[path]), string(n.observed.Claims[path]), unknownUID)
		case n.observed.Emptied:
			uid = cmp.Or(state.RanOnEmptyDir, unknownUID)
		}
		if uid == unknownUID { // one that no word of an earlier cluster is about
			uid = string(cluster)
		}
		if uid != "" {
			tokens[n.id] = n.id.String() + "/" + uid[:min(long, len(uid))]
		}
	}
	return tokens
}
