package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

// enumerated is one partition on some of five brokers, as sets of bits.
type enumerated struct {
	replicas, inSync uint
	minISR           int
}

const (
	enumeratedBrokers = 5
	everyBroker       = 1<<enumeratedBrokers - 1
)

func bitsOf(set uint) brokerIDs {
	var ids brokerIDs
	for id := range enumeratedBrokers {
		if set&(1<<id) != 0 {
			ids = append(ids, messages.BrokerID(id))
		}
	}
	return ids
}

func sizeOf(set uint) int { return len(bitsOf(set)) }

// enumeratedPartitions are all with up to four replicas and up to min.insync.replicas 4.
func enumeratedPartitions() []enumerated {
	var all []enumerated
	for replicas := uint(1); replicas <= everyBroker; replicas++ {
		for inSync := uint(0); inSync <= everyBroker; inSync++ {
			if sizeOf(replicas) > 4 || inSync&^replicas != 0 {
				continue
			}
			for minISR := 1; minISR <= 4; minISR++ {
				all = append(all, enumerated{replicas, inSync, minISR})
			}
		}
	}
	return all
}

// strimziAllows is KafkaAvailability.canRoll of Strimzi for one broker.
func (p enumerated) strimziAllows(broker uint) bool {
	switch inSync := sizeOf(p.inSync); {
	case p.replicas&broker == 0 || sizeOf(p.replicas) <= p.minISR:
		return true
	case inSync < p.minISR:
		return false
	case inSync == p.minISR:
		return p.inSync&broker == 0
	default:
		return true
	}
}

// Every partition of up to four replicas, every min.insync.replicas, every set that is down, every set to restart.
func TestTheRuleForPartitionsHoldsInAllCases(t *testing.T) {
	cases, wrong := 0, 0
	check := func(ok bool, rule string, p enumerated, down, set uint) {
		if !ok {
			wrong++
			require.LessOrEqual(t, wrong, 20, "too many to list")
			t.Errorf("%s: replicas %v, in sync %v, min.insync.replicas %d, down %v, set %v", rule, bitsOf(p.replicas),
				bitsOf(p.inSync), p.minISR, bitsOf(down), bitsOf(set))
		}
	}
	for _, p := range enumeratedPartitions() {
		in := RestartInput{Now: noon, Index: Index(&messages.Replication{
			At: noon, QuorumLeader: -1, MinISR: map[string]int32{"t": int32(p.minISR)},
			Partitions: []messages.Partition{{Topic: "t", Leader: -1, Replicas: bitsOf(p.replicas), ISR: bitsOf(p.inSync)}},
		})}
		for down := uint(0); down <= everyBroker; down++ {
			in.Down = bitsOf(down)
			var allowed [everyBroker + 1]bool
			for set := uint(1); set <= everyBroker; set++ {
				cases++
				in.Set = bitsOf(set)
				verdict := CanRestart(in)
				allowed[set] = verdict.OK
				checkVerdict(verdict, p, down, set, check)
				for smaller := (set - 1) & set; smaller > 0; smaller = (smaller - 1) & set {
					check(!verdict.OK || allowed[smaller], "not monotone", p, down, set)
				}
			}
		}
	}
	require.Equal(t, 833_280, cases)
}

func checkVerdict(
	verdict RestartVerdict, p enumerated, down, set uint, check func(ok bool, rule string, p enumerated, down, set uint),
) {
	before, after := sizeOf(p.inSync&^down), sizeOf(p.inSync&^down&^set)
	fails := before >= p.minISR && after < p.minISR
	check(!fails || !verdict.OK || len(verdict.Unprotected) == 1, "acks=all fails without a warning", p, down, set)
	last := sizeOf(p.replicas) > 1 && before > 0 && after == 0
	check(!last || !verdict.OK, "takes the last replica in sync", p, down, set)
	check(verdict.OK == (len(verdict.Reasons) == 0), "a refusal has a reason", p, down, set)
	check(verdict.OK == (len(verdict.Blame) == 0), "a refusal has somebody to leave out", p, down, set)
	if down != 0 || sizeOf(set) != 1 {
		return
	}
	strimzi := p.strimziAllows(set)
	check(strimzi || !verdict.OK, "laxer than Strimzi", p, down, set)
	check(!strimzi || verdict.OK || sizeOf(p.replicas) <= p.minISR, "stricter than Strimzi with more replicas than min.insync.replicas",
		p, down, set)
}
