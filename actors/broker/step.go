package broker

import (
	"fmt"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// step is what plan decides: rest, wait, or one of the effects below.
type step interface{ isStep() }

// isEffect reports whether a step does something.
func isEffect(s step) bool {
	switch s.(type) {
	case rest, wait:
		return false
	default:
		return true
	}
}

// levelOf is how loudly a step is told of: questions, which go on while nothing changes, are no news.
func levelOf(s step) slog.Level {
	switch s.(type) {
	case inspect, describe, overhear, locate, rehearse, ascertain:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// rest means that everything is as wanted.
type rest struct{}

// wait means that nobody here can do anything now. It is no failure.
type wait struct {
	phase  messages.Phase
	reason string
	// again is when to look although no event has come; 0 means that an event will tell.
	again time.Duration
}

// apply writes objects side by side.
type apply struct {
	objects []kube.Object
	reason  string
	// notice is told to people as an Event when the writes have succeeded; empty for what they expect anyway.
	notice notice
	// grows is set for claims that get a larger size: the API server may refuse that.
	grows bool
}

// remove deletes one object.
type remove struct {
	object kube.Object
	reason string
	notice notice
	// endings is which one in a row it is when the object is a Pod that ended by itself, 0 when it is not. The last words
	// of such a Pod are kept.
	endings int32
}

// evict asks the API server to stop a Pod within what the PodDisruptionBudgets allow that are asked.
type evict struct {
	pod    *corev1.Pod
	asked  messages.Budgets
	reason string
	notice notice
}

// disown takes all owner references from an object.
type disown struct {
	object kube.Object
	reason string
}

// describe asks the broker for its configuration.
type describe struct {
	address string
	process process
	// reason is why not all is settled meanwhile, empty where it is or may be.
	reason string
}

// alter changes dynamic values of the broker.
type alter struct {
	address  string
	process  process
	resource kafka.ConfigResource
	plan     kafka.DynamicPlan
	// wanted are all values wanted at the resource, of the inputs that they follow from.
	wanted kafka.Properties
	of     string
}

// annotate sets annotations of one object.
type annotate struct {
	object      kube.Object
	annotations map[string]string
	reason      string
}

// notice is the reason and the action of an Event.
type notice struct{ reason, action string }

func (rest) isStep()     {}
func (wait) isStep()     {}
func (apply) isStep()    {}
func (remove) isStep()   {}
func (evict) isStep()    {}
func (disown) isStep()   {}
func (describe) isStep() {}
func (alter) isStep()    {}
func (annotate) isStep() {}

// nameOf is what a step does.
func nameOf(s step) string {
	switch s := s.(type) {
	case apply:
		return "apply " + kindOf(s.objects[0]) + " " + s.objects[0].GetName()
	case remove:
		return "delete " + kindOf(s.object) + " " + s.object.GetName()
	case disown:
		return "disown " + kindOf(s.object) + " " + s.object.GetName()
	case evict:
		return "evict Pod " + s.pod.Name
	case ascertain:
		return "ask whether Pod " + s.pod.Name + " still stands"
	case describe:
		return "ask for the configuration"
	case resizeCPU:
		return "resize Pod " + s.pod.Name + " to " + s.resources.Requests.Cpu().String() + " CPU"
	case locate:
		return "look where volumes may be"
	case announce:
		return "tell people: " + s.text
	case setLevels:
		return "set levels: " + levelsText(s.changes)
	case alter:
		return "change the configuration: " + changesText(s.plan.Changes)
	case inspect:
		return "ask for the log dirs"
	case overhear:
		return "read the log of Pod " + s.pod.Name
	case rehearse:
		return "ask whether Pod " + s.pod.Name + " could be made"
	case letGo:
		return "let disks go"
	case annotate:
		return "annotate " + kindOf(s.object) + " " + s.object.GetName()
	default:
		return fmt.Sprintf("%T", s)
	}
}

// reasonOf is why, empty where the name says it.
func reasonOf(s step) string {
	switch s := s.(type) {
	case apply:
		return s.reason
	case remove:
		return s.reason
	case disown:
		return s.reason
	case evict:
		return s.reason
	case annotate:
		return s.reason
	case describe:
		return s.reason
	case letGo:
		return s.reason
	default:
		return ""
	}
}
