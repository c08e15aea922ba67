package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

func TestARefusedEvictionGivesThePermitBackAndSaysWhoRefused(t *testing.T) {
	refused := func(v *rollView) {
		v.nodes[0].observed.Restart.Refused = "eviction refused: the disruption budget theirs"
	}
	v := quiet(waits(0), holding(0), refused)
	d := decide(v)
	require.Contains(t, d.permits, messages.BrokerID(0), "it is tried again for a while")
	v.roll.permits = d.permits
	v.now = v.now.Add(refusedPause)
	d = decide(v)
	require.Zero(t, d.permits[0].told(), "taken back")
	require.Contains(t, d.refusal, "budget theirs")
	v.roll.permits, v.nodes[0].told, v.nodes[0].observed.Revision = d.permits, 2, 2
	d = decide(v)
	require.Equal(t, podOf(0), d.permits[0].told().Pod, "given anew, when the broker has heard of that")
	require.Contains(t, d.refusal, "budget theirs", "it is told until the eviction goes")
	v.roll.permits, v.nodes[0].told = d.permits, 3
	require.Contains(t, decide(v).refusal, "budget theirs", "also while the broker has yet to hear of it")
}

func TestOthersHaveTheirTurnAfterARefusedEviction(t *testing.T) {
	refused := func(last time.Duration, ids ...messages.BrokerID) func(*rollView) {
		return func(v *rollView) {
			v.roll.refused = map[messages.BrokerID]refusals{}
			for i, id := range ids {
				v.nodes[id].observed.Restart.Refused = "eviction refused: the disruption budget theirs"
				v.roll.refused[id] = refusals{first: v.now.Add(-time.Hour), last: v.now.Add(-last + time.Duration(i)*time.Second)}
			}
		}
	}
	first := decide(quiet(waits(0, 1), holding(1), func(v *rollView) { v.nodes[1].observed.Restart.Refused = "no" }))
	require.Equal(t, refusals{now, now}, first.refused[1], "while it has a permit")

	d := decide(quiet(waits(0, 1), refused(0, 1)))
	require.Equal(t, podOf(0), d.permits[0].Pod)
	require.NotContains(t, d.permits, messages.BrokerID(1))
	told, since := d.blockedBy()
	require.Contains(t, told, "broker 1: eviction refused", "which is told also while others go")
	require.Equal(t, now.Add(-time.Hour), since, "since it was refused first")
	require.Contains(t, d.refused, messages.BrokerID(1))
	require.NotContains(t, decide(quiet(waits(0, 1), refused(time.Hour, 1))).permits, messages.BrokerID(1), "however long ago that was")
	require.Contains(t, decide(quiet(waits(0, 1), refused(time.Hour, 0, 1))).permits, messages.BrokerID(0), "whose last try is longest ago, of those")
	require.Contains(t, decide(quiet(waits(0, 1), refused(time.Hour, 1, 0))).permits, messages.BrokerID(1))
	require.Empty(t, decide(quiet(waits(0, 1), refused(refusedTold, 1))).refusal, "a roll that goes on is not blocked by one try of long ago")

	returns := func(first time.Duration, before rollDecision) string {
		d := decide(quiet(waits(1), refused(time.Second, 1), holding(0), replaced(0), unready(0, false), func(v *rollView) {
			v.roll.refused[1] = refusals{now.Add(-first), now}
		}))
		text, _ := d.goesOn(before, now).blockedBy()
		return text
	}
	require.Contains(t, returns(time.Hour, rollDecision{}), "broker 1: eviction refused", "also while another one comes back")
	long := rollDecision{blockedSince: now.Add(-time.Minute)}
	require.Contains(t, returns(time.Second, long), "broker 0 was restarted and is not back", "a race that was lost once is no news")

	anew := decide(quiet(waits(1), holding(1), refused(10*time.Minute, 1)))
	require.Equal(t, refusals{now.Add(-50 * time.Minute), now}, anew.refused[1], "while others had their turn it was not tried")

	both := decide(quiet(waits(0, 1), refused(time.Second, 0, 1), func(v *rollView) {
		v.roll.refused[0] = refusals{now.Add(-time.Second), now}
	}))
	require.Contains(t, both.refusal, "broker 1: ", "it is refused for longest")

	edited := decide(quiet(waits(0, 1), refused(0, 1), func(v *rollView) { v.nodes[1].told = 2 }))
	require.Contains(t, edited.refusal, "broker 1: eviction refused", "also while it has yet to hear of an edit")
	gone := decide(quiet(waits(0, 1), refused(0, 1), func(v *rollView) { v.nodes[1].observed.Pod = "" }))
	require.Empty(t, gone.refused)

	stops := quiet(waits(0, 1, 2), func(v *rollView) { v.nodes[1].observed.Restart.Reason = "stop: the spec has it in maintenance" })
	require.Equal(t, "brokers 0, 2: restart: `a` changes; also broker 1", rollText(rollDecision{}, stops.nodes))
	text := rollText(d, quiet(waits(0, 1), refused(0, 1)).nodes)
	require.Contains(t, text, "broker 0 now")
	require.Contains(t, text, "then broker 1")
	own := decide(quiet(waits(1), refused(0, 1)))
	require.Contains(t, own.permits, messages.BrokerID(1))
	require.Equal(t, "broker 1: restart: `a` changes; broker 1: eviction refused: the disruption budget theirs",
		rollText(own, quiet(waits(1), refused(0, 1)).nodes), "it does not restart now")
}

