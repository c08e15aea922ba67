package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// votesForever reports whether a node's metadata go with its Pod and its vote cannot be taken before.
func (v rollView) votesForever(n node) bool { return n.voteVolatile && v.kraft && !v.dynamic }

// losesVoteWithPod reports whether a node's metadata go with its Pod, and with them the vote that it may have.
func (v rollView) losesVoteWithPod(n node) bool { return n.voteVolatile && n.controller && v.kraft }

// onPods reports whether any voter's metadata go with its Pod.
func (v rollView) onPods() bool { return onPods(v.nodes, v.kafka.Voters) }

func onPods(nodes []node, voters []messages.BrokerID) bool {
	return slices.ContainsFunc(nodes, func(n node) bool { return n.controller && n.voteVolatile && slices.Contains(voters, n.id) })
}

// together is how many may be stopped together. A larger set opens our budget for as many, and somebody who drains nodes could take
// votes by it that are gone for ever.
func (v rollView) together() int {
	if v.onPods() {
		return 1
	}
	return max(v.limit, 1)
}

// voteAway reports whether a controller runs as one and has no vote where that matters: ours is closed for everybody else until it has
// it, so it may itself be stopped whatever a budget says.
func (v rollView) voteAway(n node) bool {
	return v.dynamic && v.onPods() && withoutVote(n, v.kafka.Voters, v.runsController)
}

// withoutVote reports whether a node that should have a vote, and runs as a controller, has none.
func withoutVote(n node, voters []messages.BrokerID, runs func(messages.BrokerID) bool) bool {
	return n.controller && !n.leaving && !n.atRest() && !slices.Contains(voters, n.id) && runs(n.id)
}

// losesVote reports whether a node has a vote that has to be taken before its Pod is stopped: its metadata go with it. That of the active
// controller is taken after: without its vote it resigns and may find no other as long as it runs (seen with Kafka 4.3.1: unattached for
// good, its broker fenced, and who asks it gets no answer). The others have to be a majority all the same.
func (v rollView) losesVote(id messages.BrokerID) bool {
	return id != v.kafka.QuorumLeader && slices.Contains(v.kafka.Voters, id) && slices.ContainsFunc(v.nodes, func(n node) bool {
		return n.id == id && n.voteVolatile && v.kraft && v.dynamic
	})
}

// voteless are the candidates that may be stopped now. A controller that runs without a vote goes first, and alone; while there is one that
// needs no restart nobody is stopped, as the second result says: until it votes each other vote is needed.
func (v rollView) voteless(candidates []messages.BrokerID) (next []messages.BrokerID, away string) {
	if !v.kraft {
		return candidates, ""
	}
	var without []messages.BrokerID
	for _, n := range v.nodes {
		if v.voteAway(n) {
			without = append(without, n.id)
		}
	}
	at := slices.IndexFunc(candidates, func(id messages.BrokerID) bool { return slices.Contains(without, id) })
	switch {
	case len(without) == 0:
		return candidates, ""
	case at < 0:
		return candidates, fmt.Sprintf("controller %d has no vote in the metadata quorum yet, and metadata are on emptyDirs", without[0])
	}
	return candidates[at : at+1], ""
}

// goingVote is that of a controller whose Pod is to be stopped next and whose metadata go with it.
type goingVote struct {
	id  messages.BrokerID
	pod types.UID
	// asked are the PodDisruptionBudgets that have a say. They are asked before the vote goes: a budget of others that refuses for long
	// must not leave the quorum without it.
	asked messages.Budgets
}

// takesVote asks for the vote of a controller that may be stopped, where it has to lose it before.
func (d *rollDecision) takesVote(v rollView, set []messages.BrokerID, forced bool) bool {
	at := slices.IndexFunc(set, v.losesVote)
	if at < 0 {
		return false
	}
	n := v.nodes[slices.IndexFunc(v.nodes, func(n node) bool { return n.id == set[at] })]
	d.takeVote = &goingVote{id: n.id, pod: n.observed.Pod, asked: v.asks(n)}
	if forced {
		d.takeVote.asked = messages.NoBudget
	}
	d.blocked = fmt.Sprintf("broker %d waits for its restart: its metadata are on an emptyDir, so its vote in the metadata quorum is taken first", n.id)
	if v.voteStays != "" {
		d.blocked += "; " + v.voteStays
	}
	d.soon(time.Second)
	return true
}

