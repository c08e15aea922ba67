package cluster

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/actors/health"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// child is one broker actor.
type child struct {
	pid *actor.PID
	// snapshot is the newest resource that says something new to this broker.
	snapshot *v1beta1.KafkaCluster
	keep     keep
	// broker and controller are its roles.
	broker, controller bool
	// wanted is what it was told last, under the revision told; 0 when it must be told again.
	wanted   messages.BrokerWanted
	told     int64
	toldAt   time.Time
	observed messages.BrokerObserved
	ending   bool
}

func (k *child) stop(c actor.Context) {
	if !k.ending {
		k.ending = true
		c.Stop(k.pid)
	}
}

// follow takes a new valid snapshot and finds whom it concerns.
func (a *cluster) follow(snapshot *v1beta1.KafkaCluster) {
	before := a.valid
	everyone := before == nil || !sharedEqual(before, snapshot)
	a.valid, a.roles, a.listeners = snapshot, rolesOf(snapshot), listenerStatuses(snapshot)
	a.wide.elsewhere = textsOfBrokers(&snapshot.Spec)
	a.windows = kube.WindowsOf(&snapshot.Spec)
	nodes := nodesToKeep(snapshot, a.existing(), a.lastEntry)
	a.listAnew()
	for id, k := range a.children {
		next, kept := nodes[id]
		if !kept {
			continue
		}
		if (everyone || concerns(k.keep, next)) && describes(snapshot, next) {
			k.snapshot = snapshot
		}
		k.keep = next
	}
}

// describes reports whether a spec says how a node looks. One that leaves together with its group follows the last spec that
// had it.
func describes(snapshot *v1beta1.KafkaCluster, node keep) bool {
	_, err := v1beta1.BrokerConfigOf(&snapshot.Spec, &node.entry)
	return err == nil || !node.leaving
}

// existing are the brokers that have objects or an actor. They are looked for once after each event that may change
// them: with a thousand brokers the search is dear, and each of them reports several times.
func (a *cluster) existing() []messages.BrokerID {
	if a.exist == nil {
		a.exist = a.Cache.BrokerIDs(a.Key)
		for id := range a.children {
			a.exist = append(a.exist, id)
		}
		slices.Sort(a.exist)
		a.exist = slices.Compact(a.exist)
	}
	return a.exist
}

// lastEntry is the spec entry of a broker that has left: what its actor still knows, or what its ConfigMap or the
// status that Koperator wrote remembers.
func (a *cluster) lastEntry(id messages.BrokerID) (v1beta1.Broker, bool) {
	if k := a.children[id]; k != nil {
		return k.keep.entry, true
	}
	var backups []string
	if config := a.Cache.ConfigMap(a.Key.Namespace, kube.BrokerConfigName(a.Key.Name, id)); config != nil {
		backups = append(backups, config.Annotations[kube.AnnotationConfigurationBackup])
	}
	for _, pod := range a.Cache.BrokerPods(a.Key, id) {
		backups = append(backups, pod.Annotations[kube.AnnotationConfigurationBackup])
	}
	for _, backup := range backups {
		if entry, err := kube.BrokerFromBackup(backup); err == nil {
			return entry, true
		}
	}
	entry, err := kube.BrokerFromBackup(a.known.BrokersState[id.String()].ConfigurationBackup)
	return entry, err == nil
}

// keepBrokers gives every node an actor and tells each what is new to it.
func (a *cluster) keepBrokers(c actor.Context) {
	nodes := nodesToKeep(a.valid, a.existing(), a.lastEntry)
	for _, id := range slices.Sorted(maps.Keys(nodes)) {
		if a.children[id] == nil {
			a.spawn(c, id, nodes[id])
		}
	}
	quorum, unformed := a.quorumNow(), a.unformed()
	for _, id := range a.brokersFirst() {
		k := a.children[id]
		if k.keep.leaving && k.observed.Gone {
			k.stop(c)
			continue
		}
		if !k.keep.leaving && a.removals.busyWith(id) {
			continue
		}
		a.tell(c, id, k, quorum, unformed)
	}
}

// claims are what the brokers have said about their disks.
func (a *cluster) claims() map[messages.BrokerID]map[string]types.UID {
	claims := map[messages.BrokerID]map[string]types.UID{}
	for id, k := range a.children {
		claims[id] = k.observed.Claims
	}
	return claims
}

