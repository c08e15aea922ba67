package kube

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

func TestAClaimRemembersTheQuorumOfItsCluster(t *testing.T) {
	for text, want := range map[string]FormatState{
		"formatted:x:Static":      {Formatted: true, ClusterID: "x", Quorum: messages.QuorumStatic},
		"allowed:x:Dynamic":       {Allowed: true, ClusterID: "x", Quorum: messages.QuorumDynamic},
		"allowed:x:Dynamic:joins": {Allowed: true, ClusterID: "x", Quorum: messages.QuorumDynamic, Joins: true},
		"formatted:x":             {Formatted: true, ClusterID: "x"},
		"formatted:x:unknown":     {Formatted: true, ClusterID: "x"},
	} {
		got := FormatStateOf(map[string]string{AnnotationFormat: text})
		require.Equal(t, want, got)
		require.Equal(t, got, FormatStateOf(map[string]string{AnnotationFormat: got.String()}), "what is written is read back")
	}
}
