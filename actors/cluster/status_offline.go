package cluster

import "fmt"

// offlineText tells of partitions that nobody leads, and of the ways out; empty while there are none that Kafka shows. What is
// without a leader for the moment of a restart that we make is not told.
func offlineText(v view) string {
	if !v.kafka.Answered || v.kafka.Leaderless == 0 || len(v.roll.permits) > 0 {
		return ""
	}
	return withEnd(fmt.Sprintf("%d partitions have no leader, so nobody can write or read there: %s", v.kafka.Leaderless, v.kafka.LeaderlessNames),
		". Bring back the brokers with their replicas. Where the disk of the last one in sync is gone for good, a replica that is left "+
			"becomes leader by `kafka-leader-election.sh --election-type UNCLEAN --topic T --partition N`, and what only that disk had is lost")
}
