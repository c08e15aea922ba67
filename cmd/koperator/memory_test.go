package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoryIsGivenBackOnceAfterEachBurst(t *testing.T) {
	const mib = 1 << 20
	var seen lull
	for i, look := range []struct {
		allocated uint64
		over      bool
	}{
		{40 * mib, false},  // it has just begun
		{400 * mib, false}, // and goes on
		{402 * mib, true},  // it is over
		{403 * mib, false}, // nothing is left to give back
		{406 * mib, false},
		{430 * mib, false}, // a little work
		{431 * mib, false},
		{433 * mib, false},
		{435 * mib, true}, // little by little it was enough
	} {
		var over bool
		seen, over = seen.next(look.allocated)
		require.Equal(t, look.over, over, "look %d", i)
	}
}
