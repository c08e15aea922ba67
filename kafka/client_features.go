package kafka

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

const (
	metadataFeature = "metadata.version"
	elrFeature      = "eligible.leader.replicas.version"
	// featuresAge is how long features are believed: somebody may raise them while Kafka runs.
	featuresAge = 10 * time.Minute
)

// features are what a broker says of its version and of the cluster's finalised features.
type features struct {
	version, metadata string
	elr               bool
	at                time.Time // zero when they are to be asked for
}

// askFeatures asks the broker of a new connection, and seldom afterwards.
func (s *Session) askFeatures(ctx context.Context, observed *messages.KafkaObserved) error {
	if now := time.Now(); s.features.at.IsZero() || now.Sub(s.features.at) >= featuresAge {
		ctx, cancel := context.WithTimeout(ctx, quorumTimeout)
		defer cancel()
		answer, err := asked[*kmsg.ApiVersionsResponse](ctx, s.seed, apiVersions())
		if err != nil {
			return err
		}
		if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
			return err
		}
		s.features = featuresOf(answer)
		s.features.at = now
	}
	observed.Version, observed.MetadataVersion, observed.ELR = s.features.version, s.features.metadata, s.features.elr
	return nil
}

// apiVersions is the question that a broker answers for itself. From version 4 on, which the client takes where the
// broker has it, features whose minimum is 0 are shown too (KIP-1022).
func apiVersions() *kmsg.ApiVersionsRequest {
	request := kmsg.NewPtrApiVersionsRequest()
	request.ClientSoftwareName, request.ClientSoftwareVersion = clientID, "1"
	return request
}

func featuresOf(answer *kmsg.ApiVersionsResponse) features {
	var f features
	for _, feature := range answer.SupportedFeatures {
		if feature.Name == metadataFeature {
			f.version = kafkaVersion(feature.MaxVersion)
		}
	}
	for _, feature := range answer.FinalizedFeatures {
		switch feature.Name {
		case metadataFeature:
			f.metadata = metadataVersion(feature.MaxVersionLevel)
		case elrFeature:
			f.elr = feature.MaxVersionLevel >= 1
		}
	}
	return f
}

// kafkaVersion is the release whose newest metadata.version has this level; empty for one that is newer than those known.
func kafkaVersion(level int16) string {
	release, _, known := strings.Cut(metadataVersion(level), "-")
	if !known {
		return ""
	}
	return release
}

// metadataVersion is the name of a level of metadata.version, by org.apache.kafka.server.common.MetadataVersion; the
// number where it has none.
func metadataVersion(level int16) string {
	names := [...]string{
		1: "3.0-IV1", "3.1-IV0", "3.2-IV0", "3.3-IV0", "3.3-IV1", "3.3-IV2", "3.3-IV3", "3.4-IV0", "3.5-IV0", "3.5-IV1",
		11: "3.5-IV2", "3.6-IV0", "3.6-IV1", "3.6-IV2", "3.7-IV0", "3.7-IV1", "3.7-IV2", "3.7-IV3", "3.7-IV4", "3.8-IV0",
		21: "3.9-IV0", "4.0-IV0", "4.0-IV1", "4.0-IV2", "4.0-IV3", "4.1-IV0", "4.1-IV1", "4.2-IV0", "4.2-IV1", "4.3-IV0",
	}
	if level < 1 || int(level) >= len(names) {
		return strconv.Itoa(int(level))
	}
	return names[level]
}
