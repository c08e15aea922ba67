package messages

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// FieldProblem is something in a resource that a person should change. The packages that read the fields produce it,
// the cluster turns it into conditions and Events.
type FieldProblem struct {
	// Field is the path from the top of the resource, for example "spec.brokers[id=3].readOnlyConfig".
	Field    string
	Reason   ProblemReason
	Severity ProblemSeverity
	// Message says what is wrong and what to do, without repeating the path and without quoting what may be secret.
	Message string
}

// String is the form for logs and conditions.
func (p FieldProblem) String() string { return p.Field + ": " + p.Message }

// Invalid is a problem that keeps a resource from being followed. The arguments are shortened to what a person reads.
func Invalid(field, message string, args ...any) FieldProblem {
	return FieldProblem{
		Field: FieldOf(field), Reason: ReasonInvalidSpec, Severity: SeverityError, Message: fmt.Sprintf(message, Values(args)...),
	}
}

// Warning is a problem that keeps nobody from anything.
func Warning(field, message string, args ...any) FieldProblem {
	problem := Invalid(field, message, args...)
	problem.Severity = SeverityWarning
	return problem
}

// BrokerField is the path of a field of one broker.
func BrokerField(id int32, field string) string {
	return fmt.Sprintf("spec.brokers[id=%d].%s", id, field)
}

// GroupField is the path of a field of one config group.
func GroupField(group, field string) string {
	return fmt.Sprintf("spec.brokerConfigGroups[%s].%s", group, field)
}

const (
	// maxField is enough for the deepest path of the schema with a name of Kubernetes in it; a config group may have a
	// longer one.
	maxField = 253
	// maxValue and maxError are how much of a value or of another library's words stands in a message: a value that is
	// too long is often the very mistake, and must not push the way out over the edge.
	maxValue, maxError = 100, 300
)

// FieldOf is the path of a problem, at most as long as a person reads.
func FieldOf(path string) string { return Elided(path, maxField) }

// Advice is an argument of a problem's message that stays whole: a way out.
type Advice string

// ThereAre is an advice that names what can be chosen, at most five of them.
func ThereAre(names []string) Advice {
	const most, longest = 5, 63
	var quoted []string
	for _, name := range names[:min(most, len(names))] {
		quoted = append(quoted, fmt.Sprintf("%q", Elided(name, longest)))
	}
	if more := len(names) - most; more > 0 {
		quoted = append(quoted, fmt.Sprintf("and %d more", more))
	}
	return Advice(strings.Join(quoted, ", "))
}

// Values are the arguments of a problem's message, each at most as long as a person reads.
func Values(args []any) []any {
	short := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			short[i] = Elided(arg, maxValue)
		case error:
			short[i] = Elided(arg.Error(), maxError)
		default:
			short[i] = arg
		}
	}
	return short
}

// elision shows that something is missing.
const elision = "…"

// Elided is a text in at most a number of bytes. What is missing is missing in the middle: the beginning says what it is
// about, the end what to do.
func Elided(text string, limit int) string {
	return ElidedAfter(text, (limit-len(elision))/2, limit)
}

// ElidedAfter is Elided with a beginning of a given number of bytes. It cuts between characters.
func ElidedAfter(text string, head, limit int) string {
	if len(text) <= limit {
		return text
	}
	if limit < len(elision) {
		return ""
	}
	head = min(head, limit-len(elision))
	from := len(text) - (limit - len(elision) - head)
	for head > 0 && !utf8.RuneStart(text[head]) {
		head--
	}
	for from < len(text) && !utf8.RuneStart(text[from]) {
		from++
	}
	return text[:head] + elision + text[from:]
}

// ProblemReason is the reason that a condition carries.
type ProblemReason string

const (
	// ReasonInvalidSpec is a field that cannot work, whoever reads it.
	ReasonInvalidSpec ProblemReason = "InvalidSpec"
	// ReasonNotSupported is a field that this version does not serve.
	ReasonNotSupported ProblemReason = "NotSupported"
)

// ProblemSeverity says whether the cluster can be run nevertheless.
type ProblemSeverity string

const (
	// SeverityError stops work on the cluster: what is asked cannot be done, or not safely.
	SeverityError ProblemSeverity = "error"
	// SeverityWarning is told and worked around.
	SeverityWarning ProblemSeverity = "warning"
)

// Errors are the problems that stop work on the cluster.
func Errors(problems []FieldProblem) []FieldProblem {
	var errs []FieldProblem
	for _, p := range problems {
		if p.Severity == SeverityError {
			errs = append(errs, p)
		}
	}
	return errs
}
