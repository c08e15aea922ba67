package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// lost is a cluster whose node 1 had a vote, and that Kafka has given up for a minute.
func lost(v *rollView) {
	yes := func(messages.BrokerID) bool { return true }
	v.dynamic, v.runsController, v.keepsDisks = true, yes, yes
	v.kafka.Brokers, v.kafka.Voters = []messages.BrokerID{0, 2}, []messages.BrokerID{0, 2}
	v.roll.adrift = map[messages.BrokerID]lostBroker{1: {since: now.Add(-time.Minute)}}
}

// onlyVote leaves one voter in the quorum, and room for another broker to restart.
func onlyVote(id messages.BrokerID) func(*rollView) {
	return func(v *rollView) {
		v.kafka.Voters, v.kafka.Replication.MinISR["orders"] = []messages.BrokerID{id}, 1
		for i := range v.kafka.Replication.Quorum {
			v.kafka.Replication.Quorum[i].Voter = v.kafka.Replication.Quorum[i].ID == id
			v.nodes[i].controller = v.nodes[i].id == id
		}
		v.index = kafka.Index(v.kafka.Replication)
	}
}

// permitted says how long ago the lost broker was given a permit.
func permitted(ago time.Duration) func(*rollView) {
	return func(v *rollView) {
		v.roll.adrift = map[messages.BrokerID]lostBroker{1: {since: now.Add(-time.Hour), permitted: now.Add(-ago)}}
	}
}

func TestABrokerThatKafkaHasLostSinceItsVoteWasTakenIsRestarted(t *testing.T) {
	volatile := func(v *rollView) { v.keepsDisks = func(messages.BrokerID) bool { return false } }
	unled := func(v *rollView) {
		v.kafka.Replication.Partitions[0].Leader, v.kafka.Replication.Partitions[0].ISR = -1, []messages.BrokerID{1}
		v.index = kafka.Index(v.kafka.Replication)
	}
	leaves := func(v *rollView) { v.nodes[1].leaving = true }
	for name, c := range map[string]struct {
		changes []func(*rollView)
		goes    bool
		again   time.Duration
	}{
		"it stays":                              {[]func(*rollView){lost}, true, 0},
		"it leaves":                             {[]func(*rollView){lost, leaves}, true, 0},
		"another one is down: it serves nobody": {[]func(*rollView){lost, unready(2, false)}, true, 0},
		"for a moment":                          {[]func(*rollView){lost, func(v *rollView) { v.roll.adrift = nil }}, false, adriftFor},
		"Kafka knows it":                        {[]func(*rollView){lost, func(v *rollView) { v.kafka.Brokers = []messages.BrokerID{0, 1, 2} }}, false, 0},
		"it has its vote":                       {[]func(*rollView){lost, func(v *rollView) { v.kafka.Voters = []messages.BrokerID{0, 1, 2} }}, false, 0},
		"it never was a controller":             {[]func(*rollView){lost, func(v *rollView) { v.runsController = func(messages.BrokerID) bool { return false } }}, false, 0},
		"its disks go with its Pod, and others lead all that is on them": {[]func(*rollView){lost, volatile}, true, 0},
		"its disks go with its Pod, and nobody leads a partition":        {[]func(*rollView){lost, volatile, unled}, false, 0},
		"nobody leads a partition, which is on disks that stay":          {[]func(*rollView){lost, unled}, true, 0},
		"its Pod is new: it may have been restarted for this":            {[]func(*rollView){lost, func(v *rollView) { v.nodes[1].observed.Started = now.Add(-time.Minute) }}, false, adriftPause - time.Minute},
		"nobody has asked for partitions yet":                            {[]func(*rollView){lost, func(v *rollView) { v.index = nil }}, true, 0},
		"another one waits: while it is lost, its eviction is refused":   {[]func(*rollView){lost, leaves, waits(0), onlyVote(2)}, true, 0},
		"it did not use its permit":                                      {[]func(*rollView){lost, permitted(10 * time.Second)}, false, adriftTurn - 10*time.Second},
		"it did not use its permit, and others had their turn":           {[]func(*rollView){lost, permitted(adriftTurn)}, true, 0},
		"it is no broker":                        {[]func(*rollView){lost, func(v *rollView) { v.nodes[1].broker = false }}, false, 0},
		"it is down":                             {[]func(*rollView){lost, unready(1, false)}, false, 0},
		"Kafka does not answer":                  {[]func(*rollView){lost, func(v *rollView) { v.kafka.Answered = false }}, false, 0},
		"a vote changes":                         {[]func(*rollView){lost, func(v *rollView) { v.votesChange = true }}, false, 0},
		"somebody else is being stopped already": {[]func(*rollView){lost, holding(2)}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(quiet(c.changes...))
			p, goes := d.permits[1]
			require.Equal(t, c.goes, goes)
			if c.goes {
				require.Equal(t, messages.Permit{Pod: podOf(1), Asked: messages.NoBudget, Because: adriftReason}, p.Permit)
			}
			if c.again > 0 {
				require.Equal(t, c.again, d.again)
			}
		})
	}
}

