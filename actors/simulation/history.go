package simulation

import (
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// history is a random life of one cluster: what people, machines and the network do to it, drawn from the seed. When it
// is over everything is healed, and the cluster must come to rest.
type history struct {
	*World
	rng  *rand.Rand
	name string
	// lost is what disks held that were emptied.
	lost []map[types.UID]map[string]logDir
	// topics counts those that were made.
	topics int
	told   []string
	// takenOver says that Koperator made the cluster.
	takenOver bool
	// gone is set once a machine has gone for good.
	gone bool
}

// play runs a history to its happy end.
func (w *World) play(seed uint64, steps int, changes ...func(*v1beta1.KafkaCluster)) {
	w.t.Helper()
	h := &history{World: w, rng: rand.New(rand.NewPCG(seed, 1)), name: "demo"}
	h.begin(changes)
	all := acts()
	for range steps {
		w.advance(time.Duration(h.rng.Int64N(int64(90 * time.Second))))
		act := all[h.rng.IntN(len(all))]
		h.told = append(h.told, time.Now().Format("15:04:05.000 ")+act.name)
		w.story = h.told
		act.do(h)
	}
	h.heal()
	w.readyWithin(h.name, time.Hour+time.Duration(len(w.cluster(h.name).Spec.Brokers))*30*time.Second) // a roll goes one by one
	w.advance(6 * time.Minute)                                                                         // what waited for a long retry
	w.readyWithin(h.name, time.Minute)
	w.settled()
	w.asTheSpecSays(h.name)
	if h.rng.IntN(3) == 0 {
		w.delete(h.name)
		w.eventually(10*time.Minute, "the deleted cluster is gone", func() bool {
			return w.cluster(h.name) == nil && len(w.pods(h.name)) == 0 && len(w.owned(kube.KindConfigMap, h.name)) == 0
		})
	}
}

// begin makes the cluster, by these changes or of any shape, or takes over one that Koperator made and that runs.
func (h *history) begin(changes []func(*v1beta1.KafkaCluster)) {
	if h.takenOver = len(changes) == 0 && h.rng.IntN(6) == 0; h.takenOver {
		h.killDaemon()
		h.madeByKoperator(kafkaCluster(h.name, nodes(3+2*h.rng.IntN(2)), logging("log4j.rootLogger=INFO, out\nlog4j.appender.out=console\n")))
		h.advance(h.minutes(10))
		h.startDaemon()
		h.eventually(time.Minute, "its Pods are taken over", func() bool { // what differs from the spec of that moment waits for consent
			return !slices.ContainsFunc(h.pods(h.name), func(p *corev1.Pod) bool { return p.Annotations[kube.AnnotationAdoptedWith] == "" })
		})
		h.faults.set(h.trouble())
		return
	}
	if len(changes) == 0 {
		h.kubelets.local = h.rng.IntN(4) == 0
		changes = h.shape()
	}
	h.faults.set(h.trouble())
	h.apply(kafkaCluster(h.name, changes...))
}

// static reports whether the voters stand in every node's file: then nobody changes them.
func (h *history) static() bool {
	return h.takenOver && h.cluster(h.name).Status.Quorum != v1beta1.QuorumDynamic
}

// asTheSpecSays compares what runs at the end with what is wanted.
func (w *World) asTheSpecSays(name string) {
	w.t.Helper()
	problems := slices.Concat(w.configProblems(name), w.levelProblems(name), w.sizeProblems(name), w.secretProblems(name),
		w.metadataProblems(name), w.registrationProblems(name))
	if len(problems) > 0 {
		w.fail("not as the spec says: %s", strings.Join(problems, "; "))
	}
}

// shape is a cluster of three to six nodes.
func (h *history) shape() []func(*v1beta1.KafkaCluster) {
	var changes []func(*v1beta1.KafkaCluster)
	switch h.rng.IntN(5) {
	case 0:
		changes = append(changes, controllersOnly(3), brokers(1+h.rng.IntN(3)))
	case 1:
		changes = append(changes, brokers(3+h.rng.IntN(4)), zooKeeper)
	case 2:
		changes = append(changes, nodes(3), brokers(h.rng.IntN(4)), disks(h.rng.IntN(3)))
	case 3: // five, so that one may be lost while another is restarted
		if h.rng.IntN(2) == 0 {
			changes = append(changes, nodes(4), onEmptyDirs, nodes(1))
		} else {
			changes = append(changes, controllersOnly(5), onEmptyDirs, brokers(2))
		}
	default:
		changes = append(changes, nodes(3+h.rng.IntN(4)))
	}
	for _, change := range []func(*v1beta1.KafkaCluster){notHeadless, racks, retained} {
		if h.rng.IntN(3) == 0 {
			changes = append(changes, change)
		}
	}
	return changes
}

func (h *history) trouble() Trouble {
	rate := func(most int) uint64 {
		if h.rng.IntN(2) == 0 {
			return 0
		}
		return uint64(h.rng.IntN(most))
	}
	return Trouble{
		Errors: rate(200), Conflicts: rate(100), Timeouts: rate(50), Losses: rate(100),
		Slowest: time.Duration(rate(2000)) * time.Millisecond, Stale: time.Duration(rate(5000)) * time.Millisecond,
		KafkaErrors: rate(200), KafkaBehind: time.Duration(rate(2000)) * time.Millisecond,
	}
}

func (h *history) minutes(most int) time.Duration {
	return time.Duration(1+h.rng.IntN(most*60)) * time.Second
}

// giveUp is people giving up what was on lost disks alone, and moving away what is on a broker that is to go.
func (h *history) giveUp() {
	var ids, words []string
	for _, b := range h.cluster(h.name).Spec.Brokers {
		if servesClients(b) {
			ids = append(ids, messages.BrokerID(b.ID).String())
		}
		words = append(words, h.lossToken(h.name, messages.BrokerID(b.ID)))
	}
	words = append(words, lossWord.FindAllString(h.conditionText(h.name, kube.ConditionDataVolumeLost), -1)...)
	h.edit(h.name, annotated(kube.AnnotationAllowDataLoss, strings.Join(words, ",")))
	for _, text := range slices.Sorted(maps.Keys(h.cluster(h.name).Status.BrokersState)) {
		if id, err := messages.ParseBrokerID(text); err == nil && !slices.Contains(ids, text) {
			h.moveAway(h.name, id)
		}
	}
}

// lossWord is how the condition writes the word by which a person gives up what was on lost disks.
var lossWord = regexp.MustCompile(`\d+/[0-9a-f]{8}`)

// heal ends all trouble and undoes what only people can undo.
func (h *history) heal() {
	h.faults.set(Trouble{})
	h.killAfterWrites(0)
	h.edit(h.name, maintained())
	h.edit(h.name, withoutConsent) // a window that opens later is no rest
	h.countAlerts(false)
	h.closeBudget(false)
	h.exchangeDisks()
	h.advance(11 * time.Minute) // nodes and the API server are back
	h.giveUp()
	for _, lost := range slices.Backward(h.lost) { // one may have been emptied twice
		h.kubelets.restore(lost)
	}
}
