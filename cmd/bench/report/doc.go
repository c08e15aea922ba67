// Package report turns figures into the table that people read. A row holds a target, what was measured, and whether the
// one meets the other; nothing in it is computed that was not measured.
package report
