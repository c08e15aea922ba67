package kafka

import (
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

// Unregister makes the cluster forget a broker; any broker passes it on to the active controller. A broker that is not
// registered is fine. Kafka also takes it for a broker that runs or holds replicas: whoever asks has to know better.
func (a *Admin) Unregister(ctx context.Context, id messages.BrokerID) error {
	what := "unregister broker " + id.String()
	request := kmsg.NewPtrUnregisterBrokerRequest()
	request.BrokerID = int32(id)
	answer, err := told[*kmsg.UnregisterBrokerResponse](ctx, a, what, request)
	if err != nil {
		return err
	}
	err = kerr.ErrorForCode(answer.ErrorCode)
	if err == nil || errors.Is(err, kerr.BrokerIDNotRegistered) {
		return nil
	}
	return a.failed(what, withMessage(err, answer.ErrorMessage))
}

// OwnKeys are the keys that a broker has dynamically for itself, sorted.
func (c Configs) OwnKeys() []string {
	var keys []string
	for name, entry := range c {
		if _, own := entry.level(SourceDynamicBroker); own {
			keys = append(keys, name)
		}
	}
	slices.Sort(keys)
	return keys
}