// To look more closely is to wait for another answer: that must not begin the wait anew.
func TestALostBrokerStaysLostWhileKafkaIsAskedAboutIt(t *testing.T) {
	unanswered := func(v *rollView) { v.kafka.Answered = false }
	d := decide(quiet(lost, unanswered))
	require.Equal(t, lostBroker{since: now.Add(-time.Minute)}, d.adrift[1])
	require.True(t, d.watch)
	require.Empty(t, d.permits)
	d = decide(quiet(lost, unanswered, func(v *rollView) { v.roll.adrift = nil }))
	require.Empty(t, d.adrift)
}

// A permit that its broker may not use must not be given again and again, and keep others from theirs. Others are restarted beside a lost
// broker only where the failure threshold allows.
func TestOthersHaveTheirTurnAfterALostBrokersUnusedPermit(t *testing.T) {
	outOfSync := func(v *rollView) {
		v.threshold, v.kafka.Replication.Partitions[0].ISR = 2, []messages.BrokerID{0, 2}
		v.index = kafka.Index(v.kafka.Replication)
	}
	others := []func(*rollView){lost, outOfSync, waits(0), onlyVote(2)}
	withdrawn := holding(1, func(p *permit) { p.Because, p.granted, p.withdrawn = adriftReason, now.Add(-time.Hour), 1 })
	unheard := func(v *rollView) { v.nodes[1].told, v.nodes[1].observed.Revision = 2, 1 }

	d := decide(quiet(append(others, withdrawn, unheard)...))
	require.Contains(t, d.permits, messages.BrokerID(1), "it has yet to hear that it has none any more")
	require.Equal(t, now, d.adrift[1].permitted)

	d = decide(quiet(append(others, func(v *rollView) { v.roll.adrift = d.adrift })...))
	require.Contains(t, d.permits, messages.BrokerID(0))
	require.NotContains(t, d.permits, messages.BrokerID(1))
}

func TestLostBrokersTakeTurns(t *testing.T) {
	both := func(v *rollView) {
		v.kafka.Brokers, v.kafka.Voters = []messages.BrokerID{2}, []messages.BrokerID{2}
		v.roll.adrift = map[messages.BrokerID]lostBroker{
			0: {since: now.Add(-time.Hour), permitted: now.Add(-time.Minute)}, 1: {since: now.Add(-time.Minute)},
		}
	}
	d := decide(quiet(lost, both))
	require.Contains(t, d.permits, messages.BrokerID(1))
	require.Equal(t, lostBroker{since: now.Add(-time.Minute), permitted: now}, d.adrift[1])
}

func TestWhoFindsKafkaAgainKeepsItsPod(t *testing.T) {
	granted := holding(1, func(p *permit) { p.Asked, p.Because, p.granted = messages.NoBudget, adriftReason, now })
	d := decide(quiet(lost, granted))
	require.Zero(t, d.permits[1].withdrawn)
	d = decide(quiet(lost, granted, replaced(1)))
	require.NotContains(t, d.permits, messages.BrokerID(1), "its Pod is another one, and others go on")
	d = decide(quiet(lost, granted, func(v *rollView) { v.kafka.Brokers = []messages.BrokerID{0, 1, 2} }))
	require.NotZero(t, d.permits[1].withdrawn)
}
