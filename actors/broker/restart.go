package broker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// evictAgain is when a refused eviction is tried again, as long as the permit stands.
const evictAgain = 2 * time.Second

// restartPod stops a Pod that has to be replaced, when the cluster actor allows it. Whoever waits for a permit says so in
// the observation: nothing else may be done about it here.
func restartPod(w blueprint, o observed, now time.Time) step {
	pod := o.pod()
	if pod == nil || w.Leaving && w.Permit.Because == "" || o.written.Deleting(pod) || w.Permit.Pod != pod.UID {
		return nil
	}
	reason := w.restart(o)
	if w.Permit.Because != "" && w.goesWithPod(o) == "" && w.wouldBeRefused(o) == "" {
		reason = w.Permit.Because
	}
	if reason == "" || w.Permit.WhileStuck && !stuck(pod) {
		return nil
	}
	if left := evictAgain - now.Sub(o.refused.at); o.refused.pod == pod.UID && left > 0 && w.Permit.Asked != messages.NoBudget {
		return wait{phase: messages.PhaseRunning, reason: o.refused.text, again: left}
	}
	if s := w.releaseDisks(o); s != nil {
		return s
	}
	told := notice{"Restarting", "Restart"}
	if w.Entry.Maintenance {
		told = notice{"Stopping", "Stop"}
	}
	if w.Permit.Asked == messages.NoBudget {
		return remove{object: pod, reason: reason, notice: told}
	}
	return evict{pod: pod, asked: w.Permit.Asked, reason: reason, notice: told}
}

// restart says why the broker's Pod has to be replaced, empty when it has not, or cannot be.
func (w blueprint) restart(o observed) string {
	if !w.Entry.Maintenance && w.wouldBeRefused(o) != "" {
		return ""
	}
	return w.restartReason(o)
}

func (w blueprint) restartReason(o observed) string {
	pod := o.pod()
	switch {
	case pod == nil || w.Leaving || w.goesWithPod(o) != "":
		return ""
	case w.Entry.Maintenance:
		return "stop: the spec has it in maintenance"
	case w.noRoom(o) != "" && !stuck(pod):
		return ""
	case w.editedSince(pod) && w.heard(o) && !w.levelsLive(o):
		return "restart: " + firstOf(w.levelsRefusedReason(o), editedSinceTakeover)
	case w.podDiffers(pod) && w.heard(o) && !w.levelsLive(o) && !w.cpuLive(o):
		return "restart: " + firstOf(w.levelsRefusedReason(o), w.difference(pod, o.config))
	case w.fileDiffers(pod) && w.starting(o).fileDiffers(pod) && w.onlyRestart(o) != "":
		return "restart: " + w.onlyRestart(o)
	case kube.RestartAsked(pod):
		return "restart: asked for by annotation " + kube.AnnotationRestart + " of the Pod"
	case w.moves(o) != "":
		return "restart: " + w.moves(o)
	case w.tainted(pod):
		return "restart: the Pod's labels match spec.taintedBrokersSelector"
	case w.resizing(o) != "":
		return "restart: disk " + w.resizing(o) + " grows when another Pod mounts it"
	case w.goingDisks(o) != "":
		return "restart: " + w.goingDisks(o)
	case w.Consent && w.update(pod) != "":
		return "restart: " + w.update(pod)
	default:
		return ""
	}
}

// onlyRestart says why a changed file cannot be had by the broker as it runs, empty while it can or may.
func (w blueprint) onlyRestart(o observed) string {
	pod := o.pod()
	f, known := w.startedWith(o)
	switch {
	case !known || stuck(pod) || !w.isBroker() && !w.mayBeOnBrokersAlone(f):
		return w.difference(pod, o.config)
	case !w.isBroker(): // or of which it is not known yet whether it says something to a controller
		return ""
	default:
		return shortList(w.fileReasons(o))
	}
}

// goesWithPod names a claim that somebody has deleted and that Kubernetes keeps only while the Pod mounts it: to stop the
// Pod would be to delete its data.
func (w blueprint) goesWithPod(o observed) string {
	for _, claim := range o.claims {
		if pod := o.pod(); pod != nil && claim.DeletionTimestamp != nil && mounts(pod, claim.Name) {
			return claim.Name
		}
	}
	return ""
}

// update says what differs in a Pod only because this daemon builds Pods differently.
func (w blueprint) update(pod *corev1.Pod) string {
	rendered := pod.Annotations[kube.AnnotationRenderedHash]
	if adoptedPod(pod) && !w.stale(pod) {
		return w.adopted(pod)
	}
	if rendered == "" || w.stale(pod) || kube.SameHash(rendered, w.renderedHash) {
		return ""
	}
	if kube.QuorumOf(pod) == messages.QuorumStatic && w.Quorum.Mode == messages.QuorumDynamic {
		return "the metadata quorum is dynamic: the voters leave the node's file"
	}
	return cmp.Or(shortList(w.marksChanged(pod)), "the operator would build the Pod differently now: it is a newer version, or the "+
		"spec has a change that restarts nobody by itself, for example in additionalPorts")
}

// tainted reports whether somebody has marked the Pod by a label. A selector that matches every Pod the daemon makes
// would restart brokers for ever, so it marks nothing.
func (w blueprint) tainted(pod *corev1.Pod) bool {
	selector := w.Cluster.Spec.TaintedBrokersSelector
	if selector == nil {
		return false
	}
	matches, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil || matches.Empty() {
		return false
	}
	return matches.Matches(labels.Set(pod.Labels)) && !matches.Matches(labels.Set(w.podLabels))
}