func (a *cluster) spawn(c actor.Context, id messages.BrokerID, node keep) {
	trigger := kit.NewTrigger(c.ActorSystem().Root, messages.Look{})
	state := a.known.BrokersState[id.String()]
	config := broker.Config{
		ID: id, Context: a.Context, Trigger: trigger, Log: a.Log.With("broker", id),
		World: broker.World{Cluster: a.Key, Cache: a.Cache, Writer: a.Writer, Reader: a.Reader, Events: a.Events, Kafka: a.Kafka, Nodes: a.Nodes},
	}
	if state.Replacements != nil {
		config.Ended = state.Replacements.Count
		if state.Replacements.Last != nil {
			config.LastEnded = state.Replacements.Last.Time
		}
	}
	pid, err := c.SpawnNamed(broker.Props(a.Metrics, config), "broker-"+id.String())
	if err != nil { // an earlier one is still stopping; its Terminated brings us back
		a.Log.Warn("broker actor not started", "broker", id, "error", err)
		return
	}
	a.children[id] = &child{pid: pid, snapshot: a.valid, keep: node}
	a.listAnew()
	a.Publish(id, trigger)
	trigger.Bind(pid)
}

// brokersFirst are all that have an actor, those without the broker role at the end: they hear whether brokers have taken what is newest.
func (a *cluster) brokersFirst() []messages.BrokerID {
	ids := slices.Sorted(maps.Keys(a.children))
	others := slices.DeleteFunc(slices.Clone(ids), func(id messages.BrokerID) bool { return a.roles.broker[id] })
	return append(slices.DeleteFunc(ids, func(id messages.BrokerID) bool { return !a.roles.broker[id] }), others...)
}

// brokersTook reports whether every broker that is to run does so with the newest of its file.
func brokersTook(nodes []node) bool {
	return !slices.ContainsFunc(nodes, func(n node) bool {
		return n.broker && !n.leaving && !n.atRest() && (!n.current() || !n.observed.PodReady || n.observed.ConfigStale || n.observed.ConfigRefused)
	})
}

// tell sends a broker its wish when it differs from what it was told last.
func (a *cluster) tell(c actor.Context, id messages.BrokerID, k *child, quorum messages.Quorum, unformed bool) {
	first := slices.Contains(a.known.InitialControllers, int32(id)) && slices.Contains(a.roles.controllers, id)
	wanted := messages.BrokerWanted{
		Cluster: k.snapshot, Entry: k.keep.entry, Leaving: k.keep.leaving,
		ClusterID: a.known.ClusterID, Quorum: quorum, InitialController: first, FirstVoter: first && unformed,
		Formatted: a.formatted(id),
		RanBefore: a.known.BrokersState[id.String()].ConfigurationBackup != "", // which we never write
		Paused:    a.paused(),
		Permit:    a.roll.permits[id].told(),
		Removal:   a.removals.told[id],
		Replace:   a.recovery.replaceFor(id), StartEmpty: a.recovery.startEmpty[id] != nil,
		RanOnPod:  a.ranOnPod(id),
		Elsewhere: a.recovery.elsewhere[id], MetadataDirectory: a.kafka.Directories[id],
		Consent: a.consent, BrokersTook: !a.roles.broker[id] && k.observed.ConfigStale && brokersTook(a.nodes()),
		Kafka: a.releaseOf(id, k), ClusterApplied: a.wide.keys(),
	}
	if k.told > 0 && wanted.Equal(k.wanted) {
		return
	}
	a.revision++
	a.listAnew()
	k.wanted, k.told, k.toldAt = wanted, a.revision, time.Now()
	k.broker, k.controller = rolesOfNode(k.snapshot, &k.keep.entry)
	c.Send(k.pid, messages.Reconfigure{Revision: a.revision, Wanted: wanted})
}

func (a *cluster) forget(pid *actor.PID) {
	for id, k := range a.children {
		if k.pid.Equal(pid) {
			delete(a.children, id)
			a.listAnew()
			a.Publish(id, nil)
		}
	}
	if a.health != nil && a.health.Equal(pid) {
		a.health, a.watch = nil, messages.Watch{}
	}
}

// listAnew forgets what was worked out from the children, the spec and the status: one of them has changed.
func (a *cluster) listAnew() { a.listed, a.addresses, a.quorum = nil, nil, nil }

