package broker

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// observed is what one look at the cache has shown, corrected by what was written since.
type observed struct {
	pods   []*corev1.Pod
	claims []*corev1.PersistentVolumeClaim
	// recordOf is the record of another node, nil where nobody can look.
	recordOf func(messages.BrokerID) *corev1.ConfigMap
	// claimNamed finds a claim of the cluster whatever broker its labels name; nil where nobody can look.
	claimNamed func(name string) *corev1.PersistentVolumeClaim
	config     *corev1.ConfigMap
	service    *corev1.Service
	// neverRan reports of a Pod that is gone whether its kubelet's last word was that there never was a container.
	neverRan func(types.UID) bool
	// going is set while a ConfigMap that we deleted is still shown.
	going bool
	// node is where the Pod runs; nil while that is unknown. nodes tells whether nodes can be read at all.
	node  *corev1.Node
	nodes bool
	// listNodes lists all nodes that can be read, nil where nobody can look.
	listNodes func() []*corev1.Node
	// places is where volumes may be, as far as anybody has looked; announced is what was told of a cordon.
	places    map[string]place
	announced announced
	// cpuRefused is the last size that the API server did not give to the Pod.
	cpuRefused cpuRefused
	// behind is set while the cache has yet to show something that was written.
	behind bool
	// now is when this look was.
	now time.Time
	// written corrects a cache that is a moment behind.
	written *kube.Written
	// endings is how often and when a Pod of this broker ended by itself.
	endings endings
	// record says which dynamic values are ours, nil where none ever was.
	record *corev1.ConfigMap
	// asked is what is remembered of the broker's dynamic configuration, live what its newest answer leads to.
	asked asked
	live  *live
	// overheard is what the start script said last.
	overheard overheard
	// disks is what is remembered of the log dirs.
	disks disks
	// silent is set while what was tried last has failed: the broker does not answer, or the API server does not.
	silent bool
	// notGrown are the sizes that the API server did not give a claim.
	notGrown map[types.UID]sizeRefused
	// rehearsed is the newest Pod that the API server was asked about.
	rehearsed rehearsed
	// refused is the last stop of a Pod that the API server did not let happen.
	refused refusal
	// unsure is the Pod of which nobody knows whether it was stopped.
	unsure unsure
}

// refusal is a stop of a Pod that was refused, or that failed.
type refusal struct {
	pod    types.UID
	text   string
	failed bool
	at     time.Time
}

// passed is what is left of a refusal once claims were marked to go: they are marked only when the API server would let the Pod be
// evicted, and an older refusal would take the marks back before it is.
func (r refusal) passed(s letGo, marked int) refusal {
	if marked > 0 && s.pod != nil && r.pod == s.pod.UID {
		return refusal{}
	}
	return r
}

// endings counts Pods that ended by themselves and that no kubelet restarts.
type endings struct {
	count int32
	last  time.Time
	// words are the last ones of the Pod that ended last.
	words string
}

// nextStep is the one that is due for one broker. Order matters: what is not ours to touch comes first, then what a Pod
// needs before it starts, then the Pod, then what can wait.
func nextStep(w blueprint, o observed, now time.Time) step {
	return planOn(w, o, func(w blueprint) step { return firstStep(w, o, now) })
}

func firstStep(w blueprint, o observed, now time.Time) step {
	for _, consider := range []func(blueprint, observed, time.Time) step{
		strangers, paused, retention, leaving, findStranded, waitsForLost, marks, claims, service, neverVoted, endedPod, outdatedPod, maintenance,
		missingPod, missingConfig, claimRecords, adopt, drain, rehearsal, restartPod, cpu, grow, watchDisks, takeoverRecord, levels,
		configure, followFile, runningPod,
	} {
		if s := consider(w, o, now); s != nil {
			return s
		}
	}
	return rest{}
}

