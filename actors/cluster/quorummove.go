package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// moveAgain is when a refused move to the dynamic quorum is asked for again.
const moveAgain = 5 * time.Minute

// quorumMover makes a static quorum a dynamic one when people agree to what cannot be taken back.
type quorumMover struct {
	job job
	// done is set once Kafka keeps the voters itself; status says so from then on.
	done bool
	// offer is what people can do about a static quorum, or what the move waits for after they agreed.
	offer string
	// refused is Kafka's reason; it is asked again at notBefore.
	refused   string
	notBefore time.Time
}

// moved says why Kafka will not make its quorum dynamic; empty when it has.
type moved struct{ refused string }

// moveView is what the decision is made from.
type moveView struct {
	// version is the release that runs, empty while it is not known.
	version string
	agreed  bool
	// waits is what has to be done before, refused what Kafka said last.
	waits, refused string
}

// decide says whether the move may be made, and what to tell people.
func (v moveView) decide() (move bool, offer string) {
	const static = "the voters of the metadata quorum stand in every node's file: no controller can be added, removed or moved to another disk"
	version, err := kafka.ParseVersion(v.version)
	switch {
	case err != nil:
		return false, ""
	case !kafka.CanMakeQuorumDynamic(version):
		return false, static + "; the dynamic quorum, which can, needs Kafka 4.1 or later here, and " + v.version + " runs"
	case !v.agreed:
		return false, static + "; set annotation " + kube.AnnotationConsent + ": " + kube.ConsentDynamicQuorum +
			" to have the dynamic quorum, which can; there is no way back"
	case v.waits != "":
		return false, "the move to the dynamic quorum waits: " + v.waits
	case v.refused != "":
		return true, "the move to the dynamic quorum waits: Kafka refuses it: " + v.refused
	}
	return true, "the quorum is being made dynamic"
}

// keepQuorumMove offers the move, and makes it when somebody agrees.
func (a *cluster) keepQuorumMove(c actor.Context) {
	if recordedIdentity(a.known).quorum != messages.QuorumStatic || !a.valid.Spec.KRaft {
		a.move = quorumMover{job: a.move.job}
		return
	}
	if a.move.done = a.move.done || a.kafka.Answered && a.kafka.DynamicQuorum; a.move.done {
		a.move.offer = ""
		return // its record follows, and with that every node's file
	}
	view := moveView{
		version: a.wide.release.Version, agreed: kube.ConsentsTo(a.newest.Annotations, kube.ConsentDynamicQuorum),
		waits: a.moveWaits(), refused: a.move.refused,
	}
	due, offer := view.decide()
	a.move.offer = offer
	if !due || a.move.job.running {
		return
	}
	if left := time.Until(a.move.notBefore); left > 0 {
		a.again.SetSooner(c, left, lookNow{})
		return
	}
	if !a.move.job.start(a, c) {
		return
	}
	a.Log.Info("the metadata quorum is made dynamic", "reason", "annotation "+kube.AnnotationConsent)
	e, brokers := a.effects, a.askedBrokers()
	kit.Go(a.life, c, effectTimeout, func(ctx context.Context) (moved, error) { return e.moveQuorum(ctx, brokers) })
}

// moveWaits says what has to be done before: what cannot be taken back must not meet a node that cannot follow.
func (a *cluster) moveWaits() string {
	foreign := nodesWhere(a.nodes(), func(n node) bool {
		pods := a.Cache.BrokerPods(a.Key, n.id)
		return len(pods) == 1 && !kube.MadeByUs(pods[0])
	})
	if len(foreign) > 0 { // their script formats whatever is empty, and for a static quorum
		return fmt.Sprintf("Koperator made the Pod of %s: restart it first (annotation %s on the Pod)", named(foreign), kube.AnnotationRestart)
	}
	is, why := steady(a.nodes(), a.kafka, a.decision)
	switch {
	case is:
		return ""
	case why == "":
		return "not every node runs with all that is wanted of it"
	default:
		return "not every node runs with all that is wanted of it: " + why
	}
}

func (a *cluster) quorumMoved(c actor.Context, r kit.Result[moved]) {
	a.move.job.ended(a, c, r.Err)
	switch {
	case r.Err != nil:
	case r.Value.refused != "":
		a.move.refused, a.move.notBefore = r.Value.refused, time.Now().Add(moveAgain)
		a.Log.Warn("dynamic quorum refused", "reason", r.Value.refused)
	default:
		a.move.done = true
		a.Events.Event(kube.ClusterReference(a.Key, a.newest), nil, corev1.EventTypeNormal, "QuorumDynamic", "MoveQuorum",
			"the metadata quorum keeps its voters itself from now on; the nodes' files follow by restarts")
	}
}

func (e worldEffects) moveQuorum(ctx context.Context, brokers []string) (moved, error) {
	err := e.withQuorum(ctx, brokers, func(admin QuorumAdmin, _ kafka.QuorumState) error { return admin.MakeQuorumDynamic(ctx) })
	var refused *kafka.ConfigRefused
	if errors.As(err, &refused) {
		return moved{refused.Message}, nil
	}
	return moved{}, err
}
