package operator

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/koperator-go/koperator/actors/cluster"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// Name is the operator actor's id; a broker is then cluster/<namespace>/<name>/broker-<id>.
const Name = "cluster"

// World is everything outside of the actors.
type World struct {
	// Context ends when the daemon may no longer act: at shutdown, or when another daemon leads.
	Context context.Context
	Cache   *kube.Cache
	Writer  kube.Writer
	Reader  cluster.Reader
	Events  kube.Recorder
	Kafka   cluster.Dialer
	Metrics *kit.Metrics
	// Nodes tells whether the daemon may read Nodes.
	Nodes bool
	// Build tells this build of the daemon from all others.
	Build string
	Log   *slog.Logger
}

// Start spawns the operator actor and wires the cache's news to it. Whoever starts it stops it with kit.StopAndWait.
func Start(sys *actor.ActorSystem, world World) (*actor.PID, error) {
	trigger := kit.NewTrigger(sys.Root, messages.Look{})
	index := NewIndex(trigger)
	props := world.Metrics.Props("operator", func() actor.Actor {
		return &operator{world: world, index: index, trigger: trigger, clusters: map[messages.ClusterKey]*actor.PID{}}
	}, actor.WithGuardian(kit.Supervision()))
	pid, err := sys.Root.SpawnNamed(props, Name)
	if err != nil {
		return nil, fmt.Errorf("start the operator actor: %w", err)
	}
	world.Cache.OnChange(index.Tell)
	trigger.Bind(pid)
	return pid, nil
}

// operator keeps one cluster actor for each KafkaCluster in the cache.
type operator struct {
	world    World
	index    *Index
	trigger  *kit.Trigger
	clusters map[messages.ClusterKey]*actor.PID
	// closing is set once the actor stops or restarts: its children end and none may be made.
	closing bool
}

// Receive implements actor.Actor.
func (o *operator) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		o.trigger.Ack()
		o.converge(c)
	case *actor.Stopping, *actor.Restarting:
		o.closing = true
	case *actor.Stopped, *actor.Touch:
	case messages.Look:
		o.trigger.Ack()
		o.converge(c)
	case *actor.Terminated: // only now is the name free again
		o.forget(m.Who)
		o.converge(c)
	case messages.Inspect:
		c.Respond(len(o.clusters))
	default:
		o.world.Log.Warn("unexpected message", "type", fmt.Sprintf("%T", m))
	}
}

// converge gives every cluster an actor. An actor whose cluster is gone, or was replaced by one of the same name,
// stops by itself.
func (o *operator) converge(c actor.Context) {
	if o.closing {
		return
	}
	for _, key := range o.world.Cache.Clusters() {
		resource := o.world.Cache.Cluster(key)
		if resource == nil { // gone since the list was made
			continue
		}
		if o.clusters[key] == nil && !kube.RemotelyOwned(resource) {
			o.spawn(c, key)
		}
	}
}

func (o *operator) spawn(c actor.Context, key messages.ClusterKey) {
	trigger := kit.NewTrigger(c.ActorSystem().Root, messages.Look{})
	pid, err := c.SpawnNamed(cluster.Props(o.config(key, trigger)), key.String())
	if err != nil { // an earlier one is still stopping; its Terminated brings us back
		o.world.Log.Warn("cluster actor not started", "cluster", key.String(), "error", err)
		return
	}
	o.clusters[key] = pid
	o.index.PublishCluster(key, trigger)
	trigger.Bind(pid)
}

func (o *operator) config(key messages.ClusterKey, trigger *kit.Trigger) cluster.Config {
	return cluster.Config{
		Key: key, Context: o.world.Context, Trigger: trigger, Metrics: o.world.Metrics,
		Cache: o.world.Cache, Writer: o.world.Writer, Reader: o.world.Reader, Events: o.world.Events,
		Kafka: o.world.Kafka, Nodes: o.world.Nodes, Build: o.world.Build,
		Log: o.world.Log.With("cluster", key.String()),
		Publish: func(id messages.BrokerID, trigger *kit.Trigger) {
			o.index.PublishBroker(key, id, trigger)
		},
	}
}

func (o *operator) forget(pid *actor.PID) {
	for key, known := range o.clusters {
		if known.Equal(pid) {
			delete(o.clusters, key)
			o.index.PublishCluster(key, nil)
		}
	}
}