// strangers stops everything when it is not certain which objects are the broker's.
func strangers(w blueprint, o observed, _ time.Time) step {
	objects := o.objects()
	if o.record != nil {
		objects = append(objects, o.record)
	}
	for _, object := range objects {
		if !kube.Owned(object, w.Cluster) {
			return blocked("%s %s carries the labels of this broker but does not belong to the cluster: delete it or "+
				"remove its label %s", kindOf(object), object.GetName(), kube.LabelCluster)
		}
	}
	if len(o.pods) > 1 {
		return blocked("Pods %s and %s both claim to be this broker: delete the one that must not be",
			o.pods[0].Name, o.pods[1].Name)
	}
	return nil
}

// paused makes a lost Pod again if it would start exactly as it did before, and does nothing else.
func paused(w blueprint, o observed, _ time.Time) step {
	if !w.Paused {
		return nil
	}
	stays := w.Entry.Maintenance || w.Removal.Stopped || w.unknownVoters(o.claims) || w.metadataOnPod() || w.replicasGone(o)
	if s := w.starting(o); len(o.pods) == 0 && !stays && o.config != nil && s.recorded(o.config) {
		if claims, problem := w.claimNames(o.claims); problem == "" {
			return s.createPod(o, claims)
		}
	}
	if len(o.pods) == 1 && podReady(o.pods[0]) {
		return rest{}
	}
	return wait{phase: messages.PhaseBlocked, reason: "reconciliation is paused; remove annotation " +
		kube.AnnotationPause + " to go on"}
}

// claims makes the claims of disks that have none. A disk on which Kafka was seen to run is never replaced by an empty
// one: Kafka would take it for a disk whose replicas are gone.
func claims(w blueprint, o observed, _ time.Time) step {
	if was := w.metadataLeft(); was != "" {
		return blocked("DataVolumeLost: the controller has its metadata on one of %s, and would come back without it if %s came first: "+
			"put the disk that was the first one first again, or remove the node and add one with another id", was, w.disks[0].MountPath)
	}
	var missing []kube.Object
	for _, disk := range w.disks {
		if disk.PvcSpec == nil || w.drains(disk.MountPath) {
			continue
		}
		claim, err := kube.ClaimFor(o.claims, w.id, disk.MountPath)
		switch {
		case err != nil:
			return blocked("%v", err)
		case claim != nil || w.runsOnDeleted(o, disk.MountPath):
			continue
		case w.Formatted[disk.MountPath] != "" && !slices.Contains(w.Replace, disk.MountPath):
			return blocked("DataVolumeLost: %s", fateOf(o, disk.MountPath))
		case w.ranUnseen(o) && !slices.Contains(w.Replace, disk.MountPath):
			return blocked("DataVolumeLost: there is no claim for %s, and the broker ran before this operator could see on "+
				"which disks: restore the claim; if the disk is new, take it out of the spec until the broker runs", disk.MountPath)
		}
		if leaving := deletingClaim(o.claims, disk.MountPath); leaving != "" {
			return wait{phase: messages.PhasePending, reason: "claim " + leaving + " is being deleted"}
		}
		format := w.newClaimFormat()
		format.Joins = format.Joins || w.InitialController && w.wasFirstVoter(o)
		built, err := w.claim(disk, "", format)
		if err != nil {
			return blocked("%v", err)
		}
		if other := o.named(built.Name); other != nil { // an apply would give a disk with data the right to be formatted
			return taken(other, w.id, disk.MountPath)
		}
		missing = append(missing, built)
	}
	if len(missing) == 0 {
		return nil
	}
	if len(w.Replace) > 0 {
		return apply{
			objects: missing, reason: "the claims for " + strings.Join(w.Replace, ", ") + " are lost; all that was on them is elsewhere, so the " +
				"broker gets empty ones", notice: notice{"DiskReplaced", "Create"},
		}
	}
	return apply{objects: missing, reason: "disks have no claim"}
}

