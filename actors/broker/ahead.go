package broker

import (
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// longestPlan bounds a plan, in steps. The longest that tests have seen, that of a restart for which claims change too, has nine.
const longestPlan = 16

// plan is what one broker needs, in its order: the step that is due, then those that follow if each does what it is for and nobody changes
// anything meanwhile. It ends with a wait, at rest, or with a question whose answer decides what follows. A restart that the cluster actor
// has yet to allow is in it as if that were done.
//
// It is worked out only as far as somebody looks: the actor takes the first step, and plans anew from what is there when that is done.
func plan(w blueprint, o observed, now time.Time) iter.Seq[step] {
	return func(yield func(step) bool) {
		w, o := w, o // whoever goes through it again begins anew
		next := nextStep(w, o, now)
		if !yield(next) {
			return
		}
		o.written = o.written.Clone() // what is planned was not written
		for range longestPlan - 1 {
			var follows bool
			if w, o, follows = after(w, o, next, now); !follows {
				return
			}
			if next = nextStep(w, o, now); !yield(next) {
				return
			}
		}
	}
}

// due is the first step of a plan.
func due(steps iter.Seq[step]) step {
	for s := range steps {
		return s
	}
	return rest{}
}

// texts are the steps of a plan for people, each with its reason.
func texts(steps []step) []string {
	var all []string
	for _, s := range steps {
		if last := len(all) - 1; last >= 0 && all[last] == atRest { // there is nothing else that it can do
			all[last] = waits + ": a restart needs the cluster's permit"
		}
		all = append(all, textOf(s))
	}
	return all
}

const atRest, waits = "rest", "wait"

func textOf(s step) string {
	name, reason := nameOf(s), reasonOf(s)
	switch s := s.(type) {
	case rest:
		name = atRest
	case wait:
		name, reason = waits, s.reason
	}
	switch {
	case reason != "":
		return name + ": " + reason
	case name == waits: // nothing is amiss
		return atRest
	default:
		return name
	}
}

// foretold are the steps of a plan behind the first that do something, as texts.
func foretold(steps []step) []string {
	var all []string
	for _, s := range steps[1:] {
		if isEffect(s) && levelOf(s) >= slog.LevelInfo {
			all = append(all, textOf(s))
		}
	}
	return all
}

// after is what is wanted and what is there when a step has done what it is for; follows is false where only its answer tells, or where
// nothing is left to be done.
func after(w blueprint, o observed, s step, now time.Time) (_ blueprint, _ observed, follows bool) {
	switch s := s.(type) {
	case rest, wait:
		return allowed(w, o, now)
	case apply:
		for _, object := range s.objects {
			o = o.with(w, object, now)
		}
	case remove:
		if o = o.without(s.object); s.endings > 0 {
			o.endings = endings{count: s.endings, last: now}
		}
	case evict:
		o = o.without(s.pod)
	case disown:
		free := s.object.DeepCopyObject().(kube.Object)
		free.SetOwnerReferences(nil)
		o = o.with(w, free, now)
	case annotate:
		o = o.with(w, annotated(s.object, s.annotations), now)
	case resizeCPU:
		pod := s.pod.DeepCopy()
		containerOf(pod, kube.KafkaContainer).Resources = s.resources
		o = o.with(w, pod, now)
	case alter:
		if o.asked.single == s.of { // which of the changes Kafka takes is yet to be found out
			return w, o, false
		}
		o.asked, o.live = o.asked.taken(s, now), o.live.altered()
	case setLevels:
		o.asked.levels.done = s.of
	case rehearse:
		o.rehearsed = rehearsed{of: s.of, at: now}
	case announce:
		o.announced = s.of
	case inspect: // a disk that has failed or is empty is news
		o.disks.process, o.disks.at = s.process, now
	default:
		return w, o, false
	}
	if o.pod() == nil {
		o.live = nil
	}
	return w, o, true
}

// allowed goes on as if the cluster actor had given the permit that a broker waits for.
func allowed(w blueprint, o observed, now time.Time) (_ blueprint, _ observed, follows bool) {
	pod := o.pod()
	if pod == nil || w.Permit.Pod == pod.UID || w.restart(o) == "" {
		return w, o, false
	}
	w.Permit = messages.Permit{Pod: pod.UID}
	return w, o, isEffect(nextStep(w, o, now))
}

// altered is what is left of an answer when Kafka has taken all that was to change.
func (l *live) altered() *live {
	done := *l
	done.plan.Changes = nil
	return &done
}

// plannedUID is that of an object that is yet to be made.
const plannedUID types.UID = "planned"

// with is what is there once an object is.
func (o observed) with(w blueprint, wanted kube.Object, now time.Time) observed {
	object := wanted.DeepCopyObject().(kube.Object)
	if object.GetUID() == "" {
		object.SetUID(plannedUID)
	}
	switch made := object.(type) {
	case *corev1.Pod:
		o.pods = replaced(o.pods, made)
	case *corev1.PersistentVolumeClaim:
		if at := slices.IndexFunc(o.claims, func(c *corev1.PersistentVolumeClaim) bool { return c.Name == made.Name }); at >= 0 {
			is := o.claims[at].DeepCopy() // all else of a claim is the API server's
			is.Labels, is.Annotations, is.OwnerReferences = made.Labels, made.Annotations, made.OwnerReferences
			is.Spec.Resources = made.Spec.Resources
			made, object = is, is
		}
		o.claims = replaced(o.claims, made)
	case *corev1.Service:
		o.service = made
	case *corev1.ConfigMap:
		if made.Name == kube.BrokerAppliedName(w.Cluster.Name, w.id) {
			o.record = made
		} else {
			o.config = made
		}
	}
	o.written.Applied(wanted, object, now)
	return o
}

// without is what is there once an object is gone.
func (o observed) without(object kube.Object) observed {
	o.written.Deleted(object)
	switch object.(type) {
	case *corev1.Pod:
		o.pods = nil
	case *corev1.PersistentVolumeClaim:
		o.claims = slices.DeleteFunc(slices.Clone(o.claims), func(c *corev1.PersistentVolumeClaim) bool { return c.Name == object.GetName() })
	case *corev1.Service:
		o.service = nil
	case *corev1.ConfigMap:
		if o.record != nil && o.record.Name == object.GetName() {
			o.record = nil
		} else {
			o.config = nil
		}
	}
	return o
}

// replaced puts an object in the place of the one of its name, or adds it.
func replaced[T kube.Object](objects []T, made T) []T {
	objects = slices.Clone(objects)
	for i := range objects {
		if objects[i].GetName() == made.GetName() {
			objects[i] = made
			return objects
		}
	}
	return append(objects, made)
}

// annotated is an object with other annotations; an empty one is none.
func annotated(object kube.Object, annotations map[string]string) kube.Object {
	object = object.DeepCopyObject().(kube.Object)
	all := maps.Clone(object.GetAnnotations())
	if all == nil {
		all = map[string]string{}
	}
	for key, value := range annotations {
		if all[key] = value; value == "" {
			delete(all, key)
		}
	}
	object.SetAnnotations(all)
	return object
}
