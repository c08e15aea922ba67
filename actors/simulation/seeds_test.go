package simulation

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// seedFlags are -seeds=N (how many histories) and -seed=N (this one alone), or the variables SEEDS and SEED.
type seedFlags struct {
	seeds *int
	seed  *uint64
}

//nolint:gochecknoglobals // flags of a test binary have to be known before it parses them
var flags = seedFlags{
	seeds: flag.Int("seeds", fromEnv("SEEDS", 0), "number of random histories"),
	seed:  flag.Uint64("seed", uint64(fromEnv("SEED", 0)), "run this history alone"),
}

func fromEnv(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// sample is how many histories a test run without flags plays.
func sample() int {
	if raceDetector {
		return 50
	}
	return 200
}

const steps = 10

func TestSeeds(t *testing.T) {
	first, last := uint64(1), uint64(sample())
	if *flags.seeds > 0 {
		last = uint64(*flags.seeds)
	}
	if *flags.seed > 0 {
		first, last = *flags.seed, *flags.seed
	}
	t.Run("seeds", func(t *testing.T) {
		for seed := first; seed <= last; seed++ {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				run(t, func(w *World) { w.play(seed, steps) }, seeded(seed),
					replayed("go test ./actors/simulation -run TestSeeds -seed=%d", seed))
			})
		}
	})
}

// perClientGo is how many histories there are for each one that is played through client-go, too: `make sim SEEDS=2000`
// plays 200 of them.
const perClientGo = 10

// The same histories with client-go between daemon and store; each costs a fifth more.
func TestSeedsThroughClientGo(t *testing.T) {
	first, last := uint64(1), uint64(sample()/perClientGo)
	if *flags.seeds > 0 {
		last = uint64(*flags.seeds) / perClientGo
	}
	if *flags.seed > 0 {
		first, last = *flags.seed, *flags.seed
	}
	for seed := first; seed <= last; seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			run(t, func(w *World) { w.play(seed, steps) }, seeded(seed), throughClientGo,
				replayed("go test ./actors/simulation -run TestSeedsThroughClientGo -seed=%d", seed))
		})
	}
}

func TestLarge(t *testing.T) {
	for _, size := range []int{30, 300} {
		t.Run(fmt.Sprint(size, " brokers"), func(t *testing.T) {
			seed := uint64(3) // a history with a roll of 300 brokers takes minutes
			if *flags.seed > 0 {
				seed = *flags.seed
			}
			run(t, func(w *World) {
				w.play(seed, 5, controllersOnly(3), brokers(size))
			}, seeded(seed), machines(10, 3), replayed("go test ./actors/simulation -run 'TestLarge/%d' -seed=%d", size, seed))
		})
	}
}

func TestLargeClustersComeUpAtOnce(t *testing.T) {
	for _, size := range []int{3, 30, 300} {
		t.Run(fmt.Sprint(size, " brokers"), func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", controllersOnly(3), brokers(size)))
				w.eventually(10*time.Second, "all Pods are there", func() bool { return len(w.pods("demo")) == size+3 })
				w.eventuallyReady("demo")
				w.settled()
			}, machines(10, 3))
		})
	}
}

func replayed(format string, args ...any) Option {
	return func(o *worldOptions) { o.replay = fmt.Sprintf(format, args...) }
}
