package simulation

import "testing"

func onBoth(t *testing.T, scenario func(*World), options ...Option) {
	t.Helper()
	t.Run("in-memory store", func(t *testing.T) { run(t, scenario, options...) })
}
