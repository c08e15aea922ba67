package kube

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestConfigurationBackupIsRestored(t *testing.T) {
	for _, test := range []struct {
		name, properties string
		longest          int
	}{
		{"a small entry is stored", "", 100},
		{"an entry below the limit is stored", strings.Repeat("a=1\n", 700), 8 << 10},
		{"a large entry is compressed", strings.Repeat("a=1\n", 100_000), 8 << 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			entry := v1beta1.Broker{ID: 7, BrokerConfigGroup: "default", ReadOnlyConfig: test.properties}
			backup, err := ConfigurationBackup(entry)
			require.NoError(t, err)
			require.LessOrEqual(t, len(backup), test.longest)
			restored, err := BrokerFromBackup(backup)
			require.NoError(t, err)
			require.Equal(t, entry, restored)
		})
	}
}

func TestSmallBackupsTakeLittleMemory(t *testing.T) {
	entry := v1beta1.Broker{ID: 7, BrokerConfigGroup: "default"}
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := ConfigurationBackup(entry)
			require.NoError(b, err)
		}
	})
	require.Less(t, result.AllocedBytesPerOp(), int64(16<<10), "a thousand brokers pack theirs at the same time")
}
