package broker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

const (
	// diskLook is how often a broker is asked for its log dirs: a disk that fails is nobody's event. Each broker adds a part of
	// diskSpread, so that not all are asked together.
	diskLook   = 4 * time.Minute
	diskSpread = 2 * time.Minute
	// drainLook is how often while a disk is to go, or has failed.
	drainLook = 15 * time.Second
	// markedFor is how long a look at disks that go holds: a Pod that is not stopped within it is looked at again.
	markedFor = 2 * time.Second
)

// disks is what is remembered of a broker's log dirs.
type disks struct {
	process process
	// at is when the broker was asked last, whether it answered or not.
	at time.Time
	// left says what is in the log dirs that are to go, by mount path; failed why dirs cannot be used.
	left, failed map[string]string
	// failedSince is when the newest failure was seen.
	failedSince time.Time
	// empty is the first of the looks in a row that showed nothing in a log dir, by mount path.
	empty map[string]time.Time
	// marked is when the claims of disks that go were marked last, after a look.
	marked       time.Time
	markedPod    types.UID
	markedClaims []types.UID
	// parted are the marked claims whose Pod was then stopped by this actor: nothing came between the look, the mark and the
	// stop. A mark that another daemon left, or after which somebody else stopped the Pod, says nothing.
	parted []types.UID
	// answered is when the broker answered last, release the Kafka that it said it is.
	answered time.Time
	release  string
}

// inspect asks the broker for its log dirs.
type inspect struct {
	address string
	process process
}

// letGo looks at log dirs once more and then marks their claims: the next Pod is made without them.
type letGo struct {
	inspect
	claims []*corev1.PersistentVolumeClaim
	// paths are the log dirs that must be empty, of those claims that the broker can read.
	paths []string
	// pod is the one that is to be evicted for it, nil when no budget has a say; asked are those that have.
	pod   *corev1.Pod
	asked messages.Budgets
	// reason is why they go.
	reason string
}

func (inspect) isStep() {}
func (letGo) isStep()   {}

// watchDisks asks for the log dirs when that is due.
func watchDisks(w blueprint, o observed, now time.Time) step {
	pod := o.pod()
	if w.Leaving || !w.runs(pod, o.written) || w.untilInspect(o, now) > 0 {
		return nil
	}
	return inspect{AdminAddress(w.Cluster, w.id), processOf(pod)}
}

// untilInspect is how long it is until the broker is asked for its log dirs.
func (w blueprint) untilInspect(o observed, now time.Time) time.Duration {
	const parts = 64
	every := diskLook + diskSpread*time.Duration(w.id%parts)/parts
	if len(w.draining) > 0 || len(o.disks.failed) > 0 {
		every = drainLook
	}
	if o.disks.process != processOf(o.pod()) {
		every = drainLook
	}
	return every - now.Sub(o.disks.at)
}

// inspected takes an answer about the log dirs of the disks, or that there was none.
func (w blueprint) inspected(known disks, s inspect, seen outcome, err error, now time.Time) disks {
	dirs, next := seen.dirs, disks{
		process: s.process, at: now, answered: now, release: seen.release,
		left: map[string]string{}, failed: map[string]string{}, empty: map[string]time.Time{},
	}
	if err != nil {
		if known.process != s.process {
			return disks{
				process: s.process, at: now, marked: known.marked, markedPod: known.markedPod, markedClaims: known.markedClaims, parted: known.parted,
			}
		}
		known.at = now
		return known
	}
	open := w.opens(dirs)
	next.failedSince = known.failedSince
	next.marked, next.markedPod, next.markedClaims, next.parted = known.marked, known.markedPod, known.markedClaims, known.parted
	for _, disk := range w.disks {
		path, mountPath := kube.LogDir(disk.MountPath), disk.MountPath
		if failure := failureOf(dirs, path); failure != "" {
			next.failed[mountPath] = failure
			if known.process != s.process || known.failed[mountPath] == "" {
				next.failedSince = now
			}
		}
		if !w.drains(mountPath) {
			continue
		}
		left := kafka.LeftIn([]string{path}, dirs)
		if left == "" && slices.Contains(open, path) {
			left = "Kafka still gives it new replicas"
		}
		if left != "" {
			next.left[mountPath] = left
			continue
		}
		next.empty[mountPath] = now
		if since := known.empty[mountPath]; known.process == s.process && !since.IsZero() {
			next.empty[mountPath] = since
		}
	}
	return next
}

