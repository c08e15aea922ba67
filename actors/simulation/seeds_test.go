package simulation

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// seedFlags are -seeds=N (how many histories), -fresh=N (a quarter of them begins at seed N) and -seed=N (this one alone), or the
// variables SEEDS, FRESH and SEED.
type seedFlags struct {
	seeds       *int
	fresh, seed *uint64
}

// Flags of a test binary have to be known before it parses them
var flags = seedFlags{
	seeds: flag.Int("seeds", fromEnv("SEEDS", 0), "number of random histories"),
	fresh: flag.Uint64("fresh", uint64(fromEnv("FRESH", 0)), "a quarter of the histories begins at this one, where it is not 0"),
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

// histories are the seeds to play. Fixed ones keep what was mended mended; fresh ones, others for each commit, find what is not.
func (f seedFlags) histories() []uint64 { return f.drawn(cmp.Or(*f.seeds, sample())) }

// throughClientGo are those that are played through client-go, too: one in ten, and no more than maxThroughClientGo. They prove
// how we use client-go, which the first hundreds show; what others would find is found without it, at half the price.
func (f seedFlags) throughClientGo() []uint64 {
	return f.drawn(min(cmp.Or(*f.seeds, sample())/perClientGo, maxThroughClientGo))
}

func (f seedFlags) drawn(count int) []uint64 {
	if *f.seed > 0 {
		return []uint64{*f.seed}
	}
	n := uint64(count)
	fixed := n
	if *f.fresh > 0 {
		fixed -= n / 4
	}
	var seeds []uint64
	for i := range n {
		if i < fixed {
			seeds = append(seeds, 1+i)
		} else {
			seeds = append(seeds, *f.fresh+i-fixed)
		}
	}
	return seeds
}

func TestAQuarterOfTheHistoriesIsFreshWhereAsked(t *testing.T) {
	t.Parallel()
	flagged := func(seeds int, fresh, seed uint64) seedFlags { return seedFlags{&seeds, &fresh, &seed} }
	require.Equal(t, []uint64{1, 2, 3, 4}, flagged(4, 0, 0).histories())
	require.Equal(t, []uint64{1, 2, 3, 90}, flagged(4, 90, 0).histories())
	require.Equal(t, []uint64{1, 2, 3, 4, 5, 6, 90, 91}, flagged(80, 90, 0).throughClientGo())
	require.Equal(t, []uint64{7}, flagged(80, 90, 7).histories(), "one alone")
	require.Len(t, flagged(20_000, 0, 0).histories(), 20_000)
	require.Len(t, flagged(20_000, 0, 0).throughClientGo(), maxThroughClientGo, "however many are asked for")
}

const (
	// steps is how many acts a history has, fewSteps how many those have that only a run of very many plays (make sim SEEDS=20000): in the
	// same time there are more of them, and with them more shapes of clusters and orders of acts.
	steps, fewSteps = 10, 3
	broad, fresh    = 2_000, 1_000_000
)

func stepsOf(seed uint64) int {
	if seed > broad && seed < fresh {
		return fewSteps
	}
	return steps
}

func TestSeeds(t *testing.T) {
	t.Parallel()
	t.Run("seeds", func(t *testing.T) {
		for _, seed := range flags.histories() {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				run(t, func(w *World) { w.play(seed, stepsOf(seed)) }, seeded(seed),
					replayed("go test ./actors/simulation -run TestSeeds -seed=%d", seed))
			})
		}
	})
}

const (
	// perClientGo is how many histories there are for each one that is played through client-go, too.
	perClientGo = 10
	// maxThroughClientGo is as many as `make sim SEEDS=2000` plays.
	maxThroughClientGo = 200
)

// The same histories with client-go between daemon and store; each costs half as much again.
func TestSeedsThroughClientGo(t *testing.T) {
	t.Parallel()
	for _, seed := range flags.throughClientGo() {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			run(t, func(w *World) { w.play(seed, stepsOf(seed)) }, seeded(seed), throughClientGo,
				replayed("go test ./actors/simulation -run TestSeedsThroughClientGo -seed=%d", seed))
		})
	}
}

func TestLarge(t *testing.T) {
	t.Parallel()
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

// They come up side by side, rest for a day without a write, and go.
func TestLargeClustersComeUpAtOnce(t *testing.T) {
	t.Parallel()
	for _, size := range []int{3, 30, 300} {
		t.Run(fmt.Sprint(size, " brokers"), func(t *testing.T) {
			run(t, func(w *World) {
				w.apply(kafkaCluster("demo", controllersOnly(3), brokers(size)))
				w.eventually(10*time.Second, "all Pods are there", func() bool { return len(w.pods("demo")) == size+3 })
				w.eventuallyReady("demo")
				w.settled()
				if size < 300 || !raceDetector { // where it would cost minutes
					w.quietFor(24 * time.Hour)
				}
				w.delete("demo")
				w.eventuallyGone("demo")
			}, machines(10, 3))
		})
	}
}

func replayed(format string, args ...any) Option {
	return func(o *worldOptions) { o.replay = fmt.Sprintf(format, args...) }
}
