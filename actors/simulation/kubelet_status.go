package simulation

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
)

// podReport is what a kubelet says about a Pod.
type podReport struct {
	phase   corev1.PodPhase
	ready   bool
	state   corev1.ContainerState
	last    corev1.ContainerState
	restart int
	// unmade says that there never was a container.
	unmade bool
}

func notStarted(reason, message string) podReport {
	return podReport{phase: corev1.PodPending, unmade: true, state: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message},
	}}
}

// neverMade is what a kubelet says of a Pod that it ends before it made a container (kubelet/status, TerminatePod).
func neverMade() podReport {
	r := failed(137)
	r.state.Terminated.Reason, r.unmade = "ContainerStatusUnknown", true
	return r
}

func running(ready bool, state *podState) podReport {
	return podReport{phase: corev1.PodRunning, ready: ready, restart: state.restarts, state: corev1.ContainerState{
		Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(state.started.Truncate(time.Second))},
	}}
}

func exit(code int32) *corev1.ContainerStateTerminated {
	return &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: "Error", FinishedAt: metav1.NewTime(time.Now().Truncate(time.Second)),
	}
}

func crashed(code int32, restarts int) podReport {
	return podReport{
		phase: corev1.PodRunning, restart: restarts,
		state: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		last:  corev1.ContainerState{Terminated: exit(code)},
	}
}

func failed(code int32) podReport {
	return podReport{phase: corev1.PodFailed, state: corev1.ContainerState{Terminated: exit(code)}}
}

// report writes a Pod's status; the same report again changes nothing.
func (l *kubelets) report(pod *corev1.Pod, state *podState, r podReport) {
	l.store.updateStatus(state.key, func(p *corev1.Pod) {
		if p.UID != pod.UID {
			return
		}
		p.Status.Phase = r.phase
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: kube.KafkaContainer, Ready: r.ready, RestartCount: int32(r.restart), State: r.state, LastTerminationState: r.last,
		}}
		if !r.unmade {
			p.Status.ContainerStatuses[0].ContainerID = "containerd://" + string(p.UID)
		}
		r.ready = l.besideKafka(p) && r.ready
		status := corev1.ConditionFalse
		if r.ready {
			status = corev1.ConditionTrue
		}
		setPodCondition(p, corev1.PodReady, status, "", "")
	})
}

// besideKafka reports how the container beside Kafka is, where there is one, and whether it is ready: without it the Pod is not.
func (l *kubelets) besideKafka(pod *corev1.Pod) bool {
	if len(pod.Spec.Containers) < 2 {
		return true
	}
	beside := corev1.ContainerStatus{Name: pod.Spec.Containers[1].Name, Ready: true}
	ready := corev1.ConditionTrue
	if l.sidecarDown[pod.Labels[kube.LabelBrokerID]] {
		beside.Ready, ready = false, corev1.ConditionFalse
		beside.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
	}
	pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, beside)
	setPodCondition(pod, corev1.ContainersReady, ready, "", "")
	return beside.Ready
}

func setPodCondition(pod *corev1.Pod, kind corev1.PodConditionType, status corev1.ConditionStatus, reason, message string) {
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	for i := range pod.Status.Conditions {
		c := &pod.Status.Conditions[i]
		if c.Type != kind {
			continue
		}
		if c.Status != status {
			c.LastTransitionTime = now
		}
		c.Status, c.Reason, c.Message = status, reason, message
		return
	}
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
		Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: now,
	})
}
