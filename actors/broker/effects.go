package broker

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// World is what all broker actors of a cluster share.
type World struct {
	Cluster messages.ClusterKey
	Cache   *kube.Cache
	Writer  kube.Writer
	Reader  PodReader
	Events  kube.Recorder
	Kafka   AdminDialer
	// Nodes tells whether the daemon may read Nodes.
	Nodes bool
}

// AdminDialer makes connections to single brokers.
type AdminDialer interface {
	// Admin connects to the broker at host:port, and fails when nobody there speaks Kafka.
	Admin(ctx context.Context, address string) (Admin, error)
}

// Admin is a connection to one broker. kafka.Admin says more.
type Admin interface {
	Describe(ctx context.Context, resource kafka.ConfigResource) (kafka.Configs, error)
	Alter(ctx context.Context, resource kafka.ConfigResource, changes []kafka.ConfigChange, validateOnly bool) error
	RaiseMetadata(ctx context.Context, level int16) error
	// Version is the release that the broker is, such as "4.3".
	Version() string
	DescribeLogDirs(ctx context.Context) ([]kafka.ObservedLogDir, error)
	Unregister(ctx context.Context, id messages.BrokerID) error
	Reassignments(ctx context.Context) ([]messages.Reassignment, error)
	Move(ctx context.Context, moves []kafka.Move) error
	TakeBack(ctx context.Context, moves []kafka.Move) error
	ThrottledReplicas(ctx context.Context, topics []string) (map[string]kafka.ThrottledReplicas, error)
	Throttle(ctx context.Context, replicas kafka.Throttle) error
	Unthrottle(ctx context.Context, replicas kafka.Throttle) error
	Close()
}

func realEffects(config Config) effects { return worldEffects{config.World, config.ID, config.Log} }

type worldEffects struct {
	World
	id  messages.BrokerID
	log *slog.Logger
}

func (e worldEffects) observe(written *kube.Written, now time.Time) observed {
	o := observed{nodes: e.Nodes, written: written, now: now}
	cachedPods, cachedClaims := e.Cache.BrokerPods(e.Cluster, e.id), e.Cache.BrokerClaims(e.Cluster, e.id)
	configName := kube.BrokerConfigName(e.Cluster.Name, e.id)
	cachedConfig := e.Cache.ConfigMap(e.Cluster.Namespace, configName)
	serviceName := messages.Addresses{Cluster: e.Cluster}.BrokerService(e.id)
	cachedService := e.Cache.Service(e.Cluster.Namespace, serviceName)
	cachedRecord := e.Cache.ConfigMap(e.Cluster.Namespace, kube.BrokerAppliedName(e.Cluster.Name, e.id))
	written.Forget(slices.Concat(uidsOf(cachedPods...), uidsOf(cachedClaims...), uidsOf(cachedConfig, cachedRecord), uidsOf(cachedService)))
	o.pods = asWritten(&o, cachedPods, &corev1.Pod{}, now)
	o.claims = e.claims(&o, cachedClaims, now)
	o.neverRan = e.Cache.NeverRan
	o.recordOf = func(id messages.BrokerID) *corev1.ConfigMap {
		return e.Cache.ConfigMap(e.Cluster.Namespace, kube.BrokerAppliedName(e.Cluster.Name, id))
	}
	o.claimNamed = func(name string) *corev1.PersistentVolumeClaim { return e.Cache.Claim(e.Cluster.Namespace, name) }
	o.config = newest(&o, named[corev1.ConfigMap](configName), cachedConfig, now)
	o.record = newest(&o, named[corev1.ConfigMap](kube.BrokerAppliedName(e.Cluster.Name, e.id)), cachedRecord, now)
	if o.record != nil && written.Deleting(o.record) {
		o.record, o.going = nil, true
	}
	o.service = newest(&o, named[corev1.Service](serviceName), cachedService, now)
	if o.config != nil && written.Deleting(o.config) {
		o.config, o.going = nil, true
	}
	o.listNodes = e.Cache.Nodes
	if pod := o.pod(); pod != nil && pod.Spec.NodeName != "" {
		o.node = e.Cache.Node(pod.Spec.NodeName)
	}
	return o
}

