package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

const (
	// votersSoon is when to look again after a change of voters, votersLater while something is awaited.
	votersSoon  = 500 * time.Millisecond
	votersLater = 3 * time.Second
	// votersTold is how long a change may be awaited before a condition tells of it: a controller that starts takes a while.
	votersTold = 30 * time.Second
)

// QuorumDialer makes connections over which the metadata quorum is asked and changed.
type QuorumDialer interface {
	// Quorum connects to the broker at host:port, which passes on what is for the active controller.
	Quorum(ctx context.Context, address string) (QuorumAdmin, error)
}

// QuorumAdmin is such a connection. kafka.Admin says more.
type QuorumAdmin interface {
	DescribeQuorum(ctx context.Context) (kafka.QuorumState, error)
	AddVoter(ctx context.Context, clusterID, listener string, voter messages.Voter) error
	RemoveVoter(ctx context.Context, clusterID string, id messages.BrokerID, directory string) error
	MakeQuorumDynamic(ctx context.Context) error
	Close()
}

// voterKeeper makes the controllers of the spec the voters of a dynamic quorum, one change at a time.
type voterKeeper struct {
	job job
	// waits says what is awaited before the next change, since when; empty while nothing is.
	waits string
	since time.Time
	// notBefore is when to look again at the earliest.
	notBefore time.Time
	// mayGo is the Pod that budgets would let go, whose vote may be taken for that, and stays why one may not. taking is set while one
	// is taken.
	mayGo  types.UID
	stays  string
	taking bool
	// last are the voters that Kafka told of last, changed is when they were changed last.
	last    []messages.BrokerID
	changed time.Time
}

// changedLately is how long a change counts as news where Kafka is not asked closely: an answer in short does not say when it was given.
const changedLately = time.Minute

// newer reports whether a vote was changed, or may have been, since Kafka was asked what is known of the quorum.
func (v voterKeeper) newer(known *kafka.ReplicationIndex, now time.Time) bool {
	if known == nil {
		return !v.changed.IsZero() && now.Sub(v.changed) < changedLately
	}
	return known.Replication().At.Before(v.changed)
}

// votersWish is all that a look at the quorum needs to know.
type votersWish struct {
	// brokers are addresses to ask, in order.
	brokers   []string
	clusterID string
	listener  string
	input     kafka.VotersInput
	// addresses are those of the controllers' listeners.
	addresses map[messages.BrokerID]messages.Voter
	// pods are those of the running controllers. Where a vote goes for a restart all of them have to stand when it does.
	pods map[messages.BrokerID]types.UID
}

// votersResult is what became of it.
type votersResult struct {
	step kafka.VoterStep
	// refused is Kafka's reason, empty where it took the change.
	refused string
}

// keepVoters looks whether a change is due, and makes it.
func (a *cluster) keepVoters(c actor.Context) {
	dynamic, take := recordedIdentity(a.known).quorum == messages.QuorumDynamic, a.decision.takeVote
	if left := changedLately - time.Since(a.voters.changed); left > 0 && !a.voters.changed.IsZero() {
		a.again.SetSooner(c, left, lookNow{}) // gates that are closed for it open then, at the latest
	}
	if take == nil && !a.voters.job.running {
		a.voters.mayGo, a.voters.stays = "", ""
	}
	going := take != nil || len(a.lostVotes()) > 0
	if !dynamic || a.kafka.Answered && !going && !kafka.VotersDiffer(a.votersWanted(), a.kafka) {
		a.voters.waits, a.voters.notBefore = "", time.Time{}
		return
	}
	wish := a.votersWish()
	// While a controller is being stopped no vote changes: together the two may cost the majority that each keeps.
	if a.voters.job.running || slices.ContainsFunc(a.nodes(), a.controllerStops) || !a.kafka.Answered || len(a.kafka.Voters) == 0 || len(wish.brokers) == 0 {
		return
	}
	if left := time.Until(a.voters.notBefore); left > 0 {
		a.again.SetSooner(c, left, lookNow{})
		return
	}
	if take != nil && !a.mayGo(take) {
		a.askBudgets(c, take)
		return
	}
	if take != nil && wish.input.Going == nil { // our own budget is yet to be closed
		a.again.SetSooner(c, votersSoon, lookNow{})
		return
	}
	if !a.voters.job.start(a, c) {
		return
	}
	if a.voters.taking = take != nil; a.voters.taking {
		a.voters.changed = time.Now()
	}
	e := a.effects
	kit.Go(a.life, c, effectTimeout, func(ctx context.Context) (votersResult, error) { return e.changeVoters(ctx, wish) })
}