// metadataLeft names the disks of a controller that ran, when the first one of the spec is none of them: Kafka keeps the
// metadata log, and with it the controller's votes, on the first of log.dirs unless metadata.log.dir says otherwise.
func (w blueprint) metadataLeft() string {
	if !w.Cluster.Spec.KRaft || !w.config.IsController() || len(w.disks) == 0 || strings.Contains(w.userProperties, "metadata.log.dir") {
		return ""
	}
	var ran []string
	for _, path := range slices.Sorted(maps.Keys(w.Formatted)) {
		if w.Formatted[path] != "" {
			ran = append(ran, path)
		}
	}
	if slices.Contains(ran, w.disks[0].MountPath) {
		return ""
	}
	return strings.Join(ran, ", ")
}

// ranUnseen reports whether a broker that Koperator made has not been seen to run yet: nobody has recorded its disks.
func (w blueprint) ranUnseen(o observed) bool {
	if len(w.Formatted) > 0 || w.RanOnPod { // it was seen, and with it all its disks
		return false
	}
	return w.RanBefore || o.config != nil && o.config.Annotations[kube.AnnotationRenderedHash] == "" ||
		o.pod() != nil && !kube.MadeByUs(o.pod())
}

// named is a claim that has the name of one which is to be made.
func (o observed) named(name string) *corev1.PersistentVolumeClaim {
	for _, claim := range o.claims {
		if claim.Name == name {
			return claim
		}
	}
	if o.claimNamed == nil {
		return nil
	}
	return o.claimNamed(name)
}

// taken says why a claim of the right name is not the one to mount.
func taken(claim *corev1.PersistentVolumeClaim, id messages.BrokerID, mountPath string) step {
	if label := claim.Labels[kube.LabelBrokerID]; label != id.String() {
		return blocked("claim %s should be that for %s of broker %d, but its label %s says %q: correct the label, or delete the claim",
			claim.Name, mountPath, id, kube.LabelBrokerID, label)
	}
	return blocked("claim %s should be that for %s, but its annotation %s says %q: correct the annotation, or delete the claim",
		claim.Name, mountPath, kube.AnnotationMountPath, claim.Annotations[kube.AnnotationMountPath])
}

// service keeps the broker's own Service, which only clusters without headless mode have.
func service(w blueprint, o observed, _ time.Time) step {
	if w.Cluster.Spec.HeadlessServiceEnabled {
		return nil
	}
	if o.service != nil && o.written.Stands(o.service, w.ownService) {
		return nil
	}
	return apply{objects: []kube.Object{w.ownService}, reason: "Service is not as wanted"}
}

// endedPod removes a Pod that has ended and that its kubelet does not start again: Pods that Koperator made, and those
// that were evicted. The first time at once, then later and later: a broker that cannot start must not be hammered.
func endedPod(w blueprint, o observed, now time.Time) step {
	pod := o.pod()
	if pod == nil || o.written.Deleting(pod) {
		return nil
	}
	why := endReason(pod)
	if why == "" {
		return nil
	}
	count := o.endings.count
	if ranSteadily(pod) {
		count = 0
	}
	if left := endingDelay(count) - now.Sub(o.endings.last); count > 0 && left > 0 {
		return wait{phase: messages.PhaseStarting, reason: "Pod ended (" + why + "); replaced with growing delays", again: left}
	}
	return remove{object: pod, reason: "Pod ended: " + why, endings: count + 1, notice: notice{"PodEnded", "Replace"}}
}

// outdatedPod removes a Pod that never started anything and was made from another wish: it may wait for what only the
// newer one brings, and its ConfigMap is not written any more.
func outdatedPod(w blueprint, o observed, now time.Time) step {
	pod := o.pod()
	if pod == nil || o.written.Deleting(pod) || w.madeFrom(pod) || !kube.MadeByUs(pod) || everStarted(pod) || w.starting(o).madeFrom(pod) {
		return nil
	}
	if left := w.mayYetVote(o, now); left > 0 {
		return wait{phase: messages.PhaseStarting, reason: "the Pod is to be a first voter of the quorum and about to start; the spec has " +
			"changed since it was made, which comes after its start", again: left}
	}
	return remove{object: pod, reason: "the Pod never started, and the spec has changed since it was made"}
}