// opens are the log dirs that may get new replicas although this Kafka could keep them away.
func (w blueprint) opens(dirs []kafka.ObservedLogDir) []string {
	version, err := kafka.ParseVersion(w.Kafka.Version)
	if err != nil || !kafka.CanCordon(version) {
		return nil
	}
	return kafka.NotCordoned(kafka.Paths(dirs), dirs)
}

func failureOf(dirs []kafka.ObservedLogDir, path string) string {
	for _, dir := range dirs {
		if dir.Path == path {
			return dir.Failure
		}
	}
	return ""
}

// emptied are the disks that left the spec and hold nothing that is needed, with the claims that they are on: what Kafka has
// shown empty twice, and what cannot be read while all of it is led by other brokers.
func (w blueprint) emptied(o observed) map[string]*corev1.PersistentVolumeClaim {
	pod, found := o.pod(), map[string]*corev1.PersistentVolumeClaim{}
	if pod == nil || w.Leaving || w.Paused {
		return nil
	}
	for _, mountPath := range w.draining {
		claim, err := kube.ClaimFor(o.claims, w.id, mountPath)
		if err != nil || claim == nil || w.holdsMetadata(mountPath) {
			continue
		}
		since := o.disks.empty[mountPath]
		twice := o.disks.process == processOf(pod) && !since.IsZero() && o.disks.answered.Sub(since) >= kafka.EmptyFor
		if twice || w.Elsewhere && w.unreadable(o, mountPath) {
			found[mountPath] = claim
		}
	}
	return found
}

// unreadable reports whether Kafka has called a log dir failed. The disks of a broker that does not come up may be as good as any.
func (w blueprint) unreadable(o observed, mountPath string) bool {
	return o.disks.process == processOf(o.pod()) && o.disks.failed[mountPath] != ""
}

// holdsMetadata reports whether a controller may keep its metadata log on a disk that left the spec, which Kafka does not list among
// log dirs. It does not when the directory of its vote is that of the first disk: first controllers have ids made of their claims'.
// Of a node that got the role later nobody knows: the start script keeps the log where it was.
func (w blueprint) holdsMetadata(mountPath string) bool {
	if !w.Cluster.Spec.KRaft || !w.config.IsController() || !w.drains(mountPath) || len(w.disks) == 0 {
		return false
	}
	first, err := kafka.DirectoryID(string(w.Formatted[w.disks[0].MountPath]))
	return err != nil || first != w.MetadataDirectory
}

// goingDisks says why a broker is to be restarted without disks; empty when none goes.
func (w blueprint) goingDisks(o observed) string {
	going := slices.Sorted(maps.Keys(w.emptied(o)))
	if len(going) == 0 {
		return ""
	}
	return fmt.Sprintf("%s left the spec, and nothing is on it that is not elsewhere", strings.Join(going, ", "))
}

// releaseDisks marks the claims of disks that go, when the broker may be stopped. Whatever stops the Pod then, the next one
// is made without them.
func (w blueprint) releaseDisks(o observed) step {
	going := w.emptied(o)
	if len(going) == 0 || o.disks.markedPod == o.pod().UID && o.now.Sub(o.disks.marked) < markedFor {
		return nil
	}
	s := letGo{inspect: inspect{AdminAddress(w.Cluster, w.id), processOf(o.pod())}, reason: w.goingDisks(o)}
	if w.Permit.Asked != messages.NoBudget {
		s.pod, s.asked = o.pod(), w.Permit.Asked
	}
	for _, mountPath := range slices.Sorted(maps.Keys(going)) {
		s.claims = append(s.claims, going[mountPath])
		if !w.unreadable(o, mountPath) {
			s.paths = append(s.paths, kube.LogDir(mountPath))
		}
	}
	return s
}

