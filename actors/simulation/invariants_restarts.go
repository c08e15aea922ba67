package simulation

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// restarts are the rules for stopping what runs: only what the custom resource wants stopped, and only when Kafka can
// spare it.
type restarts struct {
	kafka  *kafka
	faults *faults
	// specs are the custom resources of each cluster as they stood one after the other.
	specs map[types.UID][]specAt
	// made is when the first Pod of a broker with a certain hash of the user's inputs was made.
	made map[string]time.Time
	// expected are the only brokers of a cluster that may be restarted; clusters that a scenario says nothing of are missing.
	expected map[messages.ClusterKey][]messages.BrokerID
	// builds are those of the daemon, one after the other.
	builds []buildAt
	gates  gates
}

// buildAt is a build of the daemon, and since when it is the one that starts.
type buildAt struct {
	since time.Time
	name  string
}

type specAt struct {
	at      time.Time
	cluster *v1beta1.KafkaCluster
}

func newRestarts(k *kafka, f *faults) restarts {
	return restarts{
		kafka: k, faults: f, specs: map[types.UID][]specAt{}, made: map[string]time.Time{},
		expected: map[messages.ClusterKey][]messages.BrokerID{}, builds: []buildAt{{name: "build 1"}},
	}
}

// build is that of the daemon that is started next.
func (i *invariants) build() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.restarts.builds[len(i.restarts.builds)-1].name
}

// updated is a newer daemon in place of the one that ran, which would have built Pods otherwise.
func (w *World) updated(name string) {
	w.killDaemon()
	w.builtOtherwise(name)
	w.invariants.mu.Lock()
	builds := &w.invariants.restarts.builds
	*builds = append(*builds, buildAt{time.Now(), fmt.Sprintf("build %d", len(*builds)+1)})
	w.invariants.mu.Unlock()
	w.startDaemon()
}

// asked reports whether a build may ask for restarts now: the newest, and one that an order of a moment ago may still be from.
func (r *restarts) asked(build string, now time.Time) bool {
	for i, b := range r.builds {
		last := i == len(r.builds)-1
		if b.name == build && (last || now.Sub(r.builds[i+1].since) <= r.blindness(now)) {
			return true
		}
	}
	return false
}

// expectRestarts says which brokers of a cluster may be restarted from now on, and with that that no other may: one whose
// new configuration a running Kafka takes, for example.
func (w *World) expectRestarts(name string, ids ...messages.BrokerID) {
	w.invariants.mu.Lock()
	defer w.invariants.mu.Unlock()
	w.invariants.restarts.expected[keyed(name)] = ids
}

// runs: something of Kafka may run in the Pod, and nobody has asked it to stop.
func runs(pod *corev1.Pod) bool {
	return !ended(pod) && pod.DeletionTimestamp == nil && !containerEnded(pod) && !neverStarted(pod)
}

// stopped is told after the daemon had a Pod deleted or evicted that ran. Kafka is asked without the lock: the store's
// observers take it under the store's own, which Kafka needs.
func (i *invariants) stopped(daemon int, pod *corev1.Pod, owner *v1beta1.KafkaCluster) {
	r := &i.restarts
	cluster, id := clusterOf(pod), idOf(pod)
	i.mu.Lock()
	stop := stop{node: id, pod: pod.UID, daemon: daemon, blindness: r.blindness(time.Now()), together: 1}
	if owner != nil {
		specs := r.between(owner.UID, time.Now().Add(-stop.blindness-underWay), time.Now())
		stop.wanted, stop.together = wantedNodes(specs), together(specs)
	}
	i.mu.Unlock()
	harms := r.kafka.stopping(cluster, stop)
	// Who has lost the record of what a broker was started with, or somebody's edit of it, cannot tell what it may take while it runs.
	config, _ := r.kafka.store.get(key{kube.KindConfigMap, pod.Namespace, kube.BrokerConfigName(cluster.Name, id)}).(*corev1.ConfigMap)
	recorded, levels := config != nil && kube.SignedConfig(config), true
	if !kube.MadeByUs(pod) && owner != nil {
		record, _ := r.kafka.store.get(key{kube.KindConfigMap, pod.Namespace, kube.BrokerAppliedName(cluster.Name, id)}).(*corev1.ConfigMap)
		_, recorded = kube.UserConfig(record, owner)
		levels = kube.RecordedLog4j(record, owner).Has != ""
	}
	drained, letGo := r.kafka.store.drained(pod.Spec.NodeName, stop.blindness), r.letsGo(pod)
	lost := r.kafka.hasLost(cluster, id, pod.UID)
	gated := i.gated(pod, owner, stop.blindness)
	i.mu.Lock()
	defer i.mu.Unlock()
	if !drained && !letGo && !lost && !r.wanted(pod, owner, recorded, levels) {
		i.violated("Pod %s was stopped although nobody wants it replaced", pod.Name)
	}
	if only, said := r.expected[cluster]; said && !slices.Contains(only, id) {
		i.violated("Pod %s was stopped, but only the restart of %v is expected", pod.Name, only)
	}
	if gated != "" {
		i.violated("Pod %s was stopped: %s", pod.Name, gated)
	}
	for _, harm := range harms {
		i.violated("Pod %s was stopped: %s", pod.Name, harm)
	}
}

