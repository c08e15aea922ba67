package kube

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func newLeader() types.NamespacedName {
	return types.NamespacedName{Namespace: "koperator", Name: "a-new"}
}

// operators are two Pods of one Deployment and one of another in the same namespace; b-old and other carry the label.
func operators() *fake.Clientset {
	pod := func(name string, labels ...string) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "koperator", Name: name, Labels: map[string]string{}}}
		for i := 0; i < len(labels); i += 2 {
			p.Labels[labels[i]] = labels[i+1]
		}
		return p
	}
	return fake.NewClientset(
		pod("a-new", "app", "koperator", "pod-template-hash", "new"),
		pod("b-old", "app", "koperator", "pod-template-hash", "old", LabelLeader, "true"),
		pod("other", "app", "koperator-of-others", LabelLeader, "true"),
	)
}

// leaders are the Pods that carry the label.
func leaders(t *testing.T, core *fake.Clientset) (names []string) {
	pods, err := core.CoreV1().Pods("koperator").List(t.Context(), metav1.ListOptions{LabelSelector: LabelLeader + "=true"})
	require.NoError(t, err)
	for _, pod := range pods.Items {
		names = append(names, pod.Name)
	}
	return names
}

func TestTheLeadersLabelMovesToTheNewOne(t *testing.T) {
	core := operators()
	label := LeaderLabel{Core: core, Pod: newLeader(), Gate: func() error { return nil }}
	require.NoError(t, label.Take(t.Context()))
	require.Equal(t, []string{"a-new", "other"}, leaders(t, core))
	var patched []string
	for _, action := range core.Actions() {
		if patch, ok := action.(clienttesting.PatchAction); ok {
			patched = append(patched, patch.GetName())
		}
	}
	require.Equal(t, []string{"b-old", "a-new"}, patched, "first it is taken away, then given")

	core.ClearActions()
	require.NoError(t, label.Take(t.Context()))
	for _, action := range core.Actions() {
		require.NotEqual(t, "patch", action.GetVerb(), "nothing is left to do")
	}
}

func TestTheLeadersLabelIsNotGivenBeforeItWasTakenAway(t *testing.T) {
	core := operators()
	core.PrependReactor("patch", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		return action.(clienttesting.PatchAction).GetName() == "b-old", nil, errors.New("the API server is away")
	})
	label := LeaderLabel{Core: core, Pod: newLeader(), Gate: func() error { return nil }}
	require.ErrorContains(t, label.Take(t.Context()), "the API server is away")
	require.Equal(t, []string{"b-old", "other"}, leaders(t, core))
}

func TestWhoLostTheLeaseTakesNoLabel(t *testing.T) {
	core := operators()
	label := LeaderLabel{Core: core, Pod: newLeader(), Gate: func() error { return errors.New("the lease is lost") }}
	require.ErrorContains(t, label.Take(t.Context()), "the lease is lost")
	require.Equal(t, []string{"b-old", "other"}, leaders(t, core))
}

// What a daemon does in its own namespace is what the Role there grants, whatever it watches.
func TestTheRoleOfTheOperatorsNamespaceGrantsTheLabel(t *testing.T) {
	core := operators()
	require.NoError(t, LeaderLabel{Core: core, Pod: newLeader(), Gate: func() error { return nil }}.Take(t.Context()))
	var role rbacv1.Role
	granted := grantedIn(t, "../deploy/rbac/daemon/role.yaml", &role, &role.Rules)
	for _, action := range core.Actions() {
		require.Contains(t, strings.Join(granted["/pods"], ","), action.GetVerb())
	}
}
