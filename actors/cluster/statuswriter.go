package cluster

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

const (
	// statusPause is the least time between two writes of a cluster's status.
	statusPause = time.Second
	// settleTime is how long a new leader waits for first reports before it calls a ready cluster unready: a change of
	// leader is no change of the cluster. An unready one waits only for its brokers to be looked at.
	settleTime        = 15 * time.Second
	settleTimeUnready = 2 * time.Second
)

// statusWriter merges all that happens into at most one write a second.
type statusWriter struct {
	job  job
	last time.Time
	// uncertain is set while nobody knows whether the last write arrived: it may stand although its answer was lost.
	uncertain bool
	// record is an identity that must be written before anything goes on; it does not wait for the pause.
	record *identity
	// sent is a status that was sent and of which nobody knows whether it stands, nil when there is none.
	sent   *v1beta1.KafkaClusterStatus
	told   told
	repair repairer
}

type writtenStatus struct {
	status v1beta1.KafkaClusterStatus
	stands *v1beta1.KafkaCluster
	at     time.Time
}

// keepStatus writes the status if it differs from what we wrote last, or somebody else wrote one.
func (a *cluster) keepStatus(c actor.Context) {
	now := time.Now()
	if a.status.job.running {
		return
	}
	if left := a.settling(now); left > 0 {
		a.again.SetSooner(c, left, lookNow{})
		return
	}
	if left := a.unconfirmed(now); left > 0 {
		a.again.SetSooner(c, left, lookNow{})
	}
	urgent := a.status.record != nil
	if left := statusPause - now.Sub(a.status.last); left > 0 && !urgent {
		a.again.SetSooner(c, left, lookNow{})
		return
	}
	next := withImages(statusOf(a.view(), now), a.Cache.Objects(kube.KindPod, a.Key))
	followed := !a.paused() && len(messages.Errors(a.problems)) == 0
	next = withRetention(next, retentionNotice(a.newest, a.Cache.Objects(kube.KindClaim, a.Key), followed))
	if urgent {
		a.status.record.record(&next)
	}
	if repair := a.repairs(c, now); !repair && !a.status.uncertain && sameStatus(next, a.known) {
		return
	}
	if !a.status.job.start(a, c) {
		return
	}
	resource := &v1beta1.KafkaCluster{Status: next}
	resource.Namespace, resource.Name, resource.UID = a.Key.Namespace, a.Key.Name, a.uid
	if urgent { // what an earlier leader recorded meanwhile must not be replaced
		resource.ResourceVersion = a.loadedVersion
	}
	e := a.effects
	a.status.sent = &next
	a.repaired(now)
	kit.Go(a.life, c, effectTimeout, func(ctx context.Context) (writtenStatus, error) {
		stands, err := e.writeStatus(ctx, resource)
		return writtenStatus{next, stands, time.Now()}, err
	})
}

// sameStatus tries what is cheaper first: at most looks nothing differs in any sense.
func sameStatus(a, b v1beta1.KafkaClusterStatus) bool {
	return reflect.DeepEqual(a, b) || equality.Semantic.DeepEqual(a, b)
}

func (a *cluster) statusWritten(c actor.Context, r kit.Result[writtenStatus]) {
	a.status.uncertain = r.Err != nil
	a.status.job.ended(a, c, r.Err)
	if apierrors.IsConflict(r.Err) { // somebody else has written, or another cluster has the name: look anew before anything
		a.loaded = false
	}
	if r.Err != nil {
		return
	}
	before := a.known
	a.status.sent = nil
	a.known, a.status.last = kube.WithAlerts(r.Value.status, kube.Alerts(r.Value.stands.Status)), r.Value.at
	a.listAnew()
	a.status.repair.stood(r.Value.stands)
	a.hearAlerts(a.newest) // the cache may have shown a newer one before this answer came
	if a.known.ClusterID != "" || a.valid != nil && !a.valid.Spec.KRaft {
		a.status.record = nil
	}
	if event, due := a.status.told.next(before.Conditions, a.known.Conditions, r.Value.at); due {
		a.Events.Event(kube.ClusterReference(a.Key, a.newest), nil, event.kind, event.reason, "Reconcile", event.note)
		a.Log.Info("cluster condition changed", "condition", kube.ConditionReady, "reason", event.reason, "message", event.note)
	}
	for _, turn := range turned(before.Conditions, a.known.Conditions) {
		a.Log.Info("cluster condition changed", "condition", turn.Type, "status", turn.Status, "reason", turn.Reason, "message", turn.Message)
	}
}

