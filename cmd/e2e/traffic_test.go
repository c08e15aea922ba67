//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// careful are the settings of a producer that must lose nothing.
func careful() []string {
	return []string{
		"acks=all", "enable.idempotence=true", "max.in.flight.requests.per.connection=1", "retries=100", "retry.backoff.ms=200",
	}
}

const (
	// perSecond is how many records flow.
	perSecond = 5
	// asksAgain makes Java ask for the address of a broker each time: one that was restarted has another, and Java remembers the
	// old one for 30 s.
	asksAgain = "-Dsun.net.inetaddr.ttl=1 -Dsun.net.inetaddr.negative.ttl=1"
)

// traffic is a producer and a consumer of one topic, in Pods that no roll restarts.
type traffic struct {
	messages
	records int
	// java are options of Java for both.
	java string
}

// outcome is what both have seen.
type outcome struct {
	// acknowledged is how many records were, failed why the others were not.
	acknowledged int
	failed       []string
	// read is how many different records came back; gaps are offsets that never came, repeated those of records that were
	// written twice.
	read           int
	gaps, repeated []string
	// warned is what the producer's library has logged.
	warned []string
	// longestWait is that of the producer for an acknowledgement, longestSilence that of the consumer for a record.
	longestWait, longestSilence time.Duration
}

func (o outcome) String() string {
	return fmt.Sprintf("%d acknowledged, %d failed, %d read, %d gaps, %d written twice; longest wait for an acknowledgement %s, "+
		"longest silence for the consumer %s", o.acknowledged, len(o.failed), o.read, len(o.gaps), len(o.repeated), o.longestWait, o.longestSilence)
}

// long is a wait for an acknowledgement of which the producer's log is shown.
const long = 5 * time.Second

// tell shows what was seen, and after a long wait what the producer has said meanwhile.
func (o outcome) tell(t *testing.T) {
	t.Helper()
	t.Log(o)
	if o.longestWait > long {
		t.Log(strings.Join(o.warned, "\n"))
	}
}

// lossless says what was seen, and that every record went through once and in order, with no complaint on the way.
func (o outcome) lossless(t *testing.T, records int) {
	t.Helper()
	o.tell(t)
	require.Empty(t, o.failed)
	require.Equal(t, records, o.acknowledged)
	require.Equal(t, records, o.read)
	require.Empty(t, o.gaps)
	require.Empty(t, o.repeated)
}

// traffic makes a topic with three replicas and lets numbered records flow through it, five each second, by Pods on a node (any,
// when it is empty). Both know the Service and each broker by name. Without settings both are as their library and Java make them.
func (m messages) traffic(topic, node string, records int, settings ...string) traffic {
	m.t.Helper()
	f := traffic{messages: m.namespace.topic(m.cluster, topic, 3), records: records}
	if len(settings) > 0 {
		f.java = asksAgain
	}
	f.run("consumer", node, fmt.Sprintf("kafka-console-consumer.sh --bootstrap-server %s --topic %s --from-beginning "+
		"--property print.partition=true --property print.offset=true", f.names(), topic))
	f.run("producer", node, fmt.Sprintf("kafka-producer-perf-test.sh --topic %s --num-records %d --throughput %d --payload-monotonic "+
		"--producer-props bootstrap.servers=%s %s 2>&1; echo ended", topic, records, perSecond, f.names(), strings.Join(settings, " ")))
	f.eventually(2*time.Minute, "records flow", func() (bool, string) {
		lines := f.lines()
		return len(lines) > perSecond, fmt.Sprint(len(lines), " records")
	})
	return f
}

// names are those under which a client finds a cluster whichever of its brokers is down: all together, and each one.
func (f traffic) names() string {
	names := []string{f.bootstrap()}
	for _, b := range f.cluster.Spec.Brokers {
		broker := fmt.Sprintf("%s-%d", f.cluster.Name, b.ID)
		if f.cluster.Spec.HeadlessServiceEnabled {
			names = append(names, broker+"."+f.bootstrap())
		} else {
			names = append(names, f.at(broker)) // a Service of its own
		}
	}
	return strings.Join(names, ",")
}

// run starts a Pod with Kafka's tools. The image's tools take options of Java from no variable of Kafka's, so they are in Java's own.
func (f traffic) run(role, node, command string) {
	f.t.Helper()
	image := f.kubectl("get", "pod", f.pod(), "-o", `jsonpath={.spec.containers[?(@.name=="kafka")].image}`)
	f.kubectl("run", f.named(role), "--image="+image, "--env=JDK_JAVA_OPTIONS="+f.java, "--restart=Never",
		"--overrides", fmt.Sprintf(`{"spec":{"nodeName":%q}}`, node), "--command", "--", "bash", "-c", command)
}

