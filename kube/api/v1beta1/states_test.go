package v1beta1_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestTheRackIsReadFromTheStateThatKoperatorWrites(t *testing.T) {
	cases := map[string]struct {
		state v1beta1.RackAwarenessState
		rack  string
		known bool
	}{
		"a line with its newline":          {"broker.rack=eu,eu-a\n", "eu,eu-a", true},
		"our own":                          {v1beta1.RackAwarenessStateOf("a"), "a", true},
		"nothing yet":                      {"", "", false},
		"a word of old objects":            {v1beta1.WaitingForRackAwareness, "", false},
		"a word that does not say which":   {v1beta1.RackAwarenessConfigured, "", false},
		"a node whose labels are empty":    {"broker.rack=\n", "", true},
		"a line that lost its own newline": {"broker.rack=a", "a", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			rack, known := tc.state.Rack()
			require.Equal(t, tc.rack, rack)
			require.Equal(t, tc.known, known)
		})
	}
}

func TestAStateKnowsItsFamily(t *testing.T) {
	require.True(t, v1beta1.GracefulUpscalePaused.IsUpscale())
	require.False(t, v1beta1.GracefulUpscalePaused.IsDownscale())
	require.True(t, v1beta1.GracefulDownscaleRequired.IsDownscale())
	require.False(t, v1beta1.CruiseControlState("").IsUpscale())
	require.True(t, v1beta1.GracefulDiskRemovalRunning.IsRemoval())
	require.False(t, v1beta1.GracefulDiskRebalanceRunning.IsRemoval())
}

func TestAProtocolKnowsWhetherItEncryptsAndAuthenticates(t *testing.T) {
	cases := map[v1beta1.SecurityProtocol][2]bool{
		v1beta1.SecurityProtocolPlaintext:     {false, false},
		v1beta1.SecurityProtocolSSL:           {true, false},
		v1beta1.SecurityProtocolSASLPlaintext: {false, true},
		v1beta1.SecurityProtocolSASLSSL:       {true, true},
	}
	for protocol, want := range cases {
		require.Equal(t, want, [2]bool{protocol.IsSSL(), protocol.IsSASL()}, protocol)
	}
}

func TestTheRolesOfANode(t *testing.T) {
	cases := map[string]struct {
		roles                      []string
		controller, controllerOnly bool
	}{
		"none":            {nil, false, false},
		"broker":          {[]string{"broker"}, false, false},
		"controller only": {[]string{"controller"}, true, true},
		"combined":        {[]string{"controller", "broker"}, true, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			config := &v1beta1.BrokerConfig{ProcessRoles: tc.roles}
			require.Equal(t, tc.controller, config.IsController())
			require.Equal(t, tc.controllerOnly, config.IsControllerOnly())
		})
	}
}