// formatted is on which claims a broker's log dirs were seen to run. What is on its way into status counts: no Pod that is
// made meanwhile may format these again.
func (a *cluster) formatted(id messages.BrokerID) map[string]types.UID {
	known := formattedOf(a.known.BrokersState[id.String()])
	if a.status.sent == nil {
		return known
	}
	sent := formattedOf(a.status.sent.BrokersState[id.String()])
	if known == nil {
		return sent
	}
	maps.Copy(known, sent)
	return known
}

// ranOnPod reports whether a broker was seen to run with a log dir on an emptyDir, also by what is on its way into status.
func (a *cluster) ranOnPod(id messages.BrokerID) bool {
	return a.known.BrokersState[id.String()].RanOnEmptyDir != "" ||
		a.status.sent != nil && a.status.sent.BrokersState[id.String()].RanOnEmptyDir != ""
}

// settling is how long the status still waits for first reports.
func (a *cluster) settling(now time.Time) time.Duration {
	limit := settleTimeUnready
	wasReady := isReady(a.known) && a.known.ObservedGeneration == a.newest.Generation
	if wasReady {
		limit = settleTime
	}
	if a.status.record != nil {
		return 0
	}
	for _, k := range a.children { // a new wish is looked at within milliseconds: no reason to call anybody unready
		if left := settleTimeUnready - now.Sub(k.toldAt); left > 0 && k.observed.Revision != k.told && k.observed.Revision > 0 {
			return left
		}
	}
	left := limit - now.Sub(a.started)
	if left <= 0 {
		return 0
	}
	if slices.ContainsFunc(a.nodes(), node.surelyDown) { // whatever the others will say
		return 0
	}
	for _, n := range a.nodes() {
		if n.observed.Revision == 0 || wasReady && !n.current() { // a starting actor asks, and is told twice
			return left
		}
	}
	if wasReady && (!a.asked || !a.kafka.Watch.AboutSame(a.watch)) { // the answer is to a question about fewer nodes
		return left
	}
	return 0
}

func (a *cluster) view() view {
	told := slices.Concat(a.problems, wordProblems(a.newest, lossTokens(a.uid, a.nodes(), a.known.BrokersState)))
	if awareness := a.newest.Spec.RackAwareness; awareness != nil {
		told = append(told, kube.RackProblems(awareness, a.Cache.Nodes())...)
	}
	v := view{
		cluster: a.newest, known: a.known, problems: told, nodes: a.nodes(), kafka: a.kafka,
		roll: a.decision, objectsError: a.objects.message(), paused: a.paused(), existing: a.existing(), version: a.wide.release.Version,
		metadata: a.upgrade.finalised, metadataWaits: a.upgrade.waits, wide: a.wide.problems, wideRefused: a.wide.bad,
		voters: a.voters.waits, votersTold: a.voters.told(time.Now()), wantedVoters: a.votersWanted(), index: a.roll.index,
		staticQuorum: a.move.offer, dynamicQuorum: a.move.done, copied: a.copied(),
		build: a.Build,
	}
	if a.valid != nil {
		v.listeners, v.ingress = a.listeners, a.roles.ingress
		v.unkept = unkeptOf(a.newest, a.cared(), a.Cache.Objects(kube.KindPod, a.Key), a.Cache.Objects(kube.KindClaim, a.Key))
		v.lost = a.recovery.texts
		v.removals, v.forgotten = a.removals.waits(), a.removals.forgotten()
		for _, n := range v.unkept.running {
			v.removals[n.id] = "nobody knows its entry of the spec any more, so the operator does not touch it: move its replicas to other " +
				"brokers, then delete its Pod and its claims"
		}
		v.unkept.claims = leftoverClaims(a.valid, v.unkept.claims)
		v.remembered = a.remembered()
		for _, n := range v.remembered {
			v.removals[n.id] = goneText(v.removals[n.id])
		}
		v.lostRole = nodesWhere(a.formerBrokers(), func(n node) bool { return !n.leaving })
	}
	return v
}