// underWay is how long a request to stop a Pod may take to arrive: somebody may end the maintenance of another node meanwhile.
const underWay = 30 * time.Second

// wantedNodes are the nodes that all of the specs want to run.
func wantedNodes(specs []*v1beta1.KafkaCluster) []messages.BrokerID {
	times := map[messages.BrokerID]int{}
	for _, cluster := range specs {
		for _, b := range cluster.Spec.Brokers {
			if !b.Maintenance {
				times[messages.BrokerID(b.ID)]++
			}
		}
	}
	maps.DeleteFunc(times, func(_ messages.BrokerID, n int) bool { return n < len(specs) })
	return slices.Sorted(maps.Keys(times))
}

// together is how many nodes of a cluster may be down by one daemon's doing at a time, by the most that one of the specs allows. The
// next daemon remembers no permit: that it does no harm Kafka's state alone has to tell it.
func together(specs []*v1beta1.KafkaCluster) int {
	most := 1
	for _, cluster := range specs {
		limit := cluster.Spec.RollingUpgradeConfig.GetConcurrentBrokerRestartCountPerRack()
		most = max(most, min(limit, kube.MostTogether(cluster, cluster.Status.Adopted, len(cluster.Spec.Brokers))))
	}
	return most
}

// specChanged remembers a custom resource.
func (r *restarts) specChanged(cluster *v1beta1.KafkaCluster) {
	known := r.specs[cluster.UID]
	if n := len(known); n == 0 || !reflect.DeepEqual(known[n-1].cluster.Spec, cluster.Spec) ||
		!reflect.DeepEqual(known[n-1].cluster.Annotations, cluster.Annotations) {
		r.specs[cluster.UID] = append(known, specAt{time.Now(), cluster})
	}
}

// podMade remembers when a broker's Pods of one making began.
func (r *restarts) podMade(pod *corev1.Pod) {
	if making := makingOf(pod); r.made[making].IsZero() {
		r.made[making] = time.Now()
	}
}

func makingOf(pod *corev1.Pod) string {
	return brokerOf(pod) + " " + pod.Annotations[kube.AnnotationUserInputsHash]
}

// blindness is how long the daemon may not have known at a moment what had happened.
func (r *restarts) blindness(at time.Time) time.Duration {
	trouble := r.faults.lately(at)
	d := time.Second + trouble.Slowest + trouble.KafkaBehind
	if trouble.Stale > 0 || trouble.Losses > 0 {
		d += r.faults.returns + trouble.Stale
	}
	return d + r.faults.wasAway(at)
}

// wanted reports whether somebody wants a Pod replaced: its broker's part of the spec was another when the first Pod of
// its making was made, or it is marked. Whatever was true within the daemon's blindness counts.
func (r *restarts) wanted(pod *corev1.Pod, owner *v1beta1.KafkaCluster, recorded, levels bool) bool {
	if owner == nil || kube.RestartAsked(pod) {
		return true
	}
	now := r.between(owner.UID, time.Now().Add(-r.blindness(time.Now())), time.Now())
	live := recorded && r.kafka.servedFor(clusterOf(pod), idOf(pod), pod.UID) > r.blindness(time.Now())+probed
	made := append(r.around(owner.UID, r.made[makingOf(pod)]), r.around(owner.UID, pod.CreationTimestamp.Time)...)
	for _, is := range now {
		if r.agreed(is, owner.Status.Consent, pod) || tainted(pod, is.Spec.TaintedBrokersSelector) || leaves(is, idOf(pod)) {
			return true
		}
		for _, was := range made {
			if !reflect.DeepEqual(partOf(was, idOf(pod), live), partOf(is, idOf(pod), live)) || !levels && levelsOf(was, idOf(pod)) != levelsOf(is, idOf(pod)) {
				return true
			}
		}
	}
	return false
}

// agreed reports whether people agree to the restart of a Pod that this daemon would build in another way: for as long as a window is
// open, or by a word that no earlier daemon has seen.
func (r *restarts) agreed(cluster *v1beta1.KafkaCluster, given *v1beta1.Consent, pod *corev1.Pod) bool {
	another := !kube.MadeByUs(pod) || strings.HasPrefix(pod.Annotations[kube.AnnotationRenderedHash], builtByAnother) ||
		kube.ConsentsTo(cluster.Annotations, kube.ConsentDynamicQuorum)
	words, agrees := kube.Consent(cluster.Annotations)
	return another && (len(cluster.Spec.MaintenanceWindows) > 0 || agrees && given != nil && given.Words == words && r.asked(given.Build, time.Now()))
}