// maintenance makes no Pod for a broker that is to stand still. Its disks, its files and its id stay.
func maintenance(w blueprint, o observed, _ time.Time) step {
	if !w.Entry.Maintenance || w.Leaving || o.pod() != nil {
		return nil
	}
	return wait{phase: messages.PhaseStopped, reason: "in maintenance: take spec.brokers[].maintenance back to start it"}
}

// missingPod makes the Pod, after its ConfigMap where that can be known before the Pod has a node.
func missingPod(w blueprint, o observed, _ time.Time) step {
	if o.pod() != nil {
		return nil
	}
	w = w.starting(o)
	names, problem := w.claimNames(o.claims)
	if problem != "" {
		return blocked("%s", problem)
	}
	if w.unknownVoters(o.claims) {
		if missing := w.Quorum.Missing; len(missing) > 0 {
			return blocked("the quorum was to begin with controller %d, which is no controller of the spec any more: put it back, with the "+
				"controller role", missing[0])
		}
		return wait{phase: messages.PhasePending, reason: "waits for the claims of the other first controllers: the quorum " +
			"begins with their ids"}
	}
	if lost := w.lostMetadata(o); len(lost) > 0 && !slices.Contains(w.Replace, lost[0]) {
		return blocked("the controller's metadata were on an emptyDir and went with its Pod: it starts without them where and when the other "+
			"controllers have them, which condition %s tells", kube.ConditionDataVolumeLost)
	}
	if w.replicasGone(o) && !w.StartEmpty {
		return blocked("its replicas were on an emptyDir and went with its Pod; it starts without them when Kafka has said that no other broker "+
			"would give up newer copies for them: condition %s tells what it waits for", kube.ConditionDataVolumeLost)
	}
	if w.racks() || w.mayForm(o) {
		if w.racks() && !o.nodes {
			return blocked("rackAwareness needs the right to read Nodes: grant the operator list and watch on nodes, " +
				"or remove spec.rackAwareness")
		}
		if o.config != nil { // without it the kubelet waits, so that the broker's first start knows its rack
			return remove{object: o.config, reason: "the new Pod's rack is known once it has a node"}
		}
		return w.createPod(o, names)
	}
	if s := w.applyConfig(o, ""); s != nil {
		return s
	}
	return w.createPod(o, names)
}

// missingConfig writes the ConfigMap of a Pod that has one no more, or not yet because its rack was unknown. The file
// of a running broker is only restored to what that broker was started with.
func missingConfig(w blueprint, o observed, _ time.Time) step {
	pod := o.pod()
	if w.uninvited(o) {
		return remove{object: pod, reason: "the quorum began without this Pod before it could start, so its successor joins"}
	}
	if w.formsUnrecorded(o) || w.mendsInPlace(o) {
		return w.applyConfig(o, w.rackOf(o))
	}
	if pod == nil || o.written.Deleting(pod) || pod.Spec.NodeName == "" && kube.FirstVoterPod(pod) {
		return nil // a first voter that has no node yet surely never ran
	}
	if !w.madeFrom(pod) {
		if spent := w.spends(o); spent != nil {
			return spent
		}
		if w = w.starting(o); !w.madeFrom(pod) {
			return nil
		}
	}
	if !w.racks() {
		return w.applyConfig(o, "")
	}
	switch {
	case pod.Spec.NodeName == "":
		return nil // runningPod tells why it has no node
	case o.node == nil:
		return wait{phase: messages.PhaseStarting, reason: "node " + pod.Spec.NodeName + " is not known yet", again: time.Second}
	default:
		return w.applyConfig(o, w.rack(o.node))
	}
}

