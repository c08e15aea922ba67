package crdcheck

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"sigs.k8s.io/yaml"
)

func plurals() []string {
	return []string{"cruisecontroloperations", "kafkaclusters", "kafkatopics", "kafkausers"}
}

// The API server's validation of a CRD includes the estimated cost of each CEL rule and of all together.
func TestAnAPIServerTakesEveryCRD(t *testing.T) {
	for _, plural := range plurals() {
		t.Run(plural, func(t *testing.T) {
			errs := apiextensionsvalidation.ValidateCustomResourceDefinition(context.Background(), readCRD(t, plural))
			require.Empty(t, errs.ToAggregate())
		})
	}
}

// kubectl apply keeps the manifest in an annotation, and the annotations of an object end at 262,144 bytes together.
func TestPlainKubectlApplyCanKeepItsCopyOfEveryCRD(t *testing.T) {
	const limit, margin = 262_144, 7_000
	for _, plural := range plurals() {
		t.Run(plural, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join(crdDir, "kafka.banzaicloud.io_"+plural+".yaml"))
			require.NoError(t, err)
			var crd map[string]any
			require.NoError(t, yaml.Unmarshal(content, &crd))
			asJSON, err := json.Marshal(crd)
			require.NoError(t, err)
			require.Less(t, len(asJSON), limit-margin)
		})
	}
}
