package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// upgrade is the UpgradeType of KIP-778: levels are raised only.
const upgrade = 1

// RaiseMetadata raises metadata.version. Kafka is asked first whether it could: it refuses while a registered node does not
// support the level. A refusal is a *ConfigRefused.
func (a *Admin) RaiseMetadata(ctx context.Context, level int16) error {
	for _, validateOnly := range []bool{true, false} {
		if err := a.updateFeature(ctx, metadataFeature, level, validateOnly); err != nil {
			return err
		}
	}
	return nil
}

// MakeQuorumDynamic raises kraft.version, so that the metadata log keeps the voters and each names the directory of its disk (KIP-853; of
// a static quorum since Kafka 4.1). It cannot be taken back. Nodes run on with controller.quorum.voters in their files until
// they restart. A refusal is a *ConfigRefused; a quorum that is dynamic already stays so.
func (a *Admin) MakeQuorumDynamic(ctx context.Context) error {
	for _, validateOnly := range []bool{true, false} {
		if err := a.updateFeature(ctx, quorumFeature, 1, validateOnly); err != nil {
			return err
		}
	}
	return nil
}

func (a *Admin) updateFeature(ctx context.Context, feature string, level int16, validateOnly bool) error {
	what := fmt.Sprintf("raise %s to %d", feature, level)
	update := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	update.Feature, update.MaxVersionLevel, update.UpgradeType = feature, level, upgrade
	request := kmsg.NewPtrUpdateFeaturesRequest()
	request.TimeoutMillis = int32(adminTimeout.Milliseconds())
	request.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{update}
	request.ValidateOnly = validateOnly
	answer, err := told[*kmsg.UpdateFeaturesResponse](ctx, a, what, request)
	if err != nil {
		return err
	}
	if err := featureError(answer.ErrorCode, answer.ErrorMessage); err != nil {
		return a.failed(what, err)
	}
	for _, result := range answer.Results { // up to version 1
		if err := featureError(result.ErrorCode, result.ErrorMessage); err != nil {
			return a.failed(what, err)
		}
	}
	return nil
}

func featureError(code int16, message *string) error {
	err := kerr.ErrorForCode(code)
	if err == nil || kerr.IsRetriable(err) {
		return err
	}
	text := ""
	if message != nil {
		text = *message
	}
	return &ConfigRefused{Code: code, Message: text}
}
