package cluster

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
)

// Between a record that may stand and the certainty that it does, a disk that comes back empty must not be formatted either.
func TestTheRightToFormatGoesWhenItsEndIsSentForRecord(t *testing.T) {
	onStage(t, demo(0, 1, 2), func(t *testing.T, s *stage) {
		s.mu.Lock()
		s.deaf = true
		s.mu.Unlock()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		claims := s.cache.Objects(kube.KindClaim, key())
		require.Len(t, claims, 3)
		for _, claim := range claims {
			require.True(t, kube.FormatStateOf(claim.GetAnnotations()).Formatted, claim.GetName())
		}
		require.NotEmpty(t, s.cache.Cluster(key()).Status.BrokersState["0"].FormattedLogDirs)
	})
}
