//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// pauseAfterRestart is how long the operator leaves producers alone after a broker is back.
const pauseAfterRestart = 5 * time.Second

// TestRoll restarts three combined nodes, one after the other, under a producer and a consumer, and prints where the time went: to
// Kubernetes, to Kafka, and to the operator. A second roll has a producer as its library makes it.
func TestRoll(t *testing.T) {
	deployOperator(t)
	n := newNamespace(t)
	cluster := n.sample(named("roll"), func(c *v1beta1.KafkaCluster) { c.Spec.OneBrokerPerNode = false })
	n.apply(cluster)
	n.waitReady("roll")
	m := n.topic(cluster, "orders", 3)
	var each []time.Duration // what the operator took for each broker, by roll

	t.Run("a careful producer loses nothing", func(t *testing.T) {
		n := namespace{t, n.name}
		m := messages{n, cluster, m.topic}
		const records = 600
		flows := m.traffic("flows", "", records, careful()...)
		took := n.rolls("roll", "queued.max.requests=600")
		t.Log(took)
		flows.still()
		flows.ended().lossless(t, records)
		each = append(each, took.demanded(t))
	})
	t.Run("a producer with its library's settings is told of", func(t *testing.T) {
		n := namespace{t, n.name}
		m := messages{n, cluster, m.topic}
		flows := m.traffic("defaults", "", 600)
		took := n.rolls("roll", "queued.max.requests=700")
		t.Log(took)
		flows.still()
		seen := flows.ended()
		seen.tell(t)
		t.Log(strings.Join(seen.failed, "\n"))
		require.Empty(t, seen.gaps, "what was acknowledged is there, whatever the producer does")
		each = append(each, took.demanded(t))
	})
	require.NotEmpty(t, each)
	require.Less(t, slices.Min(each), 500*time.Millisecond, "what the operator takes for a broker, where other work of the machine added least")
}

// rolls changes a setting that needs a restart, waits for the end of the roll and says where the time went.
func (n namespace) rolls(name, setting string) rollTimes {
	n.t.Helper()
	line := n.follow(name)
	before := n.uids(name)
	next := n.spec(name)
	next.Spec.ReadOnlyConfig += "\n" + setting + "\n"
	n.apply(next)
	edited := n.cluster(name).Generation
	n.eventually(10*time.Minute, "every broker has another Pod and all are ready", func() (bool, string) {
		now := n.uids(name)
		for pod, uid := range before {
			if now[pod] == "" || now[pod] == uid {
				return false, n.ready(name)
			}
		}
		return n.cluster(name).Status.State == v1beta1.ClusterRunning, n.ready(name)
	})
	line.end()
	times := rollTimes{line.edited(edited), line.restarts(n.t)}
	require.Len(n.t, times.restarts, len(before))
	return times
}

// rollTimes is a roll of one broker after the other.
type rollTimes struct {
	// edited is when the API server had the edit: what kubectl takes before that is nobody's share.
	edited   time.Time
	restarts []restart
}

// parts of one restart: until it was stopped, without the pause before that; until its container had ended; until Kubernetes had let
// go of its Pod; until the next one was made; until that one had started; until it was in every ISR.
func (r rollTimes) parts(i int) [6]time.Duration {
	since, one := r.edited, r.restarts[i]
	if i > 0 {
		since = r.restarts[i-1].back.Add(pauseAfterRestart)
	}
	return [6]time.Duration{
		one.was.evicted.Sub(since), one.was.exited.Sub(one.was.evicted), one.was.gone.Sub(one.was.exited),
		one.is.created.Sub(one.was.gone), one.is.started.Sub(one.is.created), one.back.Sub(one.is.started),
	}
}

// wall is from the edit until the last broker was in every ISR.
func (r rollTimes) wall() time.Duration { return r.restarts[len(r.restarts)-1].back.Sub(r.edited) }

// rest is all that is neither the container's (from the eviction until it has ended, from the new Pod until it has started) nor Kafka's
// (from the start until it is in every ISR) nor the deliberate pause. own is the operator's share of that: until a broker is stopped,
// and until the next Pod is made. Between the two the kubelet and the API server take away a Pod whose container has ended, and no
// other one of its name can be made before.
func (r rollTimes) rest() (rest, own time.Duration) {
	for i := range r.restarts {
		parts := r.parts(i)
		rest, own = rest+parts[0]+parts[2]+parts[3], own+parts[0]+parts[3]
	}
	return rest, own
}

// demanded is that the operator itself takes next to nothing of a roll; it returns how much for each broker.
func (r rollTimes) demanded(t *testing.T) time.Duration {
	t.Helper()
	_, own := r.rest()
	require.Less(t, own, r.wall()/20, "the operator's share")
	return own / time.Duration(len(r.restarts))
}

func (r rollTimes) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "seconds of a roll\n%8s%16s%14s%16s%16s%16s%16s\n", "broker", "until stopped", "until ended", "until Pod gone",
		"until next Pod", "until started", "until in sync")
	for i, one := range r.restarts {
		p := r.parts(i)
		fmt.Fprintf(&text, "%8s%16.3f%14.3f%16.3f%16.3f%16.3f%16.3f\n", one.broker, p[0].Seconds(), p[1].Seconds(), p[2].Seconds(),
			p[3].Seconds(), p[4].Seconds(), p[5].Seconds())
	}
	rest, own := r.rest()
	share := func(d time.Duration) string {
		return fmt.Sprintf("%.2f s (%.1f %%, %d ms a broker)", d.Seconds(), 100*d.Seconds()/r.wall().Seconds(), d.Milliseconds()/int64(len(r.restarts)))
	}
	fmt.Fprintf(&text, "from the edit until the last one is in sync %.1f s; neither the containers' nor Kafka's nor the pause: %s; of that "+
		"the operator's, without what takes ended Pods away: %s", r.wall().Seconds(), share(rest), share(own))
	return text.String()
}
