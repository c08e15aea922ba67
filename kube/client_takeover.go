package kube

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
)

// koperatorsManager is the field manager of Koperator's updates: client-go's default, the name of its binary.
const koperatorsManager = "manager"

// takenOver are the objects of which we write all that Koperator wrote. Of claims we write a few fields, and their spec
// cannot change: what Koperator owns there stays its own.
func takenOver(object Object) bool {
	switch object.(type) {
	case *corev1.Service, *policyv1.PodDisruptionBudget, *corev1.ConfigMap:
		return object.GetAnnotations()[AnnotationLastApplied] != ""
	default:
		return false
	}
}

// TakeFields implements Writer.
func (c *Client) TakeFields(ctx context.Context, object Object) error {
	if err := c.begin(ctx, "take over", object); err != nil {
		return err
	}
	defer c.end(object)
	standing, err := c.get(ctx, object)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("take over %s: %w", describe(object), err)
	}
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(standing, sets.New(koperatorsManager), FieldManager)
	if err != nil || patch == nil {
		return err
	}
	if err := c.through("take over", object); err != nil { // a read has been waited for
		return err
	}
	if _, err = c.patch(ctx, standing, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: FieldManager}); err != nil {
		return fmt.Errorf("take over the fields of %s: %w", describe(object), err)
	}
	return nil
}

func (c *Client) get(ctx context.Context, object Object) (Object, error) {
	namespace, name := object.GetNamespace(), object.GetName()
	switch object.(type) {
	case *corev1.ConfigMap:
		return c.core.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	case *corev1.Service:
		return c.core.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	case *policyv1.PodDisruptionBudget:
		return c.core.PolicyV1().PodDisruptionBudgets(namespace).Get(ctx, name, metav1.GetOptions{})
	default:
		return nil, fmt.Errorf("no request is known that reads a %T", object)
	}
}

// withLastApplied is an object with the record of it that Koperator keeps and compares with, so that Koperator can be started
// again: base64 of a zip archive with one entry, original, the object without the record as JSON.
func withLastApplied(wanted Object) (Object, error) {
	annotations := maps.Clone(wanted.GetAnnotations())
	delete(annotations, AnnotationLastApplied)
	recorded := wanted.DeepCopyObject().(Object)
	recorded.SetAnnotations(annotations)
	fields, err := ownedFields(recorded)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	record, err := zipped(text)
	if err != nil {
		return nil, err
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[AnnotationLastApplied] = record
	recorded.SetAnnotations(annotations)
	return recorded, nil
}

func zipped(text []byte) (string, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	entry, err := w.Create("original")
	if err != nil {
		return "", err
	}
	if _, err := entry.Write(text); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(archive.Bytes()), nil
}