// quorumNow is what every node is told about the controllers.
func (a *cluster) quorumNow() messages.Quorum {
	if a.quorum == nil {
		quorum := quorumNow(a.valid, a.roles, a.known, a.claims())
		a.quorum = &quorum
	}
	return *a.quorum
}

// nodes lists the children by id. It is asked for many times between two changes.
func (a *cluster) nodes() []node {
	if a.listed == nil {
		a.listed = a.listNodes()
	}
	return a.listed
}

func (a *cluster) listNodes() []node {
	nodes := make([]node, 0, len(a.children))
	for _, id := range slices.Sorted(maps.Keys(a.children)) {
		k := a.children[id]
		nodes = append(nodes, node{
			id: id, broker: k.broker, controller: k.controller, leaving: k.keep.leaving, told: k.told, observed: k.observed,
			maintenance: k.keep.entry.Maintenance && !k.keep.leaving,
			volatile:    a.roles.volatile[id] || k.observed.VoteOnPod || k.observed.ReplicasOnPod, voteVolatile: a.roles.voteVolatile[id] || k.observed.VoteOnPod,
			allVolatile: a.onlyEmptyDirs(id, k),
		})
	}
	return nodes
}

// onlyEmptyDirs reports whether a node has nothing but emptyDirs, and had nothing else: what it had on claims stays, also after these left
// the spec.
func (a *cluster) onlyEmptyDirs(id messages.BrokerID, k *child) bool {
	if len(k.observed.Claims) > 0 || len(a.known.BrokersState[id.String()].FormattedLogDirs) > 0 {
		return false
	}
	if k.keep.leaving {
		_, _, all := emptyDirs(a.valid, &k.keep.entry)
		return all
	}
	return a.roles.allVolatile[id]
}

// keepHealth tells the health actor whom to expect. It starts to look when the first Pod is ready.
func (a *cluster) keepHealth(c actor.Context) {
	if a.health == nil {
		pid, err := c.SpawnNamed(health.Props(a.Metrics, health.Config{
			Cluster: a.Key, Context: a.Context, Kafka: a.Kafka, Log: a.Log,
		}), "health")
		if err != nil {
			a.Log.Warn("health actor not started", "error", err)
			return
		}
		a.health = pid
	}
	watch := messages.Watch{KRaft: a.valid.Spec.KRaft, Detail: a.decision.watch}
	leaves := len(leavingNodes(a.nodes())) > 0 || len(a.remembered()) > 0 || len(a.formerBrokers()) > 0
	heals := a.recovery.lost || a.recovery.inherits && !a.paused() || a.recovery.granted >= 0 || slices.ContainsFunc(a.nodes(), unreadable)
	if (leaves || heals || a.moves.busy() || a.throttleLeft()) && !watch.Detail {
		watch.Detail, watch.Unhurried = true, !a.removals.hurried()
	}
	if recordedIdentity(a.known).quorum == messages.QuorumDynamic {
		watch.Voters = a.votersWanted()
	}
	for _, n := range a.nodes() {
		switch {
		case !n.observed.PodReady:
		case n.broker:
			watch.Brokers = append(watch.Brokers, n.id)
		default:
			watch.Controllers = append(watch.Controllers, n.id)
		}
	}
	if len(watch.Brokers) > 0 {
		watch.Bootstrap = a.bootstrap()
	}
	if !watch.Equal(a.watch) {
		a.watch = watch
		c.Send(a.health, watch)
	}
}

// mostAsked bounds how many brokers are asked in turn.
const mostAsked = 8

// bootstrap are the addresses to ask: that of all brokers, and then those of some for themselves. A broker may take connections and be
// cut off from the controllers, as one that was the active controller and lost its vote; and a name leads to the same one each time.
func (a *cluster) bootstrap() []string {
	if a.addresses != nil {
		return a.addresses
	}
	a.addresses = []string{bootstrapOf(a.valid)}
	for _, n := range a.nodes() {
		if len(a.addresses) > mostAsked {
			break
		}
		if n.broker && !n.leaving {
			a.addresses = append(a.addresses, broker.AdminAddress(a.valid, n.id))
		}
	}
	return a.addresses
}

// bootstrapOf is the address of the operator's own client.
func bootstrapOf(cluster *v1beta1.KafkaCluster) string {
	port, _ := kafka.AdminPort(cluster) // validation has refused a spec without one
	return net.JoinHostPort(kube.AddressesOf(cluster).Bootstrap(), strconv.Itoa(int(port)))
}
