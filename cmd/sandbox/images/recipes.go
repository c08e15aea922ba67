package images

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// KafkaVersion is the default.
const KafkaVersion = "4.3.1"

// A Reference is an image that tests use, and the variable that names it.
type Reference struct {
	Variable, Name, Tag string
}

// References lists the images that a sandbox offers. The older Kafka is built on demand.
func References() []Reference {
	return []Reference{
		{"KAFKA_IMAGE", "kafka", KafkaVersion},
		{"KAFKA_3_IMAGE", "kafka", "3.9.2"},
		{"JMX_EXPORTER_IMAGE", "jmx-javaagent", JMXVersion},
		{"METRICS_REPORTER_IMAGE", "metrics-reporter", "dev"},
	}
}

// Names are the images that can be built.
func Names() []string { return []string{"kafka", "jmx-javaagent", "metrics-reporter", "pause"} }

// DefaultNames are built by "sandbox up".
func DefaultNames() []string { return []string{"kafka", "jmx-javaagent", "metrics-reporter"} }

var releaseVersion = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

// Recipes returns the recipes of the names; version is that of Kafka, empty for the default.
func Recipes(names []string, version string) ([]Recipe, error) {
	if version == "" {
		version = KafkaVersion
	}
	if !releaseVersion.MatchString(version) {
		return nil, fmt.Errorf("--version %q: use a release of Kafka like %s", version, KafkaVersion)
	}
	recipes := make([]Recipe, 0, len(names))
	for _, name := range names {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("unknown image %q; there are: %s", name, strings.Join(Names(), ", "))
		}
		recipes = append(recipes, recipe(name, version))
	}
	return recipes, nil
}

func recipe(name, version string) Recipe {
	switch name {
	case "kafka":
		return Kafka(version)
	case "jmx-javaagent":
		return JMXAgent()
	case "metrics-reporter":
		return MetricsReporter()
	default:
		return Pause()
	}
}
