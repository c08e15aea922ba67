package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

func TestWhetherAReplicaHasRoom(t *testing.T) {
	const gigabyte = 1 << 30
	dir := func(path string, usable int64, held int) ObservedLogDir {
		d := ObservedLogDir{Path: path, TotalBytes: 100 * gigabyte, UsableBytes: usable * gigabyte}
		for n := range held {
			d.Replicas = append(d.Replicas, ObservedReplica{Topic: "held", Partition: int32(n), Bytes: gigabyte})
		}
		return d
	}
	small := ObservedLogDir{Path: "/s", TotalBytes: gigabyte, UsableBytes: gigabyte / 2}
	unknown := ObservedLogDir{Path: "/u", TotalBytes: -1, UsableBytes: -1}
	cordoned, failed := dir("/c", 50, 0), dir("/f", 50, 0)
	cordoned.Cordoned, failed.Failure = true, "KAFKA_STORAGE_ERROR"
	for name, c := range map[string]struct {
		dirs  []ObservedLogDir
		bytes int64
		why   string
	}{
		"it has":                             {[]ObservedLogDir{dir("/d", 10, 0)}, 8 * gigabyte, ""},
		"two hundredths of the volume stay":  {[]ObservedLogDir{dir("/d", 10, 0)}, 9 * gigabyte, "its log dir /d has no room for a-0: 10240 MiB are free, it needs 9216 MiB, and 2048 MiB have to stay free"},
		"of a small one half a gigabyte":     {[]ObservedLogDir{small}, 1, "its log dir /s has no room for a-0: 512 MiB are free, it needs 1 MiB, and 512 MiB have to stay free"},
		"Kafka takes the one with fewest":    {[]ObservedLogDir{dir("/d", 3, 1), dir("/e", 50, 2)}, 2 * gigabyte, "its log dir /d has no room for a-0: 3072 MiB are free, it needs 2048 MiB, and 2048 MiB have to stay free"},
		"of several it may take the fullest": {[]ObservedLogDir{dir("/d", 50, 1), dir("/e", 3, 1)}, 2 * gigabyte, "its log dir /e has no room for a-0: 3072 MiB are free, it needs 2048 MiB, and 2048 MiB have to stay free"},
		"but none that is cordoned":          {[]ObservedLogDir{cordoned, dir("/d", 50, 3)}, gigabyte, ""},
		"nor one that has failed":            {[]ObservedLogDir{failed, dir("/d", 50, 3)}, gigabyte, ""},
		"there has to be one":                {[]ObservedLogDir{failed, cordoned}, 0, "all its log dirs are cordoned or failed"},
		"a volume that is not known has it":  {[]ObservedLogDir{unknown}, 900 * gigabyte, ""},
		"a size that is not known as well":   {[]ObservedLogDir{dir("/d", 0, 0)}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.why, RoomIn(c.dirs).Take(TopicPartition{Topic: "a"}, c.bytes))
		})
	}
}

func TestWhatIsOnItsWayTakesRoom(t *testing.T) {
	const gigabyte = 1 << 30
	disk := ObservedLogDir{Path: "/d", TotalBytes: 100 * gigabyte, UsableBytes: 10 * gigabyte, Replicas: []ObservedReplica{{Topic: "b", Bytes: 4 * gigabyte}}}
	room := RoomIn([]ObservedLogDir{disk})
	room.Expect(TopicPartition{Topic: "b"}, 7*gigabyte) // of which three have yet to come
	require.Empty(t, room.Take(TopicPartition{Topic: "a"}, 5*gigabyte))
	require.NotEmpty(t, room.Take(TopicPartition{Topic: "a", Number: 1}, 1))
	room = RoomIn([]ObservedLogDir{disk})
	room.Expect(TopicPartition{Topic: "c"}, 7*gigabyte) // of which nothing is there
	require.NotEmpty(t, room.Take(TopicPartition{Topic: "a"}, 2*gigabyte))
	RoomIn(nil).Expect(TopicPartition{Topic: "c"}, gigabyte)
}

func TestThePartitionIsAsLargeAsItsLargestReplica(t *testing.T) {
	sizes := map[TopicPartition]int64{}
	for _, bytes := range []int64{3, 7, 5} {
		Sizes(sizes, []ObservedLogDir{{Replicas: []ObservedReplica{{Topic: "a", Bytes: bytes}, {Topic: "a", Bytes: 100, Future: true}}}})
	}
	require.Equal(t, map[TopicPartition]int64{{Topic: "a"}: 7}, sizes)
}

func TestWhoTakesNothingIsNamedWithTheReason(t *testing.T) {
	require.Equal(t, "; broker 1: it is full; broker 2: no answer",
		unfitText(map[messages.BrokerID]string{2: "no answer", 1: "it is full", 9: "gone"}, []messages.BrokerID{0, 1, 2}))
}
