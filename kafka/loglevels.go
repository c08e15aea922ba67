package kafka

import (
	"maps"
	"slices"
	"strings"
)

// LogLevels are the levels that turn one log4j.properties into another, by logger, when levels are all that differs. ok is
// false for anything else: only a restart brings that in. also are loggers of which nobody knows whether they are as in
// before.
//
// A broker takes the levels of its loggers while it runs (KIP-412) and forgets them when it ends; the file has them by then.
// The names of levels that it takes are those of LogLevelConfig; a file may have others.
func LogLevels(before, after string, also []string) (changes []ConfigChange, ok bool) {
	was, okWas := logLinesOf(before)
	is, okIs := logLinesOf(after)
	if !okWas || !okIs || !maps.Equal(was.rest, is.rest) {
		return nil, false
	}
	names := append(slices.Collect(maps.Keys(was.loggers)), slices.Collect(maps.Keys(is.loggers))...)
	names = append(names, also...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		old, there := was.loggers[name]
		wanted, stays := is.loggers[name]
		if there == stays && old == wanted && !slices.Contains(also, name) {
			continue
		}
		if !old.canDiffer(wanted, name) {
			return nil, false
		}
		change := ConfigChange{Key: name}
		if stays {
			change.Value = &wanted.level
		}
		changes = append(changes, change)
	}
	return changes, true
}

// logLines are a log4j.properties, with what it says of loggers apart.
type logLines struct {
	loggers map[string]logger
	rest    Properties
}

// logger is the value of one: its level, and its appenders as they are written.
type logger struct{ level, appenders string }

// rootLogger is how requests of Kafka name it.
const rootLogger = "root"

// logLinesOf is not ok for what cannot be read, and for a logger that is there under two spellings.
func logLinesOf(text string) (lines logLines, ok bool) {
	properties, err := Parse(text)
	if err != nil {
		return logLines{}, false
	}
	lines = logLines{loggers: map[string]logger{}, rest: Properties{}}
	for key, value := range properties {
		name := loggerNamed(key)
		if name == "" {
			lines.rest.Set(key, value)
			continue
		}
		if _, twice := lines.loggers[name]; twice {
			return logLines{}, false
		}
		level, appenders, _ := strings.Cut(value, ",")
		lines.loggers[name] = logger{level: strings.ToUpper(strings.TrimSpace(level)), appenders: strings.Join(strings.Fields(appenders), "")}
	}
	return lines, true
}

// loggerNamed is empty for a line about something else.
func loggerNamed(key string) string {
	if key == "log4j.rootLogger" || key == "log4j.rootCategory" {
		return rootLogger
	}
	for _, prefix := range []string{"log4j.logger.", "log4j.category."} {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			return name
		}
	}
	return ""
}

// LoggerLine reports whether a line of a log4j.properties says something of a logger, commented out or not, or nothing that counts. What
// any other line sets may be the password of an appender.
func LoggerLine(line string) bool {
	line = strings.TrimSpace(line)
	said := strings.TrimLeft(line, "#! \t")
	key, _, sets := strings.Cut(said, "=")
	if sets {
		return loggerNamed(strings.TrimSpace(key)) != ""
	}
	return said == "" || said != line && !strings.Contains(said, ":") && !secretKey(said)
}

// canDiffer reports whether a running broker can be brought from one to the other and back. One of them may be missing; what
// is missing inherits the level, so that it must have no appenders of its own. The root logger has nobody to inherit from.
func (l logger) canDiffer(other logger, name string) bool {
	settable := func(l logger) bool { return l == logger{} && name != rootLogger || takesLevel(l.level) }
	return l.appenders == other.appenders && settable(l) && settable(other)
}

func takesLevel(level string) bool {
	return slices.Contains([]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}, level)
}