func TestTheActiveControllerWaitsForNoOtherThatIsRefusedForLong(t *testing.T) {
	refused := func(lasted time.Duration) rollView {
		return quiet(waits(1, 2), func(v *rollView) { // broker 2 leads the quorum
			v.nodes[1].observed.Restart.Refused = "eviction refused: the disruption budget theirs"
			v.roll.refused = map[messages.BrokerID]refusals{1: {now.Add(-lasted), now}}
		})
	}
	require.Contains(t, decide(refused(time.Second)).permits, messages.BrokerID(1))
	require.Contains(t, decide(refused(blockedAfter)).permits, messages.BrokerID(2))
}

func TestOthersGoWhereABudgetKeepsTheOneThatIsOutOfSync(t *testing.T) {
	refused := func(threshold int) rollView {
		return quiet(waits(0, 1), outOfSync(1, 1), func(v *rollView) {
			v.threshold = threshold
			v.nodes[1].observed.Restart.Refused = "eviction refused: the disruption budget theirs"
			v.roll.refused = map[messages.BrokerID]refusals{1: {now, now}}
		})
	}
	require.Contains(t, decide(refused(2)).permits, messages.BrokerID(0))
	require.Contains(t, decide(refused(1)).permits, messages.BrokerID(1), "nobody else may go beside it")

	stuck := refused(3)
	stuck.kafka.QuorumLeader, stuck.kafka.Replication.QuorumLeader = 1, 1
	stuck.kafka.Replication.MinISR["orders"] = 2
	stuck.index = kafka.Index(stuck.kafka.Replication)
	require.Contains(t, decide(stuck).permits, messages.BrokerID(1), "nobody else may, without it")

	other := refused(3)
	other.nodes[0].observed.Restart.Refused, other.roll.refused[0] = "no", refusals{now, now.Add(time.Second)}
	require.Contains(t, decide(other).permits, messages.BrokerID(1), "its last try is longer ago")
	other.roll.refused[0] = refusals{now, now.Add(-time.Second)}
	require.Contains(t, decide(other).permits, messages.BrokerID(0))
}

func TestAPermitWhoseStopHasNoAnswerIsNotUsedForEver(t *testing.T) {
	unknown := func(granted time.Duration) rollView {
		return quiet(waits(0), holding(0, func(p *permit) { p.granted = now.Add(-granted) }), func(v *rollView) {
			v.nodes[0].observed.Stopping, v.nodes[0].observed.Phase, v.nodes[0].observed.Reason = true, messages.PhaseFailing, "evict: no answer"
		})
	}
	d := decide(unknown(time.Second))
	require.Equal(t, podOf(0), d.permits[0].told().Pod)
	require.Equal(t, "broker 0: evict: no answer", d.blocked)
	d = decide(unknown(unusedPermit))
	require.Zero(t, d.permits[0].told(), "others may have gone down since")
	require.Contains(t, d.permits, messages.BrokerID(0), "and nobody else is stopped before it is known what became of it")

	v := unknown(unusedPermit)
	v.roll.permits, v.nodes[0].told, v.nodes[0].observed.Revision = d.permits, 2, 2
	require.Contains(t, decide(v).permits, messages.BrokerID(0), "it has heard that, and its Pod may stop yet")
	v.nodes[0].observed.Stopping = false
	require.Equal(t, podOf(0), decide(v).permits[0].told().Pod, "it stands, so the gates were asked again")
}
