package cluster

import (
	"slices"

	policyv1 "k8s.io/api/policy/v1"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// problemsOf is all that is wrong with a spec, whoever reads the field, and with the change from the one before, nil where
// that is not known.
func problemsOf(cluster *v1beta1.KafkaCluster, before *v1beta1.KafkaClusterSpec) []messages.FieldProblem {
	if problem, found := kube.Undecodable(cluster); found {
		return []messages.FieldProblem{problem}
	}
	return slices.Concat(kube.Validate(cluster), kube.ChangeProblems(before, cluster), kafka.Validate(cluster))
}

func withStatus(resource *v1beta1.KafkaCluster, status v1beta1.KafkaClusterStatus) *v1beta1.KafkaCluster {
	judged := *resource
	judged.Status = status
	return &judged
}

// clusterObjects are the objects that belong to the whole cluster, as they should be now.
func (a *cluster) clusterObjects() []kube.Object {
	if a.objects.fixedFor != a.valid {
		a.objects.fixed, a.objects.fixedFor = fixedObjects(a.valid), a.valid
	}
	return slices.Concat(a.objects.fixed, a.budgets())
}

// budgets are the PodDisruptionBudgets. What was made of the same input is not made again: it is asked for at every look.
func (a *cluster) budgets() []kube.Object {
	together := setUnderWay(a.roll.permits, a.nodes())
	// Who is stopped past them relies on that they let nobody else go.
	past := slices.ContainsFunc(stopping(a.roll.permits, a.nodes()), func(p permit) bool { return p.Asked == messages.OthersBudgets })
	open := a.gatesClosed() == "" && !past
	gates := open || together > 1 // the first of a set that goes must not close the gate behind it
	brokers, controllers := a.protected()
	isBroker, isController := func(n node) bool { return n.broker }, func(n node) bool { return !n.broker }
	in := [2]kube.BudgetInput{
		{Nodes: brokers, GatesOpen: gates, Together: together, EvictUnready: stuckAlone(a.nodes(), isBroker)},
		{Nodes: controllers, GatesOpen: open, EvictUnready: stuckAlone(a.nodes(), isController)},
	}
	for i := range in {
		in[i].Cluster, in[i].Adopted = a.valid, a.known.Adopted
	}
	if in == a.objects.budgetsFor {
		return a.objects.budgets
	}
	a.objects.budgets, a.objects.budgetsFor = nil, in
	for _, budget := range []*policyv1.PodDisruptionBudget{kube.BrokerBudget(in[0]), kube.ControllerBudget(in[1])} {
		if budget != nil {
			a.objects.budgets = append(a.objects.budgets, budget)
		}
	}
	return a.objects.budgets
}

// fixedObjects are those that follow from the spec alone.
func fixedObjects(cluster *v1beta1.KafkaCluster) []kube.Object {
	var objects []kube.Object
	for _, service := range kube.ClusterServices(cluster) {
		objects = append(objects, service)
	}
	objects = append(objects, kube.JMXConfigMap(cluster))
	if accepted, err := kube.AcceptedSpecConfigMap(cluster); err == nil { // else too large: then it lives in memory alone
		objects = append(objects, accepted)
	}
	return objects
}

// protected counts the Pods that each PodDisruptionBudget selects, and those that are to come: also of brokers that left the spec, as
// long as they run, and of those that run with the roles that they had.
func (a *cluster) protected() (brokers, controllersOnly int) {
	count := map[bool]int{true: a.roles.brokers, false: a.roles.controllersOnly}
	for _, n := range a.nodes() {
		selected := n.selectedAsBroker()
		switch {
		case n.observed.Gone:
		case n.leaving:
			count[selected]++
		case selected != n.broker:
			count[selected]++
			count[n.broker]--
		}
	}
	return count[true], count[false]
}

// selectedAsBroker reports which budget selects a node's Pod: that of the role with which the Pod was made.
func (n node) selectedAsBroker() bool {
	if n.observed.PodRole == "" {
		return n.broker
	}
	return n.observed.PodRole == "true"
}
