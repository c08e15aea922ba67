package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetadataLevelsHaveTheNumbersOfKafka(t *testing.T) {
	for name, level := range map[string]int16{ // FeatureCommand version-mapping
		"3.9": 21, "4.0": 25, "4.1": 27, "4.2": 29, "4.3": 30, "4.0-IV1": 23, "3.0-IV1": 1, "3.3-IV3": 7, "3.9-IV0": 21,
	} {
		is, err := MetadataLevel(name)
		require.NoError(t, err, name)
		require.Equal(t, level, is, name)
	}
	for name, says := range map[string]string{
		"2.8": "go from 3.0 to", "9.9": "go from 3.0 to", "4.0-IV9": "write 4.0 for its last one", "3.0-IV0": "write 3.0", "x": "no version of Kafka",
		"4.0-IVx": "has no metadata.version",
	} {
		_, err := MetadataLevel(name)
		require.ErrorContains(t, err, says, name)
	}
}

func TestMetadataVersionIsRaisedWhenItCanAndNeverLowered(t *testing.T) {
	for name, test := range map[string]struct {
		raise Raise
		level int16
		waits string
	}{
		"nobody asks":                      {Raise{Current: "3.9-IV0", Running: Version{4, 3}}, 0, ""},
		"the present one is not known yet": {Raise{Wanted: "4.3", Running: Version{4, 3}}, 0, ""},
		"it is what it is":                 {Raise{Wanted: "4.3", Current: "4.3-IV0", Running: Version{4, 3}}, 0, ""},
		"all at once":                      {Raise{Wanted: "4.3", Current: "3.9-IV0", Running: Version{4, 3}}, 30, ""},
		"to a step of a release":           {Raise{Wanted: "4.0-IV1", Current: "21", Running: Version{4, 3}}, 23, ""},
		"not before the image":             {Raise{Wanted: "4.3", Current: "3.9-IV0", Running: Version{3, 9}}, 0, "needs a newer image first"},
		"never down":                       {Raise{Wanted: "3.9", Current: "4.0-IV3", Running: Version{4, 3}}, 0, "set spec.metadataVersion to 4.0-IV3"},
	} {
		t.Run(name, func(t *testing.T) {
			level, waits := test.raise.Next()
			require.Equal(t, test.level, level)
			if test.waits == "" {
				require.Empty(t, waits)
			}
			require.Contains(t, waits, test.waits)
		})
	}
	require.True(t, NewerMetadata("4.0-IV3", "3.9-IV0"))
	require.False(t, NewerMetadata("", "3.9-IV0"))
}
