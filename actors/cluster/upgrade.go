package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// raiseAgain is when a refused metadata.version is asked for again: nodes may have gone or come.
const raiseAgain = 5 * time.Minute

// upgrader raises metadata.version when the spec asks for it and everybody runs what knows it.
type upgrader struct {
	job job
	// finalised is the highest metadata.version that was seen: it never goes down.
	finalised string
	// waits says why the wanted one cannot be had, empty when it can or is.
	waits     string
	notBefore time.Time
	// refusedFor is the wish that Kafka refused, refused says how.
	refusedFor, refused string
}

// raised is a metadata.version that Kafka works by from now on.
type raised struct{ from, name, wanted, refused string }

// keepUpgrade raises metadata.version while nothing else moves.
func (a *cluster) keepUpgrade(c actor.Context) {
	if a.kafka.Answered && kafka.NewerMetadata(a.kafka.MetadataVersion, a.upgrade.finalised) {
		a.upgrade.finalised = a.kafka.MetadataVersion
	}
	version, err := kafka.ParseVersion(a.wide.release.Version)
	if err != nil {
		return
	}
	wanted := a.valid.Spec.MetadataVersion
	level, waits := kafka.Raise{Wanted: wanted, Current: a.upgrade.finalised, Running: version}.Next()
	if a.upgrade.waits = waits; level == 0 {
		return
	}
	is, why := steady(a.nodes(), a.kafka, a.decision)
	if why != "" {
		a.upgrade.waits = "metadata.version stays " + a.upgrade.finalised + " until every node runs with all that is wanted of it: " + why
	} else if wanted == a.upgrade.refusedFor {
		a.upgrade.waits = a.upgrade.refused
	}
	address := a.anyBroker()
	if a.upgrade.job.running || address == "" || !is {
		return
	}
	if left := time.Until(a.upgrade.notBefore); wanted == a.upgrade.refusedFor && left > 0 {
		a.again.SetSooner(c, left, lookNow{})
		return
	}
	if !a.upgrade.job.start(a, c) {
		return
	}
	a.Log.Info("metadata.version is raised", "from", a.upgrade.finalised, "to", kafka.MetadataName(level))
	e, from := a.effects, a.upgrade.finalised
	kit.Go(a.life, c, effectTimeout, func(ctx context.Context) (raised, error) {
		refused, err := e.raiseMetadata(ctx, address, level)
		return raised{from: from, name: kafka.MetadataName(level), wanted: wanted, refused: refused}, err
	})
}

// steady reports whether every node runs with all that is wanted of it and nobody is about to be stopped: what a new level
// cannot be taken back from must not meet a node that still runs an older Kafka. Where that may last, why says who is waited for.
func steady(nodes []node, kafka messages.KafkaObserved, decision rollDecision) (is bool, why string) {
	if restarting := nodesWhere(nodes, func(n node) bool {
		_, permitted := decision.permits[n.id]
		return permitted || slices.Contains(decision.waiting, n.id)
	}); len(restarting) > 0 {
		return false, named(restarting) + " (yet to restart)"
	}
	for _, group := range []struct {
		has func(node) bool
		why string
	}{
		{func(n node) bool { return n.leaving && !n.observed.PodReady }, "leaving"},
		{func(n node) bool { return n.maintenance && !n.observed.PodReady }, "in maintenance"},
		{func(n node) bool { return n.current() && !n.observed.PodReady }, "down"},
		{func(n node) bool { return n.current() && n.observed.ConfigStale }, "other settings"},
	} {
		if some := nodesWhere(nodes, group.has); len(some) > 0 {
			return false, fmt.Sprintf("%s (%s)", named(some), group.why)
		}
	}
	return kafka.Answered && !slices.ContainsFunc(nodes, func(n node) bool {
		return !n.current() || !n.observed.PodReady || !kafka.Knows(n.id, n.broker)
	}), ""
}

func (a *cluster) wasRaised(c actor.Context, r kit.Result[raised]) {
	a.upgrade.job.ended(a, c, r.Err)
	switch {
	case r.Err != nil:
	case r.Value.refused != "":
		a.upgrade.refusedFor, a.upgrade.notBefore = r.Value.wanted, time.Now().Add(raiseAgain)
		a.upgrade.refused = "Kafka refuses metadata.version " + r.Value.wanted + ": " + r.Value.refused
		a.upgrade.waits = a.upgrade.refused
		a.Log.Warn("metadata.version refused", "reason", r.Value.refused)
	default:
		a.Events.Event(kube.ClusterReference(a.Key, a.newest), nil, corev1.EventTypeNormal, "MetadataVersionRaised", "RaiseMetadata",
			"metadata.version was "+cmp.Or(r.Value.from, "unknown")+" and is "+r.Value.name+": Kafka lowers it no more")
		a.upgrade.finalised, a.upgrade.refusedFor, a.upgrade.waits = r.Value.name, "", ""
	}
}

func (e worldEffects) raiseMetadata(ctx context.Context, address string, level int16) (refused string, err error) {
	err = broker.WithAdmin(ctx, e.Kafka, address, func(admin broker.Admin) error { return admin.RaiseMetadata(ctx, level) })
	var no *kafka.ConfigRefused
	if errors.As(err, &no) {
		return no.Message, nil
	}
	return "", err
}

// versions are what status says of the Kafka that runs; what was known stays while it does not answer.
func (v view) versions(status *v1beta1.KafkaClusterStatus) {
	if v.version != "" {
		status.Version = v.version
	}
	if v.metadata != "" {
		status.MetadataVersion = v.metadata
	}
	if v.dynamicQuorum {
		status.Quorum = v1beta1.QuorumDynamic
	}
}

// anyBroker is the address of a broker that is ready, empty while there is none.
func (a *cluster) anyBroker() string {
	for _, n := range a.nodes() {
		if n.broker && n.observed.PodReady {
			return broker.AdminAddress(a.valid, n.id)
		}
	}
	return ""
}
