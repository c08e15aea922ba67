package kafka

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a release of Kafka. The zero value is a release that nobody knows.
type Version struct{ Major, Minor int }

// ParseVersion reads "3.9", "3.9.2" or "4.3.1-SNAPSHOT".
func ParseVersion(text string) (Version, error) {
	majorText, rest, dotted := strings.Cut(text, ".")
	minorText, _, _ := strings.Cut(rest, ".")
	minorText, _, _ = strings.Cut(minorText, "-")
	major, majorErr := strconv.ParseUint(majorText, 10, 8)
	minor, minorErr := strconv.ParseUint(minorText, 10, 8)
	if !dotted || majorErr != nil || minorErr != nil || major == 0 {
		return Version{}, fmt.Errorf("%q is no version of Kafka; write it like 4.3.1", text)
	}
	return Version{Major: int(major), Minor: int(minor)}, nil
}

// VersionOfMetadataLevel is the release whose newest metadata.version a broker supports. ApiVersions tells the level, and
// a release raises it, so the highest that a broker supports names its release; the finalized level does not, for it
// stays behind until an administrator moves it. Levels of a release that came later count as the newest known one.
func VersionOfMetadataLevel(maxSupportedLevel int16) Version {
	var newest Version
	for _, release := range metadataLevels() {
		if maxSupportedLevel < release.first {
			break
		}
		newest = release.version
	}
	return newest
}

type metadataLevel struct {
	version Version
	first   int16
}

// metadataLevels are the first levels of each release with KRaft (Kafka's MetadataVersion), oldest first.
func metadataLevels() []metadataLevel {
	return []metadataLevel{
		{Version{3, 0}, 1}, {Version{3, 1}, 2}, {Version{3, 2}, 3}, {Version{3, 3}, 4}, {Version{3, 4}, 8},
		{Version{3, 5}, 9}, {Version{3, 6}, 12}, {Version{3, 7}, 15}, {Version{3, 8}, 20}, {Version{3, 9}, 21},
		{Version{4, 0}, 22}, {Version{4, 1}, 26}, {Version{4, 2}, 28}, {Version{4, 3}, 30}, {Version{4, 4}, 31},
	}
}

// String is the form "4.3".
func (v Version) String() string {
	if v == (Version{}) {
		return "unknown"
	}
	return fmt.Sprintf("%d.%d", v.Major, v.Minor)
}

func (v Version) before(other Version) bool {
	return v.Major < other.Major || (v.Major == other.Major && v.Minor < other.Minor)
}
