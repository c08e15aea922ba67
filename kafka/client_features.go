package kafka

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/koperator-go/koperator/messages"
)

const (
	metadataFeature = "metadata.version"
	quorumFeature   = "kraft.version"
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
		if version := VersionOfMetadataLevel(feature.MaxVersion); feature.Name == metadataFeature && version != (Version{}) {
			f.version = version.String()
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
	if f.version == "" { // a broker in ZooKeeper mode supports no features
		f.version = releaseByRequests(answer)
	}
	return f
}

// releaseByRequests is the release whose brokers take the requests that one says it takes, the oldest of several; empty where that
// fits none.
func releaseByRequests(answer *kmsg.ApiVersionsResponse) string {
	guess := kversion.FromApiVersionsResponse(answer).VersionGuess()
	found := regexp.MustCompile(`v(\d+\.\d+)`).FindStringSubmatch(guess)
	if found == nil || strings.HasPrefix(guess, "not even") {
		return ""
	}
	if version, err := ParseVersion(found[1]); err != nil || version == (Version{}) {
		return ""
	}
	return found[1]
}

// metadataVersion is the name of a level of metadata.version, such as "4.0-IV3": the levels of a release are numbered
// from IV0. It is the number for a level that is not known.
func metadataVersion(level int16) string {
	releases := metadataLevels()
	for i, release := range slices.Backward(releases) {
		switch newest := i == len(releases)-1; {
		case level < release.first:
			continue
		case newest && level > release.first: // how many that release has is known when the next one begins
			return strconv.Itoa(int(level))
		case i == 0:
			return "3.0-IV1" // 3.0-IV0 had no number
		default:
			return fmt.Sprintf("%s-IV%d", release.version, level-release.first)
		}
	}
	return strconv.Itoa(int(level))
}
