package operator

import (
	"sync"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// Index finds the actor that should look when an object has changed. It is the only thing that informers touch.
type Index struct {
	operator *kit.Trigger
	triggers sync.Map // indexKey → *kit.Trigger
}

type indexKey struct {
	cluster messages.ClusterKey
	broker  messages.BrokerID
	leaf    bool // the broker's actor, not the cluster's
}

// NewIndex makes an index whose fallback is the operator actor.
func NewIndex(operator *kit.Trigger) *Index { return &Index{operator: operator} }

// PublishCluster names the trigger of a cluster's actor; nil forgets it.
func (x *Index) PublishCluster(key messages.ClusterKey, trigger *kit.Trigger) {
	x.publish(indexKey{cluster: key}, trigger)
}

// PublishBroker names the trigger of a broker's actor; nil forgets it.
func (x *Index) PublishBroker(key messages.ClusterKey, id messages.BrokerID, trigger *kit.Trigger) {
	x.publish(indexKey{cluster: key, broker: id, leaf: true}, trigger)
}

func (x *Index) publish(key indexKey, trigger *kit.Trigger) {
	if trigger == nil {
		x.triggers.Delete(key)
		return
	}
	x.triggers.Store(key, trigger)
}

// Tell wakes the actor that owns the changed object, or its parent when the owner does not exist: an object of a
// broker that nobody manages is the cluster's business, a cluster without actor the operator's.
func (x *Index) Tell(change kube.Change) {
	switch {
	case change.HasBroker && x.fire(indexKey{cluster: change.Cluster, broker: change.Broker, leaf: true}):
	case x.fire(indexKey{cluster: change.Cluster}):
	case change.Kind == kube.KindCluster:
		x.operator.Fire()
	}
}

func (x *Index) fire(key indexKey) bool {
	trigger, found := x.triggers.Load(key)
	if found {
		trigger.(*kit.Trigger).Fire()
	}
	return found
}