// voteGoes is the vote that may be taken now as far as budgets are concerned, nil when none may: those of others let its Pod go, and ours
// lets no other go until the next Pod has it again. Of three voters without one each that is left is needed, and gone for ever with its Pod.
func (a *cluster) voteGoes() *messages.BrokerID {
	if take := a.decision.takeVote; take != nil && a.mayGo(take) && a.gatesClosed() != "" && a.budgetsStand() {
		return &take.id
	}
	return nil
}

func (a *cluster) mayGo(take *goingVote) bool {
	return take.asked == messages.NoBudget || a.voters.mayGo == take.pod
}

// budgetsStand reports whether our PodDisruptionBudgets say what they should.
func (a *cluster) budgetsStand() bool {
	now := time.Now()
	return !slices.ContainsFunc(a.budgets(), func(wanted kube.Object) bool {
		observed, _ := kube.Newest[kube.Object](&a.objects.written, wanted, a.cached(wanted), now)
		return !a.objects.written.Stands(observed, wanted)
	})
}

// askBudgets asks whether budgets would let a controller go whose vote is to be taken.
func (a *cluster) askBudgets(c actor.Context, take *goingVote) {
	pods := a.Cache.BrokerPods(a.Key, take.id)
	at := slices.IndexFunc(pods, func(p *corev1.Pod) bool { return p.UID == take.pod })
	ours := kube.WantsBudget(a.valid, a.known.Adopted)
	if take.asked == messages.AllBudgets && ours && (a.gatesClosed() != "" || !a.budgetsStand()) { // our own would refuse
		a.again.SetSooner(c, votersSoon, lookNow{})
		return
	}
	if at < 0 || !a.voters.job.start(a, c) {
		return
	}
	e, pod := a.effects, pods[at]
	kit.Go(a.life, c, effectTimeout, func(ctx context.Context) (evictable, error) { return e.mayEvict(ctx, pod, take.asked) })
}

// evictable says of a Pod whether budgets would let it go: refused is why not, empty when they would.
type evictable struct {
	pod     types.UID
	refused string
}

// mayEvict takes a refusal for a result.
func (e worldEffects) mayEvict(ctx context.Context, pod *corev1.Pod, asked messages.Budgets) (evictable, error) {
	err := e.Writer.MayEvict(ctx, pod, asked)
	var refused *kube.EvictionRefused
	if errors.As(err, &refused) {
		return evictable{pod.UID, refused.Error()}, nil
	}
	return evictable{pod: pod.UID}, err
}

// budgetsAnswered takes it: the vote may be taken now, or stays for a while.
func (a *cluster) budgetsAnswered(c actor.Context, r kit.Result[evictable]) {
	a.voters.job.ended(a, c, r.Err)
	switch {
	case r.Err != nil:
		a.voters.waitFor(r.Err.Error(), time.Now())
	case r.Value.refused != "":
		a.voters.mayGo, a.voters.stays, a.voters.notBefore = "", r.Value.refused, time.Now().Add(refusedPause)
	default:
		a.voters.mayGo, a.voters.stays = r.Value.pod, ""
	}
}

// stops says whose Pod is not the one that is known to run, or is being deleted, empty when all stand. It is asked of the API server after
// budgets were closed: an eviction from before may not have reached the cache.
func (e worldEffects) stops(ctx context.Context, known map[messages.BrokerID]types.UID) (string, error) {
	pods, err := e.Reader.Pods(ctx, e.Key)
	if err != nil {
		return "", err
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if !slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return p.UID == known[id] && p.DeletionTimestamp == nil }) {
			return fmt.Sprintf("the Pod of controller %d is being stopped", id), nil
		}
	}
	return "", nil
}

