package kube

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

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

func TestARestartIsAskedForByEveryWordButFalse(t *testing.T) {
	for word, want := range map[string]bool{"true": true, RestartForced: true, "2026-11-22": true, "False": false, "no": false, "": false} {
		pod := &corev1.Pod{}
		pod.Annotations = map[string]string{AnnotationRestart: word}
		require.Equal(t, want, RestartAsked(pod), word)
	}
	require.False(t, RestartAsked(&corev1.Pod{}))
}
