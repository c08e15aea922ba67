//go:build e2e

package e2e

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/koperator-go/koperator/kube"
)

// timeline is when what happened to the Pods of a cluster: what the API server told, when it was told, and what the brokers have
// logged. Times in Pods themselves have no fractions of a second.
type timeline struct {
	n    namespace
	stop context.CancelFunc
	done sync.WaitGroup

	mu   sync.Mutex
	pods []*podTimes
	// specs is when each generation of the custom resource was there.
	specs map[int64]time.Time
	// grown is when a broker was taken into the ISR of a partition, by its leader's log.
	grown []growth
}

// podTimes are the moments of one Pod, zero where they have not come.
type podTimes struct {
	broker                          string
	uid                             types.UID
	created, started, evicted, gone time.Time
	// exited is when its Kafka ended: its last word, or the second at which Kubernetes says so, whatever is later.
	exited time.Time
}

type growth struct {
	at        time.Time
	partition string
	isr       []string
}

// follow begins a timeline, which ends with the test.
func (n namespace) follow(cluster string) *timeline {
	n.t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(n.t.Context()))
	l := &timeline{n: n, stop: stop, specs: map[int64]time.Time{}}
	n.t.Cleanup(l.end)
	l.reading(ctx, func(out io.Reader) { l.watch(ctx, out) },
		"get", "pods", "-l", "kafka_cr="+cluster, "--watch", "--output-watch-events", "-o", "json")
	l.reading(ctx, l.watchSpec, "get", "kafkacluster", cluster, "--watch", "-o", "json")
	n.eventually(time.Minute, "the custom resource and the Pods are known", func() (bool, string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.specs) > 0 && len(l.pods) == len(n.uids(cluster)), ""
	})
	return l
}

// end stops following; it may be called again.
func (l *timeline) end() {
	l.stop()
	l.done.Wait()
}

// reading runs kubectl until the context ends, and hands its output on.
func (l *timeline) reading(ctx context.Context, read func(io.Reader), args ...string) {
	words := append(strings.Fields(cmp.Or(os.Getenv("KUBECTL"), "kubectl")), append([]string{"-n", l.n.name}, args...)...)
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		l.n.t.Errorf("kubectl %s: %v", strings.Join(args, " "), err)
		return
	}
	l.done.Go(func() {
		read(out)
		_ = command.Wait() // it ends with the context
	})
}

func (l *timeline) watch(ctx context.Context, out io.Reader) {
	for decoder := json.NewDecoder(out); ; {
		var event struct {
			Type   string
			Object corev1.Pod
		}
		if decoder.Decode(&event) != nil {
			return
		}
		if l.saw(event.Type, &event.Object, time.Now()) {
			l.listen(ctx, event.Object.Name, event.Object.UID)
		}
	}
}

func (l *timeline) watchSpec(out io.Reader) {
	for decoder := json.NewDecoder(out); ; {
		var object metav1.PartialObjectMetadata
		if decoder.Decode(&object) != nil {
			return
		}
		l.mu.Lock()
		if _, known := l.specs[object.Generation]; !known {
			l.specs[object.Generation] = time.Now()
		}
		l.mu.Unlock()
	}
}

// edited is when the API server told of a generation of the custom resource.
func (l *timeline) edited(generation int64) time.Time {
	l.n.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Contains(l.n.t, l.specs, generation, "generations that were seen")
	return l.specs[generation]
}

// saw takes what the API server tells of a Pod; it reports whether its log can be read from now on.
func (l *timeline) saw(kind string, pod *corev1.Pod, now time.Time) (starts bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.IndexFunc(l.pods, func(p *podTimes) bool { return p.uid == pod.UID })
	if at < 0 {
		l.pods, at = append(l.pods, &podTimes{broker: pod.Labels[kube.LabelBrokerID], uid: pod.UID, created: now}), len(l.pods)
	}
	p := l.pods[at]
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name != "kafka" {
			continue
		}
		if status.State.Running != nil && p.started.IsZero() {
			p.started, starts = now, true
		}
		if end := status.State.Terminated; end != nil && end.FinishedAt.After(p.exited) {
			p.exited = end.FinishedAt.Time
		}
	}
	if pod.DeletionTimestamp != nil && p.evicted.IsZero() {
		p.evicted = now
	}
	if kind == "DELETED" {
		p.gone = now
	}
	return starts
}

// listen follows the log of a Pod's Kafka.
func (l *timeline) listen(ctx context.Context, name string, uid types.UID) {
	grown := regexp.MustCompile(`\[Partition (\S+) broker=\d+\] ISR updated to ([0-9,]+)`)
	l.reading(ctx, func(out io.Reader) {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			text, rest, _ := strings.Cut(lines.Text(), " ")
			at, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				continue
			}
			l.heard(uid, at)
			if found := grown.FindStringSubmatch(rest); found != nil {
				l.mu.Lock()
				l.grown = append(l.grown, growth{at: at, partition: found[1], isr: strings.Split(found[2], ",")})
				l.mu.Unlock()
			}
		}
	}, "logs", name, "-c", "kafka", "--follow", "--timestamps", "--tail=-1")
}

// heard takes a word of a Pod's Kafka: the first one is its start, the last one its end.
func (l *timeline) heard(uid types.UID, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.pods {
		if p.uid != uid {
			continue
		}
		if at.Before(p.started) {
			p.started = at
		}
		if at.After(p.exited) && !p.evicted.IsZero() {
			p.exited = at
		}
	}
}

// restart is one broker's, from the moment at which it was its turn.
type restart struct {
	broker string
	// was is the Pod that was stopped, is the one that took its place.
	was, is podTimes
	// back is when it was in every ISR again.
	back time.Time
}

// restarts are those that are complete, in their order.
func (l *timeline) restarts(t *testing.T) []restart {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []restart
	for _, was := range l.pods {
		next := slices.IndexFunc(l.pods, func(is *podTimes) bool { return is.broker == was.broker && is.created.After(was.evicted) })
		if !was.gone.IsZero() && next >= 0 {
			found = append(found, restart{broker: was.broker, was: *was, is: *l.pods[next]})
		}
	}
	slices.SortFunc(found, func(a, b restart) int { return a.was.evicted.Compare(b.was.evicted) })
	for i := range found {
		r := &found[i]
		until := time.Now()
		if i+1 < len(found) {
			until = found[i+1].was.evicted
		}
		for _, g := range l.grown {
			if slices.Contains(g.isr, r.broker) && g.at.After(r.is.created) && g.at.Before(until) && g.at.After(r.back) {
				r.back = g.at
			}
		}
		require.False(t, r.back.IsZero(), "broker %s was never taken into an ISR again", r.broker)
	}
	return found
}
