package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/actors/health"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// effects is all that a cluster actor does to the world.
type effects interface {
	// load reads the custom resource from the API server itself: the cache may be a moment behind what an earlier
	// leader recorded.
	load(ctx context.Context) (*v1beta1.KafkaCluster, error)
	// writeStatus replaces the status and returns the resource as it then stands.
	writeStatus(ctx context.Context, cluster *v1beta1.KafkaCluster) (*v1beta1.KafkaCluster, error)
	// applyObjects writes the cluster's own objects and returns what the API server made of them.
	applyObjects(ctx context.Context, wanted []kube.Object) ([]kube.Object, error)
	// configureAll compares Kafka's configuration of all brokers with the wanted one, and changes it.
	configureAll(ctx context.Context, cluster *v1beta1.KafkaCluster, wish wideWish) (wideResult, error)
	// raiseMetadata raises metadata.version, or returns why Kafka will not.
	raiseMetadata(ctx context.Context, address string, level int16) (refused string, err error)
	// remove carries out one task on the way of a broker out of the cluster.
	remove(ctx context.Context, wish removalWish) (diskAnswer, error)
	// moveReplicas begins moves of replicas, or takes them back.
	moveReplicas(ctx context.Context, wish movesWish) movesResult
	// changeVoters looks at the metadata quorum and makes the next change of its voters.
	changeVoters(ctx context.Context, wish votersWish) (votersResult, error)
	// mayEvict asks PodDisruptionBudgets whether a Pod whose vote is to be taken would be let go.
	mayEvict(ctx context.Context, pod *corev1.Pod, asked messages.Budgets) (evictable, error)
	// moveQuorum makes a static quorum a dynamic one, or returns why Kafka will not.
	moveQuorum(ctx context.Context, brokers []string) (moved, error)
	// removeObjects deletes the cluster's own objects and returns those whose deletion was accepted.
	removeObjects(ctx context.Context, objects []kube.Object) (removed, error)
	// release lets a deleted cluster go: its topics, users and operations, then its own finalizers.
	release(ctx context.Context, cluster *v1beta1.KafkaCluster) error
}

const effectTimeout = 30 * time.Second

// Config is what a cluster actor is made from.
type Config struct {
	Key     messages.ClusterKey
	Context context.Context // ends when the daemon may no longer act
	Trigger *kit.Trigger
	Metrics *kit.Metrics
	Cache   *kube.Cache
	Writer  kube.Writer
	Reader  Reader
	Events  kube.Recorder
	Kafka   Dialer
	// Nodes tells whether the daemon may read Nodes.
	Nodes bool
	// Build tells this build of the daemon from all others: people's consent is good for one.
	Build string
	Log   *slog.Logger
	// Publish makes a broker's trigger known to who feeds the cache; nil forgets it.
	Publish func(id messages.BrokerID, trigger *kit.Trigger)
}

// Dialer makes connections to Kafka: to whole clusters and to single brokers.
type Dialer interface {
	health.Dialer
	broker.AdminDialer
	QuorumDialer
}

// Reader reads past the cache.
type Reader interface {
	// Cluster is the custom resource as it stands, nil when there is none.
	Cluster(ctx context.Context, key messages.ClusterKey) (*v1beta1.KafkaCluster, error)
	broker.PodReader
}

// Props is the recipe of a cluster actor.
func Props(config Config) *actor.Props {
	return config.Metrics.Props("cluster", func() actor.Actor { return newCluster(config, realEffects(config)) })
}

func newCluster(config Config, e effects) *cluster {
	return &cluster{Config: config, effects: e, children: map[messages.BrokerID]*child{}, recovery: recovery{granted: -1, inherits: true}}
}