// releasedDisks are the disks that left the spec and whose claims are marked: no Pod is made with them any more.
func (w blueprint) releasedDisks(o observed) []string {
	var paths []string
	for _, mountPath := range w.draining {
		claim, err := kube.ClaimFor(o.claims, w.id, mountPath)
		if err != nil || claim == nil || claim.Annotations[kube.AnnotationLogDirReleased] == "" {
			continue
		}
		if pod := o.runningPod(); pod == nil && slices.Contains(o.disks.parted, claim.UID) || pod != nil && !mounts(pod, claim.Name) {
			paths = append(paths, mountPath)
		}
	}
	return paths
}

// runningPod is the broker's Pod unless it is on its way out.
func (o observed) runningPod() *corev1.Pod {
	if pod := o.pod(); pod != nil && !o.written.Deleting(pod) {
		return pod
	}
	return nil
}

// withMarked are the disks after a look at those that go.
func (d disks) withMarked(s letGo, now time.Time) disks {
	d.marked, d.markedPod, d.markedClaims, d.parted = now, s.process.pod, nil, nil
	for _, claim := range s.claims {
		d.markedClaims = append(d.markedClaims, claim.UID)
	}
	return d
}

// withStopped are the disks after this actor has stopped a Pod.
func (d disks) withStopped(pod types.UID, now time.Time) disks {
	if d.markedPod == pod && now.Sub(d.marked) < markedFor+effectTimeout {
		d.parted = d.markedClaims
	}
	return d
}

// withoutReleased is the wish without the disks that are let go: as if Kafka had never run on them.
func (w blueprint) withoutReleased(paths []string) (blueprint, error) {
	wanted := w.BrokerWanted
	wanted.Formatted = maps.Clone(wanted.Formatted)
	for _, path := range paths {
		delete(wanted.Formatted, path)
	}
	return newBlueprint(wanted)
}

// lean is a wish without the disks that are let go.
type lean struct {
	revision int64
	paths    string
	plan     blueprint
}

// effective is the wish as it is planned for: without the disks that are let go, once no Pod runs on them. Until then they are
// looked at like all disks that are to go, since something may land on them yet.
func (b *broker) effective(o observed) blueprint {
	released := b.plan.releasedDisks(o)
	if b.planError != nil || len(released) == 0 || b.plan.Paused {
		return b.plan
	}
	paths := strings.Join(released, ",")
	if b.lean.revision == b.wanted.Revision && b.lean.paths == paths {
		return b.lean.plan
	}
	plan, err := b.plan.withoutReleased(released)
	if err != nil {
		return b.plan
	}
	plan.released = released
	b.lean = lean{revision: b.wanted.Revision, paths: paths, plan: plan}
	return plan
}

// letGoDisks are those that the broker runs without, sorted: status may forget that Kafka ran on them.
func (w blueprint) letGoDisks(o observed) []string {
	pod := o.pod()
	if pod == nil || !podReady(pod) || o.written.Deleting(pod) {
		return nil
	}
	var gone []string
	for _, claim := range o.claims {
		mountPath := claim.Annotations[kube.AnnotationMountPath]
		inSpec := slices.ContainsFunc(w.disks, func(d v1beta1.StorageConfig) bool { return d.MountPath == mountPath })
		if claim.Annotations[kube.AnnotationLogDirReleased] != "" && !inSpec && !mounts(pod, claim.Name) {
			gone = append(gone, mountPath)
		}
	}
	// Whatever was on a disk whose claim is gone: a broker that runs has come up without it. While a Pod mounts a claim that
	// somebody has deleted Kubernetes keeps it.
	for _, mountPath := range slices.Sorted(maps.Keys(w.Formatted)) {
		there := claimsDisk(pod, mountPath) || slices.ContainsFunc(o.claims, func(c *corev1.PersistentVolumeClaim) bool {
			return c.Annotations[kube.AnnotationMountPath] == mountPath
		})
		if !there && w.Formatted[mountPath] != "" && !w.holdsMetadata(mountPath) {
			gone = append(gone, mountPath)
		}
	}
	slices.Sort(gone)
	return slices.Compact(gone)
}

