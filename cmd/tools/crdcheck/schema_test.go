package crdcheck

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

const crdDir = "../../../deploy/crds"

// apiServer does to objects of one kind what a real API server does: prune, default, validate.
type apiServer struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

func readCRD(t *testing.T, plural string) *apiextensions.CustomResourceDefinition {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(crdDir, "kafka.banzaicloud.io_"+plural+".yaml"))
	require.NoError(t, err)
	var crd apiextensionsv1.CustomResourceDefinition
	require.NoError(t, yaml.UnmarshalStrict(content, &crd))
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&crd)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&crd.Spec)
	crd.Status.StoredVersions = []string{crd.Spec.Versions[0].Name}
	var internal apiextensions.CustomResourceDefinition
	require.NoError(t, apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&crd, &internal, nil))
	return &internal
}

func serverOf(t *testing.T, plural string) apiServer {
	t.Helper()
	crd := readCRD(t, plural)
	// One version only: the conversion to the internal type lifts its schema to the top.
	props := crd.Spec.Validation.OpenAPIV3Schema
	structural, err := schema.NewStructural(props)
	require.NoError(t, err)
	validator, _, err := validation.NewSchemaValidator(props)
	require.NoError(t, err)
	return apiServer{
		structural: structural,
		validator:  validator,
		rules:      cel.NewValidator(structural, true, celconfig.PerCallLimit),
	}
}

// admit returns the object as the API server would store it, and why it would not.
func (s apiServer) admit(object map[string]any) (map[string]any, field.ErrorList) {
	return s.update(object, nil)
}

func (s apiServer) update(object, old map[string]any) (map[string]any, field.ErrorList) {
	stored := runtime.DeepCopyJSON(object)
	pruning.Prune(stored, s.structural, true)
	defaulting.Default(stored, s.structural)
	errs := validation.ValidateCustomResource(nil, stored, s.validator)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.structural, stored)...)
	if len(errs) > 0 {
		return stored, errs
	}
	var before any
	if old != nil {
		before = old
	}
	found, _ := s.rules.Validate(context.Background(), nil, s.structural, stored, before, celconfig.RuntimeCELCostBudget)
	return stored, found
}

// manifest reads YAML as the API server would get it: numbers that are whole are int64.
func manifest(t *testing.T, content string) map[string]any {
	t.Helper()
	asJSON, err := yaml.YAMLToJSONStrict([]byte(content))
	require.NoError(t, err)
	return object(t, asJSON)
}

func object(t *testing.T, asJSON []byte) map[string]any {
	t.Helper()
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(asJSON, &decoded))
	return runtimeNumbers(decoded).(map[string]any)
}

func runtimeNumbers(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = runtimeNumbers(v[key])
		}
	case []any:
		for i := range v {
			v[i] = runtimeNumbers(v[i])
		}
	case float64:
		if whole := int64(v); float64(whole) == v {
			return whole
		}
	}
	return value
}