// difference names what only a restart brings in, as far as the records of the running broker tell it.
func (w blueprint) difference(pod *corev1.Pod, config *corev1.ConfigMap) string {
	if adoptedPod(pod) { // what differed before waits for consent
		return editedSinceTakeover
	}
	var parts []string
	if config != nil && !w.racks() {
		parts = append(parts, changedLines(config.Data[kube.KeyBrokerConfig], w.properties)...)
	}
	if config != nil && config.Data[kube.KeyLog4j] != w.config.Log4jConfig && hashed(pod) {
		parts = append(parts, "log4jConfig changes")
	}
	if sample, err := w.pod(w.expectedClaims(), nil); err == nil {
		parts = append(parts, podDifferences(pod, sample)...)
	}
	if len(parts) == 0 {
		return "the spec has changes that only a restart brings in"
	}
	return shortList(parts)
}

// shortList names the first few.
func shortList(parts []string) string {
	const most = 3
	if more := len(parts) - most; more > 0 {
		parts = append(slices.Clone(parts[:most]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, "; ")
}

// podDifferences compares what the cache keeps of a Pod with the one that would be made today.
func podDifferences(pod, wanted *corev1.Pod) []string {
	var parts []string
	for i := range wanted.Spec.Containers {
		is := containerOf(pod, wanted.Spec.Containers[i].Name)
		want := &wanted.Spec.Containers[i]
		if is == nil {
			parts = append(parts, "container "+want.Name+" is new")
			continue
		}
		if is.Image != want.Image {
			parts = append(parts, fmt.Sprintf("image of %s changes from %s to %s", want.Name, is.Image, want.Image))
		}
		if !equality.Semantic.DeepEqual(is.Resources, want.Resources) {
			parts = append(parts, "resources of "+want.Name+" change")
		}
		for _, name := range changedEnvs(is.Env, want.Env) {
			parts = append(parts, "environment variable "+name+" changes")
		}
	}
	return parts
}

func containerOf(pod *corev1.Pod, name string) *corev1.Container {
	for i := range pod.Spec.Containers {
		if pod.Spec.Containers[i].Name == name {
			return &pod.Spec.Containers[i]
		}
	}
	return nil
}

// changedEnvs are the names alone: a value may be secret. What the start script gets for one start only is no change.
func changedEnvs(is, want []corev1.EnvVar) []string {
	values := map[string]corev1.EnvVar{}
	for _, env := range is {
		values[env.Name] = env
	}
	var names []string
	for _, env := range want {
		if old, known := values[env.Name]; (!known || !equality.Semantic.DeepEqual(old, env)) && !kube.OneStartOnly(env.Name) {
			names = append(names, env.Name)
		}
		delete(values, env.Name)
	}
	for _, env := range is {
		if _, gone := values[env.Name]; gone && !kube.OneStartOnly(env.Name) {
			names = append(names, env.Name)
		}
	}
	return names
}

// stuck reports whether a Pod will not become ready by itself: the kubelet tries again later and later, or nobody does.
// While its container runs, in between two crashes too, it may hold a vote that the quorum needs; and while it runs it may serve,
// whatever another container of the Pod does.
func stuck(pod *corev1.Pod) bool {
	if pod == nil || podReady(pod) || !startedAt(pod).IsZero() {
		return false
	}
	if conditionStatus(pod, corev1.PodScheduled) == corev1.ConditionFalse {
		return true
	}
	statuses := append(slices.Clone(pod.Status.InitContainerStatuses), pod.Status.ContainerStatuses...)
	return slices.ContainsFunc(statuses, func(status corev1.ContainerStatus) bool {
		return status.State.Waiting != nil && stuckReasons()[status.State.Waiting.Reason]
	})
}

// stuckReasons are the kubelet's words for a container that waits for more than time.
func stuckReasons() map[string]bool {
	return map[string]bool{
		"CrashLoopBackOff": true, "ImagePullBackOff": true, "ErrImagePull": true, "InvalidImageName": true,
		"ErrImageNeverPull": true, "CreateContainerConfigError": true, "CreateContainerError": true, "RunContainerError": true,
	}
}

// startedAt is when the kafka container that runs was started, zero when none runs.
func startedAt(pod *corev1.Pod) time.Time {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == kube.KafkaContainer && status.State.Running != nil {
			return status.State.Running.StartedAt.Time
		}
	}
	return time.Time{}
}

// changedLines names the keys of the broker's file that differ from those it was started with. Values stay out: they may
// be secret.
func changedLines(recorded, wanted string) []string {
	was, err := kafka.Parse(recorded)
	if err != nil {
		return nil
	}
	is, err := kafka.Parse(wanted)
	if err != nil {
		return nil
	}
	var parts []string
	for _, key := range is.Merge(was).Keys() {
		old, known := was.Get(key)
		value, kept := is.Get(key)
		switch {
		case !known:
			parts = append(parts, "`"+key+"` is new")
		case !kept:
			parts = append(parts, "`"+key+"` is gone")
		case old != value:
			parts = append(parts, "`"+key+"` changes")
		}
	}
	return parts
}