// letsGo reports whether a Pod mounts a disk that is let go: whether it may be, Kafka has to tell.
func (r *restarts) letsGo(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		if v.PersistentVolumeClaim == nil {
			return false
		}
		claim := r.kafka.store.get(key{kube.KindClaim, pod.Namespace, v.PersistentVolumeClaim.ClaimName})
		return claim != nil && claim.GetAnnotations()[kube.AnnotationLogDirReleased] != ""
	})
}

// leaves reports whether a node is not in the spec: whether it may be stopped, Kafka has to tell.
func leaves(cluster *v1beta1.KafkaCluster, id messages.BrokerID) bool {
	return !slices.ContainsFunc(cluster.Spec.Brokers, func(b v1beta1.Broker) bool { return messages.BrokerID(b.ID) == id })
}

// around are the custom resources that something made at a time may have been made from; a creation's time has whole
// seconds.
func (r *restarts) around(cluster types.UID, made time.Time) []*v1beta1.KafkaCluster {
	return r.between(cluster, made.Add(-r.blindness(made)), made.Add(time.Second))
}

// between are the custom resources that stood within a time.
func (r *restarts) between(cluster types.UID, from, to time.Time) []*v1beta1.KafkaCluster {
	var stood []*v1beta1.KafkaCluster
	for n, spec := range r.specs[cluster] {
		replaced := n+1 < len(r.specs[cluster]) && r.specs[cluster][n+1].at.Before(from)
		if !replaced && !spec.at.After(to) {
			stood = append(stood, spec.cluster)
		}
	}
	return stood
}

// levelsOf is the log4jConfig of a node: without a record nobody knows which one there was when a Pod of Koperator's was taken over.
func levelsOf(cluster *v1beta1.KafkaCluster, id messages.BrokerID) string {
	for i := range cluster.Spec.Brokers {
		config, err := v1beta1.BrokerConfigOf(&cluster.Spec, &cluster.Spec.Brokers[i])
		if messages.BrokerID(cluster.Spec.Brokers[i].ID) == id && err == nil {
			return config.Log4jConfig
		}
	}
	return ""
}

// partOf is what of a spec only a restart brings to one broker; one that is not live cannot be asked to take anything.
func partOf(cluster *v1beta1.KafkaCluster, id messages.BrokerID, live bool) *v1beta1.KafkaClusterSpec {
	spec := cluster.Spec.DeepCopy()
	spec.Brokers = slices.DeleteFunc(spec.Brokers, func(b v1beta1.Broker) bool { return messages.BrokerID(b.ID) != id })
	spec.ClusterWideConfig, spec.DisruptionBudget, spec.MetadataVersion = "", nil, ""
	spec.TaintedBrokersSelector, spec.MaintenanceWindows, spec.RollingUpgradeConfig = nil, nil, v1beta1.RollingUpgradeConfig{}
	if !live {
		return spec
	}
	if len(spec.Brokers) == 1 {
		config, err := v1beta1.BrokerConfigOf(spec, &spec.Brokers[0])
		if err == nil && !config.HasRole(v1beta1.BrokerRole) { // nobody asks a controller for its configuration
			spec.ReadOnlyConfig = withoutBrokersOwn(spec.ReadOnlyConfig)
			for i := range spec.Brokers {
				spec.Brokers[i].ReadOnlyConfig = withoutBrokersOwn(spec.Brokers[i].ReadOnlyConfig)
			}
			return spec
		}
	}
	spec.ReadOnlyConfig = withoutLive(spec.ReadOnlyConfig)
	for i := range spec.Brokers {
		spec.Brokers[i].ReadOnlyConfig = withoutLive(spec.Brokers[i].ReadOnlyConfig)
		if own := spec.Brokers[i].BrokerConfig; own != nil {
			own.Config, own.Log4jConfig = "", withoutLevels(own.Log4jConfig)
		}
	}
	for name, group := range spec.BrokerConfigGroups {
		group.Config, group.Log4jConfig = "", withoutLevels(group.Log4jConfig)
		spec.BrokerConfigGroups[name] = group
	}
	return spec
}

// withoutBrokersOwn leaves out what says nothing to a controller, whatever Kafka it is. No spec here turns tiered storage on.
func withoutBrokersOwn(text string) string {
	return withoutKeys(text, func(key string) bool { return kafkaclient.OnBrokersAlone(key, nil, false) })
}

// withoutLive leaves out what a broker takes while it runs. A secret of the file it is not given: Kafka's log of metadata is no place
// for it.
func withoutLive(text string) string {
	return withoutKeys(text, func(key string) bool {
		return kafkaclient.ClassOf(key, kafkaclient.Version{Major: 4, Minor: 3}, nil).Live() && !kafkaclient.IsSensitive(key, nil)
	})
}

func withoutKeys(text string, leftOut func(key string) bool) string {
	properties, err := kafkaclient.Parse(text)
	if err != nil {
		return text
	}
	for _, key := range properties.Keys() {
		if leftOut(key) {
			properties.Delete(key)
		}
	}
	return properties.String()
}

func tainted(pod *corev1.Pod, selector *metav1.LabelSelector) bool {
	if selector == nil {
		return false
	}
	matches, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && matches.Matches(labels.Set(pod.Labels))
}