// votesAway says why nobody else may go while a controller has no vote, or is about to lose it, where metadata go with Pods; empty when
// all have theirs.
func (a *cluster) votesAway() string {
	if a.voters.taking {
		return "the vote of a controller is being taken for its restart"
	}
	if take := a.decision.takeVote; take != nil && a.mayGo(take) {
		return fmt.Sprintf("the vote of controller %d is taken for its restart", take.id)
	}
	if !onPods(a.nodes(), a.kafka.Voters) {
		return ""
	}
	if a.voters.newer(a.roll.index, time.Now()) {
		return "the votes in the metadata quorum have just changed"
	}
	selected := map[bool]bool{}
	for _, n := range a.nodes() {
		if n.voteVolatile && slices.Contains(a.kafka.Voters, n.id) {
			selected[n.selectedAsBroker()] = true
		}
	}
	if len(selected) > 1 { // while one kind of nodes takes the place of the other
		return "controllers with their metadata on emptyDirs are under two PodDisruptionBudgets, which would let one of each go at once"
	}
	for _, n := range a.nodes() {
		if withoutVote(n, a.kafka.Voters, a.runsController) {
			return fmt.Sprintf("controller %d has no vote in the metadata quorum yet, and metadata are on emptyDirs", n.id)
		}
	}
	return ""
}

// goneFor is how long metadata that went with a Pod are no news: each restart takes them away, and a vote is taken within seconds.
const goneFor = 30 * time.Second

// keepsEmptyPod says why a controller whose metadata went with its Pod may not come back yet, empty when it may. It comes back as one
// that never voted, so its old vote has to be gone, and the others have to have the log; and nobody may take what was on its Pod for
// the newest copy of a partition.
func (v rollView) keepsEmptyPod(n node) string {
	gone := v.metadataGone()
	switch {
	case !v.fresh():
		return "Kafka has not answered since, so nobody knows who has the metadata" + v.restOf(gone)
	case !v.formed:
		return "it is not recorded yet that there is a metadata quorum"
	case slices.Contains(v.kafka.Voters, n.id) && v.dynamic:
		return "its vote in the metadata quorum is taken first" + v.restOf(gone)
	}
	if why := kafka.OthersHoldQuorum(v.index, n.id); why != "" {
		return why + v.restOf(gone)
	}
	if waits := outOfSyncText(kafka.LastCopyOn(n.id, v.withNothing(), v.index)); n.broker && waits != "" {
		return waits
	}
	if v.registered(n) {
		return "Kafka has not given it up yet"
	}
	return ""
}

// metadataGone are the controllers whose metadata are gone with their Pods.
func (v rollView) metadataGone() []node { return nodesWhere(v.nodes, node.metadataGone) }

// restOf says what people can do where the metadata of too many voters are gone: those that are left can never change anything again.
func (v rollView) restOf(gone []node) string {
	const lost = "this cluster's metadata are lost, and nothing is formatted in their place; delete the KafkaCluster and make it anew"
	votes := len(nodesWhere(gone, func(n node) bool { return slices.Contains(v.voters, n.id) }))
	switch {
	case len(v.voters) == 0:
		return fmt.Sprintf("; the metadata of %s went with their Pods: bring the other controllers back; if these were half of the voters or more, %s", named(gone), lost)
	case 2*(len(v.voters)-votes) > len(v.voters):
		return "; bring the other controllers back"
	}
	return fmt.Sprintf("; the metadata of %s went with their Pods, and of the %d voters that Kafka told of last the others are no majority: %s",
		named(gone), len(v.voters), lost)
}

// metadataGone reports whether the emptyDir with a controller's metadata is gone with its Pod, so that nothing has its vote.
func (n node) metadataGone() bool {
	return n.controller && n.voteVolatile && !n.leaving && n.current() && n.observed.Pod == "" && (len(n.observed.Lost) > 0 || n.atRest())
}

// restsWithoutVote reports whether a controller is stopped because the spec says so, and its metadata are gone with its Pod.
func (n node) restsWithoutVote() bool { return n.voteVolatile && n.atRest() }

// lostVotes are the controllers that have a vote and whose metadata are gone with their Pods.
func (a *cluster) lostVotes() []messages.BrokerID {
	var lost []messages.BrokerID
	for _, n := range a.nodes() {
		if n.metadataGone() && slices.Contains(a.kafka.Voters, n.id) {
			lost = append(lost, n.id)
		}
	}
	return lost
}