// marks keeps the marks of released claims right: a disk that came back to the spec has none, and one that nobody knows any more
// goes, unless disks are to stay.
func marks(w blueprint, o observed, _ time.Time) step {
	pod, emptied := o.pod(), w.emptied(o)
	for _, claim := range o.claims {
		mountPath := claim.Annotations[kube.AnnotationMountPath]
		if claim.Annotations[kube.AnnotationLogDirReleased] == "" || o.written.Deleting(claim) {
			continue
		}
		inSpec := slices.ContainsFunc(w.disks, func(d v1beta1.StorageConfig) bool { return d.MountPath == mountPath && !w.drains(mountPath) })
		running := o.runningPod()
		runs := running != nil && mounts(pod, claim.Name)
		unmarked := map[string]string{kube.AnnotationLogDirReleased: ""}
		switch {
		case runs && !inSpec && (w.Permit.Pod != pod.UID || emptied[mountPath] == nil || o.refused.pod == pod.UID):
			// It was not stopped after all, and something may land on the disk, or has.
			return annotate{object: claim, annotations: unmarked, reason: "the broker runs on with " + mountPath}
		case running == nil && w.drains(mountPath) && !slices.Contains(o.disks.parted, claim.UID):
			return annotate{object: claim, annotations: unmarked, reason: "its Pod was stopped by somebody else, and something may have landed on " + mountPath}
		case inSpec:
			return annotate{object: claim, annotations: unmarked, reason: mountPath + " is in the spec again"}
		case w.keepsClaims() || slices.Contains(w.released, mountPath) || w.Formatted[mountPath] != "" || pod == nil || !podReady(pod) || mounts(pod, claim.Name):
		default:
			return remove{
				object: claim, reason: mountPath + " left the spec, and nothing is on it that is not elsewhere", notice: notice{"DiskRemoved", "Delete"},
			}
		}
	}
	return nil
}

// run asks for the log dirs.
func (s inspect) run(ctx context.Context, e worldEffects) (outcome, error) {
	out := outcome{step: s}
	err := WithAdmin(ctx, e.Kafka, s.address, func(admin Admin) (err error) {
		out.release = admin.Version()
		out.dirs, err = admin.DescribeLogDirs(ctx)
		return err
	})
	return out, err
}

// run looks once more, asks whether the Pod may be stopped, and marks the claims. A log dir that holds something again keeps
// all of them as they are.
func (s letGo) run(ctx context.Context, e worldEffects) (outcome, error) {
	out := outcome{step: s}
	if len(s.paths) > 0 {
		seen, err := s.inspect.run(ctx, e)
		if out.dirs, out.release = seen.dirs, seen.release; err != nil || kafka.LeftIn(s.paths, seen.dirs) != "" {
			return out, err
		}
	}
	if s.pod != nil {
		if err := e.Writer.MayEvict(ctx, s.pod, s.asked); err != nil {
			return out, err
		}
	}
	for _, claim := range s.claims {
		if claim.Annotations[kube.AnnotationLogDirReleased] != "" {
			out.applied = append(out.applied, claim)
			continue
		}
		object, err := e.Writer.Annotate(ctx, claim, map[string]string{kube.AnnotationLogDirReleased: "true"})
		if err != nil {
			return out, err
		}
		out.applied = append(out.applied, object)
	}
	return out, nil
}

// failedDisks are the mount paths whose log dir the broker cannot use, sorted.
func (w blueprint) failedDisks(o observed) []string {
	if o.pod() == nil || o.disks.process != processOf(o.pod()) {
		return nil
	}
	return slices.Sorted(maps.Keys(o.disks.failed))
}

// drainingText says what a disk that left the spec still waits for.
func (w blueprint) drainingText(o observed, mountPath string) string {
	text := fmt.Sprintf("disk %s left the spec: it stays mounted while Kafka may have replicas on it", mountPath)
	switch left := o.disks.left[mountPath]; {
	case w.holdsMetadata(mountPath):
		return fmt.Sprintf("disk %s left the spec, but the controller's metadata may be on it: it stays; take the controller role from the node, "+
			"and give it back when the disk is gone", mountPath)
	case o.pod() == nil || o.disks.process != processOf(o.pod()):
		return text
	case left != "":
		return fmt.Sprintf("disk %s left the spec and goes when it is empty: %s; move them to another log dir or broker", mountPath, left)
	case !o.disks.empty[mountPath].IsZero():
		return fmt.Sprintf("disk %s left the spec and is empty; it goes with a restart of the broker", mountPath)
	default:
		return text
	}
}
