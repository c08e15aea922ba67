package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatOfALog4jFileABrokerTakesWhileItRuns(t *testing.T) {
	const root = "log4j.rootLogger=INFO, out\n"
	for name, test := range map[string]struct {
		before, after string
		also          []string
		changes       []ConfigChange // nil where only a restart brings it in
	}{
		"the level of the root logger":           {before: root, after: "log4j.rootLogger=WARN, out\n", changes: []ConfigChange{set("root", "WARN")}},
		"a level in small letters":               {before: root, after: "log4j.rootLogger = warn,  out\n", changes: []ConfigChange{set("root", "WARN")}},
		"the level of a logger":                  {before: root + "log4j.logger.kafka=INFO\n", after: root + "log4j.logger.kafka=DEBUG\n", changes: []ConfigChange{set("kafka", "DEBUG")}},
		"a logger's level under another word":    {before: root + "log4j.logger.kafka=INFO\n", after: root + "log4j.category.kafka=DEBUG\n", changes: []ConfigChange{set("kafka", "DEBUG")}},
		"a new logger":                           {before: root, after: root + "log4j.logger.kafka=DEBUG\n", changes: []ConfigChange{set("kafka", "DEBUG")}},
		"a logger that is gone":                  {before: root + "log4j.logger.kafka=DEBUG\n", after: root, changes: []ConfigChange{{Key: "kafka"}}},
		"comments and the order of lines":        {before: root + "log4j.logger.a=INFO\n", after: "# quiet\nlog4j.logger.a=INFO\n" + root, changes: []ConfigChange{}},
		"several, by name":                       {before: root, after: root + "log4j.logger.b=INFO\nlog4j.logger.a=INFO\n", changes: []ConfigChange{set("a", "INFO"), set("b", "INFO")}},
		"a level that was about to be another":   {before: root, after: root, also: []string{"kafka", "root"}, changes: []ConfigChange{{Key: "kafka"}, set("root", "INFO")}},
		"not the appenders of a logger":          {before: root, after: "log4j.rootLogger=INFO, out, file\n"},
		"not a new logger with an appender":      {before: root, after: root + "log4j.logger.kafka=DEBUG, out\n"},
		"not the pattern of an appender":         {before: root + "log4j.appender.out.layout=a\n", after: root + "log4j.appender.out.layout=b\n"},
		"not whether a logger passes records on": {before: root, after: root + "log4j.logger.a=INFO\nlog4j.additivity.a=false\n"},
		"not a level that Kafka does not know":   {before: root + "log4j.logger.a=INFO\n", after: root + "log4j.logger.a=OFF\n"},
		"nor from such a level":                  {before: root + "log4j.logger.a=OFF\n", after: root + "log4j.logger.a=INFO\n"},
		"not a level from a variable":            {before: root + "log4j.logger.a=INFO\n", after: root + "log4j.logger.a=${level}\n"},
		"not the root logger itself":             {before: root, after: ""},
		"not a file with a logger twice":         {before: root, after: root + "log4j.rootCategory=WARN, out\n"},
		"not the format of log4j 2":              {before: "rootLogger.level=INFO\n", after: "rootLogger.level=WARN\n"},
		"not another language":                   {before: "Configuration: {}\n", after: "Configuration: {Loggers: {}}\n"},
		"not what cannot be read":                {before: root, after: `log4j.rootLogger=INFO, out\u12`},
	} {
		t.Run(name, func(t *testing.T) {
			changes, ok := LogLevels(test.before, test.after, test.also)
			require.Equal(t, test.changes != nil, ok)
			require.ElementsMatch(t, test.changes, changes)
		})
	}
}

func TestWhichLinesOfALog4jFileMayBeShown(t *testing.T) {
	for line, shown := range map[string]bool{
		"":                                      true,
		" \r":                                   true,
		"log4j.rootLogger=INFO, out":            true,
		" log4j.category.kafka = DEBUG\r":       true,
		"# log4j.logger.kafka=DEBUG":            true,
		"# what operations want to see":         true,
		"#log4j.appender.mail.password=hunter2": false,
		"#log4j.appender.mail.user: hunter2":    false,
		"# password hunter2":                    false,
		"log4j.appender.mail.password=hunter2":  false,
		"log4j.appender.mail.password: hunter2": false,
		"log4j.loggers.password=hunter2":        false,
		"hunter2":                               false,
	} {
		require.Equal(t, shown, LoggerLine(line), line)
	}
}
