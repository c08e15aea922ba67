package kafka

import (
	"fmt"
	"slices"

	"github.com/koperator-go/koperator/messages"
)

// OnlyOn are the partitions whose records may be on one broker alone: those with a replica on it that no other broker leads. A
// leader has all that was ever acknowledged, so a partition that another broker leads loses nothing with the disks of this one.
// Kafka itself does not protect the others: a last replica that comes back empty becomes their leader, and their records are
// gone without an error.
func OnlyOn(id messages.BrokerID, x *ReplicationIndex) []TopicPartition {
	var only []TopicPartition
	for _, i := range x.of(id) {
		if leader := x.from.Partitions[i].Leader; leader < 0 || leader == id {
			only = append(only, x.name(i))
		}
	}
	return only
}

// LastCopyOn are the partitions that nobody else leads while others have copies that may not be in sync: a broker that comes back without
// what it had could be made their leader, by Kafka if it was the last in sync, or by an unclean election, which takes whoever is up. Where
// nobody else has a replica, or only such as are gone with all they had, nothing is left to be kept.
func LastCopyOn(id messages.BrokerID, gone map[messages.BrokerID]bool, x *ReplicationIndex) []TopicPartition {
	var last []TopicPartition
	holds := func(other messages.BrokerID) bool { return other != id && !gone[other] }
	for _, i := range x.of(id) {
		leader := x.from.Partitions[i].Leader
		if (leader < 0 || !holds(leader)) && slices.ContainsFunc(x.replicas.of(i), holds) {
			last = append(last, x.name(i))
		}
	}
	return last
}

// OfflineWithoutLeader are the partitions with a replica on a broker that is offline, since the broker or its log dir is, and
// that no other broker leads.
func OfflineWithoutLeader(id messages.BrokerID, x *ReplicationIndex) []TopicPartition {
	var alone []TopicPartition
	for _, i := range x.of(id) {
		p := &x.from.Partitions[i]
		if slices.Contains(p.Offline, id) && (p.Leader < 0 || p.Leader == id) {
			alone = append(alone, x.name(i))
		}
	}
	return alone
}

// Fetching are the partitions that a broker has a replica of that is not in sync, and that have a leader to fetch from.
func Fetching(id messages.BrokerID, x *ReplicationIndex) []TopicPartition {
	var fetching []TopicPartition
	for _, i := range x.of(id) {
		if x.from.Partitions[i].Leader >= 0 && !slices.Contains(x.inSync.of(i), id) {
			fetching = append(fetching, x.name(i))
		}
	}
	return fetching
}

// NamedPartitions is a list of partitions as messages show it, the first of them by name.
func NamedPartitions(all []TopicPartition) string { return partitionNames(all) }

// OthersHoldQuorum says why a controller may not come back without its metadata; empty when it may. A majority of all voters
// must have the log and be others: controllers with empty logs could elect one of themselves, and whoever has the log would
// truncate it.
func OthersHoldQuorum(x *ReplicationIndex, id messages.BrokerID) string {
	r, voters, healthy := x.from, 0, 0
	for _, voter := range voterIDs(r) {
		voters++
		if voter != id && behindQuorum(r, voter) == "" {
			healthy++
		}
	}
	if voters == 0 {
		return "nobody knows who has a vote in the metadata quorum"
	}
	if need := voters/2 + 1; healthy < need {
		return fmt.Sprintf("of %d voters in the metadata quorum %d others have caught up, and it takes %d for a controller to come back "+
			"without its metadata", voters, healthy, need)
	}
	return ""
}