type cluster struct {
	Config
	effects effects
	life    *kit.Lifetime
	started time.Time

	// uid is the custom resource that this actor is for; one of the same name made later gets an actor of its own.
	uid types.UID
	// known is the status as it stands: read once past the cache, then only written by this actor. Nothing is done
	// before it has been read.
	known  v1beta1.KafkaClusterStatus
	loaded bool
	// loadedVersion is the resourceVersion of the resource from which known was read.
	loadedVersion string

	// newest is the resource as last looked at, valid the newest snapshot whose spec can work (nil: none yet).
	newest, valid *v1beta1.KafkaCluster
	problems      []messages.FieldProblem
	judgedBy      v1beta1.QuorumMode // the quorum that decided what of newest can work
	roles         roles              // of valid
	// windows are the maintenance windows of valid.
	windows kube.Windows
	// consent says that restarts may go on that only a newer daemon asks for.
	consent bool
	// listeners is where the listeners of valid are reached.
	listeners *v1beta1.ListenerStatuses

	children map[messages.BrokerID]*child
	// listed is what nodes has listed, addresses what bootstrap and quorum what quorumNow has found: nil once a child, a role or the
	// status has changed; read only.
	listed    []node
	addresses []string
	quorum    *messages.Quorum
	// exist is what existing found, nil when it has to look again.
	exist    []messages.BrokerID
	revision int64 // of the last wish told to any broker

	// roll is what is remembered of restarts, decision what followed from it last.
	roll     roll
	decision rollDecision

	health *actor.PID
	watch  messages.Watch
	kafka  messages.KafkaObserved
	asked  bool // the health actor has told something

	load    job // reading the resource
	status  statusWriter
	objects objectWriter
	tidy    leftovers
	wide    wideWriter
	upgrade upgrader
	// removals are those of the brokers that left the spec.
	removals remover
	// moves are those of their replicas.
	moves mover
	// recovery is what was decided about lost disks last.
	recovery recovery
	voters   voterKeeper
	move     quorumMover
	release  job // letting a deleted cluster go

	// queued is set while a message to oneself waits behind the reports that came together, or for its time, which is soon.
	queued bool
	soon   kit.Timer
	// looked is when the last look began.
	looked time.Time
	// again looks once more although nothing has happened: when a write was put off.
	again kit.Timer
	// closing is set once the actor stops or restarts: its children end and none may be made.
	closing bool
	// deleting is set once the resource is being deleted: brokers are stopped so that nothing is made again.
	deleting bool
}

type (
	lookNow  struct{}
	lookSoon struct{}
)

// Receive implements actor.Actor.
func (a *cluster) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		a.life, a.started = kit.NewLifetime(a.Context), time.Now()
		a.Trigger.Ack()
		a.converge(c)
	case *actor.Stopping, *actor.Restarting:
		a.closing = true
		a.again.Stop()
		a.soon.Stop()
		a.life.End()
	case *actor.Stopped, *actor.Touch:
	case messages.Look:
		a.Trigger.Ack()
		a.exist = nil
		a.convergeSoon(c)
	case lookNow:
		a.again.Fired()
		a.converge(c)
	case *actor.Terminated: // only now is the name free again
		a.forget(m.Who)
		a.exist = nil
		a.converge(c)
	case lookSoon:
		a.soon.Stop()
		a.queued = false
		a.converge(c)
	case messages.NeedSpec:
		if k := a.children[m.ID]; k != nil {
			k.told = 0
			a.listAnew()
			a.convergeSoon(c)
		}
	case messages.NeedWatch:
		a.watch = messages.Watch{}
		a.convergeSoon(c)
	case messages.BrokerObserved:
		if k := a.children[m.ID]; k != nil {
			k.observed = m
			a.listAnew()
			a.convergeSoon(c)
		}
	case messages.KafkaObserved:
		a.tookKafka(m)
		a.convergeSoon(c)
	case messages.Inspect:
		c.Respond(a.report())
	default:
		a.finished(c, m)
	}
}

