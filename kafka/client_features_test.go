package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// A broker in ZooKeeper mode tells no feature, and so no level of metadata.version that would name its release.
func TestTheReleaseOfABrokerWithoutFeatures(t *testing.T) {
	takes := func(versions *kversion.Versions) *kmsg.ApiVersionsResponse {
		answer := kmsg.NewPtrApiVersionsResponse()
		versions.EachMaxKeyVersion(func(key, version int16) {
			one := kmsg.NewApiVersionsResponseApiKey()
			one.ApiKey, one.MaxVersion = key, version
			answer.ApiKeys = append(answer.ApiKeys, one)
		})
		return answer
	}
	for name, c := range map[string]struct {
		answer *kmsg.ApiVersionsResponse
		want   string
	}{
		"3.6":                         {takes(kversion.V3_6_0()), "3.6"},
		"3.9":                         {takes(kversion.V3_9_0()), "3.9"},
		"no Kafka":                    {kmsg.NewPtrApiVersionsResponse(), ""},
		"older than any that matters": {takes(kversion.V0_10_0()), ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, featuresOf(c.answer).version) })
	}
}
