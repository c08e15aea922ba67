package images

import (
	"fmt"
	"slices"
	"strings"
)

// KafkaVersion is the default.
const KafkaVersion = "4.3.1"

// A Reference is an image that tests use, and the variable that names it.
type Reference struct {
	Variable, Name, Tag string
}

// References lists the images that a sandbox offers.
func References() []Reference {
	return []Reference{
		{"PAUSE_IMAGE", "pause", "1"},
	}
}

// Names are the images that can be built.
func Names() []string { return []string{"pause"} }

// DefaultNames are built by "sandbox up".
func DefaultNames() []string { return []string{} }

// Recipes returns the recipes of the names; version is that of Kafka, empty for the default.
func Recipes(names []string, version string) ([]Recipe, error) {
	var recipes []Recipe
	for _, name := range names {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("unknown image %q; there are: %s", name, strings.Join(Names(), ", "))
		}
		recipes = append(recipes, recipe(name, version))
	}
	return recipes, nil
}

func recipe(name, version string) Recipe {
	return Pause()
}
