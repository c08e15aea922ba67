package messages

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
