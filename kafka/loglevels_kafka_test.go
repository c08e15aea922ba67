package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	logAppender = "log4j.appender.out=org.apache.log4j.ConsoleAppender\nlog4j.appender.out.layout=org.apache.log4j.PatternLayout\n" +
		"log4j.appender.out.layout.ConversionPattern=%m%n\n"
	logBefore = "log4j.rootLogger=INFO, out\nlog4j.logger.kafka=INFO\nlog4j.logger.state.change.logger=TRACE\n" + logAppender
	logAfter  = "log4j.rootLogger=ERROR, out\nlog4j.logger.kafka=DEBUG\nlog4j.logger.kafka.server.KafkaApis=WARN\n" + logAppender
)

func TestRealKafkaTakesLogLevels(t *testing.T) {
	for _, version := range []string{"4.3.1", "3.9.2"} {
		t.Run(version, func(t *testing.T) {
			k := startRealKafkaWithLog(t, version, logBefore)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			admin, err := DialAdmin(ctx, k.address, open)
			require.NoError(t, err)
			defer admin.Close()
			loggers := ConfigResource{Broker: 1, Loggers: true}
			levels := func() (levels []string) {
				described, err := admin.Describe(ctx, loggers)
				require.NoError(t, err)
				for _, name := range []string{"root", "kafka", "kafka.server.KafkaApis", "kafka.server.ReplicaManager", "state.change.logger"} {
					require.Contains(t, described, name)
					levels = append(levels, *described[name].Value)
				}
				return levels
			}
			require.Equal(t, []string{"INFO", "INFO", "INFO", "INFO", "TRACE"}, levels(), "the file is in force")

			there, ok := LogLevels(logBefore, logAfter, nil)
			require.True(t, ok)
			require.NoError(t, admin.Alter(ctx, loggers, there, false))
			require.Equal(t, []string{"ERROR", "DEBUG", "WARN", "DEBUG", "ERROR"}, levels(), "as the other file would have it")

			back, ok := LogLevels(logAfter, logBefore, nil)
			require.True(t, ok)
			require.NoError(t, admin.Alter(ctx, loggers, back, false))
			require.Equal(t, []string{"INFO", "INFO", "INFO", "INFO", "TRACE"}, levels())

			err = admin.Alter(ctx, loggers, []ConfigChange{set("root", "WARN"), set("no.such.logger", "DEBUG")}, false)
			var refused *ConfigRefused
			require.ErrorAs(t, err, &refused)
			require.Contains(t, refused.Message, "no.such.logger does not exist")
			require.Equal(t, []string{"INFO", "INFO", "INFO", "INFO", "TRACE"}, levels(), "one that is refused refuses all")
		})
	}
}
