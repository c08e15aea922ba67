package kafka

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/koperator-go/koperator/messages"
)

// Room is what the log dirs of a broker have left for replicas that come.
type Room struct{ dirs []roomDir }

type roomDir struct {
	ObservedLogDir
	replicas int
}

// RoomIn is the room in those log dirs that may get replicas: Kafka gives none to one that is cordoned or has failed.
func RoomIn(dirs []ObservedLogDir) *Room {
	r := &Room{}
	for _, dir := range dirs {
		if dir.Failure == "" && !dir.Cordoned {
			r.dirs = append(r.dirs, roomDir{ObservedLogDir: dir, replicas: len(dir.Replicas)})
		}
	}
	return r
}

// None reports whether no log dir may get a replica.
func (r *Room) None() bool { return len(r.dirs) == 0 }

// next is where Kafka puts a new replica: the log dir with the fewest (LogManager.nextLogDirs); of several, the fullest is counted on.
func (r *Room) next() *roomDir {
	at := slices.MinFunc(r.indices(), func(a, b int) int {
		return cmp.Or(cmp.Compare(r.dirs[a].replicas, r.dirs[b].replicas), cmp.Compare(r.dirs[a].UsableBytes, r.dirs[b].UsableBytes))
	})
	return &r.dirs[at]
}

func (r *Room) indices() []int {
	all := make([]int, len(r.dirs))
	for i := range all {
		all[i] = i
	}
	return all
}

// Expect counts a replica that is on its way already, of which a part may be there.
func (r *Room) Expect(name TopicPartition, bytes int64) {
	if r.None() {
		return
	}
	for i := range r.dirs {
		for _, there := range r.dirs[i].Replicas {
			if there.Topic == name.Topic && there.Partition == name.Number {
				r.dirs[i].UsableBytes -= max(0, bytes-there.Bytes)
				return
			}
		}
	}
	r.next().add(bytes)
}

// Take counts a replica that is to come, or says why it had better not. A size or a volume that is not known is no reason: brokers before
// Kafka 3.3 tell nothing of their volumes.
func (r *Room) Take(name TopicPartition, bytes int64) (why string) {
	if r.None() {
		return "all its log dirs are cordoned or failed"
	}
	dir := r.next()
	if margin := roomMargin(dir.TotalBytes); dir.TotalBytes >= 0 && bytes > 0 && dir.UsableBytes-bytes < margin {
		return fmt.Sprintf("its log dir %s has no room for %s: %s are free, it needs %s, and %s have to stay free",
			dir.Path, name, inMiB(max(0, dir.UsableBytes)), inMiB(bytes), inMiB(margin))
	}
	dir.add(bytes)
	return ""
}

func (d *roomDir) add(bytes int64) {
	d.replicas++
	d.UsableBytes -= bytes
}

// roomMargin is what stays free on a volume: twice what a broker has to have to be started.
func roomMargin(total int64) int64 { return 2 * max(256<<20, total/100) }

func inMiB(bytes int64) string { return fmt.Sprintf("%d MiB", (bytes+1<<20-1)>>20) }

// Sizes adds how large the replicas in log dirs are; of several replicas of a partition the largest counts.
func Sizes(sizes map[TopicPartition]int64, dirs []ObservedLogDir) {
	for _, dir := range dirs {
		for _, r := range dir.Replicas {
			name := TopicPartition{Topic: r.Topic, Number: r.Partition}
			if !r.Future {
				sizes[name] = max(sizes[name], r.Bytes)
			}
		}
	}
}

// unfitText says why brokers that run take nothing.
func unfitText(unfit map[messages.BrokerID]string, ids []messages.BrokerID) string {
	text := ""
	for _, id := range ids {
		if why := unfit[id]; why != "" {
			text += fmt.Sprintf("; broker %d: %s", id, why)
		}
	}
	return text
}