// uidsOf are those of the objects that there are.
func uidsOf[T any, P interface {
	*T
	kube.Object
}](objects ...P) []types.UID {
	var uids []types.UID
	for _, object := range objects {
		if object != nil {
			uids = append(uids, object.GetUID())
		}
	}
	return uids
}

// claims are those of the cache, and what was written a moment ago.
func (e worldEffects) claims(o *observed, cached []*corev1.PersistentVolumeClaim, now time.Time) []*corev1.PersistentVolumeClaim {
	return withDeleted(o.written, asWritten(o, cached, &corev1.PersistentVolumeClaim{}, now), now)
}

// asWritten are the objects of the cache and what was written a moment ago, under whatever name: those that Koperator made have
// generated ones.
func asWritten[T any, P interface {
	*T
	kube.Object
}](o *observed, cached []P, example P, now time.Time) []P {
	for _, name := range o.written.Names(example) {
		cached = merged(o, cached, name, now)
	}
	return cached
}

// withDeleted marks claims whose deletion was accepted and that the cache does not show as such yet: a Pod that is made for one would
// wait for it, come up with its successor, and have no right to format that.
func withDeleted(written *kube.Written, cached []*corev1.PersistentVolumeClaim, now time.Time) []*corev1.PersistentVolumeClaim {
	claims := slices.Clone(cached)
	for i, claim := range claims {
		if claim.DeletionTimestamp == nil && written.Deleting(claim) {
			claims[i] = claim.DeepCopy()
			claims[i].DeletionTimestamp = &metav1.Time{Time: now}
		}
	}
	return claims
}

// merged replaces or adds the object of the given name by what was written, where that is newer.
func merged[T any, P interface {
	*T
	kube.Object
}](o *observed, cached []P, name string, now time.Time) []P {
	var rest []P
	var same P
	for _, object := range cached {
		if object.GetName() == name {
			same = object
		} else {
			rest = append(rest, object)
		}
	}
	if object := newest(o, named[T, P](name), same, now); object != nil {
		rest = append(rest, object)
	}
	return rest
}

func newest[P kube.Object](o *observed, example, cached P, now time.Time) P {
	object, behind := kube.Newest(o.written, example, cached, now)
	o.behind = o.behind || behind
	return object
}

func named[T any, P interface {
	*T
	kube.Object
}](name string) P {
	object := P(new(T))
	object.SetName(name)
	return object
}

func (e worldEffects) run(ctx context.Context, s step) (outcome, error) {
	switch s := s.(type) {
	case apply:
		applied, err := e.apply(ctx, s.objects)
		if err == nil && s.notice.reason != "" {
			e.Events.Event(applied[0], e.clusterReference(), corev1.EventTypeNormal, s.notice.reason, s.notice.action, s.reason)
		}
		return outcome{step: s, applied: applied}, err
	case remove:
		words, err := e.remove(ctx, s)
		return outcome{step: s, words: words}, err
	case evict:
		return outcome{step: s}, e.evict(ctx, s)
	case ascertain:
		stands, err := e.stands(ctx, s.pod)
		return outcome{step: s, stands: stands}, err
	case disown:
		free, err := e.Writer.ReleaseOwners(ctx, s.object)
		return outcome{step: s, applied: []kube.Object{free}}, err
	case annotate:
		annotated, err := e.Writer.Annotate(ctx, s.object, s.annotations)
		return outcome{step: s, applied: []kube.Object{annotated}}, err
	case describe:
		configs, err := Describe(ctx, e.Kafka, s.address, kafka.ConfigResource{Broker: e.id})
		return outcome{step: s, configs: configs}, err
	case overhear:
		return outcome{step: s, words: e.lastWords(ctx, s.pod)}, nil
	case rehearse:
		return outcome{step: s}, e.Writer.MayCreate(ctx, s.pod)
	case inspect:
		return s.run(ctx, e)
	case letGo:
		return s.run(ctx, e)
	case resizeCPU:
		resized, err := e.Writer.Resize(ctx, s.pod, kube.KafkaContainer, s.resources)
		return outcome{step: s, applied: []kube.Object{resized}}, err
	case locate:
		places, err := e.locate(ctx, s, time.Now())
		return outcome{step: s, places: places}, err
	case announce:
		e.announce(s)
		return outcome{step: s}, nil
	case setLevels:
		loggers := kafka.ConfigResource{Broker: e.id, Loggers: true}
		return outcome{step: s}, WithAdmin(ctx, e.Kafka, s.address, func(admin Admin) error { return admin.Alter(ctx, loggers, s.changes, false) })
	case alter:
		return outcome{step: s}, WithAdmin(ctx, e.Kafka, s.address, func(admin Admin) error { return s.plan.Send(ctx, admin, s.resource) })
	default:
		return outcome{step: s}, nil
	}
}

