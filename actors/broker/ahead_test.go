package broker

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

func TestAPlanListsWhatABrokerNeedsInItsOrder(t *testing.T) {
	retained := described{file: map[string]string{retentionKey: "1"}}
	for name, test := range map[string]struct {
		scene scene
		steps []string
	}{
		"all is as wanted": {planned(t, nil, nil), []string{"rest"}},
		"nothing is there": {
			planned(t, nil, func(s *scene) { s.o.pods, s.o.claims, s.o.config = nil, nil, nil }),
			[]string{
				"apply PersistentVolumeClaim demo-0-9e423fa7: disks have no claim", "apply ConfigMap demo-config-0: the broker's file is not as wanted",
				"apply Pod demo-node-0: the broker has no Pod", "wait: Pod has no node yet",
			},
		},
		"a key that Kafka takes while it runs": {
			edit{was: "log.retention.ms=1\n", is: "log.retention.ms=2\n", answer: retained}.scene(t),
			[]string{
				"ask for the log dirs", "apply ConfigMap demo-applied-0: what is about to be set is ours", "change the configuration: set `log.retention.ms`",
				"apply ConfigMap demo-config-0: the broker has taken its new file while it runs",
				"annotate Pod demo-node-0: the broker has taken its new file while it runs", "rest",
			},
		},
		"such a key beside one that only a restart brings in": {
			edit{was: "log.retention.ms=1\n", is: "log.retention.ms=2\nqueued.max.requests=7\n", answer: retained}.scene(t),
			[]string{
				"ask for the log dirs", "apply ConfigMap demo-applied-0: what is about to be set is ours", "change the configuration: set `log.retention.ms`",
				"ask whether Pod demo-node-0 could be made", "wait: a restart needs the cluster's permit",
				"evict Pod demo-node-0: restart: `queued.max.requests` is read-only and was set to 7",
				"apply ConfigMap demo-config-0: the broker's file is not as wanted", "apply Pod demo-node-0: the broker has no Pod", "wait: Pod has no node yet",
			},
		},
		"what a broker has to be asked ends the plan": {
			func() scene {
				s := edit{was: "log.retention.ms=1\n", is: "log.retention.ms=2\n", answer: retained}.scene(t)
				s.o.asked, s.o.live = asked{}, nil
				return s
			}(),
			[]string{"ask for the log dirs", "ask for the configuration"},
		},
		"levels of loggers": {relogged(t, logWarn, logInfo), []string{
			"ask for the log dirs", "apply ConfigMap demo-applied-0: the levels of loggers are about to change", "set levels: root logs info",
			"apply ConfigMap demo-config-0: the broker has taken the levels of its loggers while it runs",
			"annotate Pod demo-node-0: the broker runs with all of its newest log4jConfig",
			"apply ConfigMap demo-applied-0: the file has the levels of all loggers", "rest",
		}},
		"more CPU": {scaled(t, size(amounts("1", "2Gi"), nil), size(amounts("2", "2Gi"), nil)), []string{
			"annotate Pod demo-node-0: its CPU is about to change", "resize Pod demo-node-0 to 2 CPU",
			"annotate Pod demo-node-0: the Pod has the CPU that is wanted",
			"apply ConfigMap demo-config-0: the broker's file is not as wanted", "rest",
		}},
		"more memory": {scaled(t, size(amounts("1", "2Gi"), nil), size(amounts("1", "3Gi"), nil)), []string{
			"ask whether Pod demo-node-0 could be made", "wait: a restart needs the cluster's permit",
			"evict Pod demo-node-0: restart: resources of kafka change", "apply ConfigMap demo-config-0: the broker's file is not as wanted",
			"apply Pod demo-node-0: the broker has no Pod", "wait: Pod has no node yet",
		}},
		"a Pod that ended": {planned(t, ranBefore, func(s *scene) { s.pod().Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"} }), []string{
			"delete Pod demo-node-0: Pod ended: Evicted", "apply Pod demo-node-0: the broker's Pod was gone; it gets the same disks",
			"apply PersistentVolumeClaim demo-0-9e423fa7: Kafka runs on the disks: they must never be formatted again", "wait: Pod has no node yet",
		}},
		"a last copy that is lost": {planned(t, ranBefore, func(s *scene) { s.o.claims, s.o.pods = nil, nil }), []string{
			"wait: DataVolumeLost: the claim for /kafka-logs is gone, and Kafka has run on it; condition DataVolumeLost says what an empty one waits for",
		}},
		"maintenance": {planned(t, func(w *messages.BrokerWanted) { w.Entry.Maintenance = true }, nil), []string{
			"wait: a restart needs the cluster's permit", "evict Pod demo-node-0: stop: the spec has it in maintenance",
			"wait: in maintenance: take spec.brokers[].maintenance back to start it",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.steps, texts(slices.Collect(plan(test.scene.w, test.scene.o, now))))
		})
	}
}

