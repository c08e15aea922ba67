package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThreadsChangeByAFactorOfTwoAtMost(t *testing.T) {
	for _, test := range []struct{ current, wanted, want int }{
		{8, 8, 8}, {8, 100, 16}, {64, 100, 100}, {100, 8, 50}, {25, 8, 12}, {12, 8, 8}, {1, 5, 2}, {3, 1, 1}, {0, 5, 5}, {8, 0, 0},
	} {
		require.Equal(t, test.want, nextStep(test.current, test.current, test.wanted), "from %d to %d", test.current, test.wanted)
	}
}