// finished takes the results of work outside the mailbox.
func (a *cluster) finished(c actor.Context, message any) {
	switch m := message.(type) {
	case kit.Result[loadedResource]:
		landed(a, c, m, func() { a.load.ended(a, c, m.Err); a.took(m) })
	case kit.Result[writtenStatus]:
		landed(a, c, m, func() { a.statusWritten(c, m) })
	case kit.Result[writtenObjects]:
		landed(a, c, m, func() { a.objectsWritten(c, m) })
	case kit.Result[removed]:
		landed(a, c, m, func() { a.tidied(c, m) })
	case kit.Result[wideResult]:
		landed(a, c, m, func() { a.wideDone(c, m) })
	case kit.Result[raised]:
		landed(a, c, m, func() { a.wasRaised(c, m) })
	case kit.Result[removalResult]:
		landed(a, c, m, func() { a.removalDone(c, m) })
	case kit.Result[movesResult]:
		landed(a, c, m, func() { a.replicasMoved(c, m) })
	case kit.Result[moved]:
		landed(a, c, m, func() { a.quorumMoved(c, m) })
	case kit.Result[votersResult]:
		landed(a, c, m, func() { a.votersDone(c, m) })
	case kit.Result[evictable]:
		landed(a, c, m, func() { a.budgetsAnswered(c, m) })
	case kit.Result[released]:
		landed(a, c, m, func() { a.release.ended(a, c, m.Err) })
	default:
		a.Log.Warn("unexpected message", "type", fmt.Sprintf("%T", m))
	}
}

// landed takes a result, unless an earlier life of the actor has asked for it, and follows from it.
func landed[T any](a *cluster, c actor.Context, r kit.Result[T], take func()) {
	if r.From(a.life) {
		take()
		a.converge(c)
	}
}

// convergeSoon converges once for all reports that are in the mailbox already, and for those that come within a moment where there
// are many nodes: a thousand brokers that report must not cost a thousand looks at a thousand brokers.
func (a *cluster) convergeSoon(c actor.Context) {
	if a.queued {
		return
	}
	a.queued = true
	if rest := restOf(len(a.children)) - time.Since(a.looked); rest > 0 {
		a.soon.Set(c, rest, lookSoon{})
		return
	}
	c.Send(c.Self(), lookSoon{})
}

// restOf is how far apart looks at n nodes are that reports ask for. A look costs about 3 µs a node, so that looking takes no more
// than a fifteenth of the time; what is less than a millisecond is not worth a timer.
func restOf(n int) time.Duration {
	return (time.Duration(n) * 50 * time.Microsecond).Truncate(time.Millisecond)
}

// converge may run any number of times with the same input: it starts what is due and not yet under way.
func (a *cluster) converge(c actor.Context) {
	if a.closing {
		return
	}
	a.looked = time.Now()
	resource := a.Cache.Cluster(a.Key)
	switch {
	case resource == nil, kube.RemotelyOwned(resource), a.uid != "" && a.uid != resource.UID:
		if resource == nil && !a.deleting {
			a.Log.Info("the custom resource is gone", "reason", "its objects go by their owner references")
		}
		c.Stop(c.Self()) // the parent starts another one if there is a resource to care for
		return
	case resource.DeletionTimestamp != nil:
		a.letGo(c, resource)
		return
	case !a.loaded:
		a.startLoading(c, resource.UID)
		return
	}
	a.take(resource)
	if a.valid != nil && a.identified(c) {
		a.keepConsent(c)
		a.keepRoll(c)
		a.keepHealth(c) // before all that believes Kafka's answer: it must be about the nodes as they are now
		if !a.paused() {
			a.keepObjects(c)
		}
		a.keepMoves(c)
		a.keepRemovals(c)
		a.keepRecovery(c)
		a.readWide() // before the brokers: they are told what of it is ours
		a.keepBrokers(c)
		if !a.paused() {
			a.keepWide(c) // after the brokers: what they have said before they were told the newest wish does not count
			a.keepUpgrade(c)
			a.keepQuorumMove(c)
			a.keepVoters(c)
			a.keepTidy(c)
		}
	}
	a.keepStatus(c)
}

// take follows a new version of the resource. A spec with an error is told of and not followed. Of its status only what we know
// counts, and the number of alerts: somebody else may have written the rest.
func (a *cluster) take(resource *v1beta1.KafkaCluster) {
	if a.newest != nil && a.newest.ResourceVersion == resource.ResourceVersion && a.judgedBy == a.known.Quorum {
		return
	}
	a.hearAlerts(resource)
	changed := a.newest == nil || a.newest.Generation != resource.Generation || !maps.Equal(a.newest.Labels, resource.Labels) ||
		a.judgedBy != a.known.Quorum
	a.newest, a.judgedBy = resource, a.known.Quorum
	if !changed {
		return
	}
	a.problems = problemsOf(withStatus(resource, a.known), a.followed(resource))
	if len(messages.Errors(a.problems)) > 0 {
		a.Log.Warn("spec cannot work", "generation", resource.Generation, "reason", messages.Errors(a.problems)[0].String())
		if a.valid == nil {
			a.followAccepted(resource)
		}
		return
	}
	a.follow(snapshotOf(resource))
}

