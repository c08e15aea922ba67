package cluster

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kube"
)

// leftovers removes objects of the cluster that its spec does not ask for any more: PodDisruptionBudgets, and the
// Services of the mode before, headless or not.
type leftovers struct {
	job     job
	written kube.Written
}

type removed struct{ objects []kube.Object }

// keepTidy deletes what is left over, once the cluster's own objects stand: nothing is written and deleted at a time.
func (a *cluster) keepTidy(c actor.Context) {
	if a.tidy.job.running || a.objects.job.running || a.settling(time.Now()) > 0 {
		return
	}
	budgets, services := a.Cache.Objects(kube.KindBudget, a.Key), a.Cache.Objects(kube.KindService, a.Key)
	a.tidy.written.Forget(uidsOf(budgets, services))
	var due []kube.Object
	for _, object := range slices.Concat(a.leftBudgets(budgets), a.leftServices(services)) {
		if kube.Owned(object, a.valid) && !a.tidy.written.Deleting(object) {
			due = append(due, object)
		}
	}
	if len(due) == 0 {
		a.tidy.job.settle()
		return
	}
	if !a.tidy.job.start(a, c) {
		return
	}
	e := a.effects
	kit.Go(a.life, c, effectTimeout, func(ctx context.Context) (removed, error) {
		return e.removeObjects(ctx, due)
	})
}

func (a *cluster) tidied(c actor.Context, r kit.Result[removed]) {
	a.tidy.job.ended(a, c, r.Err)
	for _, object := range r.Value.objects {
		a.tidy.written.Deleted(object)
		a.Log.Info("object deleted", "name", object.GetName(), "reason", "the spec does not ask for it any more")
	}
}

// leftBudgets are those that the user switched off, and that of controllers when the last Pod that it selects is gone: a
// budget that says more Pods than there are would let nobody drain a node.
func (a *cluster) leftBudgets(budgets []kube.Object) []kube.Object {
	var left []kube.Object
	for _, budget := range budgets {
		switch name := budget.GetName(); {
		case name != kube.BrokerBudgetName(a.Key.Name) && name != kube.ControllerBudgetName(a.Key.Name): // not made by us
		case !kube.WantsBudget(a.valid, a.known.Adopted):
			left = append(left, budget)
		case name == kube.ControllerBudgetName(a.Key.Name):
			if _, controllers := a.protected(); controllers == 0 && !a.selects(budget.(*policyv1.PodDisruptionBudget)) {
				left = append(left, budget)
			}
		}
	}
	return left
}

// selects reports whether a budget protects any Pod of the cluster.
func (a *cluster) selects(budget *policyv1.PodDisruptionBudget) bool {
	if budget.Spec.Selector == nil {
		return true
	}
	selector := labels.SelectorFromSet(budget.Spec.Selector.MatchLabels)
	return slices.ContainsFunc(a.Cache.Objects(kube.KindPod, a.Key), func(pod kube.Object) bool {
		return selector.Matches(labels.Set(pod.GetLabels()))
	})
}

// leftServices are those of the other mode once no Pod may be reached by its names any more.
func (a *cluster) leftServices(services []kube.Object) []kube.Object {
	other := kube.ServicesOfOtherMode(a.valid, a.existing())
	var left []kube.Object
	for _, service := range services {
		if slices.Contains(other, service.GetName()) {
			left = append(left, service)
		}
	}
	if len(left) == 0 || !a.modeReached() {
		return nil
	}
	return left
}

// modeReached reports whether every node has a ready Pod that was made for the spec's mode.
func (a *cluster) modeReached() bool {
	for _, n := range a.nodes() {
		if !n.current() || !n.observed.PodReady || n.observed.ConfigStale {
			return false
		}
	}
	pods := a.Cache.Objects(kube.KindPod, a.Key)
	return len(a.children) > 0 && len(pods) >= len(a.children) && !slices.ContainsFunc(pods, func(object kube.Object) bool {
		pod, ok := object.(*corev1.Pod)
		return ok && kube.HeadlessPod(pod) != a.valid.Spec.HeadlessServiceEnabled
	})
}

func uidsOf(lists ...[]kube.Object) []types.UID {
	var uids []types.UID
	for _, object := range slices.Concat(lists...) {
		uids = append(uids, object.GetUID())
	}
	return uids
}

// removeObjects deletes one after the other and returns those whose deletion was accepted.
func (e worldEffects) removeObjects(ctx context.Context, objects []kube.Object) (removed, error) {
	var gone removed
	var errs []error
	for _, object := range objects {
		if err := e.Writer.Delete(ctx, object); err != nil {
			errs = append(errs, err)
			continue
		}
		gone.objects = append(gone.objects, object)
	}
	return gone, errors.Join(errs...)
}
