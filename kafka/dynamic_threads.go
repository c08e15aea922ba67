package kafka

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// isThreadCount names the keys that Kafka lets at most double or halve at a time ("value should not be greater than double
// the current value", "…at least half the current value"): the checks of DynamicThreadPool, of the listeners, of the log
// cleaner and, from 4.0, of tiered storage.
func isThreadCount(key string) bool {
	return slices.Contains([]string{
		"background.threads", "log.cleaner.threads", "num.io.threads", "num.network.threads",
		"num.recovery.threads.per.data.dir", "num.replica.fetchers", "remote.log.manager.copier.thread.pool.size",
		"remote.log.manager.expiration.thread.pool.size", "remote.log.manager.follower.thread.pool.size",
		"remote.log.reader.threads",
	}, baseKey(key))
}

// ThreadCounts are the keys among wanted and applied ones, sorted, for which a plan has to know what each broker has now.
func ThreadCounts(wanted Properties, applied Applied) []string {
	keys := append(wanted.Keys(), slices.Collect(maps.Keys(applied))...)
	slices.Sort(keys)
	return slices.DeleteFunc(slices.Compact(keys), func(key string) bool { return !isThreadCount(key) })
}

// maxThreads is the largest number of threads to which a count is raised while Kafka runs. Each costs a stack of a megabyte and
// its share of a lock that all of a pool take; brokers with a hundred disks and as many cores have some hundred. Kafka itself has
// no bound, so steps towards a slip of the finger would all be taken, up to the one that no int holds.
const maxThreads = 1000

// threadsRefused is why a number of threads is not set at all, in the words that Kafka has for a value that cannot be; empty
// where steps towards it may begin, and where Kafka itself refuses the first of them.
func threadsRefused(key, wanted string, brokers []Configs) string {
	target, err := strconv.ParseInt(strings.TrimSpace(wanted), 10, 64)
	_, highest, known := currentThreads(key, brokers)
	if err != nil || target <= maxThreads || known && target <= int64(highest) {
		return ""
	}
	return fmt.Sprintf("Invalid value %s for configuration %s: the operator sets no more than %d threads; write a number from 1 to %[3]d",
		strings.TrimSpace(wanted), key, maxThreads)
}

// beyondSteps reports whether brokers have so many threads that they take no other number: double of it is no int
// (DynamicThreadPool.validateReconfiguration computes that as one), and whatever is wanted is greater.
func beyondSteps(key string, brokers []Configs) bool {
	_, highest, known := currentThreads(key, brokers)
	return known && highest > math.MaxInt32/2
}

// nextStep is the same for brokers that have from lowest to highest threads now.
func nextStep(lowest, highest, wanted int) int {
	if lowest <= 0 || wanted <= 0 {
		return wanted // Kafka says what is wrong with that
	}
	return min(max(wanted, highest/2), 2*lowest)
}

// steppedThreads is the value to set now on the way to the wanted one.
func steppedThreads(key, wanted string, brokers []Configs) string {
	target, err := strconv.Atoi(strings.TrimSpace(wanted))
	lowest, highest, known := currentThreads(key, brokers)
	if err != nil || !known || beyondSteps(key, brokers) {
		return wanted
	}
	if next := nextStep(lowest, highest, target); next != target {
		return strconv.Itoa(next)
	}
	return wanted
}

// currentThreads are the lowest and the highest number that the brokers have. A listener without a number of its own has
// that of all listeners.
func currentThreads(key string, brokers []Configs) (lowest, highest int, known bool) {
	for _, described := range brokers {
		value := described[key].Value
		if value == nil {
			value = described[baseKey(key)].Value
		}
		if value == nil {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(*value))
		if err != nil {
			continue
		}
		if !known {
			lowest, highest, known = n, n, true
		}
		lowest, highest = min(lowest, n), max(highest, n)
	}
	return lowest, highest, known
}