func TestAWaitWithoutAReasonIsRest(t *testing.T) {
	require.Equal(t, []string{"rest"}, texts([]step{wait{phase: messages.PhaseRunning, again: time.Minute}}))
	require.Equal(t, "wait: a restart needs the cluster's permit", texts([]step{wait{again: time.Minute}, rest{}})[0])
}

func TestWhoPlansAheadChangesNothing(t *testing.T) {
	s := edit{was: "log.retention.ms=1\n", is: "log.retention.ms=2\nqueued.max.requests=7\n", answer: described{file: map[string]string{retentionKey: "1"}}}.scene(t)
	pod, config, claim := s.pod().DeepCopy(), s.o.config.DeepCopy(), s.claim().DeepCopy()
	first := texts(slices.Collect(plan(s.w, s.o, now)))
	require.Equal(t, first, texts(slices.Collect(plan(s.w, s.o, now))))
	require.Equal(t, []any{pod, config, claim}, []any{s.pod(), s.o.config, s.claim()})
	require.Empty(t, s.o.written.Names(&corev1.Pod{}), "what is planned was not written")
	require.False(t, s.o.written.Deleting(s.pod()))
	require.Nil(t, s.o.record)
}

func TestTheActorDoesWhatItsPlanListed(t *testing.T) {
	w, err := newBlueprint(wish(demo()))
	require.NoError(t, err)
	var listed []string
	for s := range plan(w, observed{nodes: true, written: &kube.Written{}}, now) {
		if isEffect(s) {
			listed = append(listed, nameOf(s))
		}
	}
	require.Len(t, listed, 3)
	e := &fakeEffects{}
	onStage(t, e, func(t *testing.T, _ *stage) {
		synctest.Wait()
		require.Equal(t, listed, e.names())
	})
}

func TestALogShowsAPlanOnceAndAnewWhereItHasChanged(t *testing.T) {
	var log bytes.Buffer
	b := newBroker(Config{Context: t.Context(), Log: slog.New(slog.NewTextHandler(&log, nil))}, nil)
	s := planned(t, nil, func(s *scene) { s.o.pods, s.o.claims, s.o.config = nil, nil, nil })
	steps := slices.Collect(plan(s.w, s.o, now))
	tells := func(steps []step) (list bool) {
		log.Reset()
		b.tell(steps[0], slices.Values(steps))
		require.Contains(t, log.String(), nameOf(steps[0]))
		return strings.Contains(log.String(), " then=")
	}
	require.True(t, tells(steps))
	require.Contains(t, log.String(), "apply Pod demo-node-0: the broker has no Pod")
	b.failures = 1
	require.False(t, tells(steps), "it is tried again")
	b.failures = 0
	require.False(t, tells(steps[1:]), "it was told before")
	require.True(t, tells([]step{remove{object: steps[2].(apply).objects[0], reason: "a change of mind"}}))
	require.True(t, tells(steps[2:]), "what was told before is another plan's")
}
