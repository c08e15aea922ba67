package simulation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	kafkaclient "github.com/koperator-go/koperator/kafka"
)

// RaiseMetadata is UpdateFeatures: the controller refuses a level that a registered node does not support, and while a
// registered broker is away.
func (a kafkaAdmin) RaiseMetadata(ctx context.Context, level int16) error {
	return a.do(ctx, "raise metadata", func(c *kafkaState, _ *process) error {
		release, _, _ := strings.Cut(kafkaclient.MetadataName(level), "-")
		for _, id := range slices.Sorted(maps.Keys(c.brokers)) {
			p := c.processes[id]
			if p == nil || !p.serves || !p.broker || kafkaclient.NewerMetadata(release, p.version) {
				return &kafkaclient.ConfigRefused{Code: 95, Message: fmt.Sprintf(
					"Invalid update version %d for feature metadata.version. Broker %d does not support this feature version.", level, id)}
			}
		}
		c.version = release
		return nil
	})
}
