package simulation

import (
	"flag"
	"log/slog"
	"os"
	"testing"

	cmap "github.com/orcaman/concurrent-map"
	"k8s.io/klog/v2"
)

// Each actor system has a thousand maps of so many shards each, all of them made at its start; no history has that many actors.
const mapShards = 1

// client-go tells of every watch that a test broke; it does so only to whom asks for everything.
func TestMain(m *testing.M) {
	flag.Parse()
	cmap.SHARD_COUNT = mapShards
	if !testing.Verbose() {
		klog.SetSlogLogger(slog.New(slog.DiscardHandler))
	}
	os.Exit(m.Run())
}
