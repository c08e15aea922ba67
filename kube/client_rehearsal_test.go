package kube

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"
)

func TestADryRunTellsWhetherAPodWouldBeMade(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	for name, test := range map[string]struct {
		answer  error
		refused bool
		failed  bool
	}{
		"it would":                        {},
		"one of its name runs":            {answer: apierrors.NewAlreadyExists(pods, "a")},
		"what runs has used up the quota": {answer: apierrors.NewForbidden(pods, "a", errors.New("exceeded quota: small, requested: pods=1"))},
		"a policy is against it":          {answer: apierrors.NewForbidden(pods, "a", errors.New("violates PodSecurity")), refused: true},
		"a field is wrong":                {answer: apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "a", nil), refused: true},
		"nobody answers":                  {answer: errors.New("connection refused"), failed: true},
	} {
		t.Run(name, func(t *testing.T) {
			core, _, client := clients()
			core.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
				require.Equal(t, []string{metav1.DryRunAll}, action.(clienttesting.CreateActionImpl).CreateOptions.DryRun)
				return true, &corev1.Pod{}, test.answer
			})
			err := client.MayCreate(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns1", Name: "a"}})
			var refused *CreateRefused
			require.Equal(t, test.refused, errors.As(err, &refused))
			require.Equal(t, test.refused || test.failed, err != nil)
		})
	}
}