// controllerStops reports whether a node that has a vote, or may get one, may be stopped, or was and is not up again. Whose metadata went
// with its Pod is not before its vote is taken. Brokers alone count for no majority, and a budget may keep them until the votes are right.
func (a *cluster) controllerStops(n node) bool {
	p, held := a.roll.permits[n.id]
	becomes := n.controller && n.observed.Pod != p.Pod // with the Pod that follows
	votes := becomes || a.runsController(n.id) || slices.Contains(a.kafka.Voters, n.id)
	return held && votes && !n.metadataGone() && (n.observed.Pod == p.Pod || n.observed.Stopping || !n.observed.PodReady)
}

// votersWanted are those who should have a vote now.
func (a *cluster) votersWanted() []messages.BrokerID {
	return wantedVoters(a.roles.controllers, a.nodes(), a.kafka.Voters, a.roll.index)
}

// wantedVoters are the controllers of the spec, without those at rest whose metadata went with their Pod: they get their votes back when
// they run again. A broker that runs and leaves keeps the vote that it has as long as Kafka has replicas on it, or has not said that it
// has none: without a vote it may lose the quorum when that gets another leader (adrift tells why), and all that it serves with it.
func wantedVoters(controllers []messages.BrokerID, nodes []node, voters []messages.BrokerID, known *kafka.ReplicationIndex) []messages.BrokerID {
	wanted := slices.Clone(controllers)
	mayHold := func(n node) bool { return known == nil || kafka.LeftOn(n.id, known) != "" }
	for _, n := range nodes {
		switch {
		case n.restsWithoutVote():
			wanted = slices.DeleteFunc(wanted, func(id messages.BrokerID) bool { return id == n.id })
		case n.leaving && n.broker && n.observed.PodReady && slices.Contains(voters, n.id) && mayHold(n):
			wanted = append(wanted, n.id)
		}
	}
	slices.Sort(wanted)
	return wanted
}

func (a *cluster) votersWish() votersWish {
	wish := votersWish{
		brokers:   a.askedBrokers(),
		clusterID: a.known.ClusterID, listener: kafka.ListenerName(kafka.ControllerListener(a.valid).Name),
		addresses: map[messages.BrokerID]messages.Voter{}, pods: map[messages.BrokerID]types.UID{},
		input: kafka.VotersInput{Wanted: a.votersWanted(), Lost: a.lostVotes(), Going: a.voteGoes()},
	}
	for _, n := range a.nodes() {
		if n.observed.PodReady && !n.observed.Stopping && a.runsController(n.id) {
			wish.input.Running = append(wish.input.Running, n.id)
			wish.pods[n.id] = n.observed.Pod
		}
		if n.controller {
			wish.addresses[n.id] = kafka.VoterAddress(a.valid, kube.AddressesOf(a.valid), n.id, n.broker)
		}
	}
	return wish
}

// runsController reports whether a node's Pod was made with the controller role: the spec may have another role by now.
func (a *cluster) runsController(id messages.BrokerID) bool {
	pods := a.Cache.BrokerPods(a.Key, id)
	return len(pods) == 1 && pods[0].Labels[kube.LabelIsController] == "true"
}

// keepsDisks reports whether no log dir of a node is on an emptyDir, also of one that left the spec.
func (a *cluster) keepsDisks(id messages.BrokerID) bool {
	k := a.children[id]
	if k == nil || a.roles.volatile[id] {
		return false
	}
	_, volatile, _ := emptyDirs(a.valid, &k.keep.entry)
	return !volatile
}

// votersDone takes what became of a look.
func (a *cluster) votersDone(c actor.Context, r kit.Result[votersResult]) {
	a.voters.job.ended(a, c, r.Err)
	now, step := time.Now(), r.Value.step
	if a.voters.taking { // whatever the answer was, and also without one: the vote may be gone
		a.voters.taking, a.voters.changed = false, now
	}
	if r.Err != nil {
		a.voters.waitFor(r.Err.Error(), now)
		return
	}
	done := step.Change == kafka.VoterAdd || step.Change == kafka.VoterRemove
	a.voters.notBefore = now.Add(votersLater)
	waits := step.Reason
	switch {
	case r.Value.refused != "":
		waits = r.Value.refused
	case done:
		a.voters.notBefore, a.voters.changed, waits = now.Add(votersSoon), now, ""
		a.tellVoters(step)
	}
	if waits != "" && waits != a.voters.waits {
		a.Log.Info("voters of the quorum wait", "reason", waits)
	}
	a.voters.waitFor(waits, now)
	if waits != "" {
		a.again.SetSooner(c, votersTold, lookNow{})
	}
}

// waitFor remembers what is awaited, and since when anything is.
func (v *voterKeeper) waitFor(what string, now time.Time) {
	if v.waits == "" {
		v.since = now
	}
	v.waits = what
}

