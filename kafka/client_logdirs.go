package kafka

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ObservedLogDir is one log dir of a broker as that broker sees it.
type ObservedLogDir struct {
	Path string
	// Failure is empty, or why the broker cannot use it: KAFKA_STORAGE_ERROR when the disk has failed.
	Failure string
	// TotalBytes and UsableBytes are those of the volume, -1 when they are not known (before Kafka 3.3).
	TotalBytes, UsableBytes int64
	// Cordoned says that no new replica may land here (Kafka 4.3, KIP-1066).
	Cordoned bool
	// Replicas are ordered by topic and number.
	Replicas []ObservedReplica
}

// ObservedReplica is one replica in a log dir.
type ObservedReplica struct {
	Topic     string
	Partition int32
	Bytes     int64
	// OffsetLag is how far it is behind; for a future replica, behind the current one.
	OffsetLag int64
	// Future says that it is being copied here from another log dir of the broker.
	Future bool
}

// DescribeLogDirs asks for the broker's log dirs and all that is in them, ordered by path.
func (a *Admin) DescribeLogDirs(ctx context.Context) ([]ObservedLogDir, error) {
	request := kmsg.NewPtrDescribeLogDirsRequest() // no topics named: all of them
	answer, err := told[*kmsg.DescribeLogDirsResponse](ctx, a, "describe the log dirs", request)
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return nil, a.failed("describe the log dirs", err)
	}
	dirs := make([]ObservedLogDir, 0, len(answer.Dirs))
	for _, dir := range answer.Dirs {
		dirs = append(dirs, logDir(dir))
	}
	slices.SortFunc(dirs, func(a, b ObservedLogDir) int { return strings.Compare(a.Path, b.Path) })
	return dirs, nil
}

func logDir(dir kmsg.DescribeLogDirsResponseDir) ObservedLogDir {
	shown := ObservedLogDir{Path: dir.Dir, TotalBytes: dir.TotalBytes, UsableBytes: dir.UsableBytes, Cordoned: dir.IsCordoned}
	if e := kerr.TypedErrorForCode(dir.ErrorCode); e != nil {
		shown.Failure = e.Message
	}
	for _, topic := range dir.Topics {
		for _, p := range topic.Partitions {
			shown.Replicas = append(shown.Replicas, ObservedReplica{
				Topic: topic.Topic, Partition: p.Partition, Bytes: p.Size, OffsetLag: p.OffsetLag, Future: p.IsFuture,
			})
		}
	}
	slices.SortFunc(shown.Replicas, func(a, b ObservedReplica) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return shown
}
