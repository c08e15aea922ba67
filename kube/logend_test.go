package kube

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// crashLog is the log of a broker that fails at start and then stops in order, with a line for everything that it stops.
func crashLog() string {
	return "[2026-01-01 10:00:00,000] INFO starting (kafka.server.BrokerServer)\n" +
		"[2026-01-01 10:00:01,000] ERROR [BrokerServer id=0] Fatal error during broker startup. Prepare to shutdown (kafka.server.BrokerServer)\n" +
		"java.lang.RuntimeException: cannot start\n" + strings.Repeat("\tat kafka.server.BrokerServer.startup(BrokerServer.scala:300)\n", 100) +
		"Caused by: java.net.BindException: Address already in use\n\tat java.base/sun.nio.ch.Net.bind0(Native Method)\n\t... 12 more\n" +
		strings.Repeat("[2026-01-01 10:00:02,000] INFO [SocketServer id=0] Stopping socket server request processors (kafka.network.SocketServer)\n", 60)
}

func TestTheEndOfALogSaysWhatWentWrong(t *testing.T) {
	end := WholeLines(crashLog())
	require.LessOrEqual(t, len(end), maxLogEnd)
	for _, says := range []string{"Fatal error during broker startup", "RuntimeException: cannot start\nCaused by: java.net.BindException: Address already in use…\n"} {
		require.Contains(t, end, says)
	}
	require.NotContains(t, end, "\tat ")
	require.NotContains(t, end, "12 more")
	require.True(t, strings.HasSuffix(end, "Stopping socket server request processors (kafka.network.SocketServer)"), "then the last lines")
	require.Contains(t, end, "…\n", "something is missing in between")
	require.Equal(t, "a\nb\n", WholeLines("a\n\tat x.Y(Z.java:1)\nb\n"))
	require.Equal(t, "b\n", WholeLines("…a\nb\n"))
}

func TestTheEndOfALogHasNoSecretWhateverIsLeftOut(t *testing.T) {
	key := "ssl.keystore.key=-----BEGIN PRIVATE KEY-----\nhunter2\nhunter2 Exception\n-----END PRIVATE KEY-----\n"
	for _, log := range []string{
		key + crashLog(), crashLog() + key, "…cut\n" + crashLog() + "ERROR Invalid value hunter2 for configuration ssl.key.password\n",
		strings.Repeat("INFO x\n", 500) + "password=hunter2\\\n ERROR hunter2\n",
	} {
		require.NotContains(t, WholeLines(log), "hunter2")
	}
}

func TestALogIsCutToItsMostTellingLine(t *testing.T) {
	for limit := range 400 {
		require.LessOrEqual(t, len(ElidedLog("exit code 1; "+crashLog(), min(limit, 13), limit)), limit)
	}
	cut := ElidedLog("exit code 1; "+crashLog(), 13, 100)
	require.Equal(t, "exit code 1; …\nCaused by: java.net.BindException: Address already in use", cut)
	require.Equal(t, "short", ElidedLog("short", 3, 5))
}