// tellVoters tells people of a change.
func (a *cluster) tellVoters(step kafka.VoterStep) {
	reason, text := "VoterAdded", "got its vote in the metadata quorum"
	if step.Change == kafka.VoterRemove {
		reason, text = "VoterRemoved", "lost its vote in the metadata quorum"
	}
	note := fmt.Sprintf("node %d %s: %s", step.ID, text, step.Reason)
	a.Log.Info("voters of the quorum changed", "broker", step.ID, "reason", note)
	a.Events.Event(kube.ClusterReference(a.Key, a.newest), nil, corev1.EventTypeNormal, reason, "ChangeVoters", note)
}

// told is what has been awaited for so long that people should know.
func (v voterKeeper) told(now time.Time) string {
	if v.waits == "" || now.Sub(v.since) < votersTold {
		return ""
	}
	return v.waits
}

// askedBrokers are addresses of a few brokers to ask: one may be cut off from the controllers.
func (a *cluster) askedBrokers() []string {
	const most = 3
	ready := nodesWhere(a.nodes(), func(n node) bool { return n.broker && n.observed.PodReady })
	var addresses []string
	for _, n := range ready[:min(most, len(ready))] {
		addresses = append(addresses, broker.AdminAddress(a.valid, n.id))
	}
	return addresses
}

// changeVoters asks, decides and makes one change.
func (e worldEffects) changeVoters(ctx context.Context, wish votersWish) (result votersResult, err error) {
	err = e.withQuorum(ctx, wish.brokers, func(admin QuorumAdmin, quorum kafka.QuorumState) error {
		wish.input.Quorum = quorum
		result.step = kafka.PlanVoters(wish.input)
		if going := wish.input.Going; going != nil && result.step.Change == kafka.VoterRemove && result.step.ID == *going {
			if why, err := e.stops(ctx, wish.pods); why != "" || err != nil {
				result.step = kafka.VoterStep{Change: kafka.VotersWait, Reason: why}
				return err
			}
		}
		return changeVoter(ctx, admin, wish, result.step)
	})
	return refusedVoters(result, err)
}

// withQuorum uses the first broker that knows how the quorum stands.
func (e worldEffects) withQuorum(ctx context.Context, brokers []string, use func(QuorumAdmin, kafka.QuorumState) error) error {
	err := errors.New("no broker is ready to be asked")
	for _, address := range brokers {
		var admin QuorumAdmin
		var quorum kafka.QuorumState
		if admin, quorum, err = e.askQuorum(ctx, address); err != nil {
			continue
		}
		defer admin.Close()
		return use(admin, quorum)
	}
	return err
}

func (e worldEffects) askQuorum(ctx context.Context, address string) (QuorumAdmin, kafka.QuorumState, error) {
	const patience = 8 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	admin, err := e.Kafka.Quorum(ctx, address)
	if err != nil {
		return nil, kafka.QuorumState{}, err
	}
	quorum, err := admin.DescribeQuorum(ctx)
	if err != nil {
		admin.Close()
	}
	return admin, quorum, err
}

func changeVoter(ctx context.Context, admin QuorumAdmin, wish votersWish, step kafka.VoterStep) error {
	switch step.Change {
	case kafka.VoterAdd:
		voter := wish.addresses[step.ID]
		voter.DirectoryID = step.DirectoryID
		return admin.AddVoter(ctx, wish.clusterID, wish.listener, voter)
	case kafka.VoterRemove:
		return admin.RemoveVoter(ctx, wish.clusterID, step.ID, step.DirectoryID)
	default:
		return nil
	}
}

// refusedVoters takes a refusal for a result: the next look may find something else to do.
func refusedVoters(result votersResult, err error) (votersResult, error) {
	var refused *kafka.VoterRefused
	if errors.As(err, &refused) {
		result.refused = fmt.Sprintf("%s: %s", result.step.Reason, refused.Error())
		return result, nil
	}
	return result, err
}

// keepsVote reports whether a node that is to restart has to lose its vote first: it comes back as no controller, and a vote
// without one counts against the majority. While Kafka does not say who has a vote, each running controller may.
func (v rollView) keepsVote(n node) bool {
	if !v.kraft || !v.dynamic || n.controller {
		return false
	}
	return slices.Contains(v.kafka.Voters, n.id) || len(v.kafka.Voters) == 0 && v.runsController(n.id)
}

// votesDown reports whether a vote counts against the majority: that of a lost disk, or of a node that does not run.
func votesDown(nodes []node, kafka messages.KafkaObserved) bool {
	return slices.ContainsFunc(kafka.Voters, func(id messages.BrokerID) bool {
		runs := func(n node) bool { return n.id == id && n.observed.PodReady }
		return slices.Contains(kafka.Elsewhere, id) || !slices.ContainsFunc(nodes, runs)
	})
}
