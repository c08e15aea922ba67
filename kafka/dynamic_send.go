package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Alterer changes the configuration of a resource; *Admin is one.
type Alterer interface {
	Alter(ctx context.Context, resource ConfigResource, changes []ConfigChange, validateOnly bool) error
}

// Send carries out the changes, unless the operator itself refuses one: Kafka would refuse all of them for one. Where some are secret the others are tried before: a broker logs a request that it refuses
// with all values in clear.
func (p DynamicPlan) Send(ctx context.Context, to Alterer, resource ConfigResource) error {
	for _, change := range p.Changes {
		if message := p.refused[change.Key]; message != "" {
			return &ConfigRefused{Code: kerr.InvalidConfig.Code, Message: message}
		}
	}
	if open := p.Validatable(); len(open) > 0 && len(open) < len(p.Changes) {
		if err := to.Alter(ctx, resource, open, true); err != nil {
			return err
		}
	}
	return to.Alter(ctx, resource, p.Changes, false)
}
