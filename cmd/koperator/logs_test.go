package main

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"k8s.io/klog/v2"
)

// What client-go and sarama call information is none for whoever runs the daemon: elections, watches and connections come and go.
func TestLibrariesLogOnlyWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		level slog.Level
		told  bool
	}{
		"at info": {slog.LevelInfo, false}, "at debug": {slog.LevelDebug, true},
	} {
		t.Run(name, func(t *testing.T) {
			before := sarama.Logger
			t.Cleanup(func() { klog.ClearLogger(); sarama.Logger = before })
			var out bytes.Buffer
			routeLogs(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: test.level})))
			klog.InfoS("attempting to acquire leader lease")
			sarama.Logger.Println("client/metadata fetching")
			require.Equal(t, test.told, bytes.Contains(out.Bytes(), []byte("leader lease")), out.String())
			require.Equal(t, test.told, bytes.Contains(out.Bytes(), []byte("client/metadata")), out.String())
			klog.ErrorS(nil, "failed to renew")
			klog.Warning("watch closed")
			require.Contains(t, out.String(), "level=ERROR msg=\"failed to renew\"")
		})
	}
}