// WithAdmin does something over a short connection to one broker. Kafka's own refusals are kafka.ConfigRefused, a broker that
// does not answer is kafka.Unreachable.
func WithAdmin(ctx context.Context, dialer AdminDialer, address string, use func(Admin) error) error {
	admin, err := dialer.Admin(ctx, address)
	if err != nil {
		return kafka.Unanswered(address, err)
	}
	defer admin.Close()
	if err := use(admin); err != nil {
		return kafka.Unanswered(address, err)
	}
	return nil
}

// Describe asks one broker for a configuration.
func Describe(ctx context.Context, dialer AdminDialer, address string, resource kafka.ConfigResource) (configs kafka.Configs, err error) {
	err = WithAdmin(ctx, dialer, address, func(admin Admin) (err error) {
		configs, err = admin.Describe(ctx, resource)
		return err
	})
	return configs, err
}

// apply writes side by side: the claims of a broker do not depend on each other.
func (e worldEffects) apply(ctx context.Context, wanted []kube.Object) ([]kube.Object, error) {
	results := make([]kube.Object, len(wanted))
	errs := make([]error, len(wanted))
	kit.Together(len(wanted), func(i int) { results[i], errs[i] = kube.Write(ctx, e.Writer, e.Cache, wanted[i]) })
	return results, errors.Join(errs...)
}

func (e worldEffects) evict(ctx context.Context, s evict) error {
	if err := e.Writer.Evict(ctx, s.pod, s.asked); err != nil {
		return err
	}
	e.Events.Event(s.pod, e.clusterReference(), corev1.EventTypeNormal, s.notice.reason, s.notice.action, s.reason)
	return nil
}

// remove deletes an object and returns what is told about it: of a Pod that ended its last words, too.
func (e worldEffects) remove(ctx context.Context, s remove) (string, error) {
	note := s.reason
	if pod, ok := s.object.(*corev1.Pod); ok && s.endings > 0 {
		if words := e.lastWords(ctx, pod); words != "" {
			note += kube.LogEnds + words
			e.log.Warn("Pod ended", "reason", s.reason, "log", words)
		}
	}
	if err := e.Writer.Delete(ctx, s.object); err != nil {
		return "", err
	}
	if s.notice.reason != "" {
		kind := corev1.EventTypeNormal
		if s.endings > 0 {
			kind = corev1.EventTypeWarning
		}
		e.Events.Event(s.object, e.clusterReference(), kind, s.notice.reason, s.notice.action, note)
	}
	return note, nil
}

const (
	// readLogBytes is how much of the log of an ended Pod is read. More than is kept, so that a secret is masked together with the
	// key in front of it, and what went wrong is found before what followed from it.
	readLogBytes = 16 << 10
	// logTimeout is short: the log comes from the kubelet, which hangs just when its node is in trouble, and the Pod waits.
	logTimeout = 3 * time.Second
)

// lastWords is the end of the log of a Pod that is about to be deleted, without secrets. A log that cannot be read
// must not keep the Pod from being replaced.
func (e worldEffects) lastWords(ctx context.Context, pod *corev1.Pod) string {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	text, err := e.Writer.PodLog(ctx, pod, kube.KafkaContainer, readLogBytes)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(kube.WholeLines(text))
}

func (e worldEffects) clusterReference() *metav1.PartialObjectMetadata {
	return kube.ClusterReference(e.Cluster, e.Cache.Cluster(e.Cluster))
}
