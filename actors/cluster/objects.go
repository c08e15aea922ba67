package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// objectWriter keeps what belongs to the whole cluster: Services, PodDisruptionBudgets, shared ConfigMaps.
type objectWriter struct {
	job     job
	written kube.Written
	// wanted is what the running job writes.
	wanted    []kube.Object
	problem   string
	budgetSet time.Time // when a PodDisruptionBudget was written last
	// told are the reasons logged for writes that have not succeeded yet, by object.
	told map[string]string
	// gates is why nobody may be drained, as it was logged last; empty where people may, or before anything was.
	gates     string
	gatesTold bool
	// fixed are the objects that depend on the snapshot fixedFor alone; packing a spec is too dear for every look.
	fixed    []kube.Object
	fixedFor *v1beta1.KafkaCluster
	// budgets are those of budgetsFor: brokers, controllers.
	budgets    []kube.Object
	budgetsFor [2]kube.BudgetInput
}

// budgetPause is the least time between two writes of PodDisruptionBudgets: a gate that opens and closes with every
// look at Kafka must not become a stream of writes.
const budgetPause = 5 * time.Second

type writtenObjects struct {
	applied []kube.Object
	at      time.Time
}

// keepObjects writes what is missing or differs, side by side.
func (a *cluster) keepObjects(c actor.Context) {
	if a.objects.job.running || a.tidy.job.running {
		return
	}
	now := time.Now()
	a.objects.problem = ""
	a.tellGates()
	var due []kube.Object
	differs := map[string]kube.Object{} // what is due as it stands, by name
	for _, wanted := range a.clusterObjects() {
		cached := a.cached(wanted)
		observed, _ := kube.Newest[kube.Object](&a.objects.written, wanted, cached, now)
		switch {
		case observed != nil && !kube.Owned(observed, a.valid):
			a.objects.problem = describeStranger(observed)
		case a.objects.written.Stands(observed, wanted):
		case isBudget(wanted) && observed != nil && a.settling(now) > 0: // what a new leader does not know yet closes no gate
			a.again.SetSooner(c, a.settling(now), lookNow{})
		case isBudget(wanted) && now.Sub(a.objects.budgetSet) < budgetPause:
			a.again.SetSooner(c, budgetPause-now.Sub(a.objects.budgetSet), lookNow{})
		default:
			due = append(due, wanted)
			differs[nameOf(wanted)] = observed
		}
	}
	if len(due) == 0 { // also when what failed is not wanted any more
		a.objects.job.settle()
		a.objects.told = nil
		return
	}
	if !a.objects.job.start(a, c) {
		return
	}
	a.objects.wanted = due
	a.tellWrites(due, differs)
	e := a.effects
	kit.Go(a.life, c, effectTimeout, func(ctx context.Context) (writtenObjects, error) {
		applied, err := e.applyObjects(ctx, due)
		return writtenObjects{applied: applied, at: time.Now()}, err
	})
}

func (a *cluster) objectsWritten(c actor.Context, r kit.Result[writtenObjects]) {
	a.objects.job.ended(a, c, r.Err)
	for i, object := range r.Value.applied {
		if object == nil { // this one failed
			continue
		}
		a.objects.written.Applied(a.objects.wanted[i], object, r.Value.at)
		delete(a.objects.told, nameOf(object))
		if isBudget(object) {
			a.objects.budgetSet = r.Value.at
		}
	}
}

// copied says that Kafka, asked since the last Pod became ready, has all replicas in sync.
func (a *cluster) copied() bool {
	return a.kafka.Answered && !a.kafka.UnderReplicated && a.kafka.Watch.AboutSame(a.watch)
}

// gatesClosed is why people may not drain a node now, empty when they may: all Pods are ready, and Kafka, asked since the last of
// them became so, knows every node and has all replicas in sync.
func (a *cluster) gatesClosed() string {
	nodes := a.nodes()
	for _, n := range nodes {
		if !n.observed.PodReady {
			return fmt.Sprintf("the Pod of broker %d is not ready", n.id)
		}
		if n.observed.Stopping {
			return fmt.Sprintf("the Pod of broker %d may be stopping", n.id)
		}
	}
	switch {
	case !a.kafka.Answered:
		return strings.TrimSuffix("Kafka has not answered: "+a.kafka.Error, ": ")
	case !a.kafka.Watch.AboutSame(a.watch):
		return "Kafka has not answered since the Pods became as they are"
	}
	for _, n := range nodes {
		if !a.kafka.Knows(n.id, n.selectedAsBroker()) { // a role that waits for its node's restart may not keep that from coming
			return fmt.Sprintf("Kafka does not know broker %d", n.id)
		}
	}
	switch {
	case a.kafka.UnderReplicated:
		return "replicas are not in sync"
	case votesDown(nodes, a.kafka):
		return "a vote in the metadata quorum counts against the majority: its node does not run, or its disk is lost"
	}
	return a.votesAway()
}

func describeStranger(object kube.Object) string {
	return "an object named " + object.GetName() + " carries label " + kube.LabelCluster +
		" but does not belong to this cluster: delete or rename it"
}

// message is what stands in the way of the cluster's own objects.
func (w objectWriter) message() string {
	if w.problem != "" {
		return w.problem
	}
	return w.job.lastFail
}