func (f traffic) named(role string) string { return f.topic + "-" + role }

// still says that records flow yet: a producer that had ended before would have shown nothing of what was done meanwhile.
func (f traffic) still() {
	f.t.Helper()
	require.Equal(f.t, "Running", f.kubectl("get", "pod", f.named("producer"), "-o", "jsonpath={.status.phase}"), "the producer")
}

// ended waits until the producer has ended and the consumer has read all that was acknowledged, and takes both away.
func (f traffic) ended() outcome {
	f.t.Helper()
	limit := time.Duration(f.records/perSecond)*time.Second + 5*time.Minute
	f.eventually(limit, "the producer has ended", func() (bool, string) {
		phase := f.kubectl("get", "pod", f.named("producer"), "-o", "jsonpath={.status.phase}")
		return phase == "Succeeded" || phase == "Failed", phase
	})
	said, ended := strings.CutSuffix(f.kubectl("logs", f.named("producer")), "ended")
	require.True(f.t, ended, said)
	told := producerSaid(said)
	f.eventually(2*time.Minute, "the consumer has read all of it", func() (bool, string) {
		read := consumerRead(f.lines(), f.records)
		return read.read >= told.acknowledged, read.String()
	})
	read := consumerRead(f.lines(), f.records)
	told.read, told.gaps, told.repeated, told.longestSilence = read.read, read.gaps, read.repeated, read.longestSilence
	f.kubectl("delete", "pod", f.named("producer"), f.named("consumer"), "--grace-period=1")
	return told
}

// lines are what the consumer has printed, each after the time at which it did; none before it has started.
func (f traffic) lines() []string {
	out, _ := run(f.t.Context(), "", "-n", f.name, "logs", f.named("consumer"), "--timestamps", "--tail=-1")
	return slices.DeleteFunc(strings.Split(out, "\n"), func(line string) bool { return !strings.Contains(line, "Partition:") })
}

// producerSaid reads what the producer has told: the numbers at its end, and a stack for each record that was not acknowledged.
func producerSaid(text string) outcome {
	var o outcome
	warning := regexp.MustCompile(`^\[[^]]*\] (WARN|ERROR)`)
	failure := regexp.MustCompile(`^org\.apache\.kafka\S*Exception`)
	sum := regexp.MustCompile(`^(\d+) records sent, .* ([0-9.]+) ms max latency.*99\.9th`)
	for line := range strings.Lines(text) {
		if failure.MatchString(line) {
			o.failed = append(o.failed, strings.TrimSpace(line))
		}
		if warning.MatchString(line) {
			o.warned = append(o.warned, strings.TrimSpace(line))
		}
		if found := sum.FindStringSubmatch(line); found != nil {
			o.acknowledged, _ = strconv.Atoi(found[1])
			wait, _ := strconv.ParseFloat(found[2], 64)
			o.longestWait = time.Duration(wait * float64(time.Millisecond))
		}
	}
	return o
}

// consumerRead reads what the consumer has printed. What it reads again after it has lost its place is no other record: records
// are known by partition and offset.
func consumerRead(lines []string, records int) outcome {
	var o outcome
	next, places := map[string]int{}, map[string]string{}
	var last time.Time
	for _, line := range lines {
		at, record, _ := strings.Cut(line, " ")
		fields := strings.Split(strings.TrimSpace(record), "\t")
		if len(fields) != 3 {
			o.gaps = append(o.gaps, "not to be read: "+line)
			continue
		}
		o.longestSilence, last = max(o.longestSilence, since(last, at)), parsed(at, last)
		partition, offset, value := fields[0], atoi(strings.TrimPrefix(fields[1], "Offset:")), fields[2]
		place := fmt.Sprint(partition, " ", offset)
		if offset > next[partition] {
			o.gaps = append(o.gaps, fmt.Sprintf("%s: %d to %d", partition, next[partition], offset-1))
		}
		next[partition] = max(next[partition], offset+1)
		if was := cmp.Or(places[value], place); was != place {
			o.repeated = append(o.repeated, fmt.Sprintf("%s at %s and %s", value, was, place))
		}
		places[value] = place
	}
	for n := range records {
		if places[strconv.Itoa(n)] != "" {
			o.read++
		}
	}
	return o
}

func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

func parsed(text string, otherwise time.Time) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return otherwise
	}
	return at
}

// since is how long it is from a moment, if there was one.
func since(last time.Time, text string) time.Duration {
	if last.IsZero() {
		return 0
	}
	return parsed(text, last).Sub(last)
}