// retention makes claims outlive the cluster, or go with it. It comes before everything that may have to wait: a claim
// that keeps its owner reference is deleted with the cluster.
func retention(w blueprint, o observed, _ time.Time) step {
	for _, disk := range w.disks {
		claim, err := kube.ClaimFor(o.claims, w.id, disk.MountPath)
		if err != nil || claim == nil {
			continue
		}
		marked, owned := claim.Annotations[kube.AnnotationRetainedClaim] != "", len(claim.OwnerReferences) > 0
		switch {
		case w.retains() && marked && owned: // set by another field manager: an apply cannot take it away
			return disown{object: claim, reason: "claims outlive the cluster: they may have no owner"}
		case w.retains() != marked, w.retains() == owned:
			built, err := w.claimAsIs(disk, claim, kube.FormatStateOf(claim.Annotations))
			if err != nil {
				return blocked("%v", err)
			}
			return apply{objects: []kube.Object{built}, reason: "the retention policy has changed"}
		}
	}
	return nil
}

// runningPod tells how the Pod is doing.
func runningPod(w blueprint, o observed, now time.Time) step {
	pod := o.pod()
	if o.written.Deleting(pod) {
		return wait{phase: messages.PhaseStarting, reason: "Pod " + pod.Name + " is stopping"}
	}
	if podReady(pod) {
		return rest{}
	}
	left, due := w.untilOverhear(o, now)
	if due && left <= 0 {
		return overhear{pod}
	}
	if held := o.scriptWaits(); held != "" {
		return wait{phase: messages.PhaseBlocked, reason: "the start script waits: " + held + w.unformattedWayOut(o, held), again: left}
	}
	if o.nodes && nowhere(pod) { // what becomes of nodes wakes the brokers on them alone
		left = nodesAgain
	}
	return wait{phase: messages.PhaseStarting, reason: w.startingReason(o), again: left}
}

func blocked(format string, args ...any) wait {
	return wait{phase: messages.PhaseBlocked, reason: fmt.Sprintf(format, args...)}
}

// pod is the broker's Pod, nil when there is none.
func (o observed) pod() *corev1.Pod {
	if len(o.pods) == 0 {
		return nil
	}
	return o.pods[0]
}

// objects are what makes a broker be there. The record of dynamic values is not among them: Kafka keeps those for a broker
// that is gone, and who comes back under its id must know that they are ours.
func (o observed) objects() []kube.Object {
	var objects []kube.Object
	for _, pod := range o.pods {
		objects = append(objects, pod)
	}
	for _, claim := range o.claims {
		objects = append(objects, claim)
	}
	if o.config != nil {
		objects = append(objects, o.config)
	}
	if o.service != nil {
		objects = append(objects, o.service)
	}
	return objects
}

func deletingClaim(claims []*corev1.PersistentVolumeClaim, mountPath string) string {
	for _, claim := range claims {
		if claim.Annotations[kube.AnnotationMountPath] == mountPath && claim.DeletionTimestamp != nil {
			return claim.Name
		}
	}
	return ""
}

// runsOnDeleted reports whether a Pod runs on a disk whose claim somebody has deleted. Kubernetes keeps the claim as long, so
// nothing is lost, and nothing can take its place.
func (w blueprint) runsOnDeleted(o observed, mountPath string) bool {
	pod, claim := o.pod(), deletingClaim(o.claims, mountPath)
	return pod != nil && claim != "" && mounts(pod, claim) && everStarted(pod) && !podEnded(pod) && !o.written.Deleting(pod)
}

// fateOf says what became of the claim of a disk that has none, and where is told what comes next: only once no Pod has it.
func fateOf(o observed, mountPath string) string {
	const next = ", and Kafka has run on it; condition DataVolumeLost says what an empty one waits for"
	switch leaving := deletingClaim(o.claims, mountPath); {
	case leaving == "":
		return "the claim for " + mountPath + " is gone" + next
	case o.pod() != nil:
		return "claim " + leaving + " for " + mountPath + " was deleted, and goes with Pod " + o.pod().Name
	default:
		return "claim " + leaving + " for " + mountPath + " is being deleted" + next
	}
}