// followed is the last spec that could work, nil where none is known.
func (a *cluster) followed(resource *v1beta1.KafkaCluster) *v1beta1.KafkaClusterSpec {
	if a.valid != nil {
		return &a.valid.Spec
	}
	spec, err := kube.AcceptedSpec(a.Cache.ConfigMap(a.Key.Namespace, kube.AcceptedSpecName(a.Key.Name)), resource)
	if err != nil {
		return nil
	}
	return spec
}

// followAccepted goes on, after a restart, with the last spec that could work, so that brokers are cared for although
// the newest one cannot.
func (a *cluster) followAccepted(resource *v1beta1.KafkaCluster) {
	spec := a.followed(resource)
	if spec == nil {
		a.Log.Warn("the last spec that could work is not known")
		return
	}
	snapshot := snapshotOf(resource)
	snapshot.Spec = *spec
	a.follow(snapshot)
}

func snapshotOf(resource *v1beta1.KafkaCluster) *v1beta1.KafkaCluster {
	snapshot := resource.DeepCopy()
	snapshot.Status = v1beta1.KafkaClusterStatus{}
	snapshot.ManagedFields = nil
	return snapshot
}

func (a *cluster) paused() bool { return a.newest != nil && isPaused(a.newest) }

// startLoading reads the resource past the cache, once. If it is not the one that the cache shows the cache is behind,
// and will tell when it is not.
func (a *cluster) startLoading(c actor.Context, cached types.UID) {
	if !a.load.start(a, c) {
		return
	}
	e := a.effects
	kit.Go(a.life, c, effectTimeout, func(ctx context.Context) (loadedResource, error) {
		resource, err := e.load(ctx)
		if err == nil && (resource == nil || resource.UID != cached) {
			err = errCacheBehind
		}
		return loadedResource{resource}, err
	})
}

type loadedResource struct{ cluster *v1beta1.KafkaCluster }

var errCacheBehind = errors.New("the custom resource is gone or was replaced, the cache does not show it yet")

func (a *cluster) took(r kit.Result[loadedResource]) {
	if r.Err != nil {
		return
	}
	a.uid, a.known, a.loaded = r.Value.cluster.UID, *r.Value.cluster.Status.DeepCopy(), true
	if a.loadedVersion == "" { // of the rolls that it has begun itself it knows
		a.roll.inherits = a.known.State == v1beta1.ClusterRollingUpgrading
	}
	a.known.Adopted = a.known.Adopted || koperators(r.Value.cluster, a.Cache.Objects(kube.KindPod, a.Key))
	a.loadedVersion = r.Value.cluster.ResourceVersion
	a.listAnew()
	a.status.repair.stood(r.Value.cluster)
	if a.known.ClusterID != "" { // an identity that was to be recorded is, by us or by somebody before us
		a.status.record = nil
	}
}

// letGo ends everything and then releases what holds the resource. Its objects go by their owner references.
func (a *cluster) letGo(c actor.Context, resource *v1beta1.KafkaCluster) {
	if !a.deleting {
		a.deleting = true
		a.Log.Info("cluster is being deleted", "reason", "its custom resource is")
		for _, k := range a.children {
			k.stop(c)
		}
		if a.health != nil {
			c.Stop(a.health)
		}
	}
	if len(a.children) > 0 || a.status.job.running || a.objects.job.running || a.tidy.job.running || !hasOurFinalizer(resource) {
		return
	}
	if !a.release.start(a, c) {
		return
	}
	e := a.effects
	kit.Go(a.life, c, effectTimeout, func(ctx context.Context) (released, error) {
		return released{}, e.release(ctx, resource)
	})
}

type released struct{}

func (a *cluster) report() messages.ClusterReport {
	report := messages.ClusterReport{Cluster: a.Key, Problems: a.problems, Kafka: a.kafka}
	for _, n := range a.nodes() {
		report.Brokers = append(report.Brokers, n.observed)
	}
	return report
}
