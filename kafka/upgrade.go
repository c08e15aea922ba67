package kafka

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// MetadataLevel is the level of a metadata.version: "4.0-IV1" is that one, "4.0" the last one of the release (what
// FeatureCommand calls its version mapping).
func MetadataLevel(name string) (int16, error) {
	release, step, exact := strings.Cut(name, "-IV")
	version, err := ParseVersion(release)
	if err != nil {
		return 0, err
	}
	levels := metadataLevels()
	for i, level := range levels {
		if level.version != version {
			continue
		}
		last := level.first // of the newest release that is known
		if i+1 < len(levels) {
			last = levels[i+1].first - 1
		}
		if !exact {
			return last, nil
		}
		n, err := strconv.ParseInt(step, 10, 8)
		if i == 0 {
			n-- // 3.0-IV0 had no number
		}
		if at := level.first + int16(n); err == nil && at >= level.first && at <= last {
			return at, nil
		}
		return 0, fmt.Errorf("release %s has no metadata.version %s; write %s for its last one", version, name, version)
	}
	return 0, fmt.Errorf("%s is no release whose metadata.version is known; they go from %s to %s", name,
		levels[0].version, levels[len(levels)-1].version)
}

// levelOf reads the name that a broker's answer was given, which may be a number.
func levelOf(name string) (int16, bool) {
	if n, err := strconv.ParseInt(name, 10, 16); err == nil {
		return int16(n), true
	}
	level, err := MetadataLevel(name)
	return level, err == nil
}

// NewerMetadata says whether one name of a metadata.version is a higher level than another; a name that cannot be read is
// the lowest.
func NewerMetadata(a, b string) bool {
	if a == b { // as it nearly always is
		return false
	}
	x, known := levelOf(a)
	y, other := levelOf(b)
	return known && (!other || x > y)
}

// Raise decides about metadata.version.
type Raise struct {
	// Wanted is spec.metadataVersion, Current the finalised one; empty where nobody has told.
	Wanted, Current string
	// Running is the release that runs.
	Running Version
}

// Next is the level to raise metadata.version to, 0 where there is nothing to raise; waits says why the wanted one cannot
// be had, empty where it can or is.
func (r Raise) Next() (level int16, waits string) {
	current, known := levelOf(r.Current)
	if r.Wanted == "" || !known {
		return 0, ""
	}
	wanted, err := MetadataLevel(r.Wanted)
	switch {
	case err != nil: // validation says so
		return 0, ""
	case wanted == current:
		return 0, ""
	case wanted < current:
		return 0, fmt.Sprintf("metadata.version is %s, and Kafka cannot go back to %s without losing metadata: set spec.metadataVersion "+
			"to %s, or leave it out", r.Current, r.Wanted, r.Current)
	}
	if release, _, _ := strings.Cut(r.Wanted, "-"); r.Running != (Version{}) {
		if version, err := ParseVersion(release); err == nil && r.Running.before(version) {
			return 0, fmt.Sprintf("metadata.version stays %s: Kafka %s runs, and %s needs a newer image first", r.Current, r.Running, r.Wanted)
		}
	}
	return wanted, ""
}

// CanMakeQuorumDynamic reports whether a Kafka can go from controller.quorum.voters to voters that are kept in the metadata log
// (KIP-853 brought it for new quorums only, in 3.9).
func CanMakeQuorumDynamic(running Version) bool { return !running.before(Version{Major: 4, Minor: 1}) }

// MetadataName is the name of a level, as status shows it.
func MetadataName(level int16) string { return metadataVersion(level) }

func metadataVersionProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	const field = "spec.metadataVersion"
	name := cluster.Spec.MetadataVersion
	if name == "" {
		return nil
	}
	if !cluster.Spec.KRaft {
		return []messages.FieldProblem{messages.Warning(field, "ZooKeeper mode has no metadata.version, this line has no effect; remove it")}
	}
	if _, err := MetadataLevel(name); err != nil {
		return []messages.FieldProblem{messages.Invalid(field, "%s", err.Error())}
	}
	return nil
}
