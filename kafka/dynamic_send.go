package kafka

import "context"

// Alterer changes the configuration of a resource; *Admin is one.
type Alterer interface {
	Alter(ctx context.Context, resource ConfigResource, changes []ConfigChange, validateOnly bool) error
}

// Send carries out the changes. Where some are secret the others are tried before: a broker logs a request that it refuses
// with all values in clear.
func (p DynamicPlan) Send(ctx context.Context, to Alterer, resource ConfigResource) error {
	if open := p.Validatable(); len(open) > 0 && len(open) < len(p.Changes) {
		if err := to.Alter(ctx, resource, open, true); err != nil {
			return err
		}
	}
	return to.Alter(ctx, resource, p.Changes, false)
}
